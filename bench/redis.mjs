// Redis routing, side by side: this router and nutcracker in front of the same two redis-servers, and one server directly.
// Throughput: redis-benchmark, 50 connections, pipelines of 1, 16 and 64, values of 64 and 1024 bytes, GET, SET, and MGET of ten
// keys. Latency: a generator with a fixed rate, half of what the router reaches with pipeline 1. Rounds are interleaved;
// figures are medians.
// Run: npm run build && npm run bench -- redis        (BENCH_ROUNDS=1 for a quick look)
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createRouter } from '@ringway/router'
import { check, median, report } from './dist/harness.js'
import { openLoop } from './dist/redis/open-loop.js'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const CONNECTIONS = 50
const KEYS = 100_000
/** Pipeline depth, requests per round, and how fast the router must be against nutcracker (DESIGN §10). */
const LOADS = [
  { pipeline: 1, requests: 30_000, must: 0.85, aim: 1.1 },
  { pipeline: 16, requests: 200_000, must: 1.25, aim: 1.6 },
  { pipeline: 64, requests: 400_000, must: 2.5, aim: 5 },
]
const COMMANDS = ['SET', 'GET', 'MGET 10']
const VALUE_BYTES = [64, 1024]
/** What a reader of MGET costs is not in the table of DESIGN §10: its ratio is shown, and asks for nothing. */
const DEMANDED = new Set(['SET', 'GET'])
const LATENCY_MS = 3_000
/** Jiffies per second in /proc/<pid>/stat, on every Linux that Node runs on. */
const JIFFIES = 100

const run = promisify(execFile)
const self = fileURLToPath(import.meta.url)

/** The router in a process of its own. */
async function serve([port, ...backends]) {
  const router = createRouter()
  const pool = {
    name: 'cache',
    protocol: 'redis',
    placement: { name: 'ringway', keyHash: 'xxh32', pointsPerWeight: 4096, hashTags: true },
    replicas: 1,
    digest: '',
    backends: backends.map((each) => ({
      id: `127.0.0.1:${each}`,
      host: '127.0.0.1',
      port: each,
      weight: 1,
      state: 'up',
    })),
  }
  router.post({ type: 'topology', topology: { epoch: 1, pools: [pool] } })
  await router.listen({ protocol: 'redis', host: '127.0.0.1', port, pool: 'cache' })
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-bench-'))
  const children = []
  const start = (program, args) => {
    const child = spawn(program, args, { stdio: 'ignore' })
    child.once('error', (error) => console.error(`${program}: ${error.message}`))
    children.push(child)
    return child
  }
  try {
    await measure(folder, start)
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}

async function measure(folder, start) {
  const [first, second, nutcrackerPort, statsPort, ringwayPort] = await freePorts(5)
  for (const port of [first, second])
    start('redis-server', `--port ${port} --bind 127.0.0.1 --save  --appendonly no`.split(' '))
  for (const port of [first, second]) (await connected(port)).destroy()
  const config = join(folder, 'nutcracker.yml')
  writeFileSync(config, nutcrackerConfig(nutcrackerPort, [first, second]))
  const nutcracker = start('nutcracker', ['-c', config, '-a', '127.0.0.1', '-s', `${statsPort}`])
  const ringway = start(process.execPath, [self, 'serve', ringwayPort, first, second].map(String))
  const contenders = [
    { name: 'direct', port: first },
    { name: 'nutcracker', port: nutcrackerPort, pid: nutcracker.pid },
    { name: 'ringway', port: ringwayPort, pid: ringway.pid },
  ]
  for (const { name, port } of contenders) await answersRightly(name, port)

  const rows = []
  for (const bytes of VALUE_BYTES)
    for (const load of LOADS)
      for (const command of COMMANDS)
        rows.push(...(await compare(contenders, loadOf(load, bytes, command), command)))
  const peak =
    rows.find(({ what }) => what === 'GET, 64 bytes, pipeline 1: ringway')?.value ?? 10_000
  rows.push(...(await latencies(contenders, peak / 2)))
  for (const { name, pid } of contenders)
    if (pid !== undefined)
      rows.push({ what: `${name}, memory after all`, value: residentMb(pid), unit: 'MB' })
  report('redis', rows)
}

/** MGET asks for ten keys: a tenth of its commands is as much work. */
function loadOf(load, bytes, command) {
  const share = command === 'MGET 10' ? 10 : 1
  return { ...load, bytes, requests: load.requests / share }
}

/** All contenders in turn, round by round and in changing order, after one round that does not count. */
async function compare(contenders, load, command) {
  const figures = new Map(contenders.map(({ name }) => [name, { rates: [], cpu: [], p99: [] }]))
  for (let round = 0; round <= ROUNDS; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { name, port, pid } = contenders[(i + round) % contenders.length]
      const before = cpuSeconds(pid)
      const { rate, p99Ms } = await benchmark(port, load, command)
      const cpuUs = ((cpuSeconds(pid) - before) * 1e6) / load.requests
      if (round === 0) continue
      const figure = figures.get(name)
      figure.rates.push(rate)
      figure.cpu.push(cpuUs)
      figure.p99.push(p99Ms)
    }
  }
  return rowsOf(figures, load, command)
}

