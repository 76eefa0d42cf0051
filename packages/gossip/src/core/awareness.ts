/**
 * Local health (Lifeguard §IV.A): 0 is healthy, `max − 1` is as sick as it gets. A sick node waits
 * longer before it accuses others.
 */
export class Awareness {
  readonly #scoreMax: number
  #score = 0

  constructor(maxMultiplier: number) {
    this.#scoreMax = Math.max(0, maxMultiplier - 1)
  }

  get score(): number {
    return this.#score
  }

  /** Adds to the score within its limits; true when it changed. */
  apply(delta: number): boolean {
    const before = this.#score
    this.#score = Math.min(this.#scoreMax, Math.max(0, before + delta))
    return this.#score !== before
  }

  scale(durationMs: number): number {
    return durationMs * (this.#score + 1)
  }
}
