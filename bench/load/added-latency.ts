import { median, type Row } from '../harness.ts'
import type { Contender } from './contender.ts'
import { type FixedLoad, openLoop } from './fixed-replies.ts'
import { keepApart } from './programs.ts'

const OPEN_LOOP_SECONDS = 3
const ADDED_MS_MAX = 0.5

/** Latency at a fixed rate, whoever answers; of each contender, and what the router adds to asking a server directly. */
export async function measureAddedLatency(
  contenders: readonly Contender[],
  load: Omit<FixedLoad, 'port' | 'requests' | 'pipeline'>,
  rate: number,
  rounds: number,
): Promise<readonly Row[]> {
  const seen = new Map(contenders.map(({ name }) => [name, { p50: [0], p99: [0] }]))
  for (const figures of seen.values()) figures.p50.length = figures.p99.length = 0
  const together = keepApart()
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length]
      if (contender === undefined) continue
      const all = { ...load, port: contender.port, pipeline: 1, requests: 0 }
      const { p50Ms, p99Ms } = await openLoop(all, rate, OPEN_LOOP_SECONDS)
      seen.get(contender.name)?.p50.push(p50Ms)
      seen.get(contender.name)?.p99.push(p99Ms)
    }
  together()
  console.error('measured latency')
  const of = (name: string, which: 'p50' | 'p99') => median(seen.get(name)?.[which] ?? [])
  const added = of('ringway', 'p99') - of('direct', 'p99')
  return [
    ...contenders.flatMap(({ name }) =>
      (['p50', 'p99'] as const).map((which) => ({
        what: `get at ${rate} req/s, open loop: ${name}, ${which}`,
        value: of(name, which),
        unit: 'ms',
      })),
    ),
    {
      what: 'latency p99 that ringway adds at half of its peak',
      value: added,
      unit: 'ms',
      must: `<= ${ADDED_MS_MAX} (aim 0.2)`,
      pass: added <= ADDED_MS_MAX,
    },
  ]
}
