import type { BackendCounters, HttpBackendCounters } from '@ringway/router'
import type { Histogram, Registry } from 'prom-client'
import type { Cluster } from './cluster/cluster.ts'
import type { Family, Sample } from './metrics.ts'

const LABELS = ['pool', 'backend'] as const

interface CountedBackend {
  readonly labels: { readonly pool: string; readonly backend: string }
  readonly counters: BackendCounters
  readonly http: HttpBackendCounters
}

function httpBackends({ router }: Cluster): readonly CountedBackend[] {
  return Object.entries(router.counters().pools).flatMap(([pool, { backends }]) =>
    Object.entries(backends).flatMap(([backend, counters]): readonly CountedBackend[] =>
      counters.http === undefined
        ? []
        : [{ labels: { pool, backend }, counters, http: counters.http }],
    ),
  )
}

function backendFamily(
  name: string,
  kind: Family['kind'],
  help: string,
  read: (http: HttpBackendCounters) => number,
): Family {
  return {
    name: `ringway_http_${name}`,
    help,
    kind,
    labels: LABELS,
    read: (cluster) =>
      httpBackends(cluster).map(({ labels, http }): Sample => [labels, read(http)]),
  }
}

/** What is counted of HTTP pools besides what all pools have. */
export const HTTP_FAMILIES: readonly Family[] = [
  {
    name: 'ringway_http_responses_total',
    help: 'Responses of a backend, by class of their status; switched protocols are 1xx.',
    kind: 'counter',
    labels: [...LABELS, 'status'],
    read: (cluster) =>
      httpBackends(cluster).flatMap(({ labels, http }) =>
        Object.entries(http.responses).map(
          ([status, count]): Sample => [{ ...labels, status }, count],
        ),
      ),
  },
  backendFamily(
    'retries_total',
    'counter',
    'Requests sent to the same backend once more, after a connection to it was lost.',
    ({ retries }) => retries,
  ),
  backendFamily(
    'broken_total',
    'counter',
    'Responses that a backend broke off after they had begun.',
    ({ broken }) => broken,
  ),
  backendFamily(
    'ejections_total',
    'counter',
    'How often bad answers ejected a backend.',
    ({ ejections }) => ejections,
  ),
  backendFamily('ejected', 'gauge', '1 while a backend is ejected.', ({ ejected }) => ejected),
  backendFamily(
    'slow_start_share',
    'gauge',
    'Share of its weight that a backend has while it starts slowly, else 1.',
    ({ share }) => share,
  ),
  {
    name: 'ringway_http_panic',
    help: '1 while so few backends of a pool are usable that all that are up are used.',
    kind: 'gauge',
    labels: ['pool'],
    read: ({ router }) =>
      Object.entries(router.counters().pools).flatMap(([pool, { panic }]): readonly Sample[] =>
        panic === undefined ? [] : [[{ pool }, panic]],
      ),
  },
]

const FIRST_BYTE = 'ringway_http_first_byte_seconds'

function bucketsOf({ labels, http }: CountedBackend) {
  const { boundsMs, counts, sumMs } = http.firstByte
  let total = 0
  const buckets = counts.map((count, at) => {
    total += count
    const bound = boundsMs[at]
    const le = bound === undefined ? '+Inf' : String(bound / 1_000)
    return { metricName: `${FIRST_BYTE}_bucket`, labels: { ...labels, le }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${FIRST_BYTE}_sum`, labels, value: sumMs / 1_000 },
    { metricName: `${FIRST_BYTE}_count`, labels, value: total },
  ]
}

/**
 * Adds the histogram of first bytes to a registry. The router counts it in plain numbers, and a Histogram cannot be given
 * counts: this is what a registry asks of a metric.
 */
export function registerFirstByte(registry: Registry, cluster: Cluster): void {
  const metric = {
    name: FIRST_BYTE,
    get: async () => ({
      name: FIRST_BYTE,
      help: 'From the beginning of a request to the head of its response, by backend.',
      type: 'histogram',
      values: httpBackends(cluster).flatMap(bucketsOf),
      aggregator: 'sum',
    }),
    reset: () => {},
  }
  registry.registerMetric(metric as unknown as Histogram)
}
