import { describe, expect, test } from 'vitest'
import { createRing, RING_LIMITS, type RingErrorCode, type RingOptions } from '../../src/index.ts'

const refused = (
  options: Record<string, unknown>,
  code: RingErrorCode = 'RING_OPTION_INVALID',
  nodes: readonly { id: string; weight?: number }[] = [{ id: 'a' }],
) => {
  expect(() => createRing(nodes, options as unknown as RingOptions)).toThrow(
    expect.objectContaining({ code }),
  )
}

const taken = (
  options: RingOptions,
  nodes: readonly { id: string; weight?: number }[] = [{ id: 'a' }],
) => expect(createRing(nodes, options).owner('k')).toBeDefined()

describe('options', () => {
  test('have their defaults written out, which are those of the programs', () => {
    const options = (placement: RingOptions) => createRing([], placement).options
    expect(options({ placement: 'ketama' })).toEqual({
      placement: 'ketama',
      keyHash: 'fnv1a_64',
      hashTags: false,
      defaultPort: 11211,
    })
    expect(options({ placement: 'ketama-weighted' })).toMatchObject({ keyHash: 'md5' })
    expect(options({ placement: 'ketama-plain' })).toMatchObject({ keyHash: 'one_at_a_time' })
    expect(options({ placement: 'nginx' })).toEqual({ placement: 'nginx', hashTags: false })
    expect(options({ placement: 'haproxy' })).toEqual({
      placement: 'haproxy',
      keyHash: 'sdbm',
      avalanche: true,
      hashTags: false,
      serverIds: {},
    })
    expect(options({ placement: 'envoy' })).toEqual({
      placement: 'envoy',
      keyHash: 'xxh64',
      pointHash: 'xxh64',
      minimumRingSize: 1024,
      maximumRingSize: 8_388_608,
      hashTags: false,
    })
    expect(options({ placement: 'maglev' })).toMatchObject({ tableSize: 65_537 })
    expect(options({ placement: 'mcrouter' })).toEqual({
      placement: 'mcrouter',
      hashFunction: 'Ch3',
      salt: '',
      hashTags: false,
    })
    expect(options({ placement: 'hashring' })).toMatchObject({ vnodeCount: 40, defaultPort: 0 })
    expect(options({ placement: 'rendezvous' })).toEqual({
      placement: 'rendezvous',
      hashTags: true,
    })
    expect(options({ placement: 'jump' })).toEqual({ placement: 'jump', hashTags: true })
    expect(options({ placement: 'modula' })).toMatchObject({
      style: 'twemproxy',
      keyHash: 'fnv1a_64',
      avalanche: false,
    })
  })

  test('that do not exist are refused', () => {
    refused({ placement: 'chord' })
    refused({ placement: 'toString' })
    refused({ placement: 'ketama', keyHash: 'xxh32' })
    refused({ placement: 'ketama', keyHash: 'toString' })
    refused({ placement: 'ketama', hashTags: 'yes' })
    refused({ placement: 'ketama-weighted', keyHash: 'hsieh' })
    refused({ placement: 'haproxy', keyHash: 'md5' })
    refused({ placement: 'haproxy', avalanche: 1 })
    refused({ placement: 'envoy', keyHash: 'md5' })
    refused({ placement: 'mcrouter', hashFunction: 'Furc' })
    refused({ placement: 'mcrouter', salt: 5 })
    refused({ placement: 'hashring', compatibility: 'libketama' })
    refused({ placement: 'modula', style: 'mcrouter' })
    refused({ placement: 'modula', style: 'nginx', keyHash: 'md5' })
    refused({ placement: 'modula', avalanche: true })
  })
})

