import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePorts } from './ports.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'apps', 'node', 'dist', 'main.js')
const READY_TIMEOUT_MS = 60_000
const LOG_LINES_MAX = 200

export interface NodePorts {
  readonly gossip: number
  readonly peer: number
  readonly admin: number
  readonly redis: number
}

/** A `ringway start` process of a test. */
export interface NodeProcess {
  readonly name: string
  readonly ports: NodePorts
  readonly pid: number
  /** Resolves when the node printed `ringway ready`; rejects with its last words when it ended instead. */
  readonly ready: Promise<string>
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  kill(signal: NodeJS.Signals): void
  /** The last lines of its log, for a failing test. */
  log(): string
}

/** Starts the built command line with any arguments. */
export function spawnRingway(args: readonly string[]): ChildProcess {
  if (!existsSync(MAIN)) throw new Error('apps/node is not built: run `npm run build` first')
  // The channel tells a node when the test is gone, however it ended: it then stops by itself.
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  return child
}

export async function nodePorts(): Promise<NodePorts> {
  const [gossip = 0, peer = 0, admin = 0, redis = 0] = await freePorts(4)
  return { gossip, peer, admin, redis }
}

/** Starts one node on loopback; `more` are further flags. Without a Redis port it has no flag for one. */
export function startNode(
  name: string,
  ports: Omit<NodePorts, 'redis'> & Partial<NodePorts>,
  join: readonly NodePorts[],
  more: readonly string[] = [],
): NodeProcess {
  const child = spawnRingway([
    'start',
    ...['--name', name, '--profile', 'local', '--log-level', 'info'],
    ...Object.entries(ports).flatMap(([flag, port]) => [`--${flag}`, `127.0.0.1:${port}`]),
    ...(join.length > 0
      ? ['--join', join.map(({ gossip }) => `127.0.0.1:${gossip}`).join(',')]
      : []),
    // What a test run remembers would change the next one; tests of the memory give a file of their own.
    ...(more.includes('--snapshot') ? [] : ['--no-snapshot']),
    ...more,
  ])
  const lines: string[] = []
  const keep = (line: string) => {
    lines.push(line)
    if (lines.length > LOG_LINES_MAX) lines.shift()
  }
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  )
  const ready = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready in time:\n${lines.join('\n')}`)),
      READY_TIMEOUT_MS,
    )
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        keep(line)
        if (!line.startsWith('ringway ready')) return
        clearTimeout(timer)
        resolve(line)
      })
    if (child.stderr) createInterface({ input: child.stderr }).on('line', keep)
    void exited.then(({ code, signal }) => {
      clearTimeout(timer)
      reject(
        new Error(`${name} ended (${signal ?? code}) before it was ready:\n${lines.join('\n')}`),
      )
    })
  })
  // A node that is killed on purpose before it was ready is not an unhandled rejection.
  ready.catch(() => {})
  return {
    name,
    ports: { redis: 0, ...ports },
    pid: child.pid ?? 0,
    ready,
    exited,
    kill: (signal) => child.kill(signal),
    log: () => lines.join('\n'),
  }
}

/** A cluster of `count` nodes, all ready. The first has no seeds and founds it. */
export async function startCluster(
  count: number,
  more: readonly string[] = [],
): Promise<NodeProcess[]> {
  const ports = await Promise.all(Array.from({ length: count }, nodePorts))
  const nodes = ports.map((own, index) =>
    startNode(`node-${index + 1}`, own, ports.slice(0, index), more),
  )
  try {
    await Promise.all(nodes.map(({ ready }) => ready))
  } catch (error) {
    await stopCluster(nodes)
    throw error
  }
  return nodes
}

export async function stopCluster(nodes: readonly NodeProcess[]): Promise<void> {
  for (const node of nodes) node.kill('SIGKILL')
  await Promise.all(nodes.map(({ exited }) => exited))
}

/** JSON of a node's admin API. */
export async function admin<T>(node: { readonly ports: NodePorts }, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${node.ports.admin}${path}`, {
    signal: AbortSignal.timeout(5_000),
  })
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

/** Resident memory of a process in bytes (Linux). */
export async function residentBytes(pid: number): Promise<number> {
  const { readFile } = await import('node:fs/promises')
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}
