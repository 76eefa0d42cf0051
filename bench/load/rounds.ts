import { median } from '../harness.ts'
import type { Contender } from './contender.ts'
import { cpuSeconds } from './programs.ts'

/** What one run of one contender saw. */
export interface RunFigures {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Medians of one contender. */
export interface RoundFigures {
  readonly name: string
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of its process per request. */
  readonly cpuMicros: number
}

export interface RoundsOptions {
  /** Rounds that count; one more is for warming up. */
  readonly rounds: number
  /** About how long one run takes. */
  readonly seconds: number
  /** Requests of the first run, which finds out how many the others have. */
  readonly firstRequests: number
  run(contender: Contender, requests: number): Promise<RunFigures>
}

/** Runs all contenders in turn, round by round and in changing order. */
export async function runRounds(
  contenders: readonly Contender[],
  { rounds, seconds, firstRequests, run }: RoundsOptions,
): Promise<readonly RoundFigures[]> {
  const requests = new Map<Contender, number>()
  const seen = new Map<Contender, (RunFigures & { readonly cpuMicros: number })[]>()
  for (let round = 0; round <= rounds; round++)
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length]
      if (contender === undefined) continue
      const before = cpuSeconds(contender.pid)
      const figures = await run(contender, requests.get(contender) ?? firstRequests)
      const cpuMicros = ((cpuSeconds(contender.pid) - before) * 1e6) / figures.requests
      if (round === 0) requests.set(contender, Math.ceil(figures.perSecond * seconds))
      else seen.set(contender, [...(seen.get(contender) ?? []), { ...figures, cpuMicros }])
    }
  return contenders.map((contender) => {
    const runs = seen.get(contender) ?? []
    return {
      name: contender.name,
      perSecond: median(runs.map(({ perSecond }) => perSecond)),
      p50Ms: median(runs.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(runs.map(({ p99Ms }) => p99Ms)),
      cpuMicros: median(runs.map(({ cpuMicros }) => cpuMicros)),
    }
  })
}
