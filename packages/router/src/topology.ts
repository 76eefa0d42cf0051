import type { RingOptions } from '@ringway/ring'
import type { Balance } from './balance/balance.ts'
import type { OutlierLimits } from './health/outliers.ts'
import type { CopyPolicy } from './pool/copies/policy.ts'

/**
 * An immutable, structured-cloneable snapshot: what the data plane knows of pools, rings and backends.
 * It arrives as a message, whole, with an epoch that counts changes; nothing else changes routing.
 */
export interface Topology {
  readonly epoch: number
  readonly pools: readonly PoolTopology[]
}

/** One named set of backends with one protocol, placement and replica count. */
export interface PoolTopology {
  readonly name: string
  readonly protocol: 'redis' | 'memcached' | 'http' | 'store'
  readonly placement: PlacementTopology
  /** Owners asked in turn: the primary and the next ones on the ring. */
  readonly replicas: number
  /** `redis`, `memcached`: asks every backend at intervals. Absent: a backend is probed only after it failed. */
  readonly check?: CheckTopology
  /** With `copies.orderWrites`: the routers that order the writes of its keys. Absent: this one does. */
  readonly orderedBy?: OrderedByTopology
  /** How a pool of protocol `redis` or `memcached` keeps copies. @defaultValue `DEFAULT_COPY_POLICY` */
  readonly copies?: CopyPolicy
  /** `redis`, `memcached`: how long a backend that returned or is new takes to get all its keys. @defaultValue 0 */
  readonly slowStartMs?: number
  /** `redis`, `memcached`: backends that answer badly get no commands for a while. Absent: nobody is ejected. */
  readonly outliers?: Partial<OutlierLimits>
  /** 64-bit fingerprint of the pool's ring, 16 hex digits. */
  readonly digest: string
  readonly backends: readonly BackendTopology[]
  /** Where keys were before: set while a pool changes its placement or its servers. */
  readonly migration?: MigrationTopology
  /** Where commands go whose owners are all lost; `redis` and `memcached`. */
  readonly failover?: FailoverTopology
  /** Where a share of the traffic is copied to; `redis` and `memcached`. */
  readonly shadow?: ShadowTopology
  /** Reads of one key that come while another one is on its way share its reply. @defaultValue false */
  readonly coalesce?: boolean
  /** What only pools of protocol `http` have. */
  readonly http?: HttpPoolTopology
  /**
   * What commands with several keys that cannot be split need: one hash input (the same key or `{tag}`), or only one owner.
   * @defaultValue 'slot'
   */
  readonly multiKey?: 'slot' | 'owner'
}

/** Routers of the same pool that order its writes among themselves, by name. */
export interface OrderedByTopology {
  /** This router, whether it is one of them or not. */
  readonly self: string
  /** Those that can be reached; this router too, unless it is to order nothing. */
  readonly routers: readonly string[]
}

/** Active checks of a backend. */
export interface CheckTopology {
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Checks in a row that have to pass before a backend that is down is up, and to fail before one that is up is down. */
  readonly rise: number
  readonly fall: number
}

/** The ring that a pool had before. A miss asks the old owner there and copies back, until the time is over. */
export interface MigrationTopology {
  readonly placement: PlacementTopology
  readonly backends: readonly BackendTopology[]
  /** Milliseconds since 1970. */
  readonly untilMs: number
}

/** The pool that has the keys of lost owners meanwhile. */
export interface FailoverTopology {
  /** Another pool of the same protocol. */
  readonly pool: string
  /** How long what is written there lives at most. Milliseconds, above 0. */
  readonly ttlMs: number
}

/** The pool that gets copies of commands, whose replies nobody sees. */
export interface ShadowTopology {
  /** Another pool of the same protocol. */
  readonly pool: string
  /** Share of the keys whose commands are copied, in (0, 100]; steps of 0.01. */
  readonly percent: number
  /** False copies reads only. */
  readonly writes: boolean
}

/** How an HTTP pool chooses and checks its backends. Absent means default. */
export interface HttpPoolTopology {
  /** @defaultValue 'hash' */
  readonly balance?: Balance
  /** Times the fair share that a backend carries before a session that is placed goes to the next one. @defaultValue 1.25 */
  readonly loadFactor?: number
  /** Lets load and zone decide for plain `hash` too. */
  readonly allowSpill?: boolean
  /** Our own zone: its backends come first when a session is placed. */
  readonly zone?: string
  /** Absent: backends are probed only after they failed, by a connection. */
  readonly check?: HttpCheckTopology
  /**
   * How long requests and switched connections may go on at a backend that is drained (those of bound sessions stay) or removed.
   * @defaultValue 30 s
   */
  readonly drainTimeoutMs?: number
  /** How long a backend that is new or returned takes to get its whole share; 0: at once. @defaultValue 0 */
  readonly slowStartMs?: number
  /** Share of usable backends, in percent, below which all that are up are used. @defaultValue 10 */
  readonly panicPercent?: number
  /** When bad answers eject a backend, over the defaults; `ejectPercentMax: 0` ejects none. */
  readonly outliers?: Partial<OutlierLimits>
  /** How long a sticky cookie is believed after its issue. @defaultValue a week */
  readonly cookieMaxAgeMs?: number
}

/** What backends are asked, and how often. */
export interface HttpCheckTopology {
  /** `tcp` is content with a connection. */
  readonly type: 'tcp' | 'http'
  /** @defaultValue '/' */
  readonly path?: string
  /** Value of the Host field. @defaultValue the backend's address */
  readonly authority?: string
  /** Statuses that pass. @defaultValue 200 to 399 */
  readonly statusMin?: number
  readonly statusMax?: number
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Checks in a row that have to pass before a backend that is down is up, and to fail before one that is up is down. */
  readonly rise: number
  readonly fall: number
}

/** How keys find their place on the ring: the options of `createRing`, of any placement. */
export type PlacementTopology = RingOptions

/** One address that serves keys, and whether new keys may go there. */
export interface BackendTopology {
  /** Ring id: by default `host:port` in lower case; for `members` pools the member's name. */
  readonly id: string
  readonly host: string
  readonly port: number
  readonly weight: number
  readonly zone?: string
  readonly state: 'up' | 'out' | 'draining'
  /** How it is reached and spoken to; absent: plain TCP, no password, database 0. */
  readonly access?: BackendAccess
}

/** How a backend is reached and spoken to beyond its host and port. It may hold secrets: it is never logged. */
export interface BackendAccess {
  /** A Unix socket in place of host and port. */
  readonly path?: string
  readonly tls?: BackendTls
  /** With a password and no name, Redis means the user `default`. */
  readonly username?: string
  readonly password?: string
  /** Selected on every connection. @defaultValue 0 */
  readonly database?: number
}

/** TLS towards a backend; texts in PEM. */
export interface BackendTls {
  /** Authorities that may have signed the backend's certificate; absent: those of the runtime. */
  readonly ca?: string
  /** Our own certificate and key, for a backend that asks for one. */
  readonly cert?: string
  readonly key?: string
  /** The name in the certificate. @defaultValue the host */
  readonly servername?: string
  /** False takes any certificate. */
  readonly verify: boolean
}
