// The traps of other programs, one test each: what a reader of their documentation would get wrong.

import { describe, expect, test } from 'vitest'
import { fullHash } from '../../src/hash/haproxy.ts'
import {
  createRing,
  type PlacementOptions,
  RING_PLACEMENTS,
  type RingNode,
} from '../../src/index.ts'
import { ketamaDigests } from '../../src/placement/ketama-points.ts'

const addresses = (count: number): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({ id: `10.0.0.${i + 1}:6379` }))

const pointsOf = (nodes: readonly RingNode[], options: PlacementOptions): number[] => {
  const ring = createRing(nodes, options)
  const counts = new Array<number>(nodes.length).fill(0)
  for (const owner of ring.points().owners) counts[owner] = (counts[owner] ?? 0) + 1
  return counts
}

describe('ketama', () => {
  test('counts points in single precision: 156 and not 160 at 25, 47, 50, … equal servers', () => {
    const short: number[] = []
    for (let servers = 1; servers <= 2000; servers++) {
      const points = 4 * ketamaDigests(1, servers, servers)
      if (points !== 160) short.push(servers)
    }
    expect(short).toHaveLength(207)
    expect(short.slice(0, 20)).toEqual([
      25, 47, 50, 55, 61, 71, 94, 100, 107, 109, 110, 115, 122, 142, 159, 163, 188, 193, 200, 209,
    ])
    expect(new Set(pointsOf(addresses(25), { placement: 'ketama' }))).toEqual(new Set([156]))
    expect(new Set(pointsOf(addresses(24), { placement: 'ketama-weighted' }))).toEqual(
      new Set([160]),
    )
  })

  test('gives a server points by its share of all weight', () => {
    const nodes = addresses(4).map((node, i) => ({ ...node, weight: [1, 2, 3, 10][i] ?? 1 }))
    expect(pointsOf(nodes, { placement: 'ketama' })).toEqual([40, 80, 120, 400])
  })

  test('leaves out the port 11211, and only that one', () => {
    for (const placement of ['ketama', 'ketama-weighted', 'ketama-plain'] as const) {
      const points = (id: string, defaultPort?: number) =>
        createRing([{ id }], {
          placement,
          ...(defaultPort !== undefined && { defaultPort }),
        }).points().positions
      expect(points('cache:11211')).toEqual(points('cache'))
      expect(points('cache:11212')).not.toEqual(points('cache'))
      expect(points('cache:11211', 0)).not.toEqual(points('cache'))
      expect(points('cache:6379', 6379)).toEqual(points('cache'))
      expect(points(':11211')).not.toEqual(points(''.padEnd(1, '-')))
    }
  })

  test('of twemproxy sends a key without a byte to position 0, that of libmemcached hashes it', () => {
    expect(createRing(addresses(3), { placement: 'ketama', keyHash: 'md5' }).hash('')).toBe(0)
    expect(createRing(addresses(3), { placement: 'ketama', keyHash: 'jenkins' }).hash('')).toBe(0)
    expect(createRing(addresses(3), { placement: 'ketama-weighted' }).hash('')).toBe(3649838548)
  })

  test('has no hash tags unless told to', () => {
    const plain = createRing(addresses(5), { placement: 'ketama' })
    const tagged = createRing(addresses(5), { placement: 'ketama', hashTags: true })
    expect(plain.owner('{user:1}:cart')).toBe('10.0.0.1:6379')
    expect(tagged.owner('{user:1}:cart')).toBe('10.0.0.3:6379')
    expect(tagged.owner('{}user:1')).toBe(plain.owner('{}user:1'))
  })

  test('without weights is another ring than with them, and one weight above 1 switches', () => {
    const weighted = addresses(4).map((node, i) => ({ ...node, weight: i === 2 ? 2 : 1 }))
    expect(pointsOf(addresses(4), { placement: 'ketama-plain' })).toEqual([100, 100, 100, 100])
    const switched = createRing(weighted, { placement: 'ketama-plain' })
    const asMd5 = createRing(weighted, { placement: 'ketama-weighted' })
    expect(switched.points()).toEqual(asMd5.points())
    // The key hash stays what it was.
    expect(switched.hash('foo')).toBe(596015325)
    expect(asMd5.hash('foo')).toBe(3675831724)
  })
})

