import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RunFigures } from '../load/rounds.ts'

export interface BenchmarkOptions {
  readonly port: number
  readonly connections: number
  readonly pipeline: number
  readonly requests: number
  readonly valueBytes: number
  /** Keys `key:000000000000` and on; `key:__rand_int__` in a command is one of them. */
  readonly keys: number
  /** Arguments that name the test, or a command of its own. */
  readonly test: readonly string[]
}

const run = promisify(execFile)

/** One run of redis-benchmark: a load made in C, so that it is not what is measured. */
export async function runRedisBenchmark(options: BenchmarkOptions): Promise<RunFigures> {
  const { port, connections, pipeline, requests, valueBytes, keys, test } = options
  // It asks in whole pipelines.
  const count = Math.ceil(requests / pipeline) * pipeline
  const { stdout } = await run('redis-benchmark', [
    ...['-h', '127.0.0.1', '-p', String(port), '-c', String(connections), '--csv'],
    ...['-P', String(pipeline), '-n', String(count), '-r', String(keys), '-d', String(valueBytes)],
    ...test,
  ])
  // "test","rps","avg","min","p50","p95","p99","max"
  const line = stdout.trim().split('\n').at(-1) ?? ''
  const [, perSecond, , , p50Ms, , p99Ms] = line.replaceAll('"', '').split(',').map(Number)
  if (!perSecond || p50Ms === undefined || p99Ms === undefined)
    throw new Error(`redis-benchmark said ${JSON.stringify(stdout)}`)
  return { requests: count, perSecond, p50Ms, p99Ms }
}
