import { createInterface } from 'node:readline'
import { freePorts } from './ports.ts'
import { spawnRingway } from './ringway.ts'

/** A `ringway up` of a test. */
export interface LocalCluster {
  readonly basePort: number
  readonly output: () => string
  readonly pids: () => readonly number[]
  redisPort(node: number): number
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>
  /** Ctrl-C; resolves with the exit code. */
  stop(): Promise<number | null>
}

const PORTS_PER_NODE = 10
const READY_TIMEOUT_MS = 60_000

export async function startLocalCluster(args: readonly string[]): Promise<LocalCluster> {
  const basePort = await freeBasePort()
  const child = spawnRingway(['up', '--base-port', String(basePort), ...args])
  const lines: string[] = []
  const exited = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => resolve(code)),
  )
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`ringway up was not ready:\n${lines.join('\n')}`)),
      READY_TIMEOUT_MS,
    )
    for (const stream of [child.stdout, child.stderr])
      if (stream)
        createInterface({ input: stream }).on('line', (line) => {
          lines.push(line)
          if (!/\bnodes? ready:/.test(line)) return
          clearTimeout(late)
          resolve()
        })
    void exited.then((code) =>
      reject(new Error(`ringway up ended with ${code}:\n${lines.join('\n')}`)),
    )
  })
  return {
    basePort,
    exited,
    output: () => lines.join('\n'),
    pids: () => lines.flatMap((line) => /^node-\d+\s+(\d+)\s/.exec(line)?.[1] ?? []).map(Number),
    redisPort: (node) => basePort + node * PORTS_PER_NODE + 3,
    stop: () => {
      child.kill('SIGINT')
      return exited
    },
  }
}

/** A base whose next hundred ports are very likely free: one free port, rounded down to a ten below the ephemeral range. */
async function freeBasePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return 10_000 + (port % 2_000) * 10
}
