import type { HttpResponseCounters } from '../counters.ts'

/** Classes of a status, 1xx to 5xx. */
const CLASSES = 5

/** Upper bounds of the histogram of first bytes, in milliseconds; slower ones are counted above the last. */
export const FIRST_BYTE_BOUNDS_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
]

/** Counts the responses of one backend. */
export class HttpResponses {
  readonly #byClass = new Float64Array(CLASSES)
  readonly #byTime = new Float64Array(FIRST_BYTE_BOUNDS_MS.length + 1)
  #sumMs = 0

  /** A response has begun. O(bounds), and most are below the first. */
  add(status: number, firstByteMs: number): void {
    const at = Math.floor(status / 100) - 1
    this.#byClass[at] = (this.#byClass[at] ?? 0) + 1
    let slot = 0
    while (slot < FIRST_BYTE_BOUNDS_MS.length && firstByteMs > (FIRST_BYTE_BOUNDS_MS[slot] ?? 0))
      slot++
    this.#byTime[slot] = (this.#byTime[slot] ?? 0) + 1
    this.#sumMs += firstByteMs
  }

  get counters(): HttpResponseCounters {
    const responses: Record<string, number> = {}
    for (const [at, count] of this.#byClass.entries()) responses[`${at + 1}xx`] = count
    return {
      responses,
      firstByte: {
        boundsMs: FIRST_BYTE_BOUNDS_MS,
        counts: [...this.#byTime],
        sumMs: this.#sumMs,
      },
    }
  }
}
