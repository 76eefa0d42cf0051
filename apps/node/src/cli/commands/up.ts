import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { NodeError } from '../../errors.ts'
import { busyPorts } from '../../net/free-ports.ts'
import { stopRequest } from '../stop-request.ts'
import { formatTable } from '../table.ts'

export interface UpOptions {
  readonly nodes: number
  readonly replicas: number
  readonly basePort: number
  readonly redisBackends?: readonly string[]
  readonly logLevel: string
}

const PORTS_PER_NODE = 10
const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000

/** Ports of one node, counted from its base, as DESIGN §9 lays them out. */
const OFFSETS = { gossip: 0, peer: 1, admin: 2, redis: 3 } as const

interface LocalNode {
  readonly name: string
  readonly ports: Readonly<Record<keyof typeof OFFSETS, number>>
  readonly process: ChildProcess
}

/** `ringway up`: a cluster on this machine, one process per node, until Ctrl-C. Resolves with the exit code. */
export async function up(options: UpOptions): Promise<number> {
  await checkPorts(options)
  const stop = stopRequest(['SIGTERM', 'SIGINT', 'SIGHUP']).then(() => 'stop' as const)
  const nodes: LocalNode[] = []
  console.log(`starting ${options.nodes} ${options.nodes === 1 ? 'node' : 'nodes'} …`)
  const outcome = await Promise.race([startAll(nodes, options), stop])
  if (outcome !== 'ready') {
    await stopAll(nodes)
    if (outcome === 'stop') return 0
    throw new NodeError('JOIN_FAILED', outcome)
  }
  console.log(describe(nodes, options))
  const ended = await Promise.race([stop, reportDeaths(nodes)])
  if (ended === 'all dead') {
    console.log('no node is left')
    return 1
  }
  console.log('\nstopping …')
  await stopAll(nodes)
  console.log('all nodes stopped')
  return 0
}

async function checkPorts({ nodes, basePort }: UpOptions): Promise<void> {
  const wanted = Array.from({ length: nodes }, (_, index) =>
    Object.values(portsOf(index, basePort)),
  ).flat()
  if ((wanted.at(-1) ?? 0) > 65_535)
    throw new NodeError(
      'CONFIG_INVALID',
      `--base-port ${basePort}: ${nodes} nodes need ports up to ${wanted.at(-1)}; allowed: a base port that leaves room below 65536`,
    )
  const busy = await busyPorts('127.0.0.1', wanted)
  if (busy.length > 0)
    throw new NodeError(
      'PORT_IN_USE',
      `port ${busy.join(', ')} on 127.0.0.1 is in use; stop what listens there, or try --base-port ${basePort + 1000}`,
    )
}

function portsOf(index: number, basePort: number) {
  const base = basePort + index * PORTS_PER_NODE
  return Object.fromEntries(
    Object.entries(OFFSETS).map(([key, offset]) => [key, base + offset]),
  ) as LocalNode['ports']
}

function startNode(index: number, options: UpOptions): LocalNode {
  const ports = portsOf(index, options.basePort)
  const name = `node-${index + 1}`
  const others = Array.from({ length: options.nodes }, (_, other) => other).filter(
    (other) => other !== index,
  )
  // The first node lists itself too: it founds the cluster when no other answers, and joins it when one does.
  const seeds = index === 0 ? [index, ...others] : others
  const args = [
    'start',
    ...['--name', name, '--profile', 'local', '--log-level', options.logLevel],
    // A local cluster begins afresh each time, and its nodes are each other's seeds.
    '--no-snapshot',
    ...Object.entries(ports).flatMap(([key, port]) => [`--${key}`, `127.0.0.1:${port}`]),
    ...[
      '--join',
      seeds.map((other) => `127.0.0.1:${portsOf(other, options.basePort).gossip}`).join(','),
    ],
    ...(options.redisBackends
      ? ['--redis-backends', options.redisBackends.join(',')]
      : ['--replicas', String(options.replicas)]),
  ]
  // Its own process group: Ctrl-C reaches this process alone, which then stops the nodes in order.
  const child = fork(process.argv[1] ?? '', args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    detached: true,
  })
  return { name, ports, process: child }
}

