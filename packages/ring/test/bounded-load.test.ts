import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBoundedLoad, createRing, type RingNode } from '../src/index.ts'
import { hold } from './arbitraries.ts'

const named = (count: number): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({ id: `node-${i}` }))

describe('bounded load', () => {
  test('never lets a node carry more than c times its fair share, whatever the keys', () => {
    for (const options of [{}, { placement: 'maglev' }, { placement: 'mcrouter' }] as const) {
      hold(
        fc.property(
          fc.array(fc.record({ key: fc.nat(5), release: fc.boolean() }), { maxLength: 200 }),
          fc.constantFrom(1, 1.25, 2),
          (steps, c) => {
            const ring = createRing(named(5), options)
            const load = createBoundedLoad(ring, { c })
            const held: string[] = []
            for (const { key, release } of steps) {
              if (release && held.length > 0) expect(load.release(held.pop() as string)).toBe(true)
              else {
                const before = new Map(ring.nodes.map(({ id }) => [id, load.capacity(id)]))
                const id = load.acquire(`hot-${key}`) as string
                held.push(id)
                expect(load.load(id)).toBeLessThanOrEqual(before.get(id) as number)
              }
            }
            expect(load.total).toBe(held.length)
          },
        ),
        30,
      )
    }
  })

  test('gives a key to its owner while that has room, then to the next ones in order', () => {
    const ring = createRing(named(4))
    const load = createBoundedLoad(ring, { c: 1 })
    const order = ring.owners('hot', 4)
    expect([1, 2, 3, 4].map(() => load.acquire('hot'))).toEqual(order)
    load.release(order[2] as string)
    expect(load.acquire('hot')).toBe(order[2])
  })

  test('respects weights, and finds someone when all are full', () => {
    const ring = createRing([{ id: 'small' }, { id: 'large', weight: 3 }])
    const load = createBoundedLoad(ring, {
      c: 1,
      usable: (index) => ring.nodes[index]?.id === 'small',
    })
    for (let i = 0; i < 10; i++) expect(load.acquire(`k${i}`)).toBe('small')
    expect(load.load('small')).toBe(10)
    expect(load.capacity('small')).toBe(3)
    expect(load.capacity('large')).toBe(9)
  })

  test('gives the key to the one that is full least, the first owner of equal ones', () => {
    const ring = createRing(named(3))
    const order = ring.owners('hot', 3)
    const down = ring.nodes.findIndex(({ id }) => id === order[0])
    const load = createBoundedLoad(ring, { c: 1, usable: (index) => index !== down })
    const taken = Array.from({ length: 8 }, () => load.acquire('hot'))
    expect(taken.filter((id) => id === order[1])).toHaveLength(4)
    expect(taken.filter((id) => id === order[2])).toHaveLength(4)
    // Both were full most of the time: the first owner of equal ones came first.
    expect(taken[0]).toBe(order[1])
  })

  test('has no answer only where no node is usable', () => {
    expect(createBoundedLoad(createRing([])).acquire('k')).toBeUndefined()
    const load = createBoundedLoad(createRing(named(3)), { usable: () => false })
    expect(load.acquire('k')).toBeUndefined()
    expect(load.total).toBe(0)
  })

  test('releases only what is there', () => {
    const load = createBoundedLoad(createRing(named(2)))
    expect(load.release('node-0')).toBe(false)
    expect(load.release('nobody')).toBe(false)
    expect([load.capacity('nobody'), load.load('nobody')]).toEqual([0, 0])
  })

  test('goes on with another ring: who stays keeps its load, who goes takes it along', () => {
    const ring = createRing(named(3))
    const load = createBoundedLoad(ring)
    for (let i = 0; i < 30; i++) load.acquire(`k${i}`)
    const kept = load.load('node-1')
    load.follow(ring.without('node-0').with({ id: 'node-9' }))
    expect(load.load('node-1')).toBe(kept)
    expect(load.load('node-0')).toBe(0)
    expect(load.load('node-9')).toBe(0)
    expect(load.total).toBe(load.load('node-1') + load.load('node-2'))
    load.follow(createRing([]))
    expect(load.total).toBe(0)
  })

  test('takes a c from 1 to 100', () => {
    for (const c of [1, 100]) expect(createBoundedLoad(createRing([]), { c }).total).toBe(0)
    for (const c of [0.99, 100.1, Number.NaN, '2']) {
      expect(() => createBoundedLoad(createRing([]), { c: c as number })).toThrow(
        expect.objectContaining({ code: 'RING_OPTION_INVALID' }),
      )
    }
  })
})
