/** Share of a pool that may be ejected or out, in percent. */
export const EJECT_PERCENT_MAX = 50

/** How many of `count` backends may be out of use: never the last one, nor more than the share. */
export function ejectionCap(count: number, percentMax: number): number {
  return Math.max(0, Math.min(count - 1, Math.floor((count * percentMax) / 100)))
}

/** Share of usable backends below which their state is not believed, in percent. */
export const PANIC_PERCENT = 10

/**
 * True when so few backends are usable that the checks are more likely wrong than the backends: then all of them are used
 * that are not out or draining.
 */
export function isPanic(usable: number, count: number, panicPercent: number): boolean {
  return count > 0 && (usable === 0 || usable * 100 < count * panicPercent)
}
