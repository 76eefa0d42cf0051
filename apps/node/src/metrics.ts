import type { CachingCounters, OrderedCounters } from '@ringway/router'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Cluster } from './cluster/cluster.ts'
import { HTTP_FAMILIES, registerFirstByte } from './http-metrics.ts'
import { VERSION } from './version.ts'

type Labels = Readonly<Record<string, string>>
/** One value of a metric. */
export type Sample = readonly [labels: Labels, value: number]

/** One metric: its samples are read when Prometheus asks, so that the data path only counts in plain numbers. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly read: (cluster: Cluster) => readonly Sample[]
}

const NO_LABELS: Labels = {}
const one = (value: number): readonly Sample[] => [[NO_LABELS, value]]

const MEMBER_STATES = ['alive', 'suspect', 'dead', 'left'] as const

const FAMILIES: readonly Family[] = [
  {
    name: 'ringway_build_info',
    help: 'Always 1; the labels say what runs.',
    kind: 'gauge',
    labels: ['version'],
    read: () => [[{ version: VERSION }, 1]],
  },
  {
    name: 'ringway_ready',
    help: '1 while the node serves its keys.',
    kind: 'gauge',
    labels: [],
    read: ({ readiness }) => one(readiness.ready ? 1 : 0),
  },
  {
    name: 'ringway_members',
    help: 'Members that gossip knows, by state.',
    kind: 'gauge',
    labels: ['state'],
    read: ({ memberlist }) => {
      const all = [...memberlist.members()]
      return MEMBER_STATES.map((state) => [
        { state },
        all.filter((member) => member.state === state).length,
      ])
    },
  },
  {
    name: 'ringway_gossip_health',
    help: 'Score of this member by its own judgement: 0 is healthy, 7 is as late as it gets.',
    kind: 'gauge',
    labels: [],
    read: ({ memberlist }) => one(memberlist.healthScore),
  },
  {
    name: 'ringway_member_rtt_seconds',
    help: 'Smoothed round trip of probes of a member.',
    kind: 'gauge',
    labels: ['member'],
    read: ({ memberlist }) =>
      memberlist
        .members()
        .flatMap(({ name, rttMs }): readonly Sample[] =>
          rttMs === undefined ? [] : [[{ member: name }, rttMs / 1000]],
        ),
  },
  {
    name: 'ringway_gossip_total',
    help: 'Counts of the membership protocol, by kind.',
    kind: 'counter',
    labels: ['kind'],
    read: ({ memberlist }) => numbers({ ...memberlist.stats() }, 'kind'),
  },
  {
    name: 'ringway_peer_links',
    help: 'Links to other members that are up.',
    kind: 'gauge',
    labels: [],
    read: ({ hub }) => one(hub.stats().linksUp),
  },
  {
    name: 'ringway_peer_total',
    help: 'Counts of the links between members, by kind.',
    kind: 'counter',
    labels: ['kind'],
    read: ({ hub }) => {
      const { linksUp: _up, pendingConnections: _pending, ...counts } = hub.stats()
      return numbers(counts, 'kind')
    },
  },
  {
    name: 'ringway_clients',
    help: 'Open client connections.',
    kind: 'gauge',
    labels: [],
    read: ({ router }) => one(router.counters().clients.open),
  },
  {
    name: 'ringway_clients_total',
    help: 'Client connections and bytes, by kind.',
    kind: 'counter',
    labels: ['kind'],
    read: ({ router }) => {
      const { open: _open, ...counts } = router.counters().clients
      return numbers(counts, 'kind')
    },
  },
  {
    name: 'ringway_commands_total',
    help: 'Client commands.',
    kind: 'counter',
    labels: [],
    read: ({ router }) => one(router.counters().commands),
  },
  {
    name: 'ringway_errors_total',
    help: 'Error replies made by the router, by code.',
    kind: 'counter',
    labels: ['code'],
    read: ({ router }) => numbers(router.counters().errors, 'code'),
  },
  poolFamily('requests', 'counter', 'Commands given to a backend.'),
  poolFamily('errors', 'counter', 'Commands that a backend did not answer.'),
  poolFamily('failovers', 'counter', 'Commands that went on to another backend.'),
  poolFamily('connections', 'gauge', 'Open connections to a backend.'),
  poolFamily('inFlight', 'gauge', 'Commands that a backend has not answered yet.'),
  poolFamily('avoided', 'gauge', '1 while this router steers around a backend.'),
  poolFamily(
    'stale',
    'gauge',
    'Keys that have a newer value elsewhere, and are not read here before they are copied.',
  ),
  cachingFamily(
    'failedOver',
    'failover_commands',
    'counter',
    'Commands that went to the failover pool.',
  ),
  cachingFamily(
    'shadowed',
    'shadow_commands',
    'counter',
    'Commands that were copied to the shadow pool.',
  ),
  cachingFamily(
    'shadowDropped',
    'shadow_dropped',
    'counter',
    'Commands that were not copied to the shadow pool, because too many copies waited.',
  ),
  cachingFamily(
    'shadowWaiting',
    'shadow_waiting',
    'gauge',
    'Copies that the shadow pool has not answered.',
  ),
  cachingFamily(
    'coalesced',
    'coalesced_reads',
    'counter',
    'Reads that were answered with the reply to another one.',
  ),
  {
    name: 'ringway_pool_ordered_total',
    help: 'Pools with orderWrites: commands forwarded to the member that orders their keys, served for other members, returned unrun, and ended with an unknown outcome.',
    kind: 'counter',
    labels: ['pool', 'kind'],
    read: (cluster) => orderedSamples(cluster, ['forwarded', 'served', 'returned', 'unknown']),
  },
  {
    name: 'ringway_pool_ordered',
    help: 'Pools with orderWrites: commands that another member has (open), and that wait for the member that orders their keys.',
    kind: 'gauge',
    labels: ['pool', 'kind'],
    read: (cluster) => orderedSamples(cluster, ['open', 'waiting']),
  },
  {
    name: 'ringway_pool_share',
    help: 'Share of the key space of each owner, 0 to 1.',
    kind: 'gauge',
    labels: ['pool', 'backend'],
    read: ({ pools }) =>
      pools.flatMap(({ pool, ring }) =>
        [...ring.shares()].map(([backend, share]): Sample => [{ pool: pool.name, backend }, share]),
      ),
  },
  {
    name: 'ringway_store_slots',
    help: 'Slots of the embedded store on this member, by kind.',
    kind: 'gauge',
    labels: ['kind'],
    read: ({ store }) => {
      if (!store) return []
      const { owned, held, acting, promoting, filling, underReplicated, leftOver, unserved } =
        store.status()
      return numbers(
        { owned, held, acting, promoting, filling, underReplicated, leftOver, unserved },
        'kind',
      )
    },
  },
  {
    name: 'ringway_store_safe',
    help: '1 while every acknowledged write here survives replicas - 1 faults.',
    kind: 'gauge',
    labels: [],
    read: ({ store }) => (store ? one(store.status().safe ? 1 : 0) : []),
  },
  {
    name: 'ringway_store_entries',
    help: 'Entries on this member, copies included.',
    kind: 'gauge',
    labels: [],
    read: ({ store }) => (store ? one(store.status().entries) : []),
  },
  {
    name: 'ringway_store_bytes',
    help: 'Memory of the entries on this member.',
    kind: 'gauge',
    labels: [],
    read: ({ store }) => (store ? one(store.status().bytes) : []),
  },
  {
    name: 'ringway_store_bytes_max',
    help: 'maxMemory.',
    kind: 'gauge',
    labels: [],
    read: ({ store }) => (store ? one(store.status().maxBytes) : []),
  },
  {
    name: 'ringway_store_total',
    help: 'Counts of the embedded store, by kind.',
    kind: 'counter',
    labels: ['kind'],
    read: ({ store }) => (store ? numbers({ ...store.status().counters }, 'kind') : []),
  },
]

/** The node's one registry: its own families, and those of the Node.js process. */
export function createMetrics(cluster: Cluster): Registry {
  const registry = new Registry()
  for (const family of [...FAMILIES, ...HTTP_FAMILIES]) register(registry, family, cluster)
  registerFirstByte(registry, cluster)
  collectDefaultMetrics({ register: registry })
  return registry
}

