import * as fc from 'fast-check'
import { describe, expect, type TestContext, test } from 'vitest'
import {
  type AnyRing,
  createRing,
  type PlacementFacts,
  RING_PLACEMENTS,
  type RingNode,
  type RingOptions,
} from '../src/index.ts'
import { hold, key, sequence } from './arbitraries.ts'

/** One placement under test, with one set of options. */
export interface ConformanceCase {
  readonly name: string
  readonly options: RingOptions
  /** Whether weights change shares: they do not in every function of a placement. */
  readonly weights: boolean
  /** The busiest of five equal nodes against the mean, over keys: generous, it finds mistakes and not luck. */
  readonly busiestMax: number
  /** Share of keys that may move between nodes that stay when one of five goes; 0 for minimal movement. */
  readonly shuffledMax: number
}

const KEYS = Array.from({ length: 4_000 }, (_, i) => `user:${i}:profile`)
const ZONES = ['a', 'b', undefined, 'c', 'a'] as const

const equal = (count: number): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({ id: `10.0.0.${i + 1}:6379` }))

const zoned = (count: number): RingNode[] =>
  equal(count).map((node, i) => {
    const zone = ZONES[i % ZONES.length]
    return zone === undefined ? node : { ...node, zone }
  })

const ids = (ring: AnyRing): string[] => ring.nodes.map(({ id }) => id)

/** Everything that two equal rings must agree on. */
function expectSame(a: AnyRing, b: AnyRing): void {
  expect(a.nodes).toEqual(b.nodes)
  expect(a.options).toEqual(b.options)
  expect(a.digest).toBe(b.digest)
  for (const each of KEYS.slice(0, 300)) expect(a.owners(each, 2)).toEqual(b.owners(each, 2))
}

