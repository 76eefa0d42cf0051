import type { SwimConfig } from '../core/config.ts'
import { pushPullIntervalMs, suspicionTimeoutMs } from '../core/timing.ts'

/** Milliseconds of so many seconds: `advance(seconds(30))` reads well. */
export const seconds = (count: number): number => count * 1000

export const minutes = (count: number): number => count * 60_000

/** Rounds of gossip in which news reaches practically everybody: a push epidemic needs about log2 n + ln n. */
export function spreadMs(config: SwimConfig, members: number): number {
  const rounds = Math.ceil(2 * Math.log2(members + 1)) + 4
  return rounds * config.gossipIntervalMs
}

/**
 * Within this time a killed member is dead for everybody, without loss: the round robin of the first
 * prober, one failed probe, the longest suspicion, and the news of it.
 */
export function detectionBoundMs(config: SwimConfig, members: number): number {
  const { suspicionMult, suspicionMaxTimeoutMult, probeIntervalMs } = config
  const suspicionMs =
    suspicionMaxTimeoutMult * suspicionTimeoutMs(suspicionMult, members, probeIntervalMs)
  // All members probe, so that one of them meets the victim within a few intervals; three are
  // granted for the first, and one more for each doubling of the table.
  const probesMs = (3 + Math.ceil(Math.log2(members + 1))) * probeIntervalMs
  return probesMs + suspicionMs + spreadMs(config, members)
}

/** Within this time after the last fault all members must agree, healing and anti-entropy included. */
export function settleMs(config: SwimConfig, members: number): number {
  const repairMs = 2 * pushPullIntervalMs(config.pushPullIntervalMs, members)
  const healMs = config.healForMs === 0 ? 0 : 6 * config.healIntervalMs
  return detectionBoundMs(config, members) + repairMs + healMs + 4 * config.streamTimeoutMs
}
