import { type AnyRing, createRing, type RingOptions } from '@ringway/ring'
import ConsistentHash from 'consistent-hash'
import HashRing from 'hashring'

/** Finds the server of a key. */
export type Find = (key: string) => string | undefined

/** Code of its own for each subject: one closure for all would be slow for all, as it calls several kinds of rings. */
function findBy(method: 'owner' | 'get', engine: unknown): Find {
  return new Function('engine', `return (key) => engine.${method}(key)`)(engine) as Find
}

/** One placement, or another package, under the name that the tables show. */
export interface Subject {
  readonly name: string
  /** Answers for these servers, in this order. */
  readonly build: (ids: readonly string[]) => Find
  /** The same with one server less; without it, one builds anew. */
  readonly without?: (ids: readonly string[], leaving: string) => Find
  /** Builds without looking anything up. */
  readonly make: (ids: readonly string[]) => unknown
}

function placement(name: string, options: RingOptions, weight = 1): Subject {
  const make = (ids: readonly string[]): AnyRing =>
    createRing(
      ids.map((id) => ({ id, weight })),
      options,
    )
  return {
    name,
    make,
    build: (ids) => findBy('owner', make(ids)),
    without: (ids, leaving) => findBy('owner', make(ids).without(leaving)),
  }
}

/** Every placement; HAProxy also with the weight that its users set for more points. */
export const PLACEMENTS: readonly Subject[] = [
  placement('ringway', {}),
  placement('ketama (twemproxy, fnv1a_64)', { placement: 'ketama' }),
  placement('ketama (twemproxy, md5)', { placement: 'ketama', keyHash: 'md5' }),
  placement('ketama-weighted (libmemcached)', { placement: 'ketama-weighted' }),
  placement('ketama-plain (libmemcached)', { placement: 'ketama-plain' }),
  placement('hashring (npm)', { placement: 'hashring' }),
  placement('nginx', { placement: 'nginx' }),
  placement('haproxy, weight 1', { placement: 'haproxy' }),
  placement('haproxy, weight 100', { placement: 'haproxy' }, 100),
  placement(
    'haproxy sdbm, no avalanche, weight 100',
    { placement: 'haproxy', keyHash: 'sdbm' },
    100,
  ),
  placement('envoy', { placement: 'envoy' }),
  placement('envoy, minimumRingSize 65,536', { placement: 'envoy', minimumRingSize: 65_536 }),
  placement('maglev', { placement: 'maglev' }),
  placement('mcrouter Ch3', { placement: 'mcrouter' }),
  placement(
    'mcrouter WeightedCh3, weights 0.5',
    { placement: 'mcrouter', hashFunction: 'WeightedCh3' },
    0.5,
  ),
  placement('rendezvous', { placement: 'rendezvous' }),
  placement('caddy', { placement: 'caddy' }),
  placement('jump', { placement: 'jump' }),
  placement('modula (twemproxy)', { placement: 'modula' }),
]

/** Removes the cache of npm hashring: it is charged for hashing and searching alone. */
function hashRing(ids: readonly string[]): HashRing {
  const ring = new HashRing([...ids], 'md5', { 'max cache size': 1 })
  ring.cache = { get: () => undefined, set: () => undefined, reset: () => undefined }
  return ring
}

function consistentHash(ids: readonly string[]): ConsistentHash {
  const ring = new ConsistentHash()
  for (const id of ids) ring.add(id)
  return ring
}

/** The packages that are measured beside. */
export const PACKAGES: readonly Subject[] = [
  {
    name: 'npm hashring, cache off',
    make: hashRing,
    build: (ids) => findBy('get', hashRing(ids)),
  },
  {
    name: 'npm consistent-hash',
    make: consistentHash,
    build: (ids) => findBy('get', consistentHash(ids)),
  },
]
