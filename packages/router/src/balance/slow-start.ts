/**
 * A backend that returns gets its weight back in steps, not at once: its caches are cold. Scaling a ring weight up only
 * adds points of that backend, so keys move to it and between no others; fewer steps mean fewer rings.
 */
export const SLOW_START_STEPS = 10

/**
 * The share of its weight that a backend has, from `1 / SLOW_START_STEPS` to 1, in steps.
 * @param elapsedMs since it returned
 * @param slowStartMs 0 means no slow start
 */
export function slowStartFactor(elapsedMs: number, slowStartMs: number): number {
  if (elapsedMs >= slowStartMs) return 1
  const step = Math.floor((Math.max(0, elapsedMs) / slowStartMs) * SLOW_START_STEPS) + 1
  return Math.min(step, SLOW_START_STEPS) / SLOW_START_STEPS
}