/** Starts the founder, then the others, into `nodes`. Resolves with `ready`, or with why it will not be. */
async function startAll(nodes: LocalNode[], options: UpOptions): Promise<string> {
  nodes.push(startNode(0, options))
  const founded = await allReady(nodes)
  if (founded !== 'ready') return founded
  const others = Array.from({ length: options.nodes - 1 }, (_, index) =>
    startNode(index + 1, options),
  )
  nodes.push(...others)
  return await allReady(others, nodes)
}

/** `ready` when all of `awaited` are; why not when one of `watched` ends or time is up. */
async function allReady(
  awaited: readonly LocalNode[],
  watched: readonly LocalNode[] = awaited,
): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(
      () => resolve(`not every node was ready within ${READY_TIMEOUT_MS / 1000} s`),
      READY_TIMEOUT_MS,
    )
  })
  const failures = watched.map((node) =>
    exited(node).then(
      (how) => `${node.name} ended before it was ready (${how}); its messages are above`,
    ),
  )
  const ready = Promise.all(awaited.map(readyLine)).then(() => 'ready')
  try {
    return await Promise.race([ready, late, ...failures])
  } finally {
    clearTimeout(timer)
  }
}

function readyLine(node: LocalNode): Promise<void> {
  const { stdout } = node.process
  if (!stdout) return Promise.resolve()
  return new Promise((resolve) => {
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith('ringway ready')) resolve()
      else console.log(`[${node.name}] ${line}`)
    })
  })
}

function describe(nodes: readonly LocalNode[], options: UpOptions): string {
  const rows = nodes.map(({ name, process: child, ports }) => [
    name,
    String(child.pid),
    ...Object.values(ports).map((port) => `127.0.0.1:${port}`),
  ])
  const first = nodes[0]
  const last = nodes.at(-1)
  const what = options.redisBackends
    ? `routing to ${options.redisBackends.join(', ')}`
    : `embedded store, every key on ${Math.min(options.replicas, nodes.length)} of ${nodes.length} nodes`
  return [
    '',
    formatTable(['NODE', 'PID', 'GOSSIP', 'PEER', 'ADMIN', 'REDIS'], rows),
    '',
    `${nodes.length} nodes ready: ${what}. Try:`,
    `  redis-cli -p ${first?.ports.redis} set greeting hello`,
    `  redis-cli -p ${last?.ports.redis} get greeting`,
    `  curl -s http://127.0.0.1:${first?.ports.admin}/v1/members`,
    ...(nodes.length > 1 && !options.redisBackends
      ? [
          `  kill -9 ${nodes[1]?.process.pid}    # ${nodes[1]?.name}; its keys stay readable through the others`,
        ]
      : []),
    '',
    'Ctrl-C stops all nodes.',
  ].join('\n')
}

/** Resolves when the last node is gone. */
async function reportDeaths(nodes: readonly LocalNode[]): Promise<'all dead'> {
  const deaths = nodes.map(async (node) => {
    const how = await exited(node)
    console.log(`${node.name} (pid ${node.process.pid}) ended: ${how}. It is not restarted.`)
  })
  await Promise.all(deaths)
  return 'all dead'
}

function exited(node: LocalNode): Promise<string> {
  const { process: child } = node
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve(how(child.exitCode, child.signalCode))
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(how(code, signal))))
}

function how(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `signal ${signal}` : `exit code ${code}`
}

/** SIGTERM to all, SIGKILL to those that have not finished in time. */
async function stopAll(nodes: readonly LocalNode[]): Promise<void> {
  const running = nodes.filter(
    ({ process: child }) => child.exitCode === null && child.signalCode === null,
  )
  for (const { process: child } of running) child.removeAllListeners('exit')
  const gone = Promise.all(running.map(exited))
  for (const { process: child } of running) child.kill('SIGTERM')
  const timer = setTimeout(() => {
    for (const { name, process: child } of running) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      console.log(`${name} did not stop within ${STOP_TIMEOUT_MS / 1000} s; killing it`)
      child.kill('SIGKILL')
    }
  }, STOP_TIMEOUT_MS)
  await gone
  clearTimeout(timer)
}
