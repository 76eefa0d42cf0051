import { type AnyRing, createRing, RING_PLACEMENTS, type Ring, type RingNode } from '@ringway/ring'
import type { BackendTopology, PoolTopology } from '../topology.ts'

/** Owners of whole keys are numbers above this one; 32 bits tell keys of one owner apart. */
const PLACE = 2 ** 32

/**
 * The ring of a pool, of any placement. A key's place is a number that says who owns it:
 *
 *   most placements       its position on the ring
 *   mcrouter and caddy    index of its owner × 2^32 + its hash: there the owner depends on more of a key than a number holds
 *
 * Places of the second kind are good for one ring, and their further owners follow from the key itself: they are told for
 * the key that was asked last. Who keeps such a place while other commands run asks anew (`wholeKeys`).
 */
export class KeyRing {
  #ring: AnyRing = createRing([])
  #made = ''
  #lastKey: Uint8Array = new Uint8Array()
  #lastPlace = -1
  /** True where a place has to be asked anew from the key before its further owners are. */
  wholeKeys = false

  get nodes(): readonly RingNode[] {
    return this.#ring.nodes
  }

  /** The ring as it is now. */
  get ring(): AnyRing {
    return this.#ring
  }

  /** Takes nodes and placement of a newer topology. A ring of our own changes by what is different. */
  update({ placement, backends }: Pick<PoolTopology, 'placement' | 'backends'>): void {
    const nodes = backends.map(toNode)
    const made = JSON.stringify([placement, nodes])
    if (made === this.#made) return
    this.#ring = changed(this.#ring, nodes, placement)
    this.wholeKeys = !RING_PLACEMENTS[placement.placement ?? 'ringway'].positions
    this.#made = made
    this.#lastPlace = -1
  }

  /** Forgets all nodes. */
  clear(): void {
    this.#ring = createRing([])
    this.#made = ''
    this.wholeKeys = false
  }

  /** The place of a key; of two with equal places both have the same owners. */
  placeOf(key: Uint8Array): number {
    const ring = this.#ring
    if (!this.wholeKeys) return ring.hash(key)
    const place = (ring.ownerIndex(key) + 1) * PLACE + ring.hash(key)
    this.#lastKey = key.slice()
    this.#lastPlace = place
    return place
  }

  /** The owner of a place as an index into `nodes`; -1 without a node. */
  ownerIndexAt(place: number): number {
    if (!this.wholeKeys) return this.#ring.ownerIndexAt(place)
    // A place of an older ring may name a node too many.
    return Math.min(Math.max(Math.floor(place / PLACE), 1), this.#ring.nodes.length) - 1
  }

  /** Up to `count` distinct owners, first the one that `ownerIndexAt` names. */
  ownersAt(place: number, count: number): readonly string[] {
    const ring = this.#ring
    if (!this.wholeKeys) return ring.ownersAt(place, count)
    if (place === this.#lastPlace) return ring.owners(this.#lastKey, count)
    const first = this.ownerIndexAt(place)
    const { nodes } = ring
    const turned = [...nodes.slice(first), ...nodes.slice(0, Math.max(first, 0))]
    return turned.slice(0, count).map(({ id }) => id)
  }
}

function changed(
  before: AnyRing,
  nodes: readonly RingNode[],
  placement: PoolTopology['placement'],
): AnyRing {
  if (!isOurs(before) || before.nodes.length === 0) return createRing(nodes, placement)
  const { options } = createRing([], placement)
  return JSON.stringify(options) === JSON.stringify(before.options)
    ? withDifferences(before, nodes)
    : createRing(nodes, placement)
}

function isOurs(ring: AnyRing): ring is Ring {
  return ring.options.placement === 'ringway'
}

function withDifferences(before: Ring, nodes: readonly RingNode[]): Ring {
  const wanted = new Set(nodes.map((node) => node.id))
  let ring = before
  for (const node of before.nodes) if (!wanted.has(node.id)) ring = ring.without(node.id)
  // The ring is the same one when nothing about a node is new.
  for (const node of nodes) ring = ring.with(node)
  return ring
}

function toNode({ id, weight, zone }: BackendTopology): RingNode {
  return zone === undefined ? { id, weight } : { id, weight, zone }
}
