import type { PlacementName, RingOptions } from '@ringway/ring'
import type {
  Balance,
  HttpLimits,
  HttpRoute,
  OutlierLimits,
  SessionPresetName,
} from '@ringway/router'

/**
 * What a user writes: the shape of the YAML file, and the argument of `createNode`. Everything is optional;
 * docs/configuration.md has every key with its default and what is allowed. Addresses are `HOST:PORT` text; port 0 takes a free one.
 */
export interface NodeOptions {
  /** Unique in the cluster. @defaultValue the host name */
  readonly name?: string
  readonly zone?: string
  /** @defaultValue 1 */
  readonly weight?: number
  /** @defaultValue 'lan' */
  readonly profile?: 'lan' | 'wan' | 'local'
  /** @defaultValue 'info' */
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly insecure?: boolean
  /** @defaultValue 5000 */
  readonly drainTimeoutMs?: number
  readonly gossip?: {
    /** @defaultValue '127.0.0.1:7946' */
    readonly bind?: string
    readonly advertise?: string
    /** Seeds. A node that lists its own address may found the cluster; one without seeds founds it. */
    readonly join?: readonly string[]
    /** Path of the file that keeps the known peers over restarts. @defaultValue 'off' */
    readonly snapshot?: string
    /** Base64 keys of 16, 24 or 32 bytes. */
    readonly encrypt?: readonly string[]
    readonly label?: string
    readonly delegate?: 'plain' | 'serf'
  }
  readonly peer?: { readonly bind?: string }
  readonly pools?: Readonly<Record<string, PoolOptions>>
  readonly listeners?: readonly ListenerEntry[]
  /** Bounds of all `http` listeners and pools. */
  readonly http?: Partial<HttpLimits>
  /** Secrets of sticky cookies; by default they follow from the cluster keys. */
  readonly cookie?: { readonly secrets?: readonly string[] }
  /** Absent: no admin API. */
  readonly admin?: { readonly bind?: string; readonly token?: string }
}

/** `placement` of a pool with options: `type` and what `createRing` takes for it. */
export type PlacementEntry = RingOptions extends infer Options
  ? Options extends RingOptions
    ? Omit<Options, 'placement'> & { readonly type: NonNullable<Options['placement']> }
    : never
  : never

export interface PoolOptions {
  readonly protocol: 'store' | 'redis' | 'memcached' | 'http'
  /** A name, or a name with options: docs/placements.md. @defaultValue 'ringway' */
  readonly placement?: PlacementName | PlacementEntry
  readonly replicas?: number
  readonly minCopies?: number
  /** Bytes, or text such as `512mb`. */
  readonly maxMemory?: string | number
  readonly maxMemoryPolicy?: 'allkeys-lru' | 'noeviction'
  /** @defaultValue 'slot' */
  readonly multiKey?: 'slot' | 'owner'
  readonly backends?: readonly BackendEntry[]
  /** Where keys were before: at least one of placement and backends. */
  readonly migrateFrom?: {
    readonly placement?: PlacementName | PlacementEntry
    readonly backends?: readonly BackendEntry[]
    /** A time in ISO 8601 with its zone, or how long after the start: `90s`, `30m`, `12h`, `7d`. */
    readonly until: string
  }
  /** `redis`, with `replicas`. @defaultValue 'one' */
  readonly ack?: 'one' | 'quorum' | 'all'
  /** `redis`, with `replicas`. @defaultValue 'primary' */
  readonly read?: 'primary' | 'any' | 'nearest'
  /** `redis`. @defaultValue 'replay' */
  readonly onReturn?: 'replay' | 'flush' | 'serve'
  /** `redis`. @defaultValue 'flush' */
  readonly onOverflow?: 'flush' | 'serve'
  /** `redis`. @defaultValue 100000 */
  readonly journalKeysMax?: number
  /** `redis`. @defaultValue false */
  readonly warmUp?: boolean
  /** `redis` with `replicas`. @defaultValue false */
  readonly orderWrites?: boolean
  /** `redis`, `http`: asks every backend at intervals. */
  readonly check?: {
    /** `http` only, as the two below. */
    readonly path?: string
    readonly host?: string
    /** Such as `204` or `200-299`. @defaultValue '200-399' */
    readonly status?: string | number
    readonly intervalMs?: number
    readonly timeoutMs?: number
    readonly rise?: number
    readonly fall?: number
  }
  /** `redis`, `memcached`: a pool for the keys whose owners are all lost. */
  readonly failover?: string
  /** With `failover`. @defaultValue 60000 */
  readonly failoverTtlMs?: number
  /** `redis`, `memcached`: a pool that gets copies of commands. */
  readonly shadow?: {
    readonly pool: string
    /** @defaultValue 100 */
    readonly percent?: number
    /** @defaultValue true */
    readonly writes?: boolean
  }
  /** `redis`, `memcached`: equal reads at the same time share a reply. @defaultValue false */
  readonly coalesce?: boolean
  /** `http`. @defaultValue 'hash' */
  readonly balance?: Balance
  /** `http`. @defaultValue 1.25 */
  readonly loadFactor?: number
  /** `http`. @defaultValue false */
  readonly allowSpill?: boolean
  /** `http`. @defaultValue 0 */
  readonly slowStartMs?: number
  /** `http`. @defaultValue 10 */
  readonly panicPercent?: number
  /** `http`. @defaultValue OUTLIER_LIMITS */
  readonly outliers?: Partial<OutlierLimits>
  /** `http`. @defaultValue 30000 */
  readonly drainTimeoutMs?: number
  /** `http`: how long a `pinned` cookie is believed. @defaultValue 604800000 */
  readonly cookieMaxAgeMs?: number
  /** `redis`, `http`: how `rediss://` and `https://` backends are verified. */
  readonly tls?: UpstreamTlsOptions
}

