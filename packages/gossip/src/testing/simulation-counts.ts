import type { MemberEvent } from '../core/effects.ts'

/** How often things happened: a run that never met a case proves nothing about it. */
export interface SimulationCounts {
  packets: number
  packetsLost: number
  packetsDoubled: number
  exchanges: number
  exchangesFailed: number
  streamPings: number
  starts: number
  /** `fail` events about a member whose process was running. */
  falseDeaths: number
  readonly events: Record<MemberEvent['type'], number>
}

export function emptyCounts(): SimulationCounts {
  const events: Record<MemberEvent['type'], number> = {
    join: 0,
    update: 0,
    suspect: 0,
    refuted: 0,
    fail: 0,
    leave: 0,
    reap: 0,
    conflict: 0,
    evicted: 0,
    left: 0,
    refused: 0,
    health: 0,
  }
  return {
    packets: 0,
    packetsLost: 0,
    packetsDoubled: 0,
    exchanges: 0,
    exchangesFailed: 0,
    streamPings: 0,
    starts: 0,
    falseDeaths: 0,
    events,
  }
}
