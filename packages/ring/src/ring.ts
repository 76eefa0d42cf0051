import { diffRings, type RingDiff, sideOf } from './diff.ts'
import { ringDigest } from './digest.ts'
import { RingError } from './errors.ts'
import { keyPosition, keyShare } from './key-space.ts'
import { RING_LIMITS } from './limits.ts'
import {
  type CheckedNode,
  checkNode,
  checkNodes,
  checkPointCount,
  findNode,
  pointCount,
  type RingNode,
} from './node.ts'
import { type KeyHash, type RingOptions, type RingwayOptions, resolveOptions } from './options.ts'
import { walkOwners, walkZones } from './owners.ts'
import { refuse } from './placement/check.ts'
import { createPlacedRing } from './placement/placed-ring.ts'
import { type OptionsOf, type PlacementOptions, RING_PLACEMENTS } from './placement/placements.ts'
import {
  buildTable,
  expandTable,
  fillPoints,
  ownerNumberAt,
  type PointTable,
} from './table/point-table.ts'
import {
  createRoster,
  freeNumber,
  type Roster,
  rosterChanged,
  rosterWith,
  rosterWithout,
} from './table/roster.ts'
import { insertPoints, removePoints } from './table/splice.ts'

/** Whether replicas go to different zones. */
export interface SpreadOptions {
  /** First one node of each zone, as long as there are zones left. */
  readonly spread?: 'zone'
}

/** Points in ascending order, and beside them their owners as indexes into `nodes`. */
export interface RingPoints {
  readonly positions: Uint32Array | Float64Array
  readonly owners: Uint16Array
}

/**
 * An immutable answer to "who owns this key, and who is next?". Equal nodes and options give the same ring on every
 * machine, by whatever steps; `RING_PLACEMENTS[…].order` says whether the order of the nodes matters too.
 *
 * A key's owner follows from its position, an integer from 0 to `space - 1`, except where `RING_PLACEMENTS[…].positions`
 * is false. Our own placement takes positions modulo 2^32.
 */
export interface Ring<Options extends RingOptions = RingwayOptions> {
  /** The nodes, weights filled in, frozen; in the order of their ids' UTF-8 bytes unless their order matters. */
  readonly nodes: readonly RingNode[]
  /** The options with their defaults. `createRing(ring.nodes, ring.options)` is an equal ring, for instance in a worker. */
  readonly options: Required<Options>
  /** 16 lower-case hex digits over nodes (ids, weights, zones) and options. Computed when first read, O(nodes). */
  readonly digest: string
  /** The number of positions: 2^32 for most placements. */
  readonly space: number
  /** Names how keys become positions: rings with equal names can be compared arc by arc. */
  readonly keySpace: string
  /** False where owners do not lie in arcs: `points` is then refused, and `diff` counts sampled keys. */
  readonly hasPoints: boolean

  /** The id of the key's owner; `undefined` on an empty ring. O(key length), no allocation (strings above 1365 units that are not ASCII excepted). */
  owner(key: string | Uint8Array): string | undefined
  /** As `owner`, but an index into `nodes`; -1 on an empty ring. */
  ownerIndex(key: string | Uint8Array): number
  /**
   * Up to `n` distinct ids: the owner, then its replicas clockwise; all nodes if there are fewer. With `spread: 'zone'`
   * first one node per zone in walk order (nodes without a zone count as one zone), then the others in walk order.
   * @throws RingError `RING_COUNT_INVALID`
   */
  owners(key: string | Uint8Array, n: number, options?: SpreadOptions): readonly string[]
  /** The position of a key (of its hash tag, if it has one and they count). */
  hash(key: string | Uint8Array): number
  /**
   * As `owner`, for a position. Constant time on average.
   * @throws RingError `RING_UNSUPPORTED` for a placement without positions
   */
  ownerAt(position: number): string | undefined
  /**
   * As `owners`, for a position.
   * @throws RingError `RING_UNSUPPORTED` for a placement without positions, `RING_COUNT_INVALID`
   */
  ownersAt(position: number, n: number, options?: SpreadOptions): readonly string[]
  /**
   * The owner of a position as an index into `nodes`, -1 on an empty ring. Constant time on average.
   * @throws RingError `RING_UNSUPPORTED` for a placement without positions
   */
  ownerIndexAt(position: number): number

