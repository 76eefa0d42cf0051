// Two rings are compared by walking both circles at once: between two neighbouring points of either ring, each ring has
// one owner.

import { arcShare } from './key-space.ts'
import type { AnyRing } from './ring.ts'

/** A range of positions that changes hands. */
export interface RingArc {
  /** Where it begins (exclusive), 0 to `ring.space - 1`. Greater than `to` when the arc crosses 0, equal to it for the whole circle. */
  readonly from: number
  /** Where it ends (inclusive), 0 to `ring.space - 1`. */
  readonly to: number
  /** The owner in the ring that was asked; absent if that ring is empty. */
  readonly before?: string
  /** The owner in the other ring; absent if that ring is empty. */
  readonly after?: string
}

/** All that one node hands to another. */
export interface RingTransfer {
  readonly before?: string
  readonly after?: string
  /** Share of the whole key space, 0 to 1. */
  readonly share: number
}

/** What changes between two rings. */
export interface RingDiff {
  /** In the order of the circle, from position 0; neighbours with equal owners are one arc. */
  readonly arcs: readonly RingArc[]
  /** Share of the whole key space that changes hands, 0 to 1. */
  readonly moved: number
  /** One entry per pair of owners between which keys move, largest share first. */
  readonly transfers: readonly RingTransfer[]
  /**
   * Where a placement has no arcs, `moved` and `transfers` are counted over so many made-up keys (within 0.4 % of the key
   * space, 19 times of 20) and `arcs` is empty; absent where all is exact.
   */
  readonly sampledKeys?: number
}

/** The points of one ring, as `Ring.points()` gives them, with the ids of their owners. */
export interface DiffSide {
  readonly ids: readonly string[]
  readonly positions: Uint32Array | Float64Array
  readonly owners: Uint16Array
}

interface OpenArc {
  from: number
  to: number
  readonly before: number
  readonly after: number
}

const NOBODY = -1
const PAIR_BASE = 2 ** 20

/** Compares two rings on one key space. O(points of both), plus the arcs. */
export function diffRings(
  before: DiffSide,
  after: DiffSide,
  shareOf: (from: number, to: number) => number,
): RingDiff {
  const ids = [...before.ids]
  const known = new Map(ids.map((id, i) => [id, i]))
  const afterNames = after.ids.map((id) => known.get(id) ?? ids.push(id) - 1)
  const beforeNames = before.ids.map((_, i) => i)
  const open = closeCircle(changedArcs(before, beforeNames, after, afterNames))
  const shares = new Map<number, number>()
  let moved = 0
  for (const arc of open) {
    const share = shareOf(arc.from, arc.to)
    const pair = (arc.before + 1) * PAIR_BASE + arc.after + 1
    shares.set(pair, (shares.get(pair) ?? 0) + share)
    moved += share
  }
  return {
    arcs: open.map((arc) => ({ from: arc.from, to: arc.to, ...ownersOf(ids, arc) })),
    moved,
    transfers: transfersOf(ids, shares),
  }
}

/** Compares two rings that have points on one circle. */
export function diffSides(before: AnyRing, after: AnyRing): RingDiff {
  const space = before.nodes.length > 0 ? before.space : after.space
  return diffRings(sideOf(before), sideOf(after), (from, to) => arcShare(space, from, to))
}

/** A ring as one side of a comparison. */
export function sideOf(ring: AnyRing): DiffSide {
  return { ids: ring.nodes.map(({ id }) => id), ...ring.points() }
}

/** Keys that stand for all where owners do not lie in arcs. */
const DIFF_SAMPLE_KEYS = 65_536

/** Compares any two rings by the owners of made-up keys. O(keys). */
export function diffSampled(before: AnyRing, after: AnyRing): RingDiff {
  const ids = before.nodes.map(({ id }) => id)
  const known = new Map(ids.map((id, i) => [id, i]))
  const afterNames = after.nodes.map(({ id }) => known.get(id) ?? ids.push(id) - 1)
  const counts = new Map<number, number>()
  let moved = 0
  for (let i = 0; i < DIFF_SAMPLE_KEYS; i++) {
    const key = `sample:${i}`
    const was = before.ownerIndex(key)
    const is = afterNames[after.ownerIndex(key)] ?? NOBODY
    if (was === is) continue
    const pair = (was + 1) * PAIR_BASE + is + 1
    counts.set(pair, (counts.get(pair) ?? 0) + 1 / DIFF_SAMPLE_KEYS)
    moved++
  }
  return {
    arcs: [],
    moved: moved / DIFF_SAMPLE_KEYS,
    transfers: transfersOf(ids, counts),
    sampledKeys: DIFF_SAMPLE_KEYS,
  }
}

/** Every arc whose owners differ, neighbours with equal owners joined; the first may begin behind the last point. */
function changedArcs(
  a: DiffSide,
  aNames: readonly number[],
  b: DiffSide,
  bNames: readonly number[],
): OpenArc[] {
  const arcs: OpenArc[] = []
  let from = Math.max(a.positions.at(-1) ?? 0, b.positions.at(-1) ?? 0)
  let last: OpenArc | undefined
  let i = 0
  let j = 0
  while (i < a.positions.length || j < b.positions.length) {
    const to = Math.min(a.positions[i] ?? Infinity, b.positions[j] ?? Infinity)
    const before = nameAt(a, aNames, i)
    const after = nameAt(b, bNames, j)
    if (before !== after) {
      if (last && last.to === from && last.before === before && last.after === after) last.to = to
      else {
        last = { from, to, before, after }
        arcs.push(last)
      }
    }
    while (a.positions[i] === to) i++
    while (b.positions[j] === to) j++
    from = to
  }
  return arcs
}

/** Who owns the positions up to point i: past the last point, that is the owner of the first. */
function nameAt(side: DiffSide, names: readonly number[], i: number): number {
  const owner = side.owners[i < side.owners.length ? i : 0]
  return owner === undefined ? NOBODY : (names[owner] as number)
}

/** Joins the last arc with the first where they meet at the last point, unless they are one arc already. */
function closeCircle(arcs: readonly OpenArc[]): readonly OpenArc[] {
  const first = arcs[0]
  const last = arcs.at(-1)
  if (!first || !last || first === last || last.to !== first.from) return arcs
  if (last.before !== first.before || last.after !== first.after) return arcs
  return [{ ...first, from: last.from }, ...arcs.slice(1, -1)]
}

function ownersOf(
  ids: readonly string[],
  pair: { readonly before: number; readonly after: number },
): { before?: string; after?: string } {
  const before = ids[pair.before]
  const after = ids[pair.after]
  return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) }
}

function transfersOf(
  ids: readonly string[],
  shares: ReadonlyMap<number, number>,
): readonly RingTransfer[] {
  const transfers: RingTransfer[] = []
  for (const [pair, share] of shares) {
    // Between two slots an arc can change hands without a key on it.
    if (share === 0) continue
    const before = Math.floor(pair / PAIR_BASE) - 1
    const after = (pair % PAIR_BASE) - 1
    transfers.push({ ...ownersOf(ids, { before, after }), share })
  }
  return transfers.sort((a, b) => b.share - a.share)
}
