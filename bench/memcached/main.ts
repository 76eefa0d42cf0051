// memcached routing, side by side: this router and nutcracker in front of the same two memcached servers, and one server
// directly. 50 connections, values of 64 and 1024 bytes, pipelines of 1, 16 and 64. Rounds are interleaved; figures are medians.
// Run: npm run build && npm run bench -- memcached        (BENCH_ROUNDS=1 for a quick look)
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRouter } from '@ringway/router'
import { check, median, type Row, report } from '../harness.ts'
import { closedLoop, type FixedLoad, type LoadFigures, openLoop } from '../load/fixed-replies.ts'
import {
  connected,
  cpuSeconds,
  freePorts,
  residentMegabytes,
  startProgram,
  stopPrograms,
} from '../load/programs.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const CONNECTIONS = 50
const KEYS = 10_000
const OPEN_LOOP_SECONDS = 3
const LOADS = [
  { pipeline: 1, requests: 30_000 },
  { pipeline: 16, requests: 160_000 },
  { pipeline: 64, requests: 320_000 },
]
const MULTI_GET_KEYS = 10

interface Contender {
  readonly name: string
  readonly port: number
  readonly pid: number | undefined
}

/** One kind of request, with replies of one length. */
interface Kind {
  readonly name: string
  readonly request: FixedLoad['request']
  readonly replyBytes: number
  /** Keys per request. */
  readonly keys: number
}

const key = (index: number) => `key:${String(index % KEYS).padStart(8, '0')}`

function kinds(valueBytes: number): readonly Kind[] {
  const value = 'x'.repeat(valueBytes)
  const found = `VALUE ${key(0)} 0 ${valueBytes}\r\n${value}\r\n`.length
  const many = (index: number) =>
    Array.from({ length: MULTI_GET_KEYS }, (_, i) => key(index * MULTI_GET_KEYS + i)).join(' ')
  return [
    {
      name: 'set',
      keys: 1,
      request: (index) => `set ${key(index)} 0 0 ${valueBytes}\r\n${value}\r\n`,
      replyBytes: 'STORED\r\n'.length,
    },
    {
      name: 'get',
      keys: 1,
      request: (index) => `get ${key(index)}\r\n`,
      replyBytes: found + 'END\r\n'.length,
    },
    {
      name: 'get of 10',
      keys: MULTI_GET_KEYS,
      request: (index) => `get ${many(index)}\r\n`,
      replyBytes: found * MULTI_GET_KEYS + 'END\r\n'.length,
    },
  ]
}

/** The router in a process of its own. */
async function serve([port = 0, ...backends]: readonly number[]): Promise<void> {
  const router = createRouter()
  const pool = {
    name: 'items',
    protocol: 'memcached',
    placement: { placement: 'ringway', keyHash: 'xxh32', pointsPerWeight: 4096, hashTags: true },
    replicas: 1,
    digest: '',
    backends: backends.map((each) => ({
      id: `127.0.0.1:${each}`,
      host: '127.0.0.1',
      port: each,
      weight: 1,
      state: 'up' as const,
    })),
  } as const
  router.post({ type: 'topology', topology: { epoch: 1, pools: [pool] } })
  await router.listen({ protocol: 'memcached', host: '127.0.0.1', port, pool: 'items' })
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-bench-'))
  try {
    await measure(folder)
  } finally {
    stopPrograms()
    rmSync(folder, { recursive: true })
  }
}

async function measure(folder: string): Promise<void> {
  const [first = 0, second = 0, proxyPort = 0, statsPort = 0, ownPort = 0] = await freePorts(5)
  for (const port of [first, second])
    startProgram('memcached', `-l 127.0.0.1 -p ${port} -U 0 -u root -m 256 -t 1`.split(' '))
  for (const port of [first, second]) (await connected(port)).destroy()
  const config = join(folder, 'nutcracker.yml')
  writeFileSync(config, nutcrackerConfig(proxyPort, [first, second]))
  const nutcracker = startProgram('nutcracker', [
    ...['-c', config, '-a', '127.0.0.1', '-s', String(statsPort)],
  ])
  const self = fileURLToPath(import.meta.url)
  const args = [self, 'serve', ownPort, first, second].map(String)
  const ringway = startProgram(process.execPath, args)
  const contenders: readonly Contender[] = [
    { name: 'direct', port: first, pid: undefined },
    { name: 'nutcracker', port: proxyPort, pid: nutcracker.pid },
    { name: 'ringway', port: ownPort, pid: ringway.pid },
  ]
  const rows: Row[] = []
  for (const valueBytes of [64, 1_024]) {
    for (const contender of contenders) await answersRightly(contender, valueBytes)
    for (const load of LOADS)
      for (const kind of kinds(valueBytes))
        rows.push(...(await compare(contenders, load, kind, valueBytes)))
  }
  rows.push(...(await latencies(contenders)))
  for (const { name, pid } of contenders)
    if (pid !== undefined)
      rows.push({ what: `${name}, resident memory`, value: residentMegabytes(pid), unit: 'MB' })
  report('memcached', rows)
}

