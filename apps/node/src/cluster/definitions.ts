import { RING_PLACEMENTS, xxh32 } from '@ringway/ring'
import type {
  BackendSource,
  MigrationConfig,
  PoolConfig,
  StaticPoolConfig,
} from '../config/config.ts'

/** Placement parameters that all members must share: they are part of the cluster's identity. */
export const PLACEMENT = { name: 'ringway', pointsPerWeight: 4096, hashTags: true } as const

/** What two members must agree on to link at all: a ring of another shape would send keys elsewhere. */
export function clusterIdentity(label: string): string {
  return `ringway/1 placement=${PLACEMENT.name} points=${PLACEMENT.pointsPerWeight} slots=16384 label=${label}`
}

/** {@link clusterIdentity} as 8 hex digits, for the metadata of a member. */
export function clusterTag(label: string): string {
  return hex32(clusterIdentity(label))
}

/** Backends as the ring takes them: sorted, except where their order counts. */
function inOrder({ placement, backends }: MigrationConfig | StaticPoolConfig) {
  const facts = backends.map(({ id, weight, zone }) => [id, weight, zone ?? ''])
  return RING_PLACEMENTS[placement.placement ?? 'ringway'].order === 'ids' ? facts.sort() : facts
}

/** The old ring; its end is a time of each member's own. */
function before({ migration }: StaticPoolConfig) {
  return migration ? [migration.placement, inOrder(migration)] : []
}

/** What a source is; how often it is asked is each member's own business. */
function named({ type, url, weight, zone = '', ...source }: BackendSource) {
  const what = 'path' in source ? source.path : 'port' in source ? source.port : 0
  return [type, 'name' in source ? source.name : '', what, url, weight, zone]
}

/** 8 hex digits over the pool definitions. A difference between members is reported; it refuses nothing. */
export function definitionsHash(pools: readonly PoolConfig[]): string {
  const facts = pools
    .map((pool) =>
      pool.protocol === 'store'
        ? [pool.name, pool.protocol, pool.replicas]
        : [
            pool.name,
            pool.protocol,
            pool.placement,
            inOrder(pool),
            pool.replicas ?? 1,
            ...before(pool),
            pool.sources.map(named),
            ...(pool.failover ? [pool.failover.pool] : []),
            // A member that orders no writes cannot be the one that orders those of others.
            ...(pool.copies?.orderWrites === true ? ['orderWrites'] : []),
          ],
    )
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  return hex32(JSON.stringify(facts))
}

function hex32(text: string): string {
  return xxh32(text).toString(16).padStart(8, '0')
}
