import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, type RingArc } from '../src/index.ts'
import { hold, keyHash, nodes, POINTS, position, sequence } from './arbitraries.ts'

const contains = (arc: RingArc, at: number): boolean => {
  if (arc.from === arc.to) return true
  return arc.from < arc.to ? at > arc.from && at <= arc.to : at > arc.from || at <= arc.to
}

describe('a diff', () => {
  test('has an arc for exactly the positions whose owner changes', () => {
    hold(
      fc.property(nodes(), nodes(), fc.array(position), (first, second, drawn) => {
        const before = createRing(first, { pointsPerWeight: POINTS })
        const after = createRing(second, { pointsPerWeight: POINTS })
        const { arcs } = before.diff(after)
        const edges = arcs.flatMap((arc) => [arc.from, arc.to, (arc.to + 1) >>> 0]).slice(0, 60)
        for (const at of [0, 2 ** 32 - 1, ...edges, ...drawn, ...sequence(100)]) {
          const found = arcs.filter((arc) => contains(arc, at))
          const [was, is] = [before.ownerAt(at), after.ownerAt(at)]
          expect(found).toHaveLength(was === is ? 0 : 1)
          if (was !== is) expect([found[0]?.before, found[0]?.after]).toEqual([was, is])
        }
      }),
      60,
    )
  })

  test('joins neighbouring arcs with the same owners, across 0 too', () => {
    hold(
      fc.property(nodes(), nodes(), (first, second) => {
        const { arcs } = createRing(first, { pointsPerWeight: POINTS }).diff(
          createRing(second, { pointsPerWeight: POINTS }),
        )
        if (arcs.length < 2) return
        arcs.forEach((arc, i) => {
          const next = arcs[(i + 1) % arcs.length] as RingArc
          const same = arc.before === next.before && arc.after === next.after
          expect(arc.to === next.from && same).toBe(false)
        })
      }),
      100,
    )
  })

  test('counts the same share by transfer, in total, and by what each node gains and loses', () => {
    hold(
      fc.property(nodes(), nodes(), keyHash, (first, second, hash) => {
        const options = { keyHash: hash, pointsPerWeight: POINTS }
        const before = createRing(first, options)
        const after = createRing(second, options)
        const { moved, transfers } = before.diff(after)
        expect(transfers.reduce((sum, { share }) => sum + share, 0)).toBe(moved)
        const balance = new Map(before.shares())
        for (const { before: from, after: to, share } of transfers) {
          expect(share).toBeGreaterThan(0)
          if (from !== undefined) balance.set(from, (balance.get(from) ?? 0) - share)
          if (to !== undefined) balance.set(to, (balance.get(to) ?? 0) + share)
        }
        for (const { id } of [...first, ...second]) {
          expect(balance.get(id) ?? 0).toBe(after.shares().get(id) ?? 0)
        }
      }),
      100,
    )
  })

  test('agrees with sampled keys', () => {
    const before = createRing(['a', 'b', 'c', 'd'].map((id) => ({ id })))
    const after = before.without('b').with({ id: 'e', weight: 2 })
    const { moved } = before.diff(after)
    const keys = Array.from({ length: 50_000 }, (_, i) => `key:${i}`)
    const changed = keys.filter((key) => before.owner(key) !== after.owner(key)).length
    expect(Math.abs(changed / keys.length - moved)).toBeLessThan(0.01)
  })

  test('with an empty ring is the whole circle', () => {
    const empty = createRing([])
    const one = createRing([{ id: 'a' }])
    const diff = empty.diff(one)
    expect(diff.moved).toBe(1)
    expect(diff.transfers).toEqual([{ after: 'a', share: 1 }])
    expect(diff.arcs).toHaveLength(1)
    expect(diff.arcs[0]?.from).toBe(diff.arcs[0]?.to)
    expect(one.diff(empty).transfers).toEqual([{ before: 'a', share: 1 }])
    expect(one.diff(one)).toEqual({ arcs: [], moved: 0, transfers: [] })
  })

  test('of rings that hash keys differently is refused', () => {
    const ring = createRing([{ id: 'a' }])
    const others = [
      createRing([{ id: 'a' }], { keyHash: 'xxh64' }),
      createRing([{ id: 'a' }], { hashTags: false }),
    ]
    for (const other of others) {
      expect(() => ring.diff(other)).toThrow(
        expect.objectContaining({ code: 'RING_DIFF_INCOMPATIBLE' }),
      )
    }
    expect(ring.diff(createRing([{ id: 'a' }], { pointsPerWeight: 5 })).moved).toBe(0)
  })
})
