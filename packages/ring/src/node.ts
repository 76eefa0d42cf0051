import { RingError } from './errors.ts'
import { RING_LIMITS } from './limits.ts'
import { compareUtf8, isWellFormed, utf8Bytes } from './utf8.ts'

/** One owner of keys. */
export interface RingNode {
  /** Unique, 1 to 512 bytes of UTF-8. The id alone decides where the node's points lie, so it must outlive addresses. */
  readonly id: string
  /** Share of the keys relative to the other nodes: above 0, fractions allowed, 1 by default. */
  readonly weight?: number
  /** The failure domain that `spread: 'zone'` tries not to use twice: up to 255 bytes. Empty is the same as absent. */
  readonly zone?: string
}

/** A node that has been checked: the weight is filled in and an empty zone is gone. */
export interface CheckedNode extends RingNode {
  readonly weight: number
}

/** Checks one node and returns a frozen copy. O(id + zone). */
export function checkNode(node: RingNode): CheckedNode {
  const { id, weight = 1, zone } = node
  if (!isText(id, RING_LIMITS.nodeIdBytesMax) || id.length === 0) {
    throw new RingError('RING_NODE_ID_INVALID', {
      id: excerpt(id),
      bytesMax: RING_LIMITS.nodeIdBytesMax,
    })
  }
  if (typeof weight !== 'number' || !Number.isFinite(weight) || weight <= 0) {
    throw new RingError('RING_NODE_WEIGHT_INVALID', { id, weight: String(weight) })
  }
  if (zone !== undefined && !isText(zone, RING_LIMITS.zoneBytesMax)) {
    throw new RingError('RING_NODE_ZONE_INVALID', {
      id,
      zone: excerpt(zone),
      bytesMax: RING_LIMITS.zoneBytesMax,
    })
  }
  return Object.freeze(zone ? { id, weight, zone } : { id, weight })
}

function isText(value: unknown, bytesMax: number): value is string {
  if (typeof value !== 'string' || value.length > bytesMax) return false
  return isWellFormed(value) && utf8Bytes(value).length <= bytesMax
}

/** A wrong id may be of any type and size; an error message must not be. */
function excerpt(value: unknown): string {
  return String(value).slice(0, 80)
}

/** The order of ids as UTF-8 bytes. */
export function compareNodes(a: RingNode, b: RingNode): number {
  return compareUtf8(a.id, b.id)
}

/** Checks nodes and returns copies in the order of their ids' UTF-8 bytes. O(n log n). */
export function checkNodes(nodes: readonly RingNode[]): readonly CheckedNode[] {
  return checkNodeList(nodes, 'ids')
}

/** Checks nodes and returns copies, in the order of their ids' UTF-8 bytes or in the order given. O(n log n). */
export function checkNodeList(
  nodes: readonly RingNode[],
  order: 'ids' | 'given',
): readonly CheckedNode[] {
  if (nodes.length > RING_LIMITS.nodesMax) {
    throw new RingError('RING_NODES_EXCEEDED', {
      got: nodes.length,
      nodesMax: RING_LIMITS.nodesMax,
    })
  }
  const checked = nodes.map(checkNode)
  const sorted = checked.toSorted(compareNodes)
  for (let i = 1; i < sorted.length; i++) {
    const id = sorted[i]?.id
    if (id === sorted[i - 1]?.id) throw new RingError('RING_NODE_ID_DUPLICATE', { id })
  }
  return Object.freeze(order === 'ids' ? sorted : checked)
}

/** The index of an id in sorted nodes, or `-1 - index` of the place where it belongs. O(log n). */
export function findNode(nodes: readonly CheckedNode[], id: string): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compareUtf8((nodes[middle] as CheckedNode).id, id)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return -1 - low
}

/** How many points a node has: its weight times `pointsPerWeight`, halves rounded up, at least 1. */
export function pointCount(node: CheckedNode, pointsPerWeight: number): number {
  return Math.max(1, Math.floor(node.weight * pointsPerWeight + 0.5))
}

/** Refuses nodes whose points together exceed the limit of a ring. O(n). */
export function checkPointCount(nodes: readonly CheckedNode[], pointsPerWeight: number): void {
  let points = 0
  for (const node of nodes) points += pointCount(node, pointsPerWeight)
  if (points > RING_LIMITS.pointsMax) {
    throw new RingError('RING_POINTS_EXCEEDED', { got: points, pointsMax: RING_LIMITS.pointsMax })
  }
}
