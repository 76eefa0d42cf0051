import ConsistentHash from 'consistent-hash'
import HashRing from 'hashring'

/** Addresses as an operator would write them. */
export function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:6379`)
}

export function asNodes(ids: readonly string[]): { readonly id: string }[] {
  return ids.map((id) => ({ id }))
}

const PATTERNS: readonly ((set: number, i: number) => string)[] = [
  (set, i) => `10.${set}.0.${i}:6379`,
  (set, i) => `cache-${set}-${i}`,
  (set, i) => `redis-${i}.set${set}.internal:6379`,
  (set, i) => `node${set * 1000 + i}`,
  (set, i) => `${(set * 2654435761 + i * 40503).toString(16)}`,
]

export const NAME_SETS = 20

/** `NAME_SETS` sets of names in five patterns. */
export function nameSet(set: number, count: number): string[] {
  const pattern = PATTERNS[set % PATTERNS.length] ?? ((s: number, i: number) => `${s}-${i}`)
  return Array.from({ length: count }, (_, i) => pattern(set, i))
}

/** Keys of 20 characters, flat in memory like those that a server reads from a socket. */
export function sessionKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(`user:${String((i * 7919) % 1e8).padStart(8, '0')}:profil`).toString('latin1'),
  )
}

/**
 * npm hashring without its LRU cache. The documented way, `max cache size: 0`, throws in `get` in 3.2.0, so the cache is
 * replaced by one that does nothing: hashring is charged only for hashing and searching.
 */
export function hashRingUncached(ids: readonly string[]): HashRing {
  const ring = new HashRing(ids, 'md5', { 'max cache size': 1 })
  ring.cache = { get: () => undefined, set: () => undefined, reset: () => undefined }
  return ring
}

/** npm consistent-hash as it comes: 40 control points per node at random places out of 100,003. */
export function consistentHash(ids: readonly string[]): ConsistentHash {
  const ring = new ConsistentHash()
  for (const id of ids) ring.add(id)
  return ring
}
