/** Smaller answers than this are as good as equal, and 0 means that there was none yet. */
const LATENCY_MS_MIN = 0.01

/**
 * A decaying average of answer times. A slower answer counts at once and in full, faster ones bring the average down by
 * `exp(-elapsed / decayMs)`: trouble is seen with the first request, and forgiven in about `decayMs` (Finagle's peak EWMA).
 */
export class Latency {
  readonly #decayMs: number
  #valueMs = 0
  #at = 0

  /** @param decayMs above 0; 10 s suit most pools */
  constructor(decayMs = 10_000) {
    this.#decayMs = decayMs
  }

  /** The average in milliseconds; 0 until the first answer. */
  get valueMs(): number {
    return this.#valueMs
  }

  /** An answer took this long. O(1), no allocation. */
  add(latencyMs: number, now: number): void {
    const sample = Math.max(latencyMs, LATENCY_MS_MIN)
    const kept = this.#valueMs === 0 ? 0 : Math.exp(-Math.max(0, now - this.#at) / this.#decayMs)
    this.#at = now
    this.#valueMs = sample >= this.#valueMs ? sample : this.#valueMs * kept + sample * (1 - kept)
  }

  /** Starts anew, for a backend that returned from an outage. */
  reset(): void {
    this.#valueMs = 0
  }
}
