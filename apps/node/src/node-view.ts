import { slotOf } from '@ringway/ring'
import type { BackendCounters } from '@ringway/router'
import type {
  AdminView,
  ApiBackend,
  ApiMember,
  ApiOverride,
  ApiPool,
  ApiStore,
} from './admin/view.ts'
import type { Cluster } from './cluster/cluster.ts'
import { readTags } from './cluster/member-tags.ts'
import type { PoolRing } from './cluster/pool-ring.ts'
import { formatHostPort } from './config/address.ts'
import type { Override } from './fleet/override.ts'
import { describeRing, planChange } from './ring-view.ts'

/** The node as the admin API shows it. */
export function createNodeView(
  name: string,
  cluster: Cluster,
  metrics: () => Promise<string>,
  reload: AdminView['reload'],
): AdminView {
  return {
    name,
    metrics,
    reload,
    readiness: () => cluster.readiness,
    members: () => members(name, cluster),
    ring: (poolName) => {
      const found = cluster.pools.find(({ pool }) => pool.name === poolName)
      return found && describeRing(found)
    },
    plan: (poolName, change) => {
      const found = cluster.pools.find(({ pool }) => pool.name === (poolName ?? pool.name))
      return found && planChange(found, change)
    },
    events: cluster.events,
    changeBackend: (poolName, backend, change) => {
      cluster.fleet.change(poolName, backend, change)
      cluster.refresh()
      const found = cluster.pools.find(({ pool }) => pool.name === poolName)
      return found && backends(found, cluster).find(({ id }) => id === backend)
    },
    actOnMember: (member, action) => cluster.actOnMember(member, action),
    pools: () => cluster.pools.map((pool) => describePool(pool, cluster)),
    lookup: (poolName, key) => {
      const found = cluster.pools.find(({ pool }) => pool.name === poolName)
      if (!found) return undefined
      const { pool, ring } = found
      const slot = slotOf(key)
      const acting = pool.protocol === 'store' ? cluster.store?.primaryOf(slot) : undefined
      return {
        pool: poolName,
        key,
        hash: ring.hash(key),
        slot,
        owners: ring.owners(key, pool.protocol === 'store' ? pool.replicas : 1),
        ...(acting === undefined ? {} : { acting }),
        digest: ring.digest,
      }
    },
  }
}

function members(self: string, cluster: Cluster): readonly ApiMember[] {
  const problems = new Map(cluster.hub.links().map(({ name, problem }) => [name, problem]))
  return [...cluster.memberlist.members()]
    .map((member): ApiMember => {
      const facts = readTags(member.tags)
      return {
        name: member.name,
        address: formatHostPort(member.address),
        state: member.state,
        incarnation: member.incarnation,
        ringway: facts !== undefined,
        ...(member.rttMs === undefined ? {} : { rttMs: member.rttMs }),
        ...(facts
          ? {
              ...(facts.zone === undefined ? {} : { zone: facts.zone }),
              weight: facts.weight,
              instance: facts.instance,
              phase: facts.state,
              version: facts.version,
              peer: formatHostPort({ host: member.address.host, port: facts.peerPort }),
              ...(member.name === self
                ? {}
                : linkState(cluster.hub.isUp(member.name), problems.get(member.name))),
              definitionsDiffer: facts.definitions !== cluster.definitions,
            }
          : {}),
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function linkState(linked: boolean, linkProblem: string | undefined) {
  return linked || linkProblem === undefined ? { linked } : { linked, linkProblem }
}

/** How this router finds a backend that is up for all. */
function seenState(counters: BackendCounters | undefined): string {
  if (counters?.avoided === 1) return 'avoided'
  return counters?.http?.ejected === 1 ? 'ejected' : 'up'
}

function describePool(found: PoolRing, cluster: Cluster): ApiPool {
  const { pool, ring } = found
  const store = pool.protocol === 'store' ? describeStore(cluster) : undefined
  const removed = removedBackends(pool.name, cluster)
  return {
    name: pool.name,
    protocol: pool.protocol,
    placement: ring.options.placement,
    ...('keyHash' in ring.options ? { keyHash: ring.options.keyHash } : {}),
    replicas: pool.protocol === 'store' ? pool.replicas : 1,
    digest: ring.digest,
    backends: backends(found, cluster),
    ...(removed.length === 0 ? {} : { removed }),
    ...(store ? { store } : {}),
  }
}

function backends({ pool, ring }: PoolRing, cluster: Cluster): readonly ApiBackend[] {
  const shares = ring.shares()
  if (pool.protocol === 'store')
    return cluster.members.map(({ name, address, peerPort, weight, zone, state, suspect }) => ({
      id: name,
      address: formatHostPort({ host: address.host, port: peerPort }),
      weight,
      ...(zone === undefined ? {} : { zone }),
      state: suspect ? 'suspect' : state,
      share: shares.get(name) ?? 0,
    }))
  const counters = cluster.router.counters().pools[pool.name]?.backends
  return cluster.fleet.backends(pool.name).map((backend) => {
    const { id, address, weight, zone, state, origin, override } = backend
    return {
      id,
      address: formatHostPort(address),
      weight,
      ...(zone === undefined ? {} : { zone }),
      state: state === 'up' ? seenState(counters?.[id]) : state,
      share: shares.get(id) ?? 0,
      origin,
      ...(override ? { override: describeOverride(override) } : {}),
    }
  })
}

function describeOverride({ backend, version, by, added, ...facts }: Override): ApiOverride {
  const { removed, draining, weight } = facts
  return {
    backend,
    version,
    by,
    ...(added ? { added: true } : {}),
    ...(removed ? { removed } : {}),
    ...(draining ? { draining } : {}),
    ...(weight === undefined ? {} : { weight }),
  }
}

function removedBackends(pool: string, cluster: Cluster): readonly ApiOverride[] {
  return cluster.fleet.overrides
    .filter((override) => override.pool === pool && override.removed)
    .map(describeOverride)
}

function describeStore(cluster: Cluster): ApiStore | undefined {
  const status = cluster.store?.status()
  return (
    status && {
      safe: status.safe,
      slotsHeld: status.held,
      slotsOwned: status.owned,
      slotsActing: status.acting,
      slotsUnderReplicated: status.underReplicated,
      entries: status.entries,
      bytes: status.bytes,
      maxBytes: status.maxBytes,
    }
  )
}
