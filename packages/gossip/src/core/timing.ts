/*
 * The formulas that give SWIM its time scales, as memberlist computes them. `members` counts every
 * known record: ourselves, and the dead that are not yet reaped.
 */

/** Shortest suspicion, in milliseconds: `mult × max(1, log10 members) × probeIntervalMs`, the logarithm cut to a thousandth. */
export function suspicionTimeoutMs(mult: number, members: number, probeIntervalMs: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, members)))
  return (mult * Math.trunc(1000 * scale) * probeIntervalMs) / 1000
}

/** Confirmations by other members that shorten a suspicion to its minimum; 0 where too few others exist. */
export function suspicionConfirmations(mult: number, members: number): number {
  const wanted = mult - 2
  return members - 2 < wanted ? 0 : Math.max(0, wanted)
}

/**
 * Time left of a suspicion, in milliseconds; zero or less means now. Lifeguard §IV.C: the timeout
 * falls from `maxMs` to `minMs` with the logarithm of the confirmations.
 */
export function remainingSuspicionMs(
  confirmed: number,
  wanted: number,
  elapsedMs: number,
  minMs: number,
  maxMs: number,
): number {
  if (wanted < 1) return minMs - elapsedMs
  const share = Math.log(confirmed + 1) / Math.log(wanted + 1)
  return Math.max(minMs, Math.floor(maxMs - share * (maxMs - minMs))) - elapsedMs
}

/** How often one broadcast is sent: `mult × ceil(log10(members + 1))`. */
export function retransmitLimit(mult: number, members: number): number {
  return mult * Math.ceil(Math.log10(members + 1))
}

/** Up to this many members the push/pull interval is not stretched. */
const PUSH_PULL_SCALE_FROM = 32

/** Push/pull interval, stretched so that big clusters do not drown in state exchanges. */
export function pushPullIntervalMs(intervalMs: number, members: number): number {
  if (members <= PUSH_PULL_SCALE_FROM) return intervalMs
  const doublings = Math.ceil(Math.log2(members) - Math.log2(PUSH_PULL_SCALE_FROM))
  return intervalMs * (doublings + 1)
}
