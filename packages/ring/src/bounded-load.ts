// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, https://arxiv.org/abs/1608.01350): no node has
// more than c times its fair share of what is in flight; a key whose owner is full goes to the next one.

import { RingError } from './errors.ts'
import type { AnyRing } from './ring.ts'

/** How full nodes may be. */
export interface BoundedLoadOptions {
  /** Times the fair share: 1 to 100, 1.25 by default. Nearer to 1 is flatter, and moves more keys. */
  readonly c?: number
  /** Nodes that take nothing now, by index into the ring's nodes. None by default. */
  readonly usable?: (index: number) => boolean
}

/** Counts what nodes carry and finds one for each key. Not immutable; no clock, no chance. */
export interface BoundedLoad {
  /** All that is acquired and not released. */
  readonly total: number
  /** What a node may carry once one more is acquired: `ceil(c × weight share × (total + 1))`, at least 1. 0 for unknown ids. */
  capacity(id: string): number
  /** What a node carries. 0 for unknown ids. */
  load(id: string): number
  /**
   * Finds a node for a key and counts it: its first owner that has room. When all usable ones are full, the one that is
   * full least in proportion; of equal ones the first owner. `undefined` only when no node is usable. O(owners asked).
   */
  acquire(key: string | Uint8Array): string | undefined
  /** Takes one off a node; false when it carries none, or is not there. */
  release(id: string): boolean
  /** Goes on with another ring: nodes that stay keep what they carry. O(nodes). */
  follow(ring: AnyRing): void
}

const C = 1.25
const C_MAX = 100
/** Owners asked for at first; most keys need no more. */
const OWNERS_FIRST = 2

/**
 * Balances what is in flight over a ring.
 * @throws RingError `RING_OPTION_INVALID`
 */
export function createBoundedLoad(ring: AnyRing, options: BoundedLoadOptions = {}): BoundedLoad {
  const { c = C, usable = () => true } = options
  if (typeof c !== 'number' || !(c >= 1 && c <= C_MAX)) {
    throw new RingError('RING_OPTION_INVALID', {
      option: 'c',
      got: String(c),
      allowed: `1 to ${C_MAX}`,
    })
  }
  return new RingLoad(ring, c, usable)
}

class RingLoad implements BoundedLoad {
  #ring: AnyRing
  readonly #c: number
  readonly #usable: (index: number) => boolean
  #indexes = new Map<string, number>()
  /** Weights divided by their sum. */
  #shares = new Float64Array()
  #loads = new Float64Array()
  #total = 0

  constructor(ring: AnyRing, c: number, usable: (index: number) => boolean) {
    this.#ring = ring
    this.#c = c
    this.#usable = usable
    this.follow(ring)
  }

  get total(): number {
    return this.#total
  }

  capacity(id: string): number {
    const index = this.#indexes.get(id)
    return index === undefined ? 0 : this.#capacity(index)
  }

  #capacity(index: number): number {
    return Math.max(1, Math.ceil(this.#c * (this.#shares[index] as number) * (this.#total + 1)))
  }

  load(id: string): number {
    const index = this.#indexes.get(id)
    return index === undefined ? 0 : (this.#loads[index] as number)
  }

  acquire(key: string | Uint8Array): string | undefined {
    const index = this.#find(key)
    if (index === -1) return undefined
    this.#loads[index] = (this.#loads[index] as number) + 1
    this.#total++
    return this.#ring.nodes[index]?.id
  }

  #find(key: string | Uint8Array): number {
    const first = this.#ring.ownerIndex(key)
    if (first === -1 || this.#hasRoom(first)) return first
    const count = this.#ring.nodes.length
    for (let asked = Math.min(OWNERS_FIRST, count); ; asked = Math.min(2 * asked, count)) {
      const owners = this.#ring.owners(key, asked)
      for (const id of owners) {
        const index = this.#indexes.get(id) as number
        if (this.#hasRoom(index)) return index
      }
      if (asked === count) return this.#leastFull(owners)
    }
  }

  #hasRoom(index: number): boolean {
    return this.#usable(index) && (this.#loads[index] as number) < this.#capacity(index)
  }

  #leastFull(owners: readonly string[]): number {
    let least = -1
    let leastShare = Number.POSITIVE_INFINITY
    for (const id of owners) {
      const index = this.#indexes.get(id) as number
      const share = (this.#loads[index] as number) / (this.#shares[index] as number)
      if (share >= leastShare || !this.#usable(index)) continue
      least = index
      leastShare = share
    }
    return least
  }

  release(id: string): boolean {
    const index = this.#indexes.get(id)
    if (index === undefined || this.#loads[index] === 0) return false
    this.#loads[index] = (this.#loads[index] as number) - 1
    this.#total--
    return true
  }

  follow(ring: AnyRing): void {
    const loads = Float64Array.from(ring.nodes, ({ id }) => this.load(id))
    const weight = ring.nodes.reduce((sum, node) => sum + (node.weight ?? 1), 0)
    this.#ring = ring
    this.#indexes = new Map(ring.nodes.map(({ id }, index) => [id, index]))
    this.#shares = Float64Array.from(ring.nodes, (node) => (node.weight ?? 1) / weight)
    this.#loads = loads
    this.#total = loads.reduce((sum, load) => sum + load, 0)
  }
}
