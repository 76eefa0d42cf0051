import { diffSampled, type RingArc, type RingDiff, type RingTransfer } from './diff.ts'
import type { RingOptions } from './options.ts'
import type { AnyRing } from './ring.ts'

/** One node before and after a change. */
export interface PlanNode {
  readonly id: string
  readonly change: 'joins' | 'leaves' | 'reweighted' | 'stays'
  /** Weights; absent where the node is not there. */
  readonly weightBefore?: number
  readonly weightAfter?: number
  /** Share of all keys, 0 to 1; 0 where the node is not there. */
  readonly shareBefore: number
  readonly shareAfter: number
  /** Share of all keys that comes from other nodes, and that goes to others. */
  readonly gains: number
  readonly loses: number
}

/** What a change of a ring will move. Plain data: `JSON.stringify` keeps all of it. */
export interface RingPlan {
  /** Digests, options and numbers of nodes of both rings. */
  readonly before: PlanRing
  readonly after: PlanRing
  /** In the order of the ids. */
  readonly nodes: readonly PlanNode[]
  /** Share of all keys that changes hands, 0 to 1. */
  readonly moved: number
  /** The least share that any ring could move to get from the shares before to those after. */
  readonly movedAtLeast: number
  /** Who gives how much to whom, largest share first. */
  readonly transfers: readonly RingTransfer[]
  /** The arcs that change hands; empty where there are none to tell, see `sampledKeys`. */
  readonly arcs: readonly RingArc[]
  /** Present when the figures are counted over so many made-up keys: the rings have no arcs, or not on one circle. */
  readonly sampledKeys?: number
}

/** One side of a plan. */
export interface PlanRing {
  readonly digest: string
  readonly nodes: number
  readonly options: Required<RingOptions>
}

/**
 * What changes hands when ring `to` takes the place of ring `from`, whatever their placements: exact where both are arcs
 * of one circle, else counted over sampled keys. O(points of both).
 */
export function plan(from: AnyRing, to: AnyRing): RingPlan {
  const diff = comparison(from, to)
  const nodes = planNodes(from, to, diff)
  return {
    before: planRing(from),
    after: planRing(to),
    nodes,
    moved: diff.moved,
    movedAtLeast: nodes.reduce(
      (sum, node) => sum + Math.max(0, node.shareAfter - node.shareBefore),
      0,
    ),
    transfers: diff.transfers,
    arcs: diff.arcs,
    ...(diff.sampledKeys !== undefined && { sampledKeys: diff.sampledKeys }),
  }
}

function comparison(from: AnyRing, to: AnyRing): RingDiff {
  const comparable = from.keySpace === to.keySpace && from.hasPoints && to.hasPoints
  return comparable ? from.diff(to) : diffSampled(from, to)
}

function planRing(ring: AnyRing): PlanRing {
  return { digest: ring.digest, nodes: ring.nodes.length, options: ring.options }
}

function planNodes(from: AnyRing, to: AnyRing, diff: RingDiff): readonly PlanNode[] {
  const weightsBefore = new Map(from.nodes.map(({ id, weight = 1 }) => [id, weight]))
  const weightsAfter = new Map(to.nodes.map(({ id, weight = 1 }) => [id, weight]))
  const [sharesBefore, sharesAfter] = [from.shares(), to.shares()]
  const gains = sums(diff.transfers, 'after')
  const losses = sums(diff.transfers, 'before')
  const ids = [...new Set([...weightsBefore.keys(), ...weightsAfter.keys()])].sort()
  return ids.map((id) => {
    const [weightBefore, weightAfter] = [weightsBefore.get(id), weightsAfter.get(id)]
    return {
      id,
      change: changeOf(weightBefore, weightAfter),
      ...(weightBefore !== undefined && { weightBefore }),
      ...(weightAfter !== undefined && { weightAfter }),
      shareBefore: sharesBefore.get(id) ?? 0,
      shareAfter: sharesAfter.get(id) ?? 0,
      gains: gains.get(id) ?? 0,
      loses: losses.get(id) ?? 0,
    }
  })
}

function changeOf(before: number | undefined, after: number | undefined): PlanNode['change'] {
  if (before === undefined) return 'joins'
  if (after === undefined) return 'leaves'
  return before === after ? 'stays' : 'reweighted'
}

function sums(transfers: readonly RingTransfer[], side: 'before' | 'after'): Map<string, number> {
  const all = new Map<string, number>()
  for (const transfer of transfers) {
    const id = transfer[side]
    if (id !== undefined) all.set(id, (all.get(id) ?? 0) + transfer.share)
  }
  return all
}
