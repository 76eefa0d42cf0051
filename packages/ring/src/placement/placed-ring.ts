// The `Ring` contract over the placements of other programs. Their rings are small or recounted as a whole, so a change
// of nodes builds anew.

import { diffSampled, diffSides, type RingDiff } from '../diff.ts'
import { placementDigest } from '../digest.ts'
import { RingError } from '../errors.ts'
import { xxh32OfBytes } from '../hash/xxh32.ts'
import { tagEnd, tagStart } from '../hash-tag.ts'
import type { RingNode } from '../node.ts'
import { type CheckedNode, checkNode, checkNodeList, compareNodes } from '../node.ts'
import type { AnyRing, Ring, RingPoints, SpreadOptions } from '../ring.ts'
import { spreadOverZones } from '../spread.ts'
import { utf8Room, writeUtf8 } from '../utf8.ts'
import type { Locator, Positions } from './locator.ts'
import { locate, type PlacementOptions, RING_PLACEMENTS, resolvePlacement } from './placements.ts'

/** Builds a ring of any placement but our own. */
export function createPlacedRing(
  nodes: readonly RingNode[],
  options: PlacementOptions,
): Ring<PlacementOptions> {
  const checked = checkNodeList(nodes, RING_PLACEMENTS[options.placement].order)
  return new PlacedRing(checked, resolvePlacement(options, checked))
}

class PlacedRing implements Ring<PlacementOptions> {
  readonly nodes: readonly CheckedNode[]
  readonly options: Required<PlacementOptions>
  /** Undefined without a node. */
  readonly #locator: Locator | undefined
  readonly #hashTags: boolean
  #digest: string | undefined

  constructor(nodes: readonly CheckedNode[], options: Required<PlacementOptions>) {
    this.nodes = nodes
    this.options = options
    this.#hashTags = options.hashTags
    this.#locator = nodes.length === 0 ? undefined : locate(nodes, options)
  }

  get digest(): string {
    this.#digest ??= placementDigest(this.nodes, this.options)
    return this.#digest
  }

  get space(): number {
    return this.#locator?.positions?.space ?? 2 ** 32
  }

  get keySpace(): string {
    const { placement } = this.options
    const positions = this.#locator?.positions
    if (positions === undefined) return `${placement} without positions`
    return `${positions.keySpace}${this.#hashTags ? ' {}' : ''}`
  }

  owner(key: string | Uint8Array): string | undefined {
    return this.nodes[this.ownerIndex(key)]?.id
  }

  ownerIndex(key: string | Uint8Array): number {
    const locator = this.#locator
    if (locator === undefined) return -1
    if (typeof key !== 'string') {
      const tag = this.#hashTags ? tagStart(key) : -1
      if (tag === -1) return locator.indexOf(key, 0, key.length)
      return locator.indexOf(key, tag, tagEnd(key, tag))
    }
    const room = utf8Room(key.length)
    return locator.indexOf(room, 0, this.#write(key, room))
  }

  owners(key: string | Uint8Array, n: number, options?: SpreadOptions): readonly string[] {
    const locator = this.#locator
    if (locator === undefined) return this.#owners(n, options, () => [])
    const [bytes, start, end] = this.#bytesOf(key)
    return this.#owners(n, options, (count) => locator.orderOf(bytes, start, end, count))
  }

  /** What is hashed of a text key, as bytes at the beginning of `room`; returns their number. */
  #write(key: string, room: Uint8Array): number {
    const tag = this.#hashTags ? tagStart(key) : -1
    return tag === -1
      ? writeUtf8(key, 0, key.length, room)
      : writeUtf8(key, tag, tagEnd(key, tag), room)
  }

  #bytesOf(key: string | Uint8Array): readonly [bytes: Uint8Array, start: number, end: number] {
    if (typeof key === 'string') {
      const room = utf8Room(key.length)
      return [room, 0, this.#write(key, room)]
    }
    const tag = this.#hashTags ? tagStart(key) : -1
    return tag === -1 ? [key, 0, key.length] : [key, tag, tagEnd(key, tag)]
  }