/** The one contract of all placements. Parts that a placement cannot have are skipped with the reason. */
export function describePlacement({
  name,
  options,
  weights,
  busiestMax,
  shuffledMax,
}: ConformanceCase): void {
  const facts: PlacementFacts = RING_PLACEMENTS[options.placement ?? 'ringway']
  const make = (nodes: readonly RingNode[]): AnyRing => createRing(nodes, options)
  const needPositions = (context: TestContext) => {
    if (!facts.positions) context.skip(`${name}: an owner depends on the whole key`)
  }
  const needTakeOver = (context: TestContext) => {
    if (!facts.minimalMovement) context.skip(`${name}: ${facts.movement}`)
    if (facts.successors !== 'next') context.skip(`${name}: the nearer neighbour takes over`)
  }

  describe(name, () => {
    test('owns nothing when it is empty, and is empty when the last node goes', () => {
      const empty = make([])
      expect(empty.owner('k')).toBeUndefined()
      expect(empty.ownerIndex('k')).toBe(-1)
      expect(empty.ownerAt(7)).toBeUndefined()
      expect(empty.ownerIndexAt(7)).toBe(-1)
      expect(empty.owners('k', 3)).toEqual([])
      expect(empty.ownersAt(7, 3, { spread: 'zone' })).toEqual([])
      expect(empty.shares()).toEqual(new Map())
      // A position is the key's, whatever nodes there are.
      const text = 'user:12345:profile'
      expect(empty.hash(text)).toBe(empty.hash(new TextEncoder().encode(text)))
      expect(make(equal(1)).without('10.0.0.1:6379').digest).toBe(empty.digest)
      expect(empty.with({ id: '10.0.0.1:6379' }).owner('k')).toBe('10.0.0.1:6379')
    })

    test('gives one node everything', () => {
      const one = make(equal(1))
      for (const each of KEYS.slice(0, 50)) expect(one.owners(each, 3)).toEqual(['10.0.0.1:6379'])
      expect([...one.shares().values()][0]).toBeCloseTo(1, 12)
    })

    test('answers alike for text and bytes, by id and by index, for keys of any kind', () => {
      const ring = make(equal(7))
      hold(
        fc.property(key, (drawn) => {
          const owner = ring.owner(drawn)
          expect(ids(ring)).toContain(owner)
          expect(ring.owner(new TextEncoder().encode(drawn))).toBe(owner)
          expect(ids(ring)[ring.ownerIndex(drawn)]).toBe(owner)
          expect(ring.owners(new TextEncoder().encode(drawn), 3)).toEqual(ring.owners(drawn, 3))
          expect(ring.hash(drawn)).toBe(ring.hash(new TextEncoder().encode(drawn)))
        }),
        100,
      )
    })

    test('answers alike for a key and for its position', (context) => {
      needPositions(context)
      const ring = make(zoned(7))
      for (const each of KEYS.slice(0, 500)) {
        const position = ring.hash(each)
        expect(position >= 0 && position < ring.space && Number.isInteger(position)).toBe(true)
        expect(ring.ownerAt(position)).toBe(ring.owner(each))
        expect(ring.ownerIndexAt(position)).toBe(ring.ownerIndex(each))
        expect(ring.ownersAt(position, 4)).toEqual(ring.owners(each, 4))
        expect(ring.ownersAt(position, 4, { spread: 'zone' })).toEqual(
          ring.owners(each, 4, { spread: 'zone' }),
        )
      }
    })

    test('refuses positions where it has none', (context) => {
      if (facts.positions) context.skip(`${name}: it has positions`)
      const ring = make(equal(3))
      for (const act of [
        () => ring.ownerAt(1),
        () => ring.ownersAt(1, 2),
        () => ring.ownerIndexAt(1),
        () => ring.points(),
      ]) {
        expect(act).toThrow(expect.objectContaining({ code: 'RING_UNSUPPORTED' }))
      }
    })

    test('lists distinct owners: the first few of all, the owner first', () => {
      for (const count of [2, 5, 20]) {
        const ring = make(equal(count))
        for (const each of KEYS.slice(0, 100)) {
          const all = ring.owners(each, count + 3)
          expect(all[0]).toBe(ring.owner(each))
          expect([...all].sort()).toEqual(ids(ring).sort())
          for (const n of [0, 1, 2, count]) expect(ring.owners(each, n)).toEqual(all.slice(0, n))
        }
      }
      expect(() => make(equal(2)).owners('k', -1)).toThrow(
        expect.objectContaining({ code: 'RING_COUNT_INVALID' }),
      )
    })

    test('spreads owners over zones while there are any, then follows its order', () => {
      const ring = make(zoned(10))
      const zoneOf = new Map(ring.nodes.map(({ id, zone }) => [id, zone ?? '']))
      for (const each of KEYS.slice(0, 200)) {
        const all = ring.owners(each, 10)
        const first = all.filter(
          (id, i) => all.findIndex((other) => zoneOf.get(other) === zoneOf.get(id)) === i,
        )
        const rest = all.filter((id) => !first.includes(id))
        for (const n of [1, 3, 4, 7, 10]) {
          expect(ring.owners(each, n, { spread: 'zone' })).toEqual([...first, ...rest].slice(0, n))
        }
      }
    })

    test('is the same in whatever order its nodes come', (context) => {
      if (facts.order === 'given') context.skip(`${name}: the program knows servers by their order`)
      expectSame(make(zoned(9)), make(zoned(9).toReversed()))
    })

    test('is the same whether built at once or step by step, here or in a worker', () => {
      const nodes = zoned(9)
      let grown = make([])
      for (const node of nodes) grown = grown.with(node)
      expectSame(grown, make(nodes))
      expectSame(createRing(grown.nodes, grown.options), grown)
      expect(grown.with(nodes[3] as RingNode)).toBe(grown)
      expect(grown.without('nobody')).toBe(grown)
      const smaller = grown.without('10.0.0.4:6379').without('10.0.0.9:6379')
      // HAProxy's servers keep their ids when others go, so the ring's own options have to come along.
      expectSame(createRing(smaller.nodes, smaller.options), smaller)
      expect(Object.isFrozen(smaller.nodes) && Object.isFrozen(smaller.options)).toBe(true)
    })

    test('has a digest that tells nodes, weights, zones and options apart', () => {
      const digests = new Set([
        make(equal(3)).digest,
        make(equal(4)).digest,
        make(equal(3).map((node, i) => (i === 1 ? { ...node, zone: 'z' } : node))).digest,
        createRing(equal(3), { ...options, hashTags: !make([]).options.hashTags }).digest,
        createRing(equal(3)).with({ id: 'x' }).digest,
      ])
      expect(digests.size).toBe(5)
      for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{16}$/)
    })

    test('has shares that sum to one, and to which keys come near', () => {
      const ring = make(equal(5))
      const shares = ring.shares()
      expect([...shares.values()].reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
      const counts = new Map<string, number>()
      for (const each of KEYS) {
        const owner = ring.owner(each) as string
        counts.set(owner, (counts.get(owner) ?? 0) + 1)
      }
      const busiest = (Math.max(...counts.values()) * 5) / KEYS.length
      expect(busiest).toBeLessThan(busiestMax)
      if (busiestMax > 2) return
      // Four standard deviations of counting 4000 keys, and the unevenness of 32-bit FNV on such keys.
      for (const [id, share] of shares) {
        expect(Math.abs((counts.get(id) ?? 0) / KEYS.length - share)).toBeLessThan(0.035)
      }
    })

    test('gives keys by weight', (context) => {
      if (!weights) context.skip(`${name}: weights do not count here`)
      const heavy = facts.weights === 'share' ? [0.25, 1, 0.5] : [1, 4, 2]
      const ring = make(equal(3).map((node, i) => ({ ...node, weight: heavy[i] ?? 1 })))
      const shares = [...ring.shares().values()]
      // HAProxy has 16 points per unit of weight, so its shares are rough.
      for (const [i, share] of shares.entries()) {
        expect(Math.abs(share - (heavy[i] as number) / heavy.reduce((a, b) => a + b))).toBeLessThan(
          0.16,
        )
      }
      expect(shares[0]).toBeLessThan(shares[2] as number)
      expect(shares[2]).toBeLessThan(shares[1] as number)
    })

    test('has points that tell the owner of every position', (context) => {
      const ring = make(equal(6))
      if (!ring.hasPoints) context.skip(`${name}: equal owners do not lie in arcs`)
      const { positions, owners } = ring.points()
      const sorted = positions.toSorted()
      expect(positions).toEqual(sorted)
      for (const drawn of sequence(500)) {
        const at = Math.floor((drawn / 2 ** 32) * ring.space)
        const found = positions.findIndex((point) => point >= at)
        expect(ring.ownerIndexAt(at)).toBe(owners[Math.max(0, found)])
      }
    })

    test('tells what a change moves', () => {
      const before = make(equal(5))
      const after = before.without('10.0.0.3:6379')
      const { arcs, moved, transfers, sampledKeys } = before.diff(after)
      expect(sampledKeys === undefined).toBe(before.hasPoints)
      expect(moved).toBeCloseTo(
        transfers.reduce((sum, { share }) => sum + share, 0),
        9,
      )
      const changed = KEYS.filter((each) => before.owner(each) !== after.owner(each)).length
      expect(Math.abs(changed / KEYS.length - moved)).toBeLessThan(busiestMax > 2 ? 1 : 0.04)
      if (before.hasPoints) {
        for (const each of KEYS.slice(0, 300)) {
          const at = before.hash(each)
          const arc = arcs.find(({ from, to }) =>
            from < to ? at > from && at <= to : at > from || at <= to,
          )
          const [was, is] = [before.owner(each), after.owner(each)]
          expect([arc?.before, arc?.after]).toEqual(was === is ? [undefined, undefined] : [was, is])
        }
      }
      const nothing = { arcs: [], moved: 0, transfers: [] }
      expect(before.diff(make(equal(5)))).toEqual(
        sampledKeys === undefined ? nothing : { ...nothing, sampledKeys },
      )
    })

    test('moves little between nodes that stay when one goes', async (context) => {
      const leaving = '10.0.0.3:6379'
      const before = make(equal(5))
      const after = before.without(leaving)
      let shuffled = 0
      for (const each of KEYS) {
        const was = before.owner(each)
        if (was !== leaving && after.owner(each) !== was) shuffled++
      }
      await context.annotate(
        `${name}: ${((100 * shuffled) / KEYS.length).toFixed(2)} % of the keys move between nodes that stay`,
      )
      expect(facts.minimalMovement && shuffled > 0).toBe(false)
      expect(shuffled / KEYS.length).toBeLessThanOrEqual(shuffledMax)
    })

    test('gives the keys of a node that goes to their next owners', (context) => {
      needTakeOver(context)
      const leaving = '10.0.0.3:6379'
      const before = make(zoned(6))
      const after = before.without(leaving)
      for (const each of KEYS.slice(0, 500)) {
        const all = before.owners(each, 6)
        expect(after.owners(each, 6)).toEqual(all.filter((id) => id !== leaving))
      }
    })

    test('moves owners in zones only to fill the places of a node that goes', (context) => {
      needTakeOver(context)
      const leaving = '10.0.0.2:6379'
      const before = make(zoned(8))
      const after = before.without(leaving)
      for (const each of KEYS.slice(0, 500)) {
        const was = before.owners(each, 3, { spread: 'zone' })
        const is = after.owners(each, 3, { spread: 'zone' })
        if (!was.includes(leaving)) expect(is).toEqual(was)
        else expect(is.filter((id) => !was.includes(id)).length).toBeLessThanOrEqual(1)
      }
    })

    test('hashes only the tag of a key, if told to', () => {
      const tagged = createRing(equal(9), { ...options, hashTags: true })
      const whole = createRing(equal(9), { ...options, hashTags: false })
      let differ = 0
      for (let i = 0; i < 50; i++) {
        expect(tagged.owner(`{user:${i}}:cart`)).toBe(tagged.owner(`user:${i}`))
        expect(tagged.owner(Buffer.from(`{user:${i}}:cart`))).toBe(tagged.owner(`user:${i}`))
        if (whole.owner(`{user:${i}}:cart`) !== tagged.owner(`{user:${i}}:cart`)) differ++
      }
      // Where nearly all keys have one owner, the tags do too.
      if (busiestMax <= 2) expect(differ).toBeGreaterThan(0)
    })
  })
}