describe('npm hashring', () => {
  test('counts points in doubles: 156 at 7, 14, 28, … equal servers, 160 at 25', () => {
    const short: number[] = []
    for (let servers = 1; servers <= 2000; servers++) {
      if (Math.floor((1 / servers) * 40 * servers) !== 40) short.push(servers)
    }
    expect(short).toHaveLength(168)
    for (const [servers, points] of [
      [6, 160],
      [7, 156],
      [14, 156],
      [25, 160],
      [28, 156],
    ] as const) {
      expect(new Set(pointsOf(addresses(servers), { placement: 'hashring' }))).toEqual(
        new Set([points]),
      )
    }
  })

  test('keeps the port 11211 unless told to leave it out', () => {
    const points = (id: string, defaultPort = 0) =>
      createRing([{ id }], { placement: 'hashring', defaultPort }).points().positions
    expect(points('cache:11211')).not.toEqual(points('cache'))
    expect(points('cache:11211', 11211)).toEqual(points('cache'))
  })

  test('has three points per digest when it plays hash_ring, and digests as counted', () => {
    expect(pointsOf(addresses(2), { placement: 'hashring', compatibility: 'hash_ring' })).toEqual([
      120, 120,
    ])
    expect(pointsOf(addresses(2), { placement: 'hashring', vnodeCount: 10 })).toEqual([40, 40])
  })
})

describe('modula', () => {
  test('of twemproxy sorts servers by the length of their names first', () => {
    const ring = createRing(
      ['zeta', 'b', 'aaaaaaa', 'mid'].map((id) => ({ id })),
      { placement: 'modula' },
    )
    expect([0, 1, 2, 3].map((at) => ring.ownerAt(at))).toEqual(['b', 'mid', 'zeta', 'aaaaaaa'])
  })

  test('lists servers as often as they weigh, but that of libmemcached does not', () => {
    const nodes = [{ id: 'a', weight: 2 }, { id: 'b' }]
    const owners = (options: PlacementOptions) => {
      const ring = createRing(nodes, options)
      return [0, 1, 2, 3].map((at) => ring.ownerAt(at)).join('')
    }
    expect(owners({ placement: 'modula' })).toBe('aaba')
    expect(owners({ placement: 'modula', style: 'nginx' })).toBe('aaba')
    expect(owners({ placement: 'modula', style: 'libmemcached' })).toBe('abab')
    // HAProxy deals them out in turns; of equal ones the first takes its turn first.
    expect(owners({ placement: 'modula', style: 'haproxy' })).toBe('aaba')
  })

  test('of HAProxy divides weights by what they have in common, and gives the map of the reference', () => {
    const map = (weights: readonly number[]) => {
      const nodes = weights.map((weight, i) => ({ id: String(i), weight }))
      const ring = createRing(nodes, { placement: 'modula', style: 'haproxy' })
      return Array.from({ length: 6 }, (_, at) => ring.ownerAt(at)).join('')
    }
    expect(map([2, 4, 6])).toBe('021212')
    expect(map([1, 1, 1])).toBe('012012')
    expect(map([5, 5, 5])).toBe('012012')
  })
})