describe('limits, at each and one past it', () => {
  test('ports: 0 to 65,535', () => {
    for (const defaultPort of [0, 65_535]) taken({ placement: 'ketama', defaultPort })
    for (const defaultPort of [-1, 65_536, 1.5]) refused({ placement: 'ketama', defaultPort })
  })

  test('weights: whole, and up to what the programs take', () => {
    const most = { ketama: 65_535, 'ketama-weighted': 65_535, haproxy: 256 } as const
    for (const [placement, weight] of Object.entries(most)) {
      taken({ placement } as RingOptions, [{ id: 'a', weight }])
      for (const wrong of [weight + 1, 1.5]) {
        refused({ placement }, 'RING_NODE_WEIGHT_INVALID', [{ id: 'a', weight: wrong }])
      }
    }
    refused({ placement: 'nginx' }, 'RING_NODE_WEIGHT_INVALID', [{ id: 'a', weight: 0.5 }])
    refused({ placement: 'modula' }, 'RING_NODE_WEIGHT_INVALID', [{ id: 'a', weight: 65_536 }])
    const weighted = { placement: 'mcrouter', hashFunction: 'WeightedCh3' } as const
    taken(weighted, [{ id: 'a', weight: 1 }])
    refused(weighted, 'RING_NODE_WEIGHT_INVALID', [{ id: 'a', weight: 1.001 }])
    expect(() =>
      createRing([{ id: 'a' }], { placement: 'nginx' }).with({ id: 'b', weight: 0.5 }),
    ).toThrow(expect.objectContaining({ code: 'RING_NODE_WEIGHT_INVALID' }))
  })

  test('points: 16,777,216 together', () => {
    const weight = RING_LIMITS.pointsMax / 160 / 2
    refused({ placement: 'nginx' }, 'RING_POINTS_EXCEEDED', [
      { id: 'a', weight: Math.ceil(weight) },
      { id: 'b', weight: Math.ceil(weight) },
    ])
    const many = Array.from({ length: 8192 }, (_, i) => ({ id: `n${i}` }))
    refused({ placement: 'hashring', vnodeCount: 513 }, 'RING_POINTS_EXCEEDED', many)
    refused({ placement: 'hashring', vnodeCount: 65_537 })
    refused({ placement: 'hashring', vnodeCount: 0 })
  })

  test('ring sizes of Envoy: 1 to 8,388,608, the least not above the most', () => {
    taken({ placement: 'envoy', minimumRingSize: 1, maximumRingSize: 1 })
    refused({ placement: 'envoy', minimumRingSize: 0 })
    refused({ placement: 'envoy', maximumRingSize: 8_388_609 })
    refused({ placement: 'envoy', minimumRingSize: 3, maximumRingSize: 2 })
  })

  test('Maglev tables: primes up to 5,000,011, and no more nodes than slots or turns', () => {
    taken({ placement: 'maglev', tableSize: 2 })
    taken({ placement: 'maglev', tableSize: 5_000_011 })
    for (const tableSize of [0, 1, 65_536, 5_000_021]) refused({ placement: 'maglev', tableSize })
    const nodes = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `n${i}` }))
    taken({ placement: 'maglev', tableSize: 7 }, nodes(7))
    refused({ placement: 'maglev', tableSize: 7 }, 'RING_NODES_EXCEEDED', nodes(8))
    const uneven = nodes(5_000).map((node, i) => ({ ...node, weight: i === 0 ? 1e9 : 1 }))
    refused({ placement: 'maglev', tableSize: 5_000_011 }, 'RING_POINTS_EXCEEDED', uneven)
  })

  test('HAProxy ids: distinct, from 1 to 2^31 - 1; maps of bounded work', () => {
    const ids = (a: unknown, b: unknown = 7) => ({ placement: 'haproxy', serverIds: { a, b } })
    const two = [{ id: 'a' }, { id: 'b' }]
    taken(ids(1) as RingOptions, two)
    taken(ids(2 ** 31 - 1) as RingOptions, two)
    for (const wrong of [0, 2 ** 31, 1.5, '1', 7]) {
      refused(ids(wrong), 'RING_OPTION_INVALID', two)
    }
    const heavy = Array.from({ length: 300 }, (_, i) => ({ id: `n${i}`, weight: 65_535 - i }))
    refused({ placement: 'modula', style: 'haproxy' }, 'RING_POINTS_EXCEEDED', heavy)
  })

  test('salts of mcrouter: 255 bytes', () => {
    taken({ placement: 'mcrouter', salt: 's'.repeat(255) })
    refused({ placement: 'mcrouter', salt: 's'.repeat(256) })
  })
})

describe('points that are none', () => {
  test('a server too light for a single point of ketama owns nothing, and is the last to take over', () => {
    const ring = createRing(
      [
        { id: 'light', weight: 1 },
        { id: 'heavy', weight: 65_535 },
        { id: 'heavier', weight: 65_535 },
      ],
      { placement: 'ketama' },
    )
    expect(ring.shares().get('light')).toBe(0)
    for (let i = 0; i < 100; i++) expect(ring.owners(`k${i}`, 3)[2]).toBe('light')
  })
})
