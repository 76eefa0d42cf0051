import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, type Ring, type RingNode } from '../src/index.ts'
import { hold, nodes, POINTS, position } from './arbitraries.ts'

const make = (drawn: readonly RingNode[]): Ring => createRing(drawn, { pointsPerWeight: POINTS })
const spread = { spread: 'zone' } as const

describe('owners spread over zones', () => {
  test('are in distinct zones while there are enough', () => {
    hold(
      fc.property(
        nodes({ minLength: 1 }),
        position,
        fc.integer({ min: 1, max: 5 }),
        (drawn, at, n) => {
          const ring = make(drawn)
          const zoneOf = new Map(ring.nodes.map(({ id, zone }) => [id, zone ?? '']))
          const owners = ring.ownersAt(at, n, spread)
          const zones = new Set(owners.map((id) => zoneOf.get(id)))
          expect(zones.size).toBe(Math.min(owners.length, new Set(zoneOf.values()).size))
          expect(owners[0]).toBe(ring.ownerAt(at))
        },
      ),
      300,
    )
  })

  test('stay when another node goes, and exchange one when it was theirs', () => {
    hold(
      fc.property(
        nodes({ minLength: 2 }),
        position,
        fc.integer({ min: 1, max: 5 }),
        fc.nat(11),
        (drawn, at, n, pick) => {
          const before = make(drawn)
          const leaving = (drawn[pick % drawn.length] as RingNode).id
          const was = before.ownersAt(at, n, spread)
          const is = before.without(leaving).ownersAt(at, n, spread)
          if (!was.includes(leaving)) expect(is).toEqual(was)
          else {
            // Whoever was an owner and stays is one still; at most one other takes the place.
            for (const id of was) if (id !== leaving) expect(is).toContain(id)
            expect(is.filter((id) => !was.includes(id)).length).toBeLessThanOrEqual(1)
          }
        },
      ),
      500,
    )
  })

  test('make room for a node that joins by one of theirs at most', () => {
    hold(
      fc.property(
        nodes({ minLength: 2 }),
        position,
        fc.integer({ min: 1, max: 5 }),
        (drawn, at, n) => {
          const [joining, ...others] = drawn as [RingNode, ...RingNode[]]
          const was = make(others).ownersAt(at, n, spread)
          const is = make(others).with(joining).ownersAt(at, n, spread)
          expect(is.filter((id) => !was.includes(id) && id !== joining.id)).toEqual([])
          expect(was.filter((id) => !is.includes(id)).length).toBeLessThanOrEqual(1)
        },
      ),
      500,
    )
  })
})