describe('HAProxy', () => {
  test('finds the nearest point, not the next one', () => {
    const nodes = addresses(5)
    const ring = createRing(nodes, { placement: 'haproxy' })
    const points = nodes
      .flatMap((_, owner) =>
        Array.from({ length: 16 }, (__, i) => ({
          at: fullHash(4096 * (owner + 1) + i) >>> 0,
          owner,
        })),
      )
      .sort((a, b) => a.at - b.at)
    const nearest = (hash: number): number | undefined => {
      const found = points.findIndex(({ at }) => at >= hash)
      const next = points[found === -1 ? 0 : found]
      const previous = points.at((found === -1 ? 0 : found) - 1)
      if (!next || !previous) return undefined
      const behind = (hash - previous.at) >>> 0
      return behind <= (next.at - hash) >>> 0 ? previous.owner : next.owner
    }
    for (const { at } of points) {
      for (const hash of [at, at - 1, at + 1, at + 5e6, at - 5e6]) {
        const position = hash >>> 0
        expect([position, ring.ownerIndexAt(position)]).toEqual([position, nearest(position)])
      }
    }
    for (const position of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      expect(ring.ownerIndexAt(position)).toBe(nearest(position))
    }
  })

  test('numbers servers without an id by the first free one from their place on, and the others keep theirs', () => {
    const ring = createRing(addresses(3), {
      placement: 'haproxy',
      serverIds: { '10.0.0.2:6379': 1 },
    })
    expect(ring.options.serverIds).toEqual({
      '10.0.0.1:6379': 2,
      '10.0.0.2:6379': 1,
      '10.0.0.3:6379': 4,
    })
    const smaller = ring.without('10.0.0.1:6379')
    expect(smaller.options).toMatchObject({
      serverIds: { '10.0.0.2:6379': 1, '10.0.0.3:6379': 4 },
    })
    expect(smaller.with({ id: '10.0.0.9:6379' }).options).toMatchObject({
      serverIds: { '10.0.0.2:6379': 1, '10.0.0.3:6379': 4, '10.0.0.9:6379': 3 },
    })
  })

  test('adds the avalanche unless a function is named', () => {
    const avalanche = (options: PlacementOptions) => {
      const { options: resolved } = createRing([], options)
      return resolved.placement === 'haproxy' && resolved.avalanche
    }
    expect(avalanche({ placement: 'haproxy' })).toBe(true)
    expect(avalanche({ placement: 'haproxy', keyHash: 'sdbm' })).toBe(false)
    expect(avalanche({ placement: 'haproxy', keyHash: 'sdbm', avalanche: true })).toBe(true)
  })
})

describe('nginx', () => {
  test('takes a port apart only if it is digits, and drops `unix:`', () => {
    const points = (id: string) => createRing([{ id }], { placement: 'nginx' }).points().positions
    expect(points('backend')).not.toEqual(points('backend:80'))
    expect(points('unix:/run/a')).toEqual(points('/run/a'))
    expect(points('UNIX:/run/a')).toEqual(points('/run/a'))
    expect(points('[::1]:80')).not.toEqual(points('[::1]'))
    expect(points('host:8o')).not.toEqual(points('host'))
    expect(points('a:80')).toHaveLength(160)
  })
})

/** `port: hash` of the hosts of Envoy's own tests. */
const envoyRing = (
  ports: readonly number[],
  options: Omit<PlacementOptions & { placement: 'envoy' }, 'placement'>,
  weights: readonly number[] = [],
): readonly (readonly [number, bigint])[] => {
  const nodes = ports.map((port, i) => ({ id: `127.0.0.1:${port}`, weight: weights[i] ?? 1 }))
  const ring = createRing(nodes, { placement: 'envoy', ...options })
  const { positions, owners } = ring.points()
  return [...positions].map((at, i) => [ports[owners[i] as number] as number, BigInt(at)])
}

const upper = (pairs: readonly (readonly [number, bigint])[]) =>
  pairs.map(([port, hash]) => [port, hash >> 11n])

