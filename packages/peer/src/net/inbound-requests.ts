import { PeerError } from '../wire/peer-error.ts'

// The requests of one peer that wait for our reply. A handler that never answers must not fill the table for good: the peer told
// how long it waits, and what nobody waits for any more is forgotten when room is needed.

export class InboundRequests {
  readonly #deadlines = new Map<number, number>()
  readonly #max: number
  readonly #now: () => number
  /** No entry can be over before this time: sweeping earlier finds nothing. */
  #sweepFrom = 0

  constructor(max: number, now: () => number) {
    this.#max = max
    this.#now = now
  }

  /**
   * False when as many wait as may.
   * @throws PeerError `FRAME_INVALID` when a request with this id waits already: its answer would be taken for this one's.
   */
  open(id: number, timeoutMs: number): boolean {
    const now = this.#now()
    if ((this.#deadlines.get(id) ?? Number.NEGATIVE_INFINITY) > now)
      throw new PeerError('FRAME_INVALID', `the peer used request id ${id} twice`, { id })
    if (this.#deadlines.size >= this.#max && now >= this.#sweepFrom) this.#sweep(now)
    if (this.#deadlines.size >= this.#max) return false
    const deadline = now + timeoutMs
    this.#deadlines.set(id, deadline)
    if (this.#deadlines.size === 1 || deadline < this.#sweepFrom) this.#sweepFrom = deadline
    return true
  }

  isOpen(id: number): boolean {
    return this.#deadlines.has(id)
  }

  /** True for the first answer to `id`. */
  close(id: number): boolean {
    return this.#deadlines.delete(id)
  }

  clear(): void {
    this.#deadlines.clear()
  }

  #sweep(now: number): void {
    let earliest = Number.POSITIVE_INFINITY
    for (const [id, deadline] of this.#deadlines) {
      if (deadline <= now) this.#deadlines.delete(id)
      else if (deadline < earliest) earliest = deadline
    }
    this.#sweepFrom = earliest
  }
}
