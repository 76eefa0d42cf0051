import type { RouterCounters } from './counters.ts'
import { RouterError } from './errors.ts'
import { type RouterLimits, resolveLimits } from './limits.ts'
import type { HereFacts } from './plan/answer-here.ts'
import { MEMCACHED_UPSTREAM } from './pool/memcached-upstream.ts'
import type { ErrorCounts, Pool } from './pool/pool.ts'
import type { PoolDriver } from './pool/pool-driver.ts'
import { type PoolEvent, StaticPool, type StaticPoolTools } from './pool/static-pool.ts'
import { StorePool } from './pool/store-pool.ts'
import { Turn } from './pool/turn.ts'
import { REDIS_UPSTREAM, type UpstreamProtocol } from './pool/upstream-protocol.ts'
import { MemcachedListener } from './proxy/memcached-listener.ts'
import { type ListenerCounts, type ListenerTools, RedisListener } from './proxy/redis-listener.ts'
import type { PoolTopology, Topology } from './topology.ts'

/** How often waiting commands are compared with `replyTimeoutMs`, in milliseconds. */
const TICK_MS = 50

/** What the router is told, as data that can cross to a worker process. */
export type RouterMessage = { readonly type: 'topology'; readonly topology: Topology }

/** What the router tells about itself; for logs. */
export type RouterEvent = PoolEvent

export interface RouterOptions {
  /** Over the defaults of `DEFAULT_LIMITS`. */
  readonly limits?: Partial<RouterLimits>
  /** Hears of backends that are avoided and that return. It must not throw. */
  readonly log?: (event: RouterEvent) => void
  /** In [0, 1), for the jitter of probes. */
  readonly random?: () => number
  /** Monotonic milliseconds. */
  readonly now?: () => number
  /** Told to clients in INFO. @defaultValue 'unknown' */
  readonly version?: string
}

/** An address that serves a pool to clients of one protocol. */
export interface ListenerOptions {
  readonly protocol: 'redis' | 'memcached'
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** May be named by a later topology: until then its commands get an error that says so. */
  readonly pool: string
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
  /** @throws RouterError PORT_IN_USE, LISTEN_FAILED or CLOSED */
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
  readonly #poolTools: Omit<StaticPoolTools, 'protocol'>
  readonly #listenerTools: ListenerTools
  readonly #drivers = new Map<string, PoolDriver>()
  readonly #pools = new Map<string, StaticPool | StorePool>()
  /** Pools that are no longer named, until their commands are answered. */
  readonly #retired = new Set<StaticPool>()
  readonly #listeners = new Set<RedisListener | MemcachedListener>()
  readonly #ticker: NodeJS.Timeout
  #epoch = Number.NEGATIVE_INFINITY
  #clients = 0
  #closed: Promise<void> | undefined

