import type { Millis } from './effects.ts'
import { isGone, type MemberRow } from './member.ts'
import { type Random, shuffle } from './random.ts'

/**
 * The member table: rows by name, and the same rows in probe order. The order is random and stays
 * so: a new row takes a random place, and each round of probes ends with a shuffle.
 */
export class Membership {
  readonly self: MemberRow
  readonly #byName = new Map<string, MemberRow>()
  readonly #random: Random
  #order: MemberRow[] = []

  constructor(self: MemberRow, random: Random) {
    this.self = self
    this.#random = random
    this.#byName.set(self.peer.name, self)
    this.#order.push(self)
  }

  /** Every record: ourselves, and the dead and left that are not yet reaped. */
  get size(): number {
    return this.#order.length
  }

  /** All rows in probe order; changes only in `insert` and `reshuffle`. */
  get rows(): readonly MemberRow[] {
    return this.#order
  }

  get(name: string): MemberRow | undefined {
    return this.#byName.get(name)
  }

  /** Adds a row of an unknown name at a random place of the probe order. O(1). */
  insert(row: MemberRow): void {
    const place = this.#random.below(this.#order.length + 1)
    this.#byName.set(row.peer.name, row)
    this.#order.push(row)
    const displaced = this.#order[place]
    if (displaced === undefined) return
    this.#order[place] = row
    this.#order[this.#order.length - 1] = displaced
  }

  /** Forgets the rows that have been gone since before `cutoff`, and returns them. O(n). */
  reap(cutoff: Millis): readonly MemberRow[] {
    const forgotten: MemberRow[] = []
    const kept: MemberRow[] = []
    for (const row of this.#order) {
      const old = row !== this.self && isGone(row) && row.since < cutoff
      if (old) forgotten.push(row)
      else kept.push(row)
    }
    if (forgotten.length === 0) return forgotten
    this.#order = kept
    for (const row of forgotten) this.#byName.delete(row.peer.name)
    return forgotten
  }

  reshuffle(): void {
    shuffle(this.#order, this.#random)
  }

  /** Other members that are alive or suspect. O(n): for decisions that are rare. */
  countOthers(): number {
    let count = 0
    for (const row of this.#order) if (row !== this.self && !isGone(row)) count++
    return count
  }
}
