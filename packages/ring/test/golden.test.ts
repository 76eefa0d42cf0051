// Frozen answers of the placement. If one of these tests fails, the change moves the keys of every user: it needs a new
// placement name, not new numbers here.

import { describe, expect, test } from 'vitest'
import createXxhash from 'xxhash-wasm'
import { createRing, type KeyHash, type RingNode } from '../src/index.ts'

const NODES: readonly RingNode[] = [
  { id: '10.0.0.1:6379' },
  { id: '10.0.0.2:6379', zone: 'a' },
  { id: '10.0.0.3:6379', weight: 2, zone: 'b' },
  { id: 'cache-é', weight: 0.5 },
  { id: 'node{1}', zone: 'a' },
]

const KEYS = ['', 'foo', 'user:12345:profile', 'café', '{user:1}:cart', '😀', 'a'.repeat(300)]

interface Golden {
  readonly digest: string
  /** For the keys k0 … k99999: acc = (acc * 31 + index of the owner) mod 2^32. */
  readonly bulk: number
  /** Positions of KEYS. */
  readonly hashes: readonly number[]
  /** The first three owners of KEYS, as indexes into NODES. */
  readonly owners: readonly (readonly number[])[]
}

// biome-ignore format: one row per kind of answer reads better
const GOLDEN: Readonly<Record<KeyHash, Golden>> = {
  xxh32: {
    digest: '09a9402aa9ae34fc',
    bulk: 4264448018,
    hashes: [46947589, 3792637401, 312567224, 1071462849, 2100717921, 1127825596, 1864612541],
    owners: [[2, 4, 0], [2, 4, 0], [4, 2, 3], [2, 4, 1], [2, 0, 3], [4, 2, 1], [1, 2, 0]],
  },
  xxh64: {
    digest: '4f63a99474ad1b7b',
    bulk: 2357957069,
    hashes: [4014398263, 868155560, 2958660840, 2587929017, 3653747808, 2418391211, 2532855190],
    owners: [[3, 2, 4], [2, 4, 1], [2, 4, 0], [1, 2, 0], [3, 0, 2], [2, 0, 4], [4, 3, 1]],
  },
  'crc16-slot': {
    digest: '3d13609f412dce9b',
    bulk: 219457641,
    hashes: [0, 3193438208, 715128832, 1503395840, 2825388032, 775684096, 3703046144],
    owners: [[3, 4, 2], [2, 3, 4], [2, 1, 0], [3, 2, 0], [1, 0, 2], [0, 4, 2], [3, 2, 0]],
  },
}

describe.each(Object.entries(GOLDEN))('the ring of today with %s', (keyHash, golden) => {
  const ring = createRing(NODES, { keyHash: keyHash as KeyHash })

  test('has the digest that other members compute', () => {
    expect(ring.digest).toBe(golden.digest)
  })

  test('puts keys where it always did', () => {
    expect(KEYS.map((key) => ring.hash(key))).toEqual(golden.hashes)
  })

  test('has the owners it always had', () => {
    const index = new Map(NODES.map((node, i) => [node.id, i]))
    const owners = KEYS.map((key) => ring.owners(key, 3).map((id) => index.get(id)))
    expect(owners).toEqual(golden.owners)
    let bulk = 0
    for (let i = 0; i < 100_000; i++) {
      bulk = (Math.imul(bulk, 31) + ring.ownerIndexAt(ring.hash(`k${i}`))) >>> 0
    }
    expect(bulk).toBe(golden.bulk)
  })
})

describe('the placement', () => {
  test('has the points it always had', () => {
    const { positions, owners } = createRing(NODES).points()
    expect(positions).toHaveLength(22_528)
    expect([...positions.slice(0, 6)]).toEqual([43390, 123610, 165408, 166741, 400623, 578475])
    expect([...owners.slice(0, 6)]).toEqual([3, 3, 4, 2, 1, 2])
    expect([...positions.slice(-2)]).toEqual([4294436089, 4294655773])
    const shares = [...createRing(NODES).shares().values()].map((share) => share * 2 ** 32)
    expect(shares).toEqual([770192733, 784675265, 1561329768, 384081018, 794688512])
    const three = createRing([{ id: '10.0.0.1:6379' }], { pointsPerWeight: 3 })
    expect([...three.points().positions]).toEqual([1728632389, 2368893320, 2463592164])
    expect(createRing([]).digest).toBe('d40bcfb872584e07')
  })

  test('is what the README says, computed by other means', async () => {
    const oracle = await createXxhash()
    const points = NODES.flatMap(({ id, weight = 1 }, owner) =>
      Array.from({ length: Math.floor(weight * 4096 + 0.5) }, (_, i) => {
        const index = Buffer.alloc(4)
        index.writeUInt32LE(i)
        return { owner, point: oracle.h32Raw(Buffer.concat([Buffer.from(`${id}\0`), index]), 0) }
      }),
    ).sort((a, b) => a.point - b.point || a.owner - b.owner)
    const { positions, owners } = createRing(NODES).points()
    expect([...positions]).toEqual(points.map(({ point }) => point))
    expect([...owners]).toEqual(points.map(({ owner }) => owner))
  })

  test('has the digest that the README says, computed by other means', async () => {
    const oracle = await createXxhash()
    const u32 = (value: number) => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(value)
      return bytes
    }
    const nodes = NODES.flatMap(({ id, weight = 1, zone = '' }) => {
      const bits = Buffer.alloc(8)
      bits.writeDoubleLE(weight)
      const [name, place] = [Buffer.from(id), Buffer.from(zone)]
      return [u32(name.length), name, bits, u32(place.length), place]
    })
    const head = Buffer.from('ringway-ring/1\0ringway\0xxh32\0\x01')
    const bytes = Buffer.concat([head, u32(4096), u32(NODES.length), ...nodes])
    expect(oracle.h64Raw(bytes, 0n).toString(16).padStart(16, '0')).toBe(GOLDEN.xxh32.digest)
  })
})