  constructor(options: RouterOptions) {
    this.#limits = resolveLimits(options.limits)
    this.#turn = new Turn(options.now ?? (() => performance.now()))
    this.#startedAt = this.#turn.now
    this.#version = options.version ?? 'unknown'
    const shared = { limits: this.#limits, turn: this.#turn, errors: this.#errors }
    this.#poolTools = {
      ...shared,
      random: options.random ?? Math.random,
      wallClock: Date.now,
      log: options.log ?? ignore,
    }
    this.#listenerTools = {
      ...shared,
      counts: this.#counts,
      poolNamed: (name): Pool | undefined => {
        const pool = this.#pools.get(name)
        return pool instanceof StaticPool ? this.#staticPool(name, 'redis') : pool
      },
      facts: (pool, port) => this.#facts(pool, port),
      nextClientId: () => ++this.#clients,
    }
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
    this.#ticker.unref()
  }

  post(message: RouterMessage): void {
    this.#refuseWhenClosed()
    switch (message.type) {
      case 'topology':
        this.#takeTopology(message.topology)
        return
      default:
        message.type satisfies never
    }
  }

  attachPool(name: string, driver: PoolDriver): void {
    this.#refuseWhenClosed()
    const pool = this.#pools.get(name)
    if (pool instanceof StaticPool)
      throw new RouterError('POOL_NOT_STORE', `pool "${name}" has a protocol other than store`, {
        name,
      })
    this.#drivers.set(name, driver)
    if (pool !== undefined) pool.driver = driver
  }

  async listen(options: ListenerOptions): Promise<Listener> {
    this.#refuseWhenClosed()
    const listener = this.#makeListener(options)
    const { host, port } = await listener.listen(options.host, options.port)
    this.#listeners.add(listener)
    return {
      host,
      port,
      close: async ({ drainTimeoutMs = this.#limits.drainTimeoutMs } = {}) => {
        await listener.close(drainTimeoutMs)
        this.#listeners.delete(listener)
      },
    }
  }

  #makeListener({ protocol, pool }: ListenerOptions): RedisListener | MemcachedListener {
    switch (protocol) {
      case 'redis':
        return new RedisListener(pool, this.#listenerTools)
      case 'memcached':
        return new MemcachedListener(pool, {
          ...this.#listenerTools,
          poolNamed: (name) => this.#staticPool(name, 'memcached'),
        })
      default:
        return protocol satisfies never
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
    await Promise.all(Array.from(this.#listeners, (listener) => listener.close(drainTimeoutMs)))
    clearInterval(this.#ticker)
    for (const pool of [...this.#pools.values(), ...this.#retired])
      if (pool instanceof StaticPool) pool.close()
  }

  #takeTopology(topology: Topology): void {
    if (topology.epoch < this.#epoch) return
    refuseDoubles(topology)
    this.#epoch = topology.epoch
    const named = new Set(topology.pools.map((pool) => pool.name))
    for (const pool of topology.pools) this.#takePool(pool)
    for (const [name, pool] of this.#pools) {
      if (named.has(name)) continue
      this.#pools.delete(name)
      this.#retire(pool)
    }
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
    if (known instanceof StaticPool && known.protocol === protocol) {
      known.update(topology)
      return
    }
    if (known !== undefined) this.#retire(known)
    const tools = { ...this.#poolTools, protocol: UPSTREAM_PROTOCOLS[protocol] }
    this.#pools.set(name, new StaticPool(topology, tools))
  }

  /** A pool that is no longer named answers what it has. */
  #retire(pool: StaticPool | StorePool): void {
    if (pool instanceof StorePool) return
    pool.drain()
    if (!pool.idle) this.#retired.add(pool)
  }

  #facts(pool: string, port: number): HereFacts {
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
    for (const pool of this.#pools.values())
      if (pool instanceof StaticPool) pool.tick(this.#turn.now)
    for (const pool of this.#retired) {
      pool.tick(this.#turn.now)
      if (pool.idle) this.#retired.delete(pool)
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed !== undefined) throw new RouterError('CLOSED', 'the router is closed')
  }
}

type StaticProtocol = Exclude<PoolTopology['protocol'], 'store'>

const UPSTREAM_PROTOCOLS = {
  redis: REDIS_UPSTREAM,
  memcached: MEMCACHED_UPSTREAM,
} as const satisfies Record<StaticProtocol, UpstreamProtocol>

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

function countersOf(pool: StaticPool | StorePool): RouterCounters['pools'][string] {
  if (pool instanceof StorePool) return { ...pool.counters, errors: 0, failovers: 0, backends: {} }
  const backends = pool.backends.map((backend) => {
    const { connections, queued, avoided } = backend
    return [
      backend.id,
      { ...backend.counters, connections, inFlight: queued, avoided: avoided ? 1 : 0 },
    ] as const
  })
  const { migration } = pool
  return {
    ...pool.counters,
    backends: Object.fromEntries(backends),
    ...(migration !== undefined && {
      migration: {
        ...migration.counters,
        pending: migration.pendingKeys,
        waiting: migration.waiting,
      },
    }),
  }
}

/** Without a log nothing is told. */
function ignore(): void {}
