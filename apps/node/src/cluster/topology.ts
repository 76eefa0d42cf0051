import type {
  BackendTopology,
  MigrationTopology,
  OrderedByTopology,
  PoolTopology,
  Topology,
} from '@ringway/router'
import type { BackendConfig, CacheRoutingConfig, MigrationConfig } from '../config/config.ts'
import type { FleetBackend } from '../fleet/pool-backends.ts'
import type { ClusterMember } from './member-tags.ts'
import type { PoolRing } from './pool-ring.ts'

/** From members and configuration to what the data plane routes by. Pure; the result can be posted to a worker as it is. */
export function buildTopology(
  epoch: number,
  pools: readonly PoolRing[],
  members: readonly ClusterMember[],
  orderedBy?: OrderedByTopology,
): Topology {
  return { epoch, pools: pools.map((pool) => poolTopology(pool, members, orderedBy)) }
}

function poolTopology(
  { pool, ring, backends }: PoolRing,
  members: readonly ClusterMember[],
  orderedBy: OrderedByTopology | undefined,
): PoolTopology {
  return {
    name: pool.name,
    protocol: pool.protocol,
    placement: ring.options,
    replicas: pool.replicas ?? 1,
    ...(pool.protocol !== 'store' && pool.copies ? { copies: pool.copies } : {}),
    ...(pool.protocol === 'redis' && pool.copies?.orderWrites && orderedBy ? { orderedBy } : {}),
    ...(pool.protocol !== 'store' && pool.slowStartMs !== undefined
      ? { slowStartMs: pool.slowStartMs }
      : {}),
    ...(pool.protocol !== 'store' && pool.outliers ? { outliers: pool.outliers } : {}),
    ...(pool.protocol !== 'store' && pool.check ? { check: pool.check } : {}),
    ...(pool.protocol === 'http' && pool.http ? { http: pool.http } : {}),
    digest: ring.digest,
    ...(pool.protocol === 'store' || pool.multiKey === undefined
      ? {}
      : { multiKey: pool.multiKey }),
    backends: pool.protocol === 'store' ? members.map(memberBackend) : backends.map(staticBackend),
    ...(pool.protocol === 'store' ? {} : cacheRouting(pool)),
    ...(pool.protocol !== 'store' && pool.migration && { migration: migration(pool.migration) }),
  }
}

function cacheRouting({ failover, shadow, coalesce }: CacheRoutingConfig): CacheRoutingConfig {
  return {
    ...(failover && { failover }),
    ...(shadow && { shadow }),
    ...(coalesce === true && { coalesce }),
  }
}

function migration({ placement, backends, untilMs }: MigrationConfig): MigrationTopology {
  return { placement, backends: backends.map(staticBackend), untilMs }
}

function memberBackend(member: ClusterMember): BackendTopology {
  return {
    id: member.name,
    host: member.address.host,
    port: member.peerPort,
    weight: member.weight,
    ...(member.zone === undefined ? {} : { zone: member.zone }),
    state: member.state === 'draining' ? 'draining' : 'up',
  }
}

function staticBackend(
  backend: BackendConfig & Partial<Pick<FleetBackend, 'state'>>,
): BackendTopology {
  const { id, address, weight, zone, access, state = 'up' } = backend
  return {
    id,
    ...address,
    weight,
    ...(zone === undefined ? {} : { zone }),
    ...(access === undefined ? {} : { access }),
    state,
  }
}
