// What a placement builds from nodes: something that finds the owner of a key. `PlacedRing` puts the `Ring` contract on
// top of it.

/** All points of a ring that has arcs, ascending. */
export interface LocatorPoints {
  readonly positions: Float64Array
  /** Indexes of nodes, beside the positions. */
  readonly owners: Uint16Array
}

/** The part of a locator that knows positions: a key's owner follows from a number that is the same in all its rings. */
export interface Positions {
  /** Positions are integers from 0 to `space - 1`. */
  readonly space: number
  /** Equal strings: a key has the same position in both rings, so their arcs can be compared. */
  readonly keySpace: string
  /** The position of the key `bytes[start, end)`. O(length), no allocation. */
  positionOf(bytes: Uint8Array, start: number, end: number): number
  /** The index of the owner. There is at least one node. */
  indexAt(position: number): number
  /** The first `count` (at most the number of nodes) distinct indexes, the owner first. */
  orderAt(position: number, count: number): number[]
  /** Absent where equal owners do not lie in arcs. */
  readonly points?: () => LocatorPoints
}

/** Finds owners among at least one node. */
export interface Locator {
  /** The index of the owner of the key `bytes[start, end)`. */
  indexOf(bytes: Uint8Array, start: number, end: number): number
  /** The first `count` (at most the number of nodes) distinct indexes for a key, the owner first. */
  orderOf(bytes: Uint8Array, start: number, end: number, count: number): number[]
  /** The share of all keys per index; exact where there are arcs, else what the algorithm gives on average. */
  shares(): Float64Array
  /** Absent where the owner depends on more of the key than a number holds. */
  readonly positions?: Positions
}

/** A locator for a placement that knows positions. */
export class PositionLocator implements Locator {
  readonly positions: Positions
  readonly shares: () => Float64Array

  constructor(positions: Positions, shares: () => Float64Array) {
    this.positions = positions
    this.shares = shares
  }

  indexOf(bytes: Uint8Array, start: number, end: number): number {
    return this.positions.indexAt(this.positions.positionOf(bytes, start, end))
  }

  orderOf(bytes: Uint8Array, start: number, end: number, count: number): number[] {
    return this.positions.orderAt(this.positions.positionOf(bytes, start, end), count)
  }
}

/** Appends the indexes that are not there yet, in the order of the nodes, until there are `count`. */
export function fillOrder(order: number[], count: number): number[] {
  for (let index = 0; order.length < count; index++) if (!order.includes(index)) order.push(index)
  return order
}

/** Up to this many owners a search in the list found so far is cheaper than a set. */
const LISTED_MAX = 16
/** Tries per wanted owner before the others follow in the order of the nodes: at 8 nodes, one in 10^9 keys gets there. */
const ATTEMPTS_PER_NODE = 8
const ATTEMPTS_SPARE = 32

/**
 * The successors where a placement has none of its own: the owners of attempt 1, 2, … of the key, without those that are
 * there already. Bounded; whoever has not been drawn by then follows in the order of the nodes.
 */
export function orderByAttempts(
  count: number,
  nodes: number,
  indexOfAttempt: (attempt: number) => number,
): number[] {
  const order: number[] = []
  const seen = count > LISTED_MAX ? new Uint8Array(nodes) : undefined
  const attemptsMax = ATTEMPTS_PER_NODE * count + ATTEMPTS_SPARE
  for (let attempt = 0; order.length < count && attempt < attemptsMax; attempt++) {
    const index = indexOfAttempt(attempt)
    if (seen ? seen[index] === 1 : order.includes(index)) continue
    if (seen) seen[index] = 1
    order.push(index)
  }
  return fillOrder(order, count)
}

/** The position of attempt i of a key: itself at first, then a mix of position and attempt (finalizer of MurmurHash3). */
export function attemptPosition(position: number, attempt: number, space: number): number {
  if (attempt === 0) return position
  let mixed = (position ^ Math.imul(attempt, 0x9e3779b1)) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) % space
}