/** Added latency at half of the router's peak, against one server directly. */
async function latencies(contenders, rate) {
  const figures = new Map(contenders.map(({ name }) => [name, { p50: [], p99: [] }]))
  const command = Buffer.from(multibulk('GET latency'))
  for (const { port } of contenders.slice(1)) (await asked(port, 'SET latency value')).destroy()
  ;(await asked(contenders[0].port, 'SET latency value')).destroy()
  for (let round = 0; round < ROUNDS; round++)
    for (let i = 0; i < contenders.length; i++) {
      const { name, port } = contenders[(i + round) % contenders.length]
      const { p50Ms, p99Ms } = await openLoop({
        port,
        connections: CONNECTIONS,
        rate,
        durationMs: LATENCY_MS,
        command,
        replyBytes: '$5\r\nvalue\r\n'.length,
      })
      figures.get(name).p50.push(p50Ms)
      figures.get(name).p99.push(p99Ms)
    }
  const rows = []
  for (const [name, { p50, p99 }] of figures)
    rows.push(
      { what: `GET at ${Math.round(rate)} req/s: ${name}, p50`, value: median(p50), unit: 'ms' },
      { what: `GET at ${Math.round(rate)} req/s: ${name}, p99`, value: median(p99), unit: 'ms' },
    )
  const added = median(figures.get('ringway').p99) - median(figures.get('direct').p99)
  rows.push({
    what: 'latency p99 that ringway adds',
    value: added,
    unit: 'ms',
    must: '<= 0.5 (aim 0.2)',
    pass: added <= 0.5,
  })
  return rows
}

/** A connection that has had the reply to one command. */
async function asked(port, command) {
  const socket = await connected(port)
  socket.write(multibulk(command))
  await new Promise((resolve) => socket.once('data', resolve))
  return socket
}

function residentMb(pid) {
  if (process.platform !== 'linux') return Number.NaN
  const [, kb = 'NaN'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}

function rowsOf(figures, { pipeline, must, aim, bytes }, command) {
  const of = (name, what) => median(figures.get(name)[what])
  const title = `${command}, ${bytes} bytes, pipeline ${pipeline}:`
  const ratio = of('ringway', 'rates') / of('nutcracker', 'rates')
  const rows = []
  for (const name of figures.keys())
    rows.push({ what: `${title} ${name}`, value: Math.round(of(name, 'rates')), unit: 'req/s' })
  for (const name of ['nutcracker', 'ringway'])
    rows.push({ what: `${title} ${name}, CPU`, value: of(name, 'cpu'), unit: 'µs/req' })
  rows.push(
    { what: `${title} ringway, p99`, value: of('ringway', 'p99'), unit: 'ms' },
    {
      what: `${title} nutcracker ÷ ringway in CPU per request`,
      value: of('nutcracker', 'cpu') / of('ringway', 'cpu'),
      unit: '×',
    },
    {
      what: `${title} ringway ÷ nutcracker in throughput`,
      value: ratio,
      unit: '×',
      ...(DEMANDED.has(command) ? { must: `>= ${must} (aim ${aim})`, pass: ratio >= must } : {}),
    },
  )
  return rows
}

async function benchmark(port, { pipeline, requests, bytes }, command) {
  const options = `-p ${port} -c ${CONNECTIONS} -P ${pipeline} -n ${requests} -r ${KEYS} -d ${bytes} --csv`
  const keys = Array.from({ length: 10 }, () => 'key:__rand_int__')
  const load = command === 'MGET 10' ? ['MGET', ...keys] : ['-t', command.toLowerCase()]
  const { stdout } = await run('redis-benchmark', [...options.split(' '), ...load])
  const cells = stdout.trim().split('\n').at(-1).replaceAll('"', '').split(',')
  return { rate: Number(cells[1]), p99Ms: Number(cells[6]) }
}

/** Processor time of a process so far; NaN where there is no /proc. */
function cpuSeconds(pid) {
  if (pid === undefined || process.platform !== 'linux') return Number.NaN
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / JIFFIES
}

/** Figures of wrong answers are worth nothing. */
async function answersRightly(name, port) {
  const socket = await connected(port)
  const commands = []
  const expected = []
  for (let i = 0; i < 200; i++) {
    commands.push(`SET check${i} value${i}`, `GET check${i}`)
    expected.push('+OK', `$${`value${i}`.length}`, `value${i}`)
  }
  let text = ''
  const whole = `${expected.join('\r\n')}\r\n`
  await new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', resolve)
    socket.on('data', (bytes) => {
      text += bytes
      if (text.length >= whole.length) socket.destroy()
    })
    socket.write(commands.map(multibulk).join(''))
  })
  check(text === whole, `${name} does not answer as Redis does: ${text.slice(0, 80)}`)
}

function multibulk(command) {
  const words = command.split(' ')
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}

const CONNECT_ATTEMPTS_MAX = 100
const CONNECT_PAUSE_MS = 100

/** Connects once the program behind the port has started. */
async function connected(port) {
  for (let attempt = 0; attempt < CONNECT_ATTEMPTS_MAX; attempt++) {
    const socket = connect({ port, host: '127.0.0.1' })
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (open) return socket
    await new Promise((resolve) => setTimeout(resolve, CONNECT_PAUSE_MS))
  }
  throw new Error(`nothing listens on port ${port}; is the program installed?`)
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function nutcrackerConfig(port, backends) {
  return `cache:
  listen: 127.0.0.1:${port}
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
${backends.map((backend) => `   - 127.0.0.1:${backend}:1`).join('\n')}
`
}

if (process.argv[2] === 'serve') await serve(process.argv.slice(3).map(Number))
else await main()