  /**
   * A ring with one node more (the last one, where order matters), or with a new weight or zone for a node that is there
   * already; this ring if nothing changes. Equal to a new ring of the same nodes. For our own placement only the points
   * that come or go are hashed, and all else is shared: O(points of the node) and a copy of the index, O(points) when the
   * shared memory is full. The others build anew.
   * @throws RingError as `createRing`
   */
  with(node: RingNode): Ring<Options>
  /** A ring without a node; this ring if there is no such node. As cheap as `with`. */
  without(id: string): Ring<Options>
  /**
   * What changes hands when `other` takes the place of this ring. O(points of both).
   * @throws RingError `RING_DIFF_INCOMPATIBLE` if keys have other positions there; `plan` compares such rings by sample
   */
  diff(other: AnyRing): RingDiff
  /**
   * The share of the whole key space (of the slots, for `crc16-slot`) per id; sums to 1 unless empty. Where there are no
   * arcs: what the algorithm gives on average. O(points).
   */
  shares(): Map<string, number>
  /**
   * A copy of all points, for drawing and for checks. O(points).
   * @throws RingError `RING_UNSUPPORTED` for a placement without arcs
   */
  points(): RingPoints
}

/** A ring of any placement. */
export type AnyRing = Ring<RingOptions>

/**
 * Builds a ring. O(points): 4096 points per unit of weight by default.
 * @throws RingError for an id that is empty, too long, not well-formed or there twice, a weight that is not a finite
 * number above 0 or that the placement does not take, a bad zone or option, and more nodes or points than `RING_LIMITS`
 * allows
 */
export function createRing(nodes: readonly RingNode[], options?: RingwayOptions): Ring
export function createRing<P extends PlacementOptions['placement']>(
  nodes: readonly RingNode[],
  options: PlacementOptions & { readonly placement: P },
): Ring<OptionsOf<P>>
export function createRing(nodes: readonly RingNode[], options: RingOptions): AnyRing
export function createRing(nodes: readonly RingNode[], options: RingOptions = {}): AnyRing {
  const { placement = 'ringway' } = options
  if (!Object.hasOwn(RING_PLACEMENTS, placement)) {
    refuse('placement', placement, Object.keys(RING_PLACEMENTS))
  }
  return isOurs(options) ? createTableRing(nodes, options) : createPlacedRing(nodes, options)
}

function isOurs(options: RingOptions): options is RingwayOptions {
  return options.placement === undefined || options.placement === 'ringway'
}

function createTableRing(nodes: readonly RingNode[], options: RingwayOptions): Ring {
  const resolved = resolveOptions(options)
  const { pointsPerWeight } = resolved
  const checked = checkNodes(nodes)
  checkPointCount(checked, pointsPerWeight)
  const sources = checked.map((node) => ({ id: node.id, count: pointCount(node, pointsPerWeight) }))
  return new TableRing(resolved, createRoster(checked), buildTable(sources))
}

class TableRing implements Ring {
  readonly nodes: readonly CheckedNode[]
  readonly options: Required<RingwayOptions>
  readonly space = 2 ** 32
  readonly hasPoints = true
  readonly #roster: Roster
  readonly #table: PointTable
  readonly #ids: readonly (string | undefined)[]
  readonly #keyHash: KeyHash
  readonly #hashTags: boolean
  #digest: string | undefined

  constructor(options: Required<RingwayOptions>, roster: Roster, table: PointTable) {
    this.nodes = roster.nodes
    this.options = options
    this.#roster = roster
    this.#table = table
    this.#ids = roster.ids
    this.#keyHash = options.keyHash
    this.#hashTags = options.hashTags
  }

  get digest(): string {
    this.#digest ??= ringDigest(this.nodes, this.options)
    return this.#digest
  }

  get keySpace(): string {
    return `${this.#keyHash}${this.#hashTags ? ' {}' : ''}`
  }

