// Redis routing, side by side: the daemon and nutcracker, one process each, in front of the same two redis-servers, and one
// server directly. redis-benchmark asks: 50 connections, pipelines of 1, 16 and 64, values of 64 and 1024 bytes, GET, SET,
// and MGET of ten keys. Rounds are interleaved; figures are medians. Then latency at a fixed rate, half of what the router
// reads without pipelining, and memory of 10,000 idle clients.
// Run: npm run build && npm run bench -- redis        With UPDATE_DOCS=1 the table in docs/benchmarks.md is replaced.
// BENCH_ROUNDS and BENCH_SECONDS (of one run of one contender) make it shorter or longer: 5 and 0.8 take about eight minutes.
import { type CacheLoad, runCacheBench, STEADY_VALUE_BYTES } from '../load/cache-bench.ts'
import { bulk, encode, keyOf, storeAndCheck } from './answers.ts'
import { runRedisBenchmark } from './redis-benchmark.ts'

const CONNECTIONS = 50
const KEYS = 50_000
const KEYS_OF_MGET = 10

function loads(valueBytes: number): readonly CacheLoad[] {
  const load = (name: string, keys: number, test: readonly string[]): CacheLoad => ({
    name,
    keys,
    run: ({ port }, pipeline, requests) =>
      runRedisBenchmark({
        ...{ port, connections: CONNECTIONS, pipeline, requests, valueBytes, keys: KEYS, test },
      }),
  })
  const keys = Array.from({ length: KEYS_OF_MGET }, () => 'key:__rand_int__')
  return [
    load('SET', 1, ['-t', 'set']),
    load('GET', 1, ['-t', 'get']),
    load('MGET of 10', KEYS_OF_MGET, ['MGET', ...keys]),
  ]
}

await runCacheBench({
  protocol: 'redis',
  connections: CONNECTIONS,
  // What a reader of MGET costs is not in the table of DESIGN §10: its ratio is shown, and asks for nothing.
  isDemanded: ({ keys }) => keys === 1,
  loads,
  prepare: (contender, valueBytes) => storeAndCheck(contender, KEYS, valueBytes),
  steady: {
    request: (index) => encode(['GET', keyOf(index % KEYS)]),
    replyBytes: bulk('x'.repeat(STEADY_VALUE_BYTES)).length,
  },
  idle: { request: encode(['GET', keyOf(0)]), answer: `$${STEADY_VALUE_BYTES}\r\n` },
})
