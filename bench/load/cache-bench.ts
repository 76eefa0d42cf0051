import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTable } from '../docs-table.ts'
import { type Row, report } from '../harness.ts'
import { measureAddedLatency } from './added-latency.ts'
import {
  type CacheProtocol,
  type CacheServers,
  startNutcracker,
  startRingway,
  startServers,
} from './cache-proxies.ts'
import { type Demand, type Measured, rowsOf, tableOf } from './cache-tables.ts'
import { makeCertificate } from './certificate.ts'
import type { Contender } from './contender.ts'
import type { FixedLoad } from './fixed-replies.ts'
import { type IdleRequest, measureIdleMemory } from './idle-memory.ts'
import { residentMegabytes, stopPrograms } from './programs.ts'
import { type RunFigures, runRounds } from './rounds.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
/** Of one run of one contender. */
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 0.8)
const IDLE_CONNECTIONS = 10_000
const IDLE_BYTES_MAX = 12 * 1024
const IDLE_TLS_BYTES_MAX = 80 * 1024

/** Pipelines, requests of a first run, and how fast the router must be against nutcracker (DESIGN §10). */
const PIPELINES = [
  { pipeline: 1, firstRequests: 10_000, demand: { must: 0.85, aim: 1.1 } },
  { pipeline: 16, firstRequests: 60_000, demand: { must: 1.25, aim: 1.6 } },
  { pipeline: 64, firstRequests: 120_000, demand: { must: 2.5, aim: 5 } },
]
const VALUE_BYTES = [64, 1_024]
/** Values that are read at a fixed rate. */
export const STEADY_VALUE_BYTES = 64

/** One kind of request. */
export interface CacheLoad {
  readonly name: string
  /** Keys of a request. */
  readonly keys: number
  run(contender: Contender, pipeline: number, requests: number): Promise<RunFigures>
}

/** What is special about a protocol. */
export interface CacheBench {
  readonly protocol: CacheProtocol
  readonly connections: number
  /** True when DESIGN §10 demands something of this load. */
  isDemanded(load: CacheLoad): boolean
  loads(valueBytes: number): readonly CacheLoad[]
  /** Stores every key, and throws when an answer is not that of a server. */
  prepare(contender: Contender, valueBytes: number): Promise<void>
  /** A read of {@link STEADY_VALUE_BYTES}, for the latency at a fixed rate. */
  readonly steady: Pick<FixedLoad, 'request' | 'replyBytes'>
  readonly idle: IdleRequest
}

/** Runs a whole benchmark of caches and reports it. */
export async function runCacheBench(bench: CacheBench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-bench-'))
  try {
    await run(bench, folder)
  } finally {
    stopPrograms()
    rmSync(folder, { recursive: true })
  }
}

async function run(bench: CacheBench, folder: string): Promise<void> {
  const { protocol, connections, steady } = bench
  const servers = await startServers(protocol)
  const contenders: readonly Contender[] = [
    { name: 'direct', port: servers.ports[0] ?? 0, pid: servers.pid },
    await startNutcracker(folder, servers),
    await startRingway(folder, servers),
  ]
  const measured: Measured[] = []
  for (const valueBytes of VALUE_BYTES) {
    for (const contender of contenders) await bench.prepare(contender, valueBytes)
    for (const { pipeline, firstRequests, demand } of PIPELINES)
      for (const load of bench.loads(valueBytes))
        measured.push(
          await measure(contenders, load, {
            name: `${load.name}, ${valueBytes} bytes, pipeline ${pipeline}`,
            ...{ pipeline, firstRequests },
            demand: bench.isDemanded(load) ? demand : undefined,
          }),
        )
  }
  for (const contender of contenders) await bench.prepare(contender, STEADY_VALUE_BYTES)
  const peak = peakOf(measured)
  const load = { ...steady, connections }
  const latency = await measureAddedLatency(contenders, load, Math.round(peak / 2), ROUNDS)
  const memory: Row[] = contenders.map(({ name, pid }) => ({
    what: `${name}: resident memory after all loads`,
    value: residentMegabytes(pid),
    unit: 'MB',
  }))
  memory.push(...(await measureIdle(bench, folder, servers)))
  report(protocol, [...measured.flatMap(rowsOf), ...latency, ...memory])
  const table = tableOf(measured)
  console.log(`\n${table}`)
  if (process.env['UPDATE_DOCS'] === '1') writeTable('benchmarks.md', protocol, table)
}

interface Setting {
  readonly name: string
  readonly pipeline: number
  readonly firstRequests: number
  readonly demand: Demand | undefined
}

async function measure(
  contenders: readonly Contender[],
  load: CacheLoad,
  { name, pipeline, firstRequests, demand }: Setting,
): Promise<Measured> {
  const figures = await runRounds(contenders, {
    rounds: ROUNDS,
    seconds: SECONDS,
    firstRequests: firstRequests / load.keys,
    run: (contender, requests) => load.run(contender, pipeline, requests),
  })
  console.error(`measured ${name}`)
  return { name, contenders: figures, demand }
}

/** What the router reads per second without pipelining: the least of all loads of one key. */
function peakOf(measured: readonly Measured[]): number {
  const rates = measured
    .filter(({ name }) => /^get, 64 bytes, pipeline 1$/i.test(name))
    .map(({ contenders }) => contenders.find(({ name }) => name === 'ringway')?.perSecond ?? 0)
  return Math.min(...rates)
}

/** In processes that have done nothing else. */
async function measureIdle(
  { idle }: CacheBench,
  folder: string,
  servers: CacheServers,
): Promise<readonly Row[]> {
  const count = IDLE_CONNECTIONS
  const plain = await startRingway(folder, servers)
  const nutcracker = await startNutcracker(folder, servers)
  const tls = await startRingway(folder, servers, makeCertificate(folder))
  return [
    await measureIdleMemory(plain, { ...idle, count, tls: false, mustBytes: IDLE_BYTES_MAX }),
    await measureIdleMemory(nutcracker, { ...idle, count, tls: false }),
    await measureIdleMemory(tls, { ...idle, count, tls: true, mustBytes: IDLE_TLS_BYTES_MAX }),
  ]
}