/** A backend that is a server. */
export type BackendOptions = BackendEntry & { readonly url: string }

/** Files in PEM. */
export interface UpstreamTlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  /** @defaultValue true */
  readonly verify?: boolean
}

/** One entry of `listeners`. */
export interface ListenerEntry extends HttpListenerEntry {
  readonly protocol: 'redis' | 'memcached' | 'http'
  readonly bind: string
  /** `redis`: what clients have to say before they are served: a password, users, or both. */
  readonly auth?: {
    readonly user?: string
    readonly password?: string
    readonly users?: readonly { readonly user: string; readonly password: string }[]
  }
  /** Absent: plain TCP. */
  readonly tls?: ListenerTlsOptions
}

/** What an `http` listener says. */
export interface HttpListenerEntry {
  /** `http` may have routes instead. */
  readonly pool?: string
  readonly routes?: readonly HttpRouteEntry[]
  readonly trustedProxies?: readonly string[]
  readonly proxyProtocol?: boolean
  readonly forwarded?: boolean
  readonly tls?: ListenerTlsOptions
}

/** One entry of `routes`. */
export interface HttpRouteEntry extends HttpRoute {
  readonly preset?: SessionPresetName
  /** `redis`, `memcached`: the keys that begin so; nothing else is said there but the pool. */
  readonly prefix?: string
}

/** Files in PEM. */
export interface ListenerTlsOptions {
  readonly certificates: readonly { readonly cert: string; readonly key: string }[]
  readonly clientCa?: string
  /** @defaultValue true */
  readonly clientCertRequired?: boolean
  /** @defaultValue true */
  readonly http2?: boolean
}

/** One entry of `backends`: a server with `url`, or a place that names servers with `dns`, `srv` or `file`. */
export interface BackendEntry {
  /** With `dns` and `srv` a template: `redis://${address}:${port}`. */
  readonly url?: string
  /** `NAME:PORT`: every A and AAAA record is a server. */
  readonly dns?: string
  /** `_SERVICE._PROTO.NAME`. */
  readonly srv?: string
  /** A file with one server per line, read again when it changes. */
  readonly file?: string
  /** @defaultValue 5000 */
  readonly refreshMs?: number
  /** DNS server to ask, `HOST:PORT`. */
  readonly server?: string
  readonly id?: string
  readonly weight?: number
  readonly zone?: string
  readonly user?: string
  readonly password?: string
}