function register(registry: Registry, family: Family, cluster: Cluster): void {
  const options = {
    name: family.name,
    help: family.help,
    labelNames: [...family.labels],
    registers: [registry],
  }
  if (family.kind === 'gauge') {
    const gauge = new Gauge({
      ...options,
      collect: () => {
        gauge.reset()
        for (const [labels, value] of family.read(cluster)) gauge.set({ ...labels }, value)
      },
    })
    return
  }
  const counter = new Counter({
    ...options,
    collect: () => {
      counter.reset()
      for (const [labels, value] of family.read(cluster)) counter.inc({ ...labels }, value)
    },
  })
}

function poolFamily(
  field: 'requests' | 'errors' | 'failovers' | 'connections' | 'inFlight' | 'avoided' | 'stale',
  kind: 'counter' | 'gauge',
  help: string,
): Family {
  const snake = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return {
    name: `ringway_backend_${snake}${kind === 'counter' ? '_total' : ''}`,
    help,
    kind,
    labels: ['pool', 'backend'],
    read: ({ router }) =>
      Object.entries(router.counters().pools).flatMap(([pool, { backends }]) =>
        Object.entries(backends).map(
          ([backend, counters]): Sample => [{ pool, backend }, counters[field]],
        ),
      ),
  }
}

/** Of pools with a failover or a shadow pool, and of those that coalesce. */
function cachingFamily(
  field: keyof CachingCounters,
  name: string,
  kind: 'counter' | 'gauge',
  help: string,
): Family {
  return {
    name: `ringway_pool_${name}${kind === 'counter' ? '_total' : ''}`,
    help,
    kind,
    labels: ['pool'],
    read: ({ router }) =>
      Object.entries(router.counters().pools).flatMap(([pool, { caching }]): readonly Sample[] =>
        caching === undefined ? [] : [[{ pool }, caching[field]]],
      ),
  }
}

function orderedSamples(
  { router }: Cluster,
  kinds: readonly (keyof OrderedCounters)[],
): readonly Sample[] {
  return Object.entries(router.counters().pools).flatMap(([pool, { ordered }]) =>
    ordered === undefined ? [] : kinds.map((kind): Sample => [{ pool, kind }, ordered[kind]]),
  )
}

/** Plain numbers as samples; `linksOpened` becomes the label value `links_opened`. */
function numbers(counts: Readonly<Record<string, unknown>>, label: string): readonly Sample[] {
  return Object.entries(counts).flatMap(([name, value]): readonly Sample[] =>
    typeof value === 'number'
      ? [
          [
            {
              [label]:
                label === 'code'
                  ? name
                  : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
            },
            value,
          ],
        ]
      : [],
  )
}
