/** Versions per millisecond. */
export const COUNTER_SPAN = 2_048

export const versionAt = (ms: number): number => ms * COUNTER_SPAN
export const millisOf = (version: number): number => Math.floor(version / COUNTER_SPAN)

/**
 * Hybrid logical clock: follows the wall clock, never repeats, and is always above every version seen, so that
 * whoever has seen an entry orders its next write after it, however the wall clocks differ.
 */
export class HybridClock {
  highest = 0
  readonly #driftMaxMs: number

  constructor(driftMaxMs: number) {
    this.#driftMaxMs = driftMaxMs
  }

  next(now: number): number {
    this.highest = Math.max(this.highest + 1, versionAt(now))
    return this.highest
  }

  /** False, and nothing changes, when the version is from a clock too far ahead. */
  observe(version: number, now: number): boolean {
    if (version <= this.highest) return true
    if (version > versionAt(now + this.#driftMaxMs + 1)) return false
    this.highest = version
    return true
  }
}
