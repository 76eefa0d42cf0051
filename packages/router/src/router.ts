import { createHmac, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { ResponseHead } from './codec/http1/response-head.ts'
import type { RouterCounters } from './counters.ts'
import { RouterError } from './errors.ts'
import { type HttpLimits, resolveHttpLimits } from './http-limits.ts'
import { type RouterLimits, resolveLimits } from './limits.ts'
import { RequestIds } from './plan/http/forwarding.ts'
import type { LearnedSessions } from './plan/http/learned-session.ts'
import { poolLinkFault } from './plan/pool-links.ts'
import type { SharedKeys } from './pool/copies/shared-keys.ts'
import { Deadlines } from './pool/deadlines.ts'
import { HttpPool, type HttpPoolTools } from './pool/http-pool.ts'
import { MEMCACHED_UPSTREAM } from './pool/memcached-upstream.ts'
import type { OrderedMessage } from './pool/ordered/message.ts'
import type { ErrorCounts, Pool } from './pool/pool.ts'
import type { PoolDriver } from './pool/pool-driver.ts'
import { type ListenerPoolSettings, ListenerPools } from './pool/routed/listener-pools.ts'
import type { PoolRoute } from './pool/routed/routed-pool.ts'
import { type PoolEvent, StaticPool, type StaticPoolTools } from './pool/static-pool.ts'
import { StorePool } from './pool/store-pool.ts'
import { Turn } from './pool/turn.ts'
import { REDIS_UPSTREAM, type UpstreamProtocol } from './pool/upstream-protocol.ts'
import {
  HttpListener,
  type HttpListenerSettings,
  type HttpListenerTools,
} from './proxy/http-listener.ts'
import type { ListenerTls } from './proxy/listener-tls.ts'
import { MemcachedListener } from './proxy/memcached-listener.ts'
import {
  type ListenerAuth,
  type ListenerCounts,
  type ListenerTools,
  RedisListener,
  type RouterFacts,
} from './proxy/redis-listener.ts'
import { ScriptCache } from './proxy/script-cache.ts'
import type { ListenerEvent } from './proxy/socket-listener.ts'
import type { PoolTopology, Topology } from './topology.ts'

/** How often waiting commands are compared with `replyTimeoutMs`, in milliseconds. */
const TICK_MS = 50

/** How often a router that closes looks whether others have taken over its writes, in milliseconds. */
const LEAVE_POLL_MS = 5

/** What the router is told, as data that can cross to a worker process. */
export type RouterMessage =
  | { readonly type: 'topology'; readonly topology: Topology }
  /** Keys of 32 bytes for sticky cookies, the one that signs first; old ones still open cookies for a while. */
  | { readonly type: 'sticky-keys'; readonly keys: readonly Uint8Array[] }
  /** What another router shared (`RouterOptions.share`), in the order in which it did. */
  | { readonly type: 'shared-keys'; readonly from: string; readonly message: SharedKeys }
  /** Another router says that these backends cannot be reached: we ask those that we have not heard of lately. */
  | { readonly type: 'doubt'; readonly pool: string; readonly backends: readonly string[] }
  /** What another router sent to this one (`RouterOptions.forward`), in the order in which it did. */
  | { readonly type: 'ordered'; readonly from: string; readonly message: OrderedMessage }
  /** Nothing more will come from another router, or something was missed: what it had to do is ours. */
  | { readonly type: 'router-gone'; readonly name: string }

/** What the router tells about itself; for logs. */
export type RouterEvent = PoolEvent | ListenerEvent

export interface RouterOptions {
  /** Over the defaults of `DEFAULT_LIMITS`. */
  readonly limits?: Partial<RouterLimits>
  /** Bounds of HTTP listeners and pools, over `DEFAULT_HTTP_LIMITS`. */
  readonly http?: Partial<HttpLimits>
  /** Hears of backends that are avoided and that return, and of clients that are refused. It must not throw. */
  readonly log?: (event: RouterEvent) => void
  /** In [0, 1), for the jitter of probes. */
  readonly random?: () => number
  /** Monotonic milliseconds. */
  readonly now?: () => number
  /**
   * Carries what this router knows of stale keys to all other routers of the same pools, in order. Without it an outage that
   * only this router saw can show old values through the others.
   */
  readonly share?: (message: SharedKeys) => void
  /**
   * Carries a message to one other router, in order; false when it could not be sent. Pools with `copies.orderWrites` need it:
   * without it each router orders only what its own clients write.
   */
  readonly forward?: (to: string, message: OrderedMessage) => boolean
  /** Where this router is, for `read: nearest`. */
  readonly zone?: string
  /** Told to clients in INFO. @defaultValue 'unknown' */
  readonly version?: string
}

/** An address on which clients are served. */
export type ListenerOptions = PoolListenerOptions | HttpListenerOptions

interface ListenerPlace {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
}

/** An address that serves one pool. */
export interface PoolListenerOptions extends ListenerPlace {
  readonly protocol: 'redis' | 'memcached'
  /** May be named by a later topology: until then its commands get an error that says so. */
  readonly pool: string
  /** Pools of the listener's protocol for keys that begin so; the longest prefix wins, all other keys are those of `pool`. */
  readonly routes?: readonly PoolRoute[]
  /**
   * `redis`: what clients have to say in AUTH or HELLO before they are served: one of these. A user may have several passwords.
   * @defaultValue nothing
   */
  readonly auth?: readonly ListenerAuth[]
  /** @defaultValue plain TCP */
  readonly tls?: ListenerTls
}

/** An address that serves HTTP pools by routes. */
export interface HttpListenerOptions extends ListenerPlace, HttpListenerSettings {
  readonly protocol: 'http'
}

export interface CloseOptions {
  /** How long requests in flight may take; `limits.drainTimeoutMs` by default. */
  readonly drainTimeoutMs?: number
}

/** An open listener. */
export interface Listener {
  readonly host: string
  readonly port: number
  /** Stops accepting, finishes requests in flight, ends all connections. Idempotent. */
  close(options?: CloseOptions): Promise<void>
  /**
   * Builds what these options ask for. Nothing is different before the answer is called; then new requests and commands go by
   * them, and no connection is closed. Host and port stay as they are.
   * @throws RouterError PROTOCOL_FIXED, ROUTE_INVALID, NETWORK_INVALID or TLS_INVALID
   */
  prepare(options: ListenerOptions): () => void
}

/** The data plane: listeners in front, pools behind. It gets topologies and gives counters, by message only. */
export interface Router {
  /**
   * Takes a message at once. A topology older than the current one is ignored.
   * @throws RouterError TOPOLOGY_INVALID, or CLOSED
   */
  post(message: RouterMessage): void
  /**
   * Gives the pool of protocol `store` its driver, before or after the topology names it.
   * @throws RouterError POOL_NOT_STORE
   */
  attachPool(name: string, driver: PoolDriver): void
  /** Where learned sessions are kept; without it routes with `sticky: learned` go by key alone. */
  attachSessions(sessions: LearnedSessions): void
  /** What another router of the same pools has to know before it shares anything: for one that was not there. */
  sharedKeys(): readonly SharedKeys[]
  /** @throws RouterError PORT_IN_USE, LISTEN_FAILED, ROUTE_INVALID, NETWORK_INVALID, TLS_INVALID or CLOSED */
  listen(listener: ListenerOptions): Promise<Listener>
  counters(): RouterCounters
  /** Closes all listeners, then all connections to backends. Idempotent. */
  close(options?: CloseOptions): Promise<void>
}

/**
 * Makes a router without pools or listeners.
 * @throws RouterError LIMIT_INVALID
 */
export function createRouter(options: RouterOptions = {}): Router {
  return new DataPlane(options)
}

class DataPlane implements Router {
  readonly #limits: RouterLimits
  readonly #errors: ErrorCounts = {}
  readonly #counts: ListenerCounts = {
    commands: 0,
    clientsOpen: 0,
    clientsAccepted: 0,
    clientsRefused: 0,
    clientsSlow: 0,
    bytesIn: 0,
    bytesOut: 0,
  }
  readonly #turn: Turn
  readonly #startedAt: number
  readonly #version: string
  readonly #poolTools: Omit<StaticPoolTools, 'protocol' | 'poolNamed'>
  readonly #listenerTools: ListenerTools
  readonly #drivers = new Map<string, PoolDriver>()
  readonly #httpTools: HttpListenerTools
  readonly #httpPoolTools: HttpPoolTools
  readonly #pools = new Map<string, StaticPool | StorePool | HttpPool>()
  /** Pools that are no longer named, until their commands are answered. */
  readonly #retired = new Set<StaticPool | HttpPool>()
  readonly #listeners = new Set<RedisListener | MemcachedListener | HttpListener>()
  /** Of the listeners. */
  readonly #listenerPools = new Set<ListenerPools>()
  readonly #deadlines = new Deadlines()
  #stickyKeys: readonly Uint8Array[] = []
  #sessions: LearnedSessions | undefined
  /** By pool. */
  readonly #scripts = new Map<string, ScriptCache>()
  readonly #ticker: NodeJS.Timeout
  #tickedAt: number
  #epoch = Number.NEGATIVE_INFINITY
  #clients = 0
  #closed: Promise<void> | undefined

  constructor(options: RouterOptions) {
    this.#limits = resolveLimits(options.limits)
    this.#turn = new Turn(options.now ?? (() => performance.now()))
    this.#startedAt = this.#turn.now
    this.#tickedAt = this.#turn.now
    this.#version = options.version ?? 'unknown'
    const shared = { limits: this.#limits, turn: this.#turn, errors: this.#errors }
    this.#poolTools = {
      ...shared,
      random: options.random ?? Math.random,
      wallClock: Date.now,
      log: options.log ?? ignore,
      share: options.share,
      forward: options.forward,
      zone: options.zone,
    }
    const listening = {
      ...shared,
      counts: this.#counts,
      deadlines: this.#deadlines,
      log: options.log ?? ignore,
    }
    this.#listenerTools = {
      ...listening,
      poolNamed: (name): Pool | undefined => {
        const pool = this.#pools.get(name)
        return pool instanceof StorePool ? pool : this.#staticPool(name, 'redis')
      },
      facts: (pool, port) => this.#facts(pool, port),
      scriptsOf: (pool) => this.#scriptsOf(pool),
      nextClientId: () => ++this.#clients,
    }
    const http = resolveHttpLimits(options.http)
    this.#httpPoolTools = {
      ...this.#poolTools,
      http,
      responseHead: new ResponseHead(http),
      mac: hmac,
      stickyKeys: () => this.#stickyKeys,
    }
    this.#httpTools = {
      ...listening,
      http,
      requestIds: new RequestIds(randomBytes(REQUEST_ID_BYTES).toString('hex')),
      poolNamed: (name) => {
        const pool = this.#pools.get(name)
        return pool instanceof HttpPool ? pool : undefined
      },
      sessions: () => this.#sessions,
    }
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
    this.#ticker.unref()
  }

  post(message: RouterMessage): void {
    // While it closes it still answers those who sent it writes.
    if (message.type !== 'ordered') this.#refuseWhenClosed()
    switch (message.type) {
      case 'topology':
        this.#takeTopology(message.topology)
        return
      case 'sticky-keys':
        this.#stickyKeys = message.keys
        for (const pool of this.#pools.values()) if (pool instanceof HttpPool) pool.takeKeys()
        return
      case 'shared-keys':
        this.#shared(message.from, message.message)
        return
      case 'doubt': {
        const pool = this.#pools.get(message.pool)
        if (pool !== undefined && !(pool instanceof StorePool)) pool.doubt(message.backends)
        return
      }
      case 'ordered':
        this.#staticPool(message.message.pool, 'redis')?.ordered?.receive(
          message.from,
          message.message,
        )
        return
      case 'router-gone':
        for (const pool of this.#pools.values())
          if (pool instanceof StaticPool) {
            pool.copies.routerGone(message.name)
            pool.ordered?.routerGone(message.name)
          }
        return
      default:
        message satisfies never
    }
  }

  #shared(from: string, message: SharedKeys): void {
    const pool = this.#pools.get(message.pool)
    if (pool instanceof StaticPool) pool.copies.take(from, message)
  }

  attachPool(name: string, driver: PoolDriver): void {
    this.#refuseWhenClosed()
    const pool = this.#pools.get(name)
    if (pool !== undefined && !(pool instanceof StorePool))
      throw new RouterError('POOL_NOT_STORE', `pool "${name}" has a protocol other than store`, {
        name,
      })
    this.#drivers.set(name, driver)
    if (pool !== undefined) pool.driver = driver
  }

  attachSessions(sessions: LearnedSessions): void {
    this.#refuseWhenClosed()
    this.#sessions = sessions
  }

  sharedKeys(): readonly SharedKeys[] {
    return Array.from(this.#pools.values()).flatMap((pool) =>
      pool instanceof StaticPool ? pool.copies.snapshot() : [],
    )
  }

  async listen(options: ListenerOptions): Promise<Listener> {
    this.#refuseWhenClosed()
    const protocol = options.protocol === 'memcached' ? 'memcached' : 'redis'
    const pools = new ListenerPools(poolsOf(options), {
      errors: this.#errors,
      random: this.#poolTools.random,
      poolNamed: (name) => this.#staticPool(name, protocol),
      encodeError: UPSTREAM_PROTOCOLS[protocol].encodeError,
    })
    const listener = this.#makeListener(options, pools)
    const { host, port } = await listener.listen(options.host, options.port)
    this.#listeners.add(listener)
    this.#listenerPools.add(pools)
    return {
      host,
      port,
      prepare: (next) => {
        const repool = pools.prepare(poolsOf(next))
        const apply = prepareListener(listener, next)
        return () => {
          repool()
          apply()
        }
      },
      close: async ({ drainTimeoutMs = this.#limits.drainTimeoutMs } = {}) => {
        await listener.close(drainTimeoutMs)
        this.#listeners.delete(listener)
        this.#listenerPools.delete(pools)
        pools.close()
      },
    }
  }

  #makeListener(
    options: ListenerOptions,
    pools: ListenerPools,
  ): RedisListener | MemcachedListener | HttpListener {
    switch (options.protocol) {
      case 'redis':
        return new RedisListener(
          options.pool,
          {
            ...this.#listenerTools,
            poolNamed: (name) => pools.routed ?? this.#listenerTools.poolNamed(name),
          },
          options,
        )
      case 'memcached': {
        const poolNamed = (name: string) => pools.routed ?? this.#staticPool(name, 'memcached')
        const tools = { ...this.#listenerTools, poolNamed }
        return new MemcachedListener(options.pool, tools, options.tls)
      }
      case 'http':
        return new HttpListener(options, this.#httpTools)
      default:
        return options satisfies never
    }
  }

  #staticPool(name: string, protocol: StaticProtocol): StaticPool | undefined {
    const pool = this.#pools.get(name)
    return pool instanceof StaticPool && pool.protocol === protocol ? pool : undefined
  }

  counters(): RouterCounters {
    const counts = this.#counts
    const pools = Array.from(this.#pools, ([name, pool]) => [name, countersOf(pool)] as const)
    return {
      clients: {
        open: counts.clientsOpen,
        accepted: counts.clientsAccepted,
        refused: counts.clientsRefused,
        slow: counts.clientsSlow,
        bytesIn: counts.bytesIn,
        bytesOut: counts.bytesOut,
      },
      commands: counts.commands,
      errors: { ...this.#errors },
      pools: Object.fromEntries(pools),
    }
  }

  close({ drainTimeoutMs = this.#limits.drainTimeoutMs }: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#shutDown(drainTimeoutMs)
    return this.#closed
  }

  async #shutDown(drainTimeoutMs: number): Promise<void> {
    await this.#leaveOrders(drainTimeoutMs)
    await Promise.all(Array.from(this.#listeners, (listener) => listener.close(drainTimeoutMs)))
    clearInterval(this.#ticker)
    for (const pools of this.#listenerPools) pools.close()
    for (const pool of [...this.#pools.values(), ...this.#retired])
      if (!(pool instanceof StorePool)) pool.close()
  }

  /** Others order the writes of our keys from now on; waits until nothing of theirs is on its way to us. */
  async #leaveOrders(timeoutMs: number): Promise<void> {
    const pools = [...this.#pools.values()].filter((pool) => pool instanceof StaticPool)
    const deadline = performance.now() + timeoutMs
    while (pools.some(({ ordered }) => ordered?.leave() === false))
      if (performance.now() > deadline) return
      else await pause(LEAVE_POLL_MS)
  }

  #takeTopology(topology: Topology): void {
    if (topology.epoch < this.#epoch) return
    refuseDoubles(topology)
    refuseWrongLinks(topology)
    this.#epoch = topology.epoch
    const named = new Set(topology.pools.map((pool) => pool.name))
    for (const pool of topology.pools) this.#takePool(pool)
    for (const [name, pool] of this.#pools) {
      if (named.has(name)) continue
      this.#pools.delete(name)
      this.#retire(pool)
    }
    for (const pools of this.#listenerPools) pools.follow()
  }

  #takePool(topology: PoolTopology): void {
    const { name } = topology
    const known = this.#pools.get(name)
    if (topology.protocol === 'store') {
      if (known instanceof StorePool) return
      if (known !== undefined) this.#retire(known)
      this.#pools.set(name, new StorePool(name, this.#drivers.get(name), this.#errors))
      return
    }
    const { protocol } = topology
    if (protocol === 'http') {
      if (known instanceof HttpPool) {
        known.update(topology)
        return
      }
      if (known !== undefined) this.#retire(known)
      this.#pools.set(name, new HttpPool(topology, this.#httpPoolTools))
      return
    }
    if (known instanceof StaticPool && known.protocol === protocol) {
      known.update(topology)
      return
    }
    if (known !== undefined) this.#retire(known)
    const tools = {
      ...this.#poolTools,
      protocol: UPSTREAM_PROTOCOLS[protocol],
      poolNamed: (other: string) => this.#staticPool(other, protocol),
    }
    this.#pools.set(name, new StaticPool(topology, tools))
  }

  /** A pool that is no longer named answers what it has. */
  #retire(pool: StaticPool | StorePool | HttpPool): void {
    if (pool instanceof StorePool) return
    pool.drain()
    if (!pool.idle) this.#retired.add(pool)
  }

  #scriptsOf(pool: string): ScriptCache {
    let scripts = this.#scripts.get(pool)
    if (scripts === undefined) {
      scripts = new ScriptCache(this.#limits)
      this.#scripts.set(pool, scripts)
    }
    return scripts
  }

  #facts(pool: string, port: number): RouterFacts {
    return {
      nowMs: Date.now(),
      uptimeMs: this.#turn.now - this.#startedAt,
      version: this.#version,
      port,
      pool,
      clients: this.#counts.clientsOpen,
      commands: this.#counts.commands,
    }
  }

  #tick(): void {
    this.#turn.begin()
    this.#deadlines.sweep(this.#turn.now)
    const { now } = this.#turn
    // After a pause of this process the replies that came meanwhile are not read yet: no backend is blamed for it.
    const late = Math.max(0, now - this.#tickedAt - TICK_MS)
    this.#tickedAt = now
    const fairNow = now - late
    for (const pool of this.#pools.values()) if (!(pool instanceof StorePool)) pool.tick(fairNow)
    for (const pools of this.#listenerPools) pools.tick(fairNow)
    for (const pool of this.#retired) {
      pool.tick(fairNow)
      if (pool.idle) this.#retired.delete(pool)
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed !== undefined) throw new RouterError('CLOSED', 'the router is closed')
  }
}

function prepareListener(
  listener: RedisListener | MemcachedListener | HttpListener,
  options: ListenerOptions,
): () => void {
  if (listener instanceof RedisListener && options.protocol === 'redis')
    return listener.prepare(options.pool, options)
  if (listener instanceof MemcachedListener && options.protocol === 'memcached')
    return listener.prepare(options.pool, options.tls)
  if (listener instanceof HttpListener && options.protocol === 'http')
    return listener.prepare(options)
  throw new RouterError(
    'PROTOCOL_FIXED',
    `an open listener keeps its protocol; ${options.protocol} clients need a listener of their own`,
    { protocol: options.protocol },
  )
}

type StaticProtocol = Exclude<PoolTopology['protocol'], 'store' | 'http'>

const UPSTREAM_PROTOCOLS = {
  redis: REDIS_UPSTREAM,
  memcached: MEMCACHED_UPSTREAM,
} as const satisfies Record<StaticProtocol, UpstreamProtocol>

/** HTTP listeners have routes of another kind. */
function poolsOf(options: ListenerOptions): ListenerPoolSettings {
  return options.protocol === 'http' ? NO_POOLS : options
}

const NO_POOLS: ListenerPoolSettings = { pool: '' }

function refuseWrongLinks({ pools }: Topology): void {
  const fault = poolLinkFault(pools)
  if (fault === undefined) return
  const { pool, key, text } = fault
  throw new RouterError('TOPOLOGY_INVALID', `pool "${pool}", ${key}: ${text}`, { name: pool, key })
}

function refuseDoubles(topology: Topology): void {
  const pools = new Set<string>()
  for (const { name, backends } of topology.pools) {
    if (pools.has(name))
      throw new RouterError('TOPOLOGY_INVALID', `pool "${name}" is named twice`, { name })
    pools.add(name)
    const ids = new Set<string>()
    for (const { id } of backends) {
      if (ids.has(id))
        throw new RouterError('TOPOLOGY_INVALID', `pool "${name}" names backend ${id} twice`, {
          name,
          id,
        })
      ids.add(id)
    }
  }
}

function countersOf(pool: StaticPool | StorePool | HttpPool): RouterCounters['pools'][string] {
  if (pool instanceof StorePool) return { ...pool.counters, errors: 0, failovers: 0, backends: {} }
  if (pool instanceof HttpPool) return httpCountersOf(pool)
  const backends = pool.backends.map((backend) => {
    const { connections, queued, avoided, stale } = backend
    return [
      backend.id,
      {
        ...backend.counters,
        connections,
        inFlight: queued,
        avoided: avoided ? 1 : 0,
        stale: stale.size,
      },
    ] as const
  })
  const { migration, caching, ordered } = pool
  return {
    ...pool.counters,
    backends: Object.fromEntries(backends),
    ...(caching !== undefined && { caching: caching.counters }),
    ...(ordered !== undefined && { ordered: { ...ordered.counters, ...ordered.open } }),
    ...(migration !== undefined && {
      migration: {
        ...migration.counters,
        pending: migration.pendingKeys,
        waiting: migration.waiting,
      },
    }),
  }
}

function httpCountersOf(pool: HttpPool): RouterCounters['pools'][string] {
  const backends = pool.backends.map((backend) => {
    const { id, connections, inFlight, avoided, responses } = backend
    const { retries, broken, ejections, ...counters } = backend.counters
    const ejected = pool.isEjected(backend) ? 1 : 0
    const share = pool.shareOf(backend)
    const http = { ...responses.counters, retries, broken, ejections, ejected, share }
    return [
      id,
      { ...counters, connections, inFlight, avoided: avoided ? 1 : 0, stale: 0, http },
    ] as const
  })
  const panic = pool.panic ? 1 : 0
  return { ...pool.counters, panic, backends: Object.fromEntries(backends) }
}

/** Random bytes in the prefix of request ids. */
const REQUEST_ID_BYTES = 6

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(message).digest()
}

/** Without a log nothing is told. */
function ignore(): void {}
