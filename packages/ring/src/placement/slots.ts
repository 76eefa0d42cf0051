// A list of slots, each with an owner; a key's slot is its position modulo their number. Where there are exactly as many
// positions as slots, neighbours with one owner are arcs; elsewhere the owners alternate all over the key space.

import { attemptPosition, type LocatorPoints, orderByAttempts, type Positions } from './locator.ts'

/** A list of slots. */
export class Slots implements Positions {
  readonly space: number
  readonly keySpace: string
  readonly positionOf: Positions['positionOf']
  readonly points?: () => LocatorPoints
  readonly #slots: Uint16Array
  readonly #nodes: number

  /** @param slots indexes of nodes, at least one */
  constructor(
    slots: Uint16Array,
    nodes: number,
    key: Pick<Positions, 'space' | 'keySpace' | 'positionOf'>,
  ) {
    this.space = key.space
    this.keySpace = key.keySpace
    this.positionOf = key.positionOf
    this.#slots = slots
    this.#nodes = nodes
    if (this.space === slots.length) this.points = () => slotPoints(slots)
  }

  indexAt(position: number): number {
    return this.#slots[position % this.#slots.length] as number
  }

  orderAt(position: number, count: number): number[] {
    return orderByAttempts(count, this.#nodes, (attempt) =>
      this.indexAt(attemptPosition(position, attempt, this.space)),
    )
  }

  /** Exact: where the positions do not divide evenly, the first slots have one more each. O(slots). */
  readonly shares = (): Float64Array => {
    const slots = this.#slots
    const shares = new Float64Array(this.#nodes)
    const each = Math.floor(this.space / slots.length)
    const more = this.space % slots.length
    for (let slot = 0; slot < slots.length; slot++) {
      const owner = slots[slot] as number
      shares[owner] = (shares[owner] as number) + (slot < more ? each + 1 : each) / this.space
    }
    return shares
  }
}

/** The last slot of each run of one owner. */
function slotPoints(slots: Uint16Array): LocatorPoints {
  const ends: number[] = []
  for (let slot = 0; slot < slots.length; slot++) {
    if (slot === slots.length - 1 || slots[slot] !== slots[slot + 1]) ends.push(slot)
  }
  return {
    positions: Float64Array.from(ends),
    owners: Uint16Array.from(ends, (slot) => slots[slot] as number),
  }
}
