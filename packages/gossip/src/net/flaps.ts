import { FLAP_FAILURES, FLAP_WINDOW_MS, FLAPS_TRACKED_MAX } from './limits.ts'

/** Notices members that fail and come back again and again. */
export class Flaps {
  /** When each member failed, the oldest first; members in the order of their latest failure. */
  readonly #failures = new Map<string, readonly number[]>()

  /**
   * A member failed.
   * @returns how often within the window, when that makes a flap; counting then begins anew
   */
  fail(name: string, now: number): number | undefined {
    const recent = (this.#failures.get(name) ?? []).filter((at) => now - at < FLAP_WINDOW_MS)
    this.#failures.delete(name)
    if (recent.length + 1 >= FLAP_FAILURES) return recent.length + 1
    this.#failures.set(name, [...recent, now])
    if (this.#failures.size > FLAPS_TRACKED_MAX) {
      const [longestAgo] = this.#failures.keys()
      if (longestAgo !== undefined) this.#failures.delete(longestAgo)
    }
    return undefined
  }
}
