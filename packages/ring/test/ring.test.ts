import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, type Ring, type RingNode, xxh32 } from '../src/index.ts'
import { hold, key, keyHash, nodes, POINTS, position, SEED, sequence } from './arbitraries.ts'

const named = (count: number, prefix = 'node-'): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}` }))

const shuffled = <T>(items: readonly T[], seed: number): T[] => {
  const order = sequence(items.length, seed)
  return items
    .map((item, i) => ({ item, rank: order[i] ?? 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}

/** Everything that two equal rings must agree on. */
const expectSame = (a: Ring, b: Ring): void => {
  expect(a.nodes).toEqual(b.nodes)
  expect(a.digest).toBe(b.digest)
  const left = a.points()
  const right = b.points()
  expect(Buffer.from(left.positions.buffer).equals(Buffer.from(right.positions.buffer))).toBe(true)
  expect(Buffer.from(left.owners.buffer).equals(Buffer.from(right.owners.buffer))).toBe(true)
}

describe('an empty ring', () => {
  test('owns nothing', () => {
    const ring = createRing([])
    expect(ring.owner('k')).toBeUndefined()
    expect(ring.ownerAt(7)).toBeUndefined()
    expect(ring.ownerIndexAt(7)).toBe(-1)
    expect(ring.owners('k', 3)).toEqual([])
    expect(ring.owners('k', 3, { spread: 'zone' })).toEqual([])
    expect(ring.shares()).toEqual(new Map())
    expect(ring.diff(ring)).toEqual({ arcs: [], moved: 0, transfers: [] })
  })

  test('is what is left when the last node goes, and grows again', () => {
    const one = createRing([{ id: 'a' }])
    expectSame(one.without('a'), createRing([]))
    expectSame(createRing([]).with({ id: 'a' }), one)
  })
})

describe('a ring', () => {
  test('is the same in whatever order its nodes come', () => {
    hold(
      fc.property(nodes(), fc.integer(), keyHash, (drawn, seed, hash) => {
        const options = { keyHash: hash, pointsPerWeight: POINTS }
        expectSame(createRing(drawn, options), createRing(shuffled(drawn, seed), options))
      }),
      100,
    )
  })

  test('is the same whether built at once or step by step', () => {
    const step = fc.record({ remove: fc.boolean(), pick: fc.nat(100), index: fc.nat(11) })
    hold(
      fc.property(
        nodes(),
        nodes({ minLength: 12, maxLength: 12 }),
        fc.array(step, { maxLength: 12 }),
        (first, later, steps) => {
          const options = { pointsPerWeight: POINTS }
          let ring = createRing(first, options)
          const model = new Map(first.map((node) => [node.id, node]))
          for (const { remove, pick, index } of steps) {
            const node = later[index] as RingNode
            const id = [...model.keys()][pick % Math.max(1, model.size)] ?? 'nobody'
            if (remove) {
              ring = ring.without(id)
              model.delete(id)
            } else {
              ring = ring.with(pick % 2 ? { ...node, id } : node)
              model.set(pick % 2 ? id : node.id, pick % 2 ? { ...node, id } : node)
            }
          }
          expectSame(ring, createRing([...model.values()], options))
        },
      ),
      150,
    )
  })

  test('stays the same through joins and leaves at the default size, where memory is laid out anew', () => {
    const all = shuffled(named(70), SEED)
    let ring = createRing(all.slice(0, 60))
    for (const node of all.slice(60)) ring = ring.with(node)
    expectSame(ring, createRing(all))
    for (const node of all.slice(0, 50)) ring = ring.without(node.id)
    expectSame(ring, createRing(all.slice(50)))
    ring = ring.with({ id: 'node-7', weight: 2.5 }).with({ id: 'node-7', weight: 0.5 })
    expectSame(ring, createRing([...all.slice(50), { id: 'node-7', weight: 0.5 }]))
  })

  test('stays the same when its layout must change: many small nodes go and a large one comes', () => {
    const options = { pointsPerWeight: 4 }
    const all = named(300)
    let ring = createRing(all, options)
    for (const node of all.slice(0, 299)) ring = ring.without(node.id)
    expectSame(ring, createRing(all.slice(299), options))
    for (const weight of [3000, 1, 0.1, 10_000]) {
      ring = ring.with({ id: 'large', weight })
      expectSame(ring, createRing([...all.slice(299), { id: 'large', weight }], options))
    }
    for (const node of all) ring = ring.with(node)
    expectSame(ring, createRing([...all, { id: 'large', weight: 10_000 }], options))
  })

  test('does not change when two families descend from it and outgrow the memory that they share', () => {
    const ring = createRing(named(20))
    const before = ring.points()
    let left = ring
    let right = ring
    for (let i = 0; i < 12; i++) {
      left = left.with({ id: `left-${i}` })
      right = right.without(`node-${i}`).with({ id: `right-${i}`, weight: 1.5 })
    }
    expect(ring.points()).toEqual(before)
    const lefts = named(12, 'left-')
    const rights = named(12, 'right-').map((node) => ({ ...node, weight: 1.5 }))
    expectSame(left, createRing([...named(20), ...lefts]))
    expectSame(right, createRing([...named(20).slice(12), ...rights]))
  })

  test('does not change when others are made from it', () => {
    const ring = createRing(named(5))
    const { positions, owners } = ring.points()
    ring.with({ id: 'x' }).without('node-1')
    expect(ring.points()).toEqual({ positions, owners })
    expect(Object.isFrozen(ring.nodes)).toBe(true)
    expect(Object.isFrozen(ring.options)).toBe(true)
  })

  test('is itself when nothing changes', () => {
    const ring = createRing([{ id: 'a', weight: 2, zone: 'z' }])
    expect(ring.without('nobody')).toBe(ring)
    expect(ring.with({ id: 'a', weight: 2, zone: 'z' })).toBe(ring)
    expect(ring.with({ id: 'a', weight: 2 })).not.toBe(ring)
  })

  test('can be made again from its own nodes and options', () => {
    const ring = createRing([{ id: 'b', weight: 0.5, zone: 'z' }, { id: 'a' }], {
      keyHash: 'xxh64',
      pointsPerWeight: 100,
      hashTags: false,
    })
    const { nodes: n, options } = structuredClone({ nodes: ring.nodes, options: ring.options })
    expectSame(createRing(n, options), ring)
  })
})

describe('the digest', () => {
  test('differs when anything differs that members must agree on', () => {
    const base = [{ id: 'a' }, { id: 'b', zone: 'z' }]
    const rings = [
      createRing(base),
      createRing(base, { keyHash: 'xxh64' }),
      createRing(base, { keyHash: 'crc16-slot' }),
      createRing(base, { pointsPerWeight: 4095 }),
      createRing(base, { hashTags: false }),
      createRing([{ id: 'a', weight: 1.0000001 }, base[1] as RingNode]),
      createRing([{ id: 'a' }, { id: 'b' }]),
      createRing([{ id: 'a', zone: 'z' }, { id: 'b' }]),
      createRing([{ id: 'a' }]),
      createRing([]),
    ]
    const digests = rings.map((ring) => ring.digest)
    expect(new Set(digests).size).toBe(rings.length)
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{16}$/)
  })

  test('does not care whether a default is written out or an empty zone is given', () => {
    expect(createRing([{ id: 'a', weight: 1, zone: '' }], { keyHash: 'xxh32' }).digest).toBe(
      createRing([{ id: 'a' }]).digest,
    )
  })
})

describe('look-ups', () => {
  test('find the first point at or after a position, as a plain search does', () => {
    hold(
      fc.property(nodes({ minLength: 1 }), fc.array(position), (drawn, positions) => {
        const ring = createRing(drawn, { pointsPerWeight: POINTS })
        const points = ring.points()
        const edges = [...points.positions].flatMap((p) => [p, (p + 1) >>> 0, (p - 1) >>> 0])
        for (const at of [0, 2 ** 32 - 1, ...edges, ...positions]) {
          const found = points.positions.findIndex((point) => point >= at)
          const owner = points.owners[found === -1 ? 0 : found] as number
          expect(ring.ownerIndexAt(at)).toBe(owner)
          expect(ring.ownerAt(at)).toBe(ring.nodes[owner]?.id)
        }
      }),
      40,
    )
  })

  test('agree for strings and bytes, and for a key and its position', () => {
    const rings = (['xxh32', 'xxh64', 'crc16-slot'] as const).map((hash) =>
      createRing(named(9), { keyHash: hash }),
    )
    hold(
      fc.property(key, (input) => {
        for (const ring of rings) {
          const owner = ring.owner(input)
          expect(ring.owner(new TextEncoder().encode(input))).toBe(owner)
          expect(ring.owner(Buffer.from(input))).toBe(owner)
          expect(ring.ownerAt(ring.hash(input))).toBe(owner)
          expect(ring.owners(input, 1)).toEqual([owner])
        }
      }),
      1000,
    )
  })

  test('of a default ring hash with xxh32, of an xxh64 ring with the upper half of xxh64', () => {
    expect(createRing([]).hash('user:1')).toBe(xxh32('user:1'))
    // xxh64('foo') is 3728699739546630719.
    expect(createRing([], { keyHash: 'xxh64' }).hash('foo')).toBe(
      Number(3728699739546630719n >> 32n),
    )
  })
})

describe('owners', () => {
  test('are distinct, begin with the owner, and are all nodes when more are asked for', () => {
    hold(
      fc.property(nodes(), fc.nat(20), position, (drawn, n, at) => {
        const ring = createRing(drawn, { pointsPerWeight: POINTS })
        for (const options of [{}, { spread: 'zone' as const }]) {
          const owners = ring.ownersAt(at, n, options)
          expect(owners).toHaveLength(Math.min(n, drawn.length))
          expect(new Set(owners).size).toBe(owners.length)
          if (owners.length > 0) expect(owners[0]).toBe(ring.ownerAt(at))
        }
      }),
      300,
    )
  })

  test('are those that a plain walk round the circle meets', () => {
    hold(
      fc.property(nodes({ minLength: 1, maxLength: 30 }), position, (drawn, at) => {
        const ring = createRing(drawn, { pointsPerWeight: POINTS })
        const { positions, owners } = ring.points()
        const start = positions.findIndex((point) => point >= at)
        const walk = [...owners.slice(Math.max(0, start)), ...owners.slice(0, Math.max(0, start))]
        const met = [...new Set(walk)].map((index) => ring.nodes[index]?.id)
        expect(ring.ownersAt(at, drawn.length)).toEqual(met)
        for (const n of [1, 2, 16, 17]) expect(ring.ownersAt(at, n)).toEqual(met.slice(0, n))
      }),
      200,
    )
  })

  test('spread over zones while there are any, then follow the walk', () => {
    hold(
      fc.property(nodes({ minLength: 1 }), fc.nat(12), position, (drawn, n, at) => {
        const ring = createRing(drawn, { pointsPerWeight: POINTS })
        const zoneOf = new Map(ring.nodes.map((node) => [node.id, node.zone ?? '']))
        const met = ring.ownersAt(at, drawn.length)
        const firstOfZone = met.filter(
          (id, i) => met.findIndex((other) => zoneOf.get(other) === zoneOf.get(id)) === i,
        )
        const rest = met.filter((id) => !firstOfZone.includes(id))
        // With fewer owners than zones nobody steps in, so `rest` begins only behind the last zone.
        expect(ring.ownersAt(at, n, { spread: 'zone' })).toEqual(
          [...firstOfZone, ...rest].slice(0, n),
        )
      }),
      300,
    )
  })

  test('need a count of 0 or more', () => {
    for (const n of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => createRing(named(2)).owners('k', n)).toThrow(
        expect.objectContaining({ code: 'RING_COUNT_INVALID' }),
      )
    }
  })
})

describe('ties', () => {
  test('go to the node whose id comes first, whatever the steps that led there', () => {
    const all = named(40)
    let grown = createRing([])
    for (const node of shuffled(all, SEED)) grown = grown.with(node)
    const { positions, owners } = grown.points()
    let ties = 0
    for (let i = 1; i < positions.length; i++) {
      if (positions[i] !== positions[i - 1] || owners[i] === owners[i - 1]) continue
      ties++
      expect(owners[i - 1]).toBeLessThan(owners[i] as number)
      const at = positions[i] as number
      const first = grown.ownerAt(at) as string
      // The other one is the next owner, and takes over exactly here.
      expect(grown.without(first).ownerAt(at)).toBe(grown.ownersAt(at, 2)[1])
    }
    // 163,840 points in 2^32 places meet about three times.
    expect(ties).toBeGreaterThan(0)
    expectSame(grown, createRing(all))
  })

  test('cannot come from names that run into their index', () => {
    const points = (id: string) => [...createRing([{ id }]).points().positions]
    const a = new Set(points('10.0.0.1:2100'))
    const shared = points('10.0.0.1:21001').filter((point) => a.has(point))
    expect(shared.length).toBeLessThan(3)
  })
})

describe('weights', () => {
  test('set the number of points: a rounded multiple, at least one', () => {
    const count = (weight: number) =>
      createRing([{ id: 'a', weight }], { pointsPerWeight: 10 }).points().positions.length
    expect([0.0001, 0.14, 0.15, 1, 1.25, 2.04].map(count)).toEqual([1, 1, 2, 10, 13, 20])
  })

  test('set the share of the keys', () => {
    const weights = [0.5, 1, 2, 3]
    const ring = createRing(weights.map((weight) => ({ id: `w${weight}`, weight })))
    const shares = ring.shares()
    for (const weight of weights) {
      const expected = weight / 6.5
      // Arcs vary by 1/sqrt(points); five standard deviations of the lightest node are 11 %.
      expect(Math.abs((shares.get(`w${weight}`) ?? 0) / expected - 1)).toBeLessThan(
        5 / Math.sqrt(weight * 4096),
      )
    }
  })
})

describe('shares', () => {
  test('sum to one and match what sampled keys find', () => {
    for (const hash of ['xxh32', 'xxh64', 'crc16-slot'] as const) {
      const ring = createRing(named(7), { keyHash: hash })
      const shares = ring.shares()
      expect([...shares.values()].reduce((sum, share) => sum + share, 0)).toBe(1)
      const counts = new Map<string, number>()
      const keys = 50_000
      for (let i = 0; i < keys; i++) {
        const owner = ring.owner(`key-${i}`) as string
        counts.set(owner, (counts.get(owner) ?? 0) + 1)
      }
      for (const [id, share] of shares) {
        expect(Math.abs((counts.get(id) ?? 0) / keys - share)).toBeLessThan(0.01)
      }
    }
  })

  test('sum to one for any nodes, even when all points are one', () => {
    hold(
      fc.property(nodes({ minLength: 1 }), keyHash, (drawn, hash) => {
        const shares = createRing(drawn, { keyHash: hash, pointsPerWeight: 1 }).shares()
        expect([...shares.values()].reduce((sum, share) => sum + share, 0)).toBe(1)
      }),
      100,
    )
    expect(createRing([{ id: 'a' }], { pointsPerWeight: 1 }).shares()).toEqual(new Map([['a', 1]]))
  })
})

describe('movement', () => {
  test('a node that joins takes its keys from the others, and nothing moves between them', () => {
    hold(
      fc.property(nodes({ minLength: 2 }), (drawn) => {
        const [joining, ...others] = drawn as [RingNode, ...RingNode[]]
        const before = createRing(others, { pointsPerWeight: POINTS })
        const after = before.with(joining)
        for (const at of sequence(2000)) {
          if (after.ownerAt(at) !== joining.id) expect(after.ownerAt(at)).toBe(before.ownerAt(at))
        }
        for (const arc of before.diff(after).arcs) expect(arc.after).toBe(joining.id)
      }),
      50,
    )
  })

  test('a node that leaves gives each key to its next owner', () => {
    hold(
      fc.property(nodes({ minLength: 2 }), (drawn) => {
        const before = createRing(drawn, { pointsPerWeight: POINTS })
        const leaving = (drawn[0] as RingNode).id
        const after = before.without(leaving)
        for (const at of sequence(2000)) {
          const [first, second] = before.ownersAt(at, 2)
          expect(after.ownerAt(at)).toBe(first === leaving ? second : first)
        }
      }),
      50,
    )
  })

  test('a weight that grows moves keys only to its node', () => {
    const before = createRing(named(6), { pointsPerWeight: POINTS })
    const after = before.with({ id: 'node-3', weight: 1.5 })
    for (const arc of before.diff(after).arcs) expect(arc.after).toBe('node-3')
    for (const arc of after.diff(before).arcs) expect(arc.before).toBe('node-3')
  })

  test('is a fair share when one node joins many', () => {
    for (const count of [5, 10, 100]) {
      const before = createRing(named(count))
      const { moved } = before.diff(before.with({ id: 'joining' }))
      expect(moved).toBeGreaterThan(0.9 / (count + 1))
      expect(moved).toBeLessThan(1.1 / (count + 1))
    }
  })
})
