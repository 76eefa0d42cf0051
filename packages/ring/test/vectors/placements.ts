import { readFileSync } from 'node:fs'
import type { PlacementOptions, RingNode } from '../../src/index.ts'

/** One entry of `placements.json`: what a real program, or its own tests, answered. */
export interface PlacementVector {
  readonly servers: readonly string[]
  readonly weights: readonly number[] | null
  readonly keys: Readonly<Record<string, string>>
  readonly ring_size?: number
  readonly first_points?: readonly (readonly [number | string, string])[]
  readonly last_point?: readonly [number | string, string]
  readonly bulk_keys: number
  readonly bulk: number
}

interface VectorFile {
  readonly hash_functions: Readonly<Record<string, Readonly<Record<string, number | string>>>>
  readonly placement: Readonly<Record<string, PlacementVector>>
}

/** All vectors; the file says how each came about. */
export const VECTORS = JSON.parse(
  readFileSync(new URL('./placements.json', import.meta.url), 'utf8'),
) as VectorFile

/** The options of each placement in the file. */
export const VECTOR_OPTIONS: Readonly<Record<string, PlacementOptions>> = {
  twemproxy_ketama_fnv1a_64_E5: { placement: 'ketama' },
  twemproxy_ketama_md5_E5: { placement: 'ketama', keyHash: 'md5' },
  twemproxy_ketama_fnv1a_64_E7: { placement: 'ketama' },
  twemproxy_modula_crc32a_E5: { placement: 'modula', keyHash: 'crc32a' },
  twemproxy_modula_crc32a_named: { placement: 'modula', keyHash: 'crc32a' },
  libmemcached_ketama_weighted_md5_E5: { placement: 'ketama-weighted' },
  libmemcached_ketama_default_hash_E5: { placement: 'ketama-plain' },
  libmemcached_ketama_md5_E5: { placement: 'ketama-plain', keyHash: 'md5' },
  mcrouter_Ch3_n3: { placement: 'mcrouter' },
  mcrouter_Ch3_n5: { placement: 'mcrouter' },
  mcrouter_Ch3_n10: { placement: 'mcrouter' },
  mcrouter_Ch3_n100: { placement: 'mcrouter' },
  mcrouter_WeightedCh3_10: { placement: 'mcrouter', hashFunction: 'WeightedCh3' },
  mcrouter_Crc32_n5: { placement: 'mcrouter', hashFunction: 'Crc32' },
  envoy_ring_hash_xxhash_E5_min1024: { placement: 'envoy' },
  envoy_ring_hash_MURMUR_HASH_2_E5_min1024: { placement: 'envoy', pointHash: 'murmur2' },
  envoy_redis_proxy_ring_hash_E5_min1024: { placement: 'envoy', keyHash: 'murmur2' },
  envoy_maglev_65537_E5: { placement: 'maglev' },
  'haproxy_consistent_default_id1-5_w1': { placement: 'haproxy' },
  'haproxy_consistent_default_id1-5_w10': { placement: 'haproxy' },
  'haproxy_consistent_default_id1-4_w1_2_3_10': { placement: 'haproxy' },
  'haproxy_consistent_sdbm_noavalanche_id1-5_w1': { placement: 'haproxy', keyHash: 'sdbm' },
  'haproxy_consistent_crc32_avalanche_id1-5_w1': {
    placement: 'haproxy',
    keyHash: 'crc32',
    avalanche: true,
  },
  haproxy_mapbased_sdbm_w2_4_6: { placement: 'modula', style: 'haproxy' },
  nginx_consistent_E5: { placement: 'nginx' },
  nginx_plain_hash_w1_2_1: { placement: 'modula', style: 'nginx' },
  npm_hashring_md5_E5: { placement: 'hashring' },
  npm_hashring_md5_E7_double_trap_156pts: { placement: 'hashring' },
  caddy_hrw_xxh64_E5: { placement: 'caddy' },
}

export function vectorNodes(vector: PlacementVector): readonly RingNode[] {
  return vector.servers.map((id, i) => ({ id, weight: vector.weights?.[i] ?? 1 }))
}

/** The checksum of the reference: `acc × 31 + position of the owner` over the keys `k0`, `k1`, …. */
export function bulkSum(
  owner: (key: string) => string | undefined,
  servers: readonly string[],
  keys = 100_000,
): number {
  const indexes = new Map(servers.map((server, i) => [server, i]))
  let sum = 0
  for (let i = 0; i < keys; i++) {
    sum = (Math.imul(sum, 31) + (indexes.get(owner(`k${i}`) ?? '') ?? -1)) >>> 0
  }
  return sum
}
