import { plan, type RingNode, type RingPlan } from '@ringway/ring'
import type { ApiPlan, ApiRing, PlanChange, PlanRefusal } from './admin/view.ts'
import type { PoolRing } from './cluster/pool-ring.ts'

/** The ring of a pool as the admin API shows it. */
export function describeRing({ pool, ring }: PoolRing): ApiRing {
  const shares = ring.shares()
  const { placement, ...options } = ring.options
  return {
    pool: pool.name,
    protocol: pool.protocol,
    placement,
    options: { ...options },
    digest: ring.digest,
    nodes: ring.nodes.map(({ id, weight = 1, zone }) => ({
      id,
      weight,
      ...(zone === undefined ? {} : { zone }),
      share: shares.get(id) ?? 0,
    })),
  }
}

/** What a change of one node would move in a pool. Nothing is changed. */
export function planChange({ pool, ring }: PoolRing, change: PlanChange): ApiPlan | PlanRefusal {
  const ids = ring.nodes.map(({ id }) => id)
  const known = `nodes of pool ${JSON.stringify(pool.name)}: ${ids.join(', ') || 'none'}`
  if (change.type === 'remove') {
    if (ids.includes(change.id)) return asPlan(pool.name, plan(ring, ring.without(change.id)))
    return refusal('NO_SUCH_NODE', `there is no node ${JSON.stringify(change.id)}; ${known}`)
  }
  const { type: _, ...node } = change
  if (ids.includes(node.id))
    return refusal('NODE_EXISTS', `${JSON.stringify(node.id)} is there already; ${known}`)
  return asPlan(pool.name, plan(ring, ring.with(node satisfies RingNode)))
}

function refusal(error: PlanRefusal['error'], message: string): PlanRefusal {
  return { type: 'refused', error, message }
}

/** Arcs are counted, not listed: there are thousands. */
function asPlan(pool: string, { arcs, before, after, ...rest }: RingPlan): ApiPlan {
  return {
    pool,
    before: { digest: before.digest, nodes: before.nodes },
    after: { digest: after.digest, nodes: after.nodes },
    arcs: arcs.length,
    ...rest,
  }
}
