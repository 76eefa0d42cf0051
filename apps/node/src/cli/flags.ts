import type { NodeOptions, PoolOptions } from '../config/options.ts'
import { DEFAULT_POOL } from '../config/resolve.ts'
import { SNAPSHOT_OFF } from '../config/resolve-gossip.ts'
import { defaultSnapshot } from './snapshot-path.ts'

/** The flags of `ringway start`, as the parser leaves them. */
export interface StartFlags {
  readonly config?: string
  readonly name?: string
  readonly gossip?: string
  readonly join?: readonly string[]
  readonly advertise?: string
  /** False for `--no-snapshot`. */
  readonly snapshot?: string | false
  readonly redis?: string
  readonly memcached?: string
  readonly http?: string
  readonly admin?: string
  readonly peer?: string
  readonly encrypt?: string
  readonly insecure?: boolean
  readonly label?: string
  readonly delegate?: 'plain' | 'serf'
  readonly zone?: string
  readonly weight?: number
  readonly replicas?: number
  readonly redisBackends?: readonly string[]
  readonly memcachedBackends?: readonly string[]
  readonly httpBackends?: readonly string[]
  readonly profile?: 'lan' | 'wan' | 'local'
  readonly logLevel?: NonNullable<NodeOptions['logLevel']>
}

/** The pools that `--redis-backends` and `--memcached-backends` define. */
const REDIS_POOL = 'cache'
const MEMCACHED_POOL = 'items'
const HTTP_POOL = 'app'
const DEFAULT_REDIS_BIND = '127.0.0.1:6380'
const DEFAULT_MEMCACHED_BIND = '127.0.0.1:11311'
const DEFAULT_HTTP_BIND = '127.0.0.1:8080'

/** What the flags say, in the shape of the configuration file: only what was given. */
export function optionsFromFlags(flags: StartFlags): NodeOptions {
  return present({
    name: flags.name,
    zone: flags.zone,
    weight: flags.weight,
    profile: flags.profile,
    logLevel: flags.logLevel,
    insecure: flags.insecure,
    gossip: present({
      bind: flags.gossip,
      advertise: flags.advertise,
      join: flags.join,
      snapshot: flags.snapshot === false ? SNAPSHOT_OFF : flags.snapshot,
      encrypt: flags.encrypt === undefined ? undefined : [flags.encrypt],
      label: flags.label,
      delegate: flags.delegate,
    }),
    peer: flags.peer === undefined ? undefined : { bind: flags.peer },
    admin: flags.admin === undefined ? undefined : { bind: flags.admin },
    pools: poolsFromFlags(flags),
  }) as NodeOptions
}

/** What the daemon adds to the merged options: an admin API, a store pool, a Redis listener, a file of known peers. */
export function withDaemonDefaults(
  options: NodeOptions,
  flags: StartFlags,
  environment: Readonly<Record<string, string | undefined>>,
): NodeOptions {
  const pools = withReplicas(
    options.pools ?? { [DEFAULT_POOL]: { protocol: 'store' } },
    flags.replicas,
  )
  return {
    ...options,
    gossip: withSnapshot(options.gossip ?? {}, defaultSnapshot(options, environment)),
    pools,
    listeners: listenersOf(options, pools, flags),
    admin: options.admin ?? {},
  }
}

/** The options are not checked yet: what is no mapping is left for the check to name. */
function withSnapshot(gossip: NonNullable<NodeOptions['gossip']>, snapshot: string) {
  const isMapping = typeof gossip === 'object' && !Array.isArray(gossip)
  return isMapping ? { snapshot, ...gossip } : gossip
}

function poolsFromFlags({ redisBackends, memcachedBackends, httpBackends }: StartFlags) {
  const pool = (
    protocol: 'redis' | 'memcached' | 'http',
    addresses: readonly string[] | undefined,
  ) =>
    addresses && {
      protocol,
      backends: addresses.map((address) => ({ url: `${protocol}://${address}` })),
    }
  return present({
    [REDIS_POOL]: pool('redis', redisBackends),
    [MEMCACHED_POOL]: pool('memcached', memcachedBackends),
    [HTTP_POOL]: pool('http', httpBackends),
  })
}

/** A flag names the address for its protocol; without listeners there is one for each protocol that a pool speaks. */
function listenersOf(
  options: NodeOptions,
  pools: Readonly<Record<string, PoolOptions>>,
  flags: StartFlags,
): NonNullable<NodeOptions['listeners']> {
  const named = Object.entries(pools)
  const memcached = named.find(([, pool]) => pool?.protocol === 'memcached')?.[0]
  const http = named.find(([, pool]) => pool?.protocol === 'http')?.[0]
  const redis = named.find(
    ([, pool]) => pool?.protocol !== 'memcached' && pool?.protocol !== 'http',
  )?.[0]
  const listener = (
    protocol: 'redis' | 'memcached' | 'http',
    pool: string | undefined,
    bind: string,
  ) => (pool === undefined ? [] : [{ protocol, bind, pool }])
  const configured = options.listeners ?? [
    ...listener('redis', redis, DEFAULT_REDIS_BIND),
    ...listener('memcached', memcached, DEFAULT_MEMCACHED_BIND),
    ...listener('http', http, DEFAULT_HTTP_BIND),
  ]
  const [anyPool = DEFAULT_POOL] = Object.keys(pools)
  const flagged = [
    ...(flags.redis === undefined ? [] : listener('redis', redis ?? anyPool, flags.redis)),
    ...(flags.memcached === undefined
      ? []
      : listener('memcached', memcached ?? anyPool, flags.memcached)),
    ...(flags.http === undefined ? [] : listener('http', http ?? anyPool, flags.http)),
  ]
  const replaced = new Set(flagged.map(({ protocol }) => protocol))
  return [...flagged, ...configured.filter(({ protocol }) => !replaced.has(protocol))]
}

function withReplicas(pools: Readonly<Record<string, PoolOptions>>, replicas: number | undefined) {
  if (replicas === undefined) return pools
  return Object.fromEntries(
    Object.entries(pools).map(([name, pool]) => [
      name,
      // The options are not checked yet: a pool without a body is null.
      pool?.protocol === 'store' ? { ...pool, replicas } : pool,
    ]),
  )
}

function present(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined && !isEmptyMapping(value)),
  )
}

function isEmptyMapping(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length === 0
  )
}