describe('Envoy', () => {
  test('gives the ring of its own tests', () => {
    expect(envoyRing([90, 91, 92, 93, 94, 95], { minimumRingSize: 12 })).toEqual(
      upper([
        [94, 833437586790550860n],
        [92, 928266305478181108n],
        [90, 1033482794131418490n],
        [95, 3551244743356806947n],
        [93, 3851675632748031481n],
        [91, 5583722120771150861n],
        [91, 6311230543546372928n],
        [93, 7700377290971790572n],
        [95, 13144177310400110813n],
        [92, 13444792449719432967n],
        [94, 15516499411664133160n],
        [90, 16117243373044804889n],
      ]),
    )
    const six = envoyRing([90, 91, 92], { minimumRingSize: 6, maximumRingSize: 6 }, [1, 2, 3])
    expect(six).toEqual(
      upper([
        [92, 928266305478181108n],
        [92, 4443673547860492590n],
        [91, 5583722120771150861n],
        [91, 6311230543546372928n],
        [92, 13444792449719432967n],
        [90, 16117243373044804889n],
      ]),
    )
    const murmur = envoyRing([80, 81, 82, 83, 84, 85], {
      minimumRingSize: 12,
      pointHash: 'murmur2',
    })
    expect([murmur.at(0), murmur.at(-1)]).toEqual(
      upper([
        [85, 1358027074129602068n],
        [80, 17613279263364193813n],
      ]),
    )
  })

  test('counts points by the number of hosts, which is why healthy hosts exchange keys', () => {
    expect(new Set(pointsOf(addresses(5), { placement: 'envoy' }))).toEqual(new Set([205]))
    expect(new Set(pointsOf(addresses(4), { placement: 'envoy' }))).toEqual(new Set([256]))
    expect(RING_PLACEMENTS.envoy.minimalMovement).toBe(false)
  })

  test('gives the Maglev tables of its own tests', () => {
    const table = (
      names: readonly string[],
      tableSize: number,
      weights: readonly number[] = [],
    ) => {
      const nodes = names.map((id, i) => ({ id, weight: weights[i] ?? 1 }))
      const ring = createRing(nodes, { placement: 'maglev', tableSize })
      return Array.from({ length: tableSize }, (_, slot) => ring.ownerAt(slot)?.slice(-2)).join(' ')
    }
    const hosts = ['90', '91', '92', '93', '94', '95'].map((port) => `127.0.0.1:${port}`)
    expect(table(hosts, 7)).toBe('92 94 90 91 95 90 93')
    expect(table(['90', '91', '92', '93', '94', '95'], 7)).toBe('92 95 90 93 94 91 90')
    expect(table(hosts.slice(0, 2), 17, [1, 2])).toBe(
      '91 90 90 91 90 91 91 90 91 91 91 91 91 90 91 90 91',
    )
  })
})

describe('mcrouter', () => {
  const ring = createRing(addresses(100), { placement: 'mcrouter' })

  test('hashes the routing key: without a route in front and without what follows |#|', () => {
    for (const key of ['/region/cluster/sample', 'sample|#|rest', '/a/b/sample|#||#|x']) {
      expect(ring.owner(key)).toBe(ring.owner('sample'))
    }
    expect(ring.ownerIndex('sample')).toBe(97)
    expect(ring.owner('/region/sample')).not.toBe(ring.owner('sample'))
    expect(ring.ownerIndex('|#|x')).toBe(72)
  })

  test('appends the salt', () => {
    const salted = createRing(addresses(100), { placement: 'mcrouter', salt: 'ple' })
    expect(salted.ownerIndex('sam|#|x')).toBe(97)
  })

  test('reads the shard between the first two colons, if there is one', () => {
    const shards = createRing(addresses(100), {
      placement: 'mcrouter',
      hashFunction: 'ConstShard',
    })
    expect(shards.ownerIndex('x:42:y')).toBe(42)
    expect(shards.ownerIndex('x:099:y:1')).toBe(99)
    for (const key of ['x:100:y', 'x::y', 'x:4a:y', 'x:42', 'sample', ':99999999999999999999:']) {
      expect(shards.ownerIndex(key)).toBe(ring.ownerIndex(key))
    }
    const crc = createRing(addresses(100), { placement: 'mcrouter', hashFunction: 'Crc32' })
    expect(crc.ownerIndex('sample')).toBe(7)
  })

  test('takes keys of any length', () => {
    const long = 'k'.repeat(10_000)
    expect(ring.owner(long)).toBe(ring.owner(Buffer.from(long)))
    expect(createRing(addresses(9), { placement: 'caddy' }).owners(long, 3)).toHaveLength(3)
  })
})
