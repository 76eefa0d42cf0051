/** The share of elapsed time by which the clock falls back while it is ahead of the wall clock. */
const SLEW = 0.5

/**
 * Milliseconds since 1970 that never go back: what the store orders writes by. Follows the wall clock forwards at once;
 * when the wall clock was set back, it runs at half speed until they meet again.
 */
export function createSteadyClock(
  wall: () => number = Date.now,
  monotonic: () => number = () => performance.now(),
): () => number {
  let at = wall()
  let ticks = monotonic()
  return () => {
    const elapsed = Math.max(0, monotonic() - ticks)
    ticks += elapsed
    const target = wall()
    const free = at + elapsed
    at = target >= free ? target : Math.max(target, at + elapsed * SLEW)
    // Rounding up to the wall clock's own resolution must not step back either.
    return Math.floor(at)
  }
}
