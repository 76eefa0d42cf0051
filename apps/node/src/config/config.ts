import type { RingOptions } from '@ringway/ring'
import type {
  BackendAccess,
  CheckTopology,
  CopyPolicy,
  FailoverTopology,
  HttpLimits,
  HttpPoolTopology,
  ListenerAuth,
  ListenerTls,
  OutlierLimits,
  PoolRoute,
  ShadowTopology,
} from '@ringway/router'
import type { HostPort } from './address.ts'
import type { UpstreamTlsOptions } from './options.ts'
import type { HttpListenerConfig } from './resolve-http.ts'

/** A checked, complete, frozen configuration: what `createNode` runs on. */
export interface NodeConfig {
  readonly name: string
  readonly zone?: string
  readonly weight: number
  readonly profile: 'lan' | 'wan' | 'local'
  readonly logLevel: LogLevel
  readonly insecure: boolean
  /** How long requests in flight may take when the node stops or a listener goes. */
  readonly drainTimeoutMs: number
  readonly gossip: GossipConfig
  readonly peer: { readonly bind: HostPort }
  readonly pools: readonly PoolConfig[]
  readonly listeners: readonly ListenerConfig[]
  /** Bounds of HTTP listeners and pools, over the defaults. */
  readonly http: Partial<HttpLimits>
  /** Keys of sticky cookies, the one that signs first; empty: those who need them refuse to start. */
  readonly stickyKeys: readonly Uint8Array[]
  /** Absent: no admin API. */
  readonly admin?: { readonly bind: HostPort; readonly token?: string }
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface GossipConfig {
  readonly bind: HostPort
  readonly advertise?: { readonly host: string; readonly port?: number }
  readonly join: readonly string[]
  /** File of the known peers. Absent: they are not kept. */
  readonly snapshot?: string
  /** Cluster keys of 16, 24 or 32 bytes; the first is the primary. Empty: no encryption. */
  readonly keys: readonly Uint8Array[]
  readonly label: string
  readonly delegate: 'plain' | 'serf'
}

export type PoolConfig = StorePoolConfig | StaticPoolConfig

export interface StorePoolConfig {
  readonly protocol: 'store'
  readonly name: string
  readonly replicas: number
  readonly minCopies: number
  readonly maxMemoryBytes: number
  readonly maxMemoryPolicy: 'allkeys-lru' | 'noeviction'
}

/** A pool of servers outside the cluster. */
export interface StaticPoolConfig extends RedisPoolExtras, CacheRoutingConfig {
  readonly protocol: 'redis' | 'memcached' | 'http'
  readonly name: string
  readonly placement: RingOptions
  readonly multiKey?: 'slot' | 'owner'
  readonly backends: readonly BackendConfig[]
  /** Of protocol `http`. */
  readonly http?: HttpPoolTopology
  /** Where further backends are found while the node runs. */
  readonly sources: readonly BackendSource[]
  /** For backends that are found or added later. */
  readonly tls?: UpstreamTlsOptions
  readonly migration?: MigrationConfig
}

/** Where the keys of a pool were before. */
export interface MigrationConfig {
  readonly placement: RingOptions
  readonly backends: readonly BackendConfig[]
  /** As it was written: `12h` after the start, or a time. */
  readonly until: string
  /** Milliseconds since 1970. */
  readonly untilMs: number
}

/** What only pools of Redis and memcached servers have. */
export interface CacheRoutingConfig {
  readonly failover?: FailoverTopology
  readonly shadow?: ShadowTopology
  readonly coalesce?: boolean
}

/** What only pools of Redis servers have. */
export interface RedisPoolExtras {
  readonly replicas?: number
  readonly copies?: CopyPolicy
  readonly slowStartMs?: number
  readonly outliers?: Partial<OutlierLimits>
  readonly check?: CheckTopology
}

export interface BackendConfig {
  readonly id: string
  readonly address: HostPort
  readonly weight: number
  readonly zone?: string
  /** How it is reached and spoken to; holds secrets. */
  readonly access?: BackendAccess
}

/** A place that names backends, asked again and again. */
export type BackendSource = SourceSettings &
  (
    | { readonly type: 'dns'; readonly name: string; readonly port: number }
    | { readonly type: 'srv'; readonly name: string }
    | { readonly type: 'file'; readonly path: string }
  )

export interface SourceSettings {
  readonly refreshMs: number
  /** With `${address}` and `${port}`: how a found address is reached. */
  readonly url: string
  /** Of every backend that the source does not weigh itself. */
  readonly weight: number
  readonly zone?: string
  /** The DNS server that is asked; absent: those of the machine. */
  readonly server?: HostPort
}

export interface ListenerConfig {
  readonly protocol: 'redis' | 'memcached' | 'http'
  readonly bind: HostPort
  /** Of `http`: the pool of the first route. */
  readonly pool: string
  /** Of `http`. */
  readonly http?: HttpListenerConfig
  /** Of `redis` and `memcached`: the pools of keys that begin so. */
  readonly routes?: readonly PoolRoute[]
  /** Of `redis`. */
  readonly auth?: readonly ListenerAuth[]
  /** Of `redis` and `memcached`. */
  readonly tls?: ListenerTls
}