  #owners(
    n: number,
    options: SpreadOptions | undefined,
    order: (count: number) => readonly number[],
  ): readonly string[] {
    if (!Number.isInteger(n) || n < 0)
      throw new RingError('RING_COUNT_INVALID', { count: String(n) })
    const wanted = Math.min(n, this.nodes.length)
    if (wanted === 0) return []
    const indexes =
      options?.spread === 'zone' ? spreadOverZones(this.nodes, wanted, order) : order(wanted)
    return indexes.map((index) => (this.nodes[index] as CheckedNode).id)
  }

  /** Without positions: xxh32 of what is hashed, to tell keys apart. */
  hash(key: string | Uint8Array): number {
    // First the locator: building one hashes names in the room in which a text key stands afterwards.
    const locator = this.#locator ?? probe(this.options)
    const [bytes, start, end] = this.#bytesOf(key)
    if (locator.positions) return locator.positions.positionOf(bytes, start, end)
    return xxh32OfBytes(bytes, start, end, 0) >>> 0
  }

  ownerAt(position: number): string | undefined {
    return this.nodes[this.ownerIndexAt(position)]?.id
  }

  ownersAt(position: number, n: number, options?: SpreadOptions): readonly string[] {
    if (this.#locator === undefined) return this.#owners(n, options, () => [])
    const positions = this.#positions('ownersAt')
    return this.#owners(n, options, (count) => [...positions.orderAt(position, count)])
  }

  ownerIndexAt(position: number): number {
    return this.#locator === undefined ? -1 : this.#positions('ownerIndexAt').indexAt(position)
  }

  #positions(what: string): Positions {
    const positions = this.#locator?.positions
    if (positions) return positions
    throw new RingError('RING_UNSUPPORTED', { placement: this.options.placement, what })
  }

  with(node: RingNode): Ring<PlacementOptions> {
    const checked = checkNode(node)
    const { order } = RING_PLACEMENTS[this.options.placement]
    const index = this.nodes.findIndex(({ id }) => id === checked.id)
    const old = this.nodes[index]
    if (old && old.weight === checked.weight && old.zone === checked.zone) return this
    const nodes = old ? this.nodes.with(index, checked) : [...this.nodes, checked]
    return this.#rebuilt(order === 'ids' ? nodes.toSorted(compareNodes) : nodes)
  }

  without(id: string): Ring<PlacementOptions> {
    const nodes = this.nodes.filter((node) => node.id !== id)
    return nodes.length === this.nodes.length ? this : this.#rebuilt(nodes)
  }

  #rebuilt(nodes: readonly CheckedNode[]): Ring<PlacementOptions> {
    const checked = checkNodeList(nodes, 'given')
    return new PlacedRing(checked, resolvePlacement(this.options, checked))
  }

  diff(other: AnyRing): RingDiff {
    if (this.nodes.length > 0 && other.nodes.length > 0 && this.keySpace !== other.keySpace) {
      throw new RingError('RING_DIFF_INCOMPATIBLE', {
        before: this.keySpace,
        after: other.keySpace,
      })
    }
    return this.hasPoints && other.hasPoints ? diffSides(this, other) : diffSampled(this, other)
  }

  get hasPoints(): boolean {
    return this.#locator === undefined || this.#locator.positions?.points !== undefined
  }

  shares(): Map<string, number> {
    const shares = this.#locator?.shares()
    return new Map(this.nodes.map(({ id }, i) => [id, shares?.[i] ?? 0]))
  }

  points(): RingPoints {
    if (this.#locator === undefined)
      return { positions: new Float64Array(), owners: new Uint16Array() }
    const points = this.#positions('points').points
    if (points === undefined) {
      throw new RingError('RING_UNSUPPORTED', { placement: this.options.placement, what: 'points' })
    }
    return points()
  }
}

/** An empty ring has no locator, but its keys have positions all the same. */
function probe(options: Required<PlacementOptions>): Locator {
  const node = Object.freeze({ id: 'nobody', weight: 1 })
  return locate([node], resolvePlacement(options, [node]))
}
