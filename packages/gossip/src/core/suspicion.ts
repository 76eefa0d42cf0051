import type { Millis } from './effects.ts'
import { remainingSuspicionMs } from './timing.ts'

/** A suspicion may wait longer for our own lateness this many times, so that it ends even on a machine that always lags. */
export const LAG_DEFERRALS_MAX = 3

/**
 * One member under suspicion. Each confirmation by another accuser brings the deadline closer;
 * the first accuser never counts, and nobody counts twice.
 */
export class Suspicion {
  readonly #accusers: Set<string>
  readonly #wanted: number
  readonly #minMs: number
  readonly #maxMs: number
  /** Later than it was by the time that does not count. */
  #startedAt: Millis
  #confirmed = 0
  #deferrals = 0
  #deadline: Millis

  constructor(from: string, wanted: number, minMs: number, maxMs: number, now: Millis) {
    this.#accusers = new Set([from])
    this.#wanted = wanted
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#startedAt = now
    this.#deadline = now + (wanted < 1 ? minMs : maxMs)
  }

  /** When the member is given up. */
  get deadline(): Millis {
    return this.#deadline
  }

  /** Counts one more accuser; true when that was news, and the deadline may have moved. */
  confirm(from: string, now: Millis): boolean {
    if (this.#confirmed >= this.#wanted || this.#accusers.has(from)) return false
    this.#accusers.add(from)
    this.#confirmed++
    const remaining = this.#remainingMs(now - this.#startedAt)
    this.#deadline = Math.min(this.#deadline, now + Math.max(0, remaining))
    return true
  }

  /** We were not running for a while and may have missed the refutation: that time does not count. */
  defer(lagMs: number, now: Millis): void {
    if (this.#deferrals >= LAG_DEFERRALS_MAX) return
    this.#deferrals++
    this.#startedAt = Math.min(now, this.#startedAt + lagMs)
    this.#deadline = Math.max(this.#deadline, now) + Math.min(lagMs, this.#minMs)
  }

  #remainingMs(elapsedMs: number): number {
    return remainingSuspicionMs(this.#confirmed, this.#wanted, elapsedMs, this.#minMs, this.#maxMs)
  }
}
