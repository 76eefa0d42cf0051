/** Something with at most one deadline. */
export interface Expirable {
  /** Its place among the deadlines; set by {@link Deadlines}. */
  slot: number
  /** Its deadline has passed. */
  expired(): void
}

const FIRST_SLOTS = 64

/**
 * Deadlines of many connections, looked at on every tick instead of a timer for each: setting one is a store into an array
 * of numbers, and ten thousand are compared in some microseconds.
 */
export class Deadlines {
  #at = new Float64Array(FIRST_SLOTS).fill(Number.POSITIVE_INFINITY)
  readonly #entries: Expirable[] = []

  /** Gives an entry its place, without a deadline. */
  add(entry: Expirable): void {
    entry.slot = this.#entries.length
    this.#entries.push(entry)
    if (entry.slot >= this.#at.length) {
      const grown = new Float64Array(this.#at.length * 2).fill(Number.POSITIVE_INFINITY)
      grown.set(this.#at)
      this.#at = grown
    }
    this.#at[entry.slot] = Number.POSITIVE_INFINITY
  }

  /** The last entry takes the place of the one that leaves. */
  remove(entry: Expirable): void {
    const { slot } = entry
    if (slot < 0) return
    const last = this.#entries.pop()
    if (last !== undefined && last !== entry) {
      this.#entries[slot] = last
      this.#at[slot] = this.#at[last.slot] as number
      last.slot = slot
    }
    this.#at[this.#entries.length] = Number.POSITIVE_INFINITY
    entry.slot = -1
  }

  /** Monotonic milliseconds; infinity for none. */
  set(entry: Expirable, at: number): void {
    if (entry.slot >= 0) this.#at[entry.slot] = at
  }

  /** Tells all whose time has come. */
  sweep(now: number): void {
    const due: Expirable[] = []
    for (let slot = 0; slot < this.#entries.length; slot++) {
      if ((this.#at[slot] as number) > now) continue
      const entry = this.#entries[slot]
      if (entry !== undefined) due.push(entry)
    }
    for (const entry of due) {
      // One of those before may have ended this one, or moved its deadline.
      if (entry.slot < 0 || (this.#at[entry.slot] as number) > now) continue
      this.#at[entry.slot] = Number.POSITIVE_INFINITY
      entry.expired()
    }
  }
}