/** All contenders in turn, round by round and in changing order, after one round that does not count. */
async function compare(
  contenders: readonly Contender[],
  { pipeline, requests }: (typeof LOADS)[number],
  kind: Kind,
  valueBytes: number,
): Promise<readonly Row[]> {
  const figures = new Map<string, { rates: number[]; cpu: number[]; p50: number[]; p99: number[] }>(
    contenders.map(({ name }) => [name, { rates: [], cpu: [], p50: [], p99: [] }]),
  )
  const count = Math.ceil(requests / kind.keys)
  for (let round = 0; round <= ROUNDS; round++)
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length]
      const figure = contender && figures.get(contender.name)
      if (!contender || !figure) continue
      const before = cpuSeconds(contender.pid)
      const { perSecond, p50Ms, p99Ms } = await closedLoop({
        port: contender.port,
        connections: CONNECTIONS,
        pipeline,
        requests: count,
        request: kind.request,
        replyBytes: kind.replyBytes,
      })
      if (round === 0) continue
      figure.rates.push(perSecond)
      figure.cpu.push(((cpuSeconds(contender.pid) - before) * 1e6) / count)
      figure.p50.push(p50Ms)
      figure.p99.push(p99Ms)
    }
  console.error(`measured ${kind.name}, ${valueBytes} bytes, pipeline ${pipeline}`)
  const of = (name: string, what: 'rates' | 'cpu' | 'p50' | 'p99') =>
    median(figures.get(name)?.[what] ?? [])
  const title = `${kind.name}, ${valueBytes} bytes, pipeline ${pipeline}:`
  return [
    ...contenders.flatMap(({ name }) => [
      { what: `${title} ${name}`, value: Math.round(of(name, 'rates')), unit: 'req/s' },
      { what: `${title} ${name}, p50 of a batch`, value: of(name, 'p50'), unit: 'ms' },
      { what: `${title} ${name}, p99 of a batch`, value: of(name, 'p99'), unit: 'ms' },
    ]),
    ...['nutcracker', 'ringway'].map((name) => ({
      what: `${title} ${name}, CPU`,
      value: of(name, 'cpu'),
      unit: 'µs/req',
    })),
    {
      what: `${title} ringway ÷ nutcracker in throughput`,
      value: of('ringway', 'rates') / of('nutcracker', 'rates'),
      unit: '×',
    },
  ]
}

/** Latency at half of what the slower proxy can do, from an open loop. */
async function latencies(contenders: readonly Contender[]): Promise<readonly Row[]> {
  const [, get] = kinds(64)
  if (!get) return []
  const load = (port: number, requests: number): FixedLoad => ({
    port,
    connections: CONNECTIONS,
    pipeline: 1,
    requests,
    request: get.request,
    replyBytes: get.replyBytes,
  })
  const peaks = await inTurn(contenders, ({ port }) => closedLoop(load(port, 30_000)))
  const rate = Math.round(Math.min(...peaks.map(({ perSecond }) => perSecond)) / 2)
  const rows: Row[] = []
  const figures = await inTurn(contenders, async ({ port }) => {
    const rounds: LoadFigures[] = []
    for (let round = 0; round < ROUNDS; round++)
      rounds.push(await openLoop(load(port, 0), rate, OPEN_LOOP_SECONDS))
    return rounds
  })
  for (const [at, rounds] of figures.entries())
    for (const which of ['p50Ms', 'p99Ms'] as const)
      rows.push({
        what: `get at ${rate} req/s, open loop: ${contenders[at]?.name}, ${which.slice(0, 3)}`,
        value: median(rounds.map((round) => round[which])),
        unit: 'ms',
      })
  return rows
}

async function inTurn<T>(
  contenders: readonly Contender[],
  run: (contender: Contender) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = []
  for (const contender of contenders) results.push(await run(contender))
  return results
}

/** Figures of wrong answers are worth nothing. Also stores every key, for the reads. */
async function answersRightly({ name, port }: Contender, valueBytes: number): Promise<void> {
  const value = 'x'.repeat(valueBytes)
  const expected: string[] = []
  const commands: string[] = []
  for (let i = 0; i < KEYS; i++) {
    commands.push(`set ${key(i)} 0 0 ${valueBytes}\r\n${value}\r\nget ${key(i)} none\r\n`)
    expected.push(`STORED\r\nVALUE ${key(i)} 0 ${valueBytes}\r\n${value}\r\nEND\r\n`)
  }
  const whole = expected.join('')
  const socket = await connected(port)
  const pieces: Buffer[] = []
  let bytes = 0
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => resolve())
    socket.on('data', (piece) => {
      pieces.push(piece)
      bytes += piece.length
      if (bytes >= whole.length) socket.destroy()
    })
    socket.write(commands.join(''), 'latin1')
  })
  const text = Buffer.concat(pieces).toString('latin1')
  console.error(`${name} answered ${text.length} bytes`)
  check(text === whole, `${name} does not answer as memcached does: ${text.slice(0, 80)}`)
}

function nutcrackerConfig(port: number, backends: readonly number[]): string {
  return `items:
  listen: 127.0.0.1:${port}
  hash: fnv1a_64
  distribution: ketama
  servers:
${backends.map((backend) => `   - 127.0.0.1:${backend}:1`).join('\n')}
`
}

if (process.argv[2] === 'serve') await serve(process.argv.slice(3).map(Number))
else await main()
