// A circle of points: a key belongs to the first point at or after its position, and behind the last point to the first.
// The placements of other programs have a few thousand points, so a plain sorted array with an index of its segments does;
// positions are doubles, which hold 32-bit and 53-bit ones alike.

import type { HashBytes, HashBytesWide } from '../hash/key-hashes.ts'
import { hash64 } from '../hash/word64.ts'
import { fillOrder, type LocatorPoints, type Positions } from './locator.ts'

/** Positions of a 32-bit circle. */
export const CIRCLE_32 = 2 ** 32
/** Positions of a circle of 64-bit hashes: their upper 53 bits, as a double holds no more. */
export const CIRCLE_53 = 2 ** 53

const OWNER_FACTOR = 2 ** 16
const SEGMENT_BITS_MAX = 22

/** Sorts 32-bit points by position; equal ones by the index of their owner. O(n log n). */
export function sortPoints(points: Float64Array, owners: Uint16Array): LocatorPoints {
  // 32 bits of position and 16 of owner fit into a double, and those sort natively.
  const packed = points.map((point, i) => point * OWNER_FACTOR + (owners[i] as number)).sort()
  return {
    positions: packed.map((value) => Math.floor(value / OWNER_FACTOR)),
    owners: Uint16Array.from(packed, (value) => value % OWNER_FACTOR),
  }
}

/** The upper 53 bits of the 64-bit hash that was computed last. */
export function upper53(): number {
  return ((hash64[0] as number) >>> 0) * 2 ** 21 + ((hash64[1] as number) >>> 11)
}

/** A key hash as a position on a 32-bit circle. */
export function position32(hash: HashBytes): Positions['positionOf'] {
  return (bytes, start, end) => hash(bytes, start, end) >>> 0
}

/** A key hash as a position on a circle of 64-bit hashes. */
export function position53(hash: HashBytesWide): Positions['positionOf'] {
  return (bytes, start, end) => {
    hash(bytes, start, end)
    return upper53()
  }
}

/** A sorted circle with its index. */
export class Circle implements Positions {
  readonly space: number
  readonly keySpace: string
  readonly positionOf: Positions['positionOf']
  readonly #positions: Float64Array
  readonly #owners: Uint16Array
  /** The first point at or after the beginning of each segment. */
  readonly #index: Uint32Array
  readonly #segmentWidth: number
  readonly #nodes: number

  /**
   * @param sorted at least one point; of equal positions the first owns the arc
   * @param nodes the number of nodes, points or no points
   */
  constructor(
    sorted: LocatorPoints,
    nodes: number,
    key: Pick<Positions, 'space' | 'keySpace' | 'positionOf'>,
  ) {
    this.space = key.space
    this.keySpace = key.keySpace
    this.positionOf = key.positionOf
    this.#positions = sorted.positions
    this.#owners = sorted.owners
    this.#nodes = nodes
    const bits = Math.min(SEGMENT_BITS_MAX, 33 - Math.clz32(sorted.positions.length))
    this.#segmentWidth = this.space / 2 ** bits
    this.#index = indexSegments(sorted.positions, 2 ** bits, this.#segmentWidth)
  }

  /** The point that a position belongs to. Constant time on average. */
  #pointAt(position: number): number {
    const positions = this.#positions
    let at = this.#index[Math.floor(position / this.#segmentWidth)] as number
    while (at < positions.length && (positions[at] as number) < position) at++
    return at === positions.length ? 0 : at
  }

  indexAt(position: number): number {
    return this.#owners[this.#pointAt(position)] as number
  }

  /** Clockwise, each node once; nodes without a point come last. */
  orderAt(position: number, count: number): number[] {
    const owners = this.#owners
    const order: number[] = []
    const seen = new Uint8Array(this.#nodes)
    let at = this.#pointAt(position)
    for (let met = 0; met < owners.length && order.length < count; met++) {
      const owner = owners[at] as number
      if (seen[owner] === 0) {
        seen[owner] = 1
        order.push(owner)
      }
      at = at + 1 === owners.length ? 0 : at + 1
    }
    return fillOrder(order, count)
  }

  readonly points = (): LocatorPoints => ({
    positions: this.#positions.slice(),
    owners: this.#owners.slice(),
  })

  /** O(points). */
  readonly shares = (): Float64Array => {
    const shares = new Float64Array(this.#nodes)
    let from = (this.#positions.at(-1) as number) - this.space
    for (let i = 0; i < this.#positions.length; i++) {
      const to = this.#positions[i] as number
      const owner = this.#owners[i] as number
      shares[owner] = (shares[owner] as number) + (to - from) / this.space
      from = to
    }
    return shares
  }
}

function indexSegments(positions: Float64Array, segments: number, width: number): Uint32Array {
  const index = new Uint32Array(segments)
  let at = 0
  for (let segment = 0; segment < segments; segment++) {
    while (at < positions.length && (positions[at] as number) < segment * width) at++
    index[segment] = at
  }
  return index
}
