// memcached routing, side by side: the daemon and nutcracker, one process each, in front of the same two memcached servers,
// and one server directly. 50 connections, pipelines of 1, 16 and 64, values of 64 and 1024 bytes, get, set, and get of ten
// keys. Rounds are interleaved; figures are medians, latencies those of a whole batch. Then latency at a fixed rate, and memory
// of 10,000 idle clients.
// Run: npm run build && npm run bench -- memcached    With UPDATE_DOCS=1 the table in docs/benchmarks.md is replaced.
// BENCH_ROUNDS and BENCH_SECONDS (of one run of one contender) make it shorter or longer: 5 and 0.8 take about eight minutes.
import { type CacheLoad, runCacheBench, STEADY_VALUE_BYTES } from '../load/cache-bench.ts'
import { closedLoop, type FixedLoad } from '../load/fixed-replies.ts'
import { block, keyOf, storeAndCheck } from './answers.ts'

const CONNECTIONS = 50
const KEYS = 10_000
const KEYS_OF_GETS = 10
const END_BYTES = 'END\r\n'.length

function loads(valueBytes: number): readonly CacheLoad[] {
  const value = 'x'.repeat(valueBytes)
  const blockBytes = block(0, value).length
  const load = (
    name: string,
    keys: number,
    replies: Pick<FixedLoad, 'request' | 'replyBytes'>,
  ) => ({
    name,
    keys,
    run: async ({ port }: { readonly port: number }, pipeline: number, requests: number) => ({
      requests,
      ...(await closedLoop({ ...replies, port, connections: CONNECTIONS, pipeline, requests })),
    }),
  })
  const ten = (index: number) =>
    Array.from({ length: KEYS_OF_GETS }, (_, i) => keyOf((index * KEYS_OF_GETS + i) % KEYS))
  return [
    load('set', 1, {
      request: (index) => `set ${keyOf(index % KEYS)} 0 0 ${valueBytes}\r\n${value}\r\n`,
      replyBytes: 'STORED\r\n'.length,
    }),
    load('get', 1, {
      request: (index) => `get ${keyOf(index % KEYS)}\r\n`,
      replyBytes: blockBytes + END_BYTES,
    }),
    load('get of 10', KEYS_OF_GETS, {
      request: (index) => `get ${ten(index).join(' ')}\r\n`,
      replyBytes: blockBytes * KEYS_OF_GETS + END_BYTES,
    }),
  ]
}

await runCacheBench({
  protocol: 'memcached',
  connections: CONNECTIONS,
  // DESIGN §10 demands of Redis only; these ratios are shown and ask for nothing.
  isDemanded: () => false,
  loads,
  prepare: (contender, valueBytes) => storeAndCheck(contender, KEYS, valueBytes),
  steady: {
    request: (index) => `get ${keyOf(index % KEYS)}\r\n`,
    replyBytes: block(0, 'x'.repeat(STEADY_VALUE_BYTES)).length + END_BYTES,
  },
  idle: { request: `get ${keyOf(0)}\r\n`, answer: 'VALUE ' },
})
