import { describe, expect, test } from 'vitest'
import { createRing, type PlacementOptions, type RingNode } from '../../src/index.ts'
import { bulkSum, VECTOR_OPTIONS, VECTORS, vectorNodes } from '../vectors/placements.ts'

const nodesOf = (servers: readonly string[], weights: readonly number[] = []): RingNode[] =>
  servers.map((id, i) => ({ id, weight: weights[i] ?? 1 }))

const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.0.0.${i + 1}:6379`)

describe('the vectors of the reference', () => {
  test('are all used', () => {
    expect(Object.keys(VECTOR_OPTIONS).sort()).toEqual(Object.keys(VECTORS.placement).sort())
  })

  for (const [name, vector] of Object.entries(VECTORS.placement)) {
    const options = VECTOR_OPTIONS[name] as PlacementOptions
    const ring = () => createRing(vectorNodes(vector), options)

    test(`${name}: owners of the sample keys and of ${vector.bulk_keys} others`, () => {
      const built = ring()
      for (const [key, owner] of Object.entries(vector.keys)) {
        expect([key, built.owner(key)]).toEqual([key, owner])
        expect(built.owner(Buffer.from(key))).toBe(owner)
      }
      const sum = bulkSum((key) => built.owner(key), vector.servers, vector.bulk_keys)
      expect(sum).toBe(vector.bulk)
    })

    // HAProxy's points are moved to the middles for its look-up, so there are no equal ones to compare.
    if (vector.ring_size === undefined || options.placement === 'haproxy') continue
    test(`${name}: ${vector.ring_size} points, the first and the last`, () => {
      const built = ring()
      const { positions, owners } = built.points()
      expect(positions).toHaveLength(vector.ring_size as number)
      const point = (i: number) => [positions.at(i), built.nodes[owners.at(i) as number]?.id]
      const wanted = (value: number | string) =>
        typeof value === 'number' ? value : Number(BigInt(value) >> 11n)
      for (const [i, [value, owner]] of (vector.first_points ?? []).entries()) {
        expect(point(i)).toEqual([wanted(value), owner])
      }
      if (vector.last_point) {
        expect(point(-1)).toEqual([wanted(vector.last_point[0]), vector.last_point[1]])
      }
    })
  }
})

/** The tables of `placements.md` that are not in the file. */
const SUMS: readonly (readonly [
  what: string,
  options: PlacementOptions,
  servers: readonly string[],
  weights: readonly number[],
  sum: number,
])[] = [
  ['twemproxy E25', { placement: 'ketama' }, addresses(25), [], 1023165927],
  ['twemproxy W4', { placement: 'ketama' }, addresses(4), [1, 2, 3, 10], 52391138],
  [
    'twemproxy port 11211',
    { placement: 'ketama' },
    ['10.0.0.1:11211', '10.0.0.2:11211', '10.0.0.3:11212'],
    [],
    4132897312,
  ],
  ['libmemcached E25', { placement: 'ketama-weighted' }, addresses(25), [], 556798833],
  ['libmemcached W4', { placement: 'ketama-weighted' }, addresses(4), [1, 2, 3, 10], 86713777],
  [
    'libmemcached port 11211',
    { placement: 'ketama-weighted' },
    ['10.0.0.1:11211', '10.0.0.2:11211', '10.0.0.3:11212'],
    [],
    215466527,
  ],
  ['nginx W4', { placement: 'nginx' }, addresses(4), [1, 2, 3, 10], 1130571880],
  ['hashring W4', { placement: 'hashring' }, addresses(4), [1, 2, 3, 10], 86713777],
  ['envoy W4', { placement: 'envoy' }, addresses(4), [1, 2, 3, 10], 2723781288],
  ['envoy E25', { placement: 'envoy' }, addresses(25), [], 2915460838],
  ['maglev W4', { placement: 'maglev' }, addresses(4), [1, 2, 3, 10], 2471543214],
  ['maglev E25', { placement: 'maglev' }, addresses(25), [], 3391267526],
]

describe('the checksums of the reference', () => {
  for (const [what, options, servers, weights, sum] of SUMS) {
    test(what, () => {
      const ring = createRing(nodesOf(servers, weights), options)
      expect(bulkSum((key) => ring.owner(key), servers)).toBe(sum)
    })
  }
})
