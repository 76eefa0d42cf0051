import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, plan, type RingNode } from '../src/index.ts'
import { hold, nodes, POINTS } from './arbitraries.ts'

const named = (count: number): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({ id: `node-${i}` }))

describe('a plan', () => {
  test('says who joins, leaves and is reweighted, and what each gains and loses', () => {
    const from = createRing(named(4))
    const to = from.without('node-0').with({ id: 'node-9' }).with({ id: 'node-1', weight: 2 })
    const made = plan(from, to)
    expect(made.nodes.map(({ id, change }) => [id, change])).toEqual([
      ['node-0', 'leaves'],
      ['node-1', 'reweighted'],
      ['node-2', 'stays'],
      ['node-3', 'stays'],
      ['node-9', 'joins'],
    ])
    expect(made.nodes[0]).toMatchObject({ weightBefore: 1, shareAfter: 0, gains: 0 })
    expect(made.nodes[0]).not.toHaveProperty('weightAfter')
    expect(made.nodes[1]).toMatchObject({ weightBefore: 1, weightAfter: 2 })
    expect(made.before).toEqual({ digest: from.digest, nodes: 4, options: from.options })
    expect(made.after).toEqual({ digest: to.digest, nodes: 4, options: to.options })
    expect(made.arcs.length).toBeGreaterThan(0)
    expect(made).not.toHaveProperty('sampledKeys')
  })

  test('balances: what a node has before, and gains, and loses, is what it has after', () => {
    hold(
      fc.property(nodes(), nodes(), (first, second) => {
        const options = { pointsPerWeight: POINTS }
        const made = plan(createRing(first, options), createRing(second, options))
        for (const { shareBefore, shareAfter, gains, loses } of made.nodes) {
          expect(shareBefore + gains - loses).toBeCloseTo(shareAfter, 9)
        }
        expect(made.moved).toBeGreaterThanOrEqual(made.movedAtLeast - 1e-9)
        expect(JSON.parse(JSON.stringify(made))).toEqual(made)
        expect(structuredClone(made)).toEqual(made)
      }),
      60,
    )
  })

  test('moves no more than it must when one node joins our own placement', () => {
    const from = createRing(named(10))
    const { moved, movedAtLeast } = plan(from, from.with({ id: 'node-x' }))
    expect(moved).toBeCloseTo(movedAtLeast, 9)
    expect(plan(from, from)).toMatchObject({ moved: 0, movedAtLeast: 0, transfers: [], arcs: [] })
  })

  test('compares any two placements by sampled keys', () => {
    const from = createRing(named(4), { placement: 'ketama' })
    const to = createRing(named(4))
    const made = plan(from, to)
    expect(made.sampledKeys).toBe(65_536)
    expect(made.arcs).toEqual([])
    // Two rings that know nothing of each other agree on one key in four.
    expect(Math.abs(made.moved - 0.75)).toBeLessThan(0.03)
    expect(() => from.diff(to)).toThrow(expect.objectContaining({ code: 'RING_DIFF_INCOMPATIBLE' }))
    expect(() => to.diff(from)).toThrow(expect.objectContaining({ code: 'RING_DIFF_INCOMPATIBLE' }))
  })

  test('compares circles of one key space by arcs, even across placements', () => {
    const from = createRing(named(5), { placement: 'hashring' })
    const to = createRing(named(5), { placement: 'ketama-weighted' })
    expect(plan(from, to)).toMatchObject({ moved: 0, arcs: [] })
    expect(plan(from, to)).not.toHaveProperty('sampledKeys')
  })

  test('starts and ends with nothing', () => {
    const empty = createRing([], { placement: 'maglev' })
    const one = empty.with({ id: 'a' })
    expect(plan(empty, one)).toMatchObject({ moved: 1, transfers: [{ after: 'a', share: 1 }] })
    expect(plan(one, empty)).toMatchObject({ moved: 1, transfers: [{ before: 'a', share: 1 }] })
    expect(plan(empty, empty)).toMatchObject({ moved: 0, nodes: [] })
  })
})