  ownerIndex(key: string | Uint8Array): number {
    return this.ownerIndexAt(keyPosition(this.#keyHash, this.#hashTags, key))
  }

  owner(key: string | Uint8Array): string | undefined {
    return this.ownerAt(keyPosition(this.#keyHash, this.#hashTags, key))
  }

  owners(key: string | Uint8Array, n: number, options?: SpreadOptions): readonly string[] {
    return this.ownersAt(keyPosition(this.#keyHash, this.#hashTags, key), n, options)
  }

  hash(key: string | Uint8Array): number {
    return keyPosition(this.#keyHash, this.#hashTags, key) >>> 0
  }

  ownerAt(position: number): string | undefined {
    const number = ownerNumberAt(this.#table, position)
    return number === -1 ? undefined : this.#ids[number]
  }

  ownersAt(position: number, n: number, options?: SpreadOptions): readonly string[] {
    const walk = options?.spread === 'zone' ? walkZones : walkOwners
    return walk(this.#table, this.#roster, position, n)
  }

  ownerIndexAt(position: number): number {
    const number = ownerNumberAt(this.#table, position)
    return number === -1 ? -1 : (this.#roster.indexes[number] as number)
  }

  with(node: RingNode): Ring {
    const checked = checkNode(node)
    const index = findNode(this.nodes, checked.id)
    return index < 0 ? this.#join(-1 - index, checked) : this.#change(index, checked)
  }

  #join(index: number, node: CheckedNode): Ring {
    const { options } = this
    const number = freeNumber(this.#roster)
    const roster = rosterWith(this.#roster, index, node, number)
    if (roster.nodes.length > RING_LIMITS.nodesMax) {
      throw new RingError('RING_NODES_EXCEEDED', {
        got: roster.nodes.length,
        nodesMax: RING_LIMITS.nodesMax,
      })
    }
    checkPointCount(roster.nodes, options.pointsPerWeight)
    const added = sortedPoints(node.id, 0, pointCount(node, options.pointsPerWeight))
    const table = this.#insert(added, index, number, roster.ids.length)
    return new TableRing(options, roster, table)
  }

  /** Points have indexes, so another weight adds or removes the last ones and leaves the others where they are. */
  #change(index: number, node: CheckedNode): Ring {
    const { options } = this
    const old = this.nodes[index] as CheckedNode
    if (old.weight === node.weight && old.zone === node.zone) return this
    const roster = rosterChanged(this.#roster, index, node)
    checkPointCount(roster.nodes, options.pointsPerWeight)
    const number = roster.numbers[index] as number
    const oldCount = pointCount(old, options.pointsPerWeight)
    const newCount = pointCount(node, options.pointsPerWeight)
    let table = this.#table
    if (newCount > oldCount) {
      const added = sortedPoints(node.id, oldCount, newCount)
      table = this.#insert(added, index, number, roster.ids.length)
    } else if (newCount < oldCount) {
      const removed = sortedPoints(node.id, newCount, oldCount)
      table = removePoints(table, removed, number, roster.ids.length)
    }
    return new TableRing(options, roster, table)
  }

  /** Inserts points of the node that sorts at `index`. */
  #insert(added: Uint32Array, index: number, number: number, numbersEnd: number): PointTable {
    const { indexes } = this.#roster
    const precedes = (other: number) => (indexes[other] as number) < index
    return insertPoints(this.#table, added, number, numbersEnd, precedes)
  }

  without(id: string): Ring {
    const index = findNode(this.nodes, id)
    if (index < 0) return this
    const count = pointCount(this.nodes[index] as CheckedNode, this.options.pointsPerWeight)
    const number = this.#roster.numbers[index] as number
    const roster = rosterWithout(this.#roster, index)
    const removed = sortedPoints(id, 0, count)
    const table = removePoints(this.#table, removed, number, roster.ids.length)
    return new TableRing(this.options, roster, table)
  }

  diff(other: AnyRing): RingDiff {
    if (this.keySpace !== other.keySpace || !other.hasPoints) {
      throw new RingError('RING_DIFF_INCOMPATIBLE', {
        before: this.keySpace,
        after: other.keySpace,
      })
    }
    return diffRings(sideOf(this), sideOf(other), (from, to) => keyShare(this.#keyHash, from, to))
  }

  shares(): Map<string, number> {
    const { points, numbers } = expandTable(this.#table)
    const shares = new Float64Array(this.#ids.length)
    let from = points.at(-1) ?? 0
    for (let i = 0; i < points.length; i++) {
      const to = points[i] as number
      // Of equal points the first owns the arc; if all are equal, it owns the whole circle.
      if (i > 0 && to === from) continue
      const number = numbers[i] as number
      shares[number] = (shares[number] as number) + keyShare(this.#keyHash, from, to)
      from = to
    }
    return new Map(
      this.nodes.map(({ id }, i) => [id, shares[this.#roster.numbers[i] as number] as number]),
    )
  }

  points(): RingPoints {
    const { points, numbers } = expandTable(this.#table)
    const { indexes } = this.#roster
    return { positions: points, owners: numbers.map((number) => indexes[number] as number) }
  }
}

function sortedPoints(id: string, first: number, end: number): Uint32Array {
  const points = new Uint32Array(end - first)
  fillPoints(id, first, points)
  return points.sort()
}
