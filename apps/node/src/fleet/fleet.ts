import type { PeerHub } from '@ringway/peer'
import { createRing } from '@ringway/ring'
import type { BackendConfig, BackendSource, StaticPoolConfig } from '../config/config.ts'
import { resolveBackend } from '../config/resolve-backends.ts'
import { ringNode } from '../config/resolve-placement.ts'
import { NodeError } from '../errors.ts'
import type { EventLog } from '../event-log.ts'
import type { Logger } from '../logger.ts'
import { type FleetMessage, parseFleetMessage } from './fleet-message.ts'
import { type BackendChange, type Override, Overrides } from './override.ts'
import { combineBackends, type FleetBackend } from './pool-backends.ts'
import { BackendWatch, type SourceEvent } from './source/backend-watch.ts'
import { type OwnVerdicts, VERDICT_INTERVAL_MS, VerdictExchange } from './verdict-exchange.ts'

/** How long a start waits for the first answers of sources. */
const SOURCES_TIMEOUT_MS = 5_000

export interface FleetOptions {
  /** Name of this member. */
  readonly self: string
  readonly pools: readonly StaticPoolConfig[]
  readonly hub: Pick<PeerHub, 'send' | 'links' | 'drop'>
  readonly log: Logger
  readonly events: EventLog
  readonly ownVerdicts: OwnVerdicts
  /** Another member cannot reach these backends: our router asks those that it has not heard of lately. */
  readonly doubted: (pool: string, backends: readonly string[]) => void
  /** Names of the live members. */
  readonly members: () => ReadonlySet<string>
  /** The backends of a pool are others than before, or in another state. */
  readonly changed: () => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface PoolState {
  readonly config: StaticPoolConfig
  readonly watches: readonly BackendWatch[]
  backends: readonly FleetBackend[]
}

/**
 * The backends of all static pools: those of the file and of its sources, what operators changed at run time, and what the
 * members agree is out. Overrides and verdicts are told over peer links; whoever links later hears all overrides at once.
 */
export class Fleet {
  readonly #options: FleetOptions
  readonly #now: () => number
  readonly #overrides = new Overrides()
  readonly #verdicts: VerdictExchange
  readonly #pools = new Map<string, PoolState>()
  readonly #timer: NodeJS.Timeout
  #told = ''
  /** Watches of a configuration that is prepared and not taken yet. */
  readonly #begun = new Set<BackendWatch>()

  constructor(options: FleetOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#verdicts = new VerdictExchange(options.self)
    this.#take(this.#statesOf(options.pools))
    this.#timer = setInterval(() => this.#exchange(), VERDICT_INTERVAL_MS)
    this.#timer.unref()
  }

  /** The backends of a pool; empty for pools that are not static. */
  backends(pool: string): readonly FleetBackend[] {
    return this.#pools.get(pool)?.backends ?? []
  }

  get overrides(): readonly Override[] {
    return this.#overrides.list
  }

  /**
   * Prepares the static pools of another configuration. Sources that are unchanged go on; new ones are asked first, for so long as
   * a start would, so that no pool is empty meanwhile. Nothing is different before the answer is called.
   * @throws NodeError CHANGE_REFUSED when a pool that has backends would have none
   */
  async prepare(pools: readonly StaticPoolConfig[]): Promise<() => void> {
    const states = this.#statesOf(pools)
    const running = new Set(this.#watches())
    const begun = states.flatMap(({ watches }) => watches.filter((watch) => !running.has(watch)))
    for (const watch of begun) this.#begun.add(watch)
    await allAsked(begun)
    for (const watch of begun) this.#begun.delete(watch)
    const emptied = states.find((state) => this.#isEmptied(state))
    if (emptied === undefined) return () => this.#take(states)
    for (const watch of begun) watch.close()
    throw new NodeError(
      'CHANGE_REFUSED',
      `pool "${emptied.config.name}" would have no backends: no source of it names any`,
    )
  }

  #isEmptied(state: PoolState): boolean {
    return this.backends(state.config.name).length > 0 && this.#combined(state).length === 0
  }

  /** Resolves when every source was asked once, or with the time for it over. */
  async sourcesAsked(): Promise<void> {
    await allAsked([...this.#watches()])
  }

  /**
   * Changes a backend on all members.
   * @throws NodeError NO_SUCH_POOL, NO_SUCH_BACKEND, or CHANGE_REFUSED with the reason
   */
  change(poolName: string, backend: string, change: BackendChange): FleetBackend | undefined {
    const pool = this.#pool(poolName)
    this.#check(pool, backend, change)
    const { self } = this.#options
    const override = this.#overrides.next(poolName, backend, change, self, this.#now())
    const candidate = this.#combined(pool, override)
    if (candidate.length === 0)
      throw new NodeError(
        'CHANGE_REFUSED',
        `${backend} is the last backend of pool "${poolName}"; add another one first`,
      )
    checkRing(pool.config, candidate)
    if (!this.#overrides.merge(override))
      throw new NodeError('CHANGE_REFUSED', 'there are too many changes already; reset some')
    this.#tell({ t: 'fleet/overrides', list: [override] })
    this.#options.events.add(`backend-${change.type}`, { pool: poolName, backend, by: self })
    this.#combineAll()
    return this.backends(poolName).find(({ id }) => id === backend)
  }

  linkUp(member: string): void {
    this.#send(member, { t: 'fleet/overrides', list: this.#overrides.all })
    this.#send(member, { t: 'fleet/verdicts', pools: this.#options.ownVerdicts() })
  }

  receive(member: string, message: unknown): void {
    const parsed = parseFleetMessage(message)
    if (!parsed) return
    switch (parsed.t) {
      case 'fleet/overrides':
        this.#takeOverrides(member, parsed.list)
        return
      case 'fleet/verdicts':
        this.#verdicts.take(member, parsed.pools, this.#now())
        for (const { pool, down } of parsed.pools)
          if (down.length > 0) this.#options.doubted(pool, down)
        this.#count()
    }
  }

  /** The router saw a backend fail or return: told to the others at once. */
  verdictsChanged(): void {
    const verdicts = this.#options.ownVerdicts()
    const told = JSON.stringify(verdicts)
    if (told === this.#told) return
    this.#exchange()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const watch of [...this.#watches(), ...this.#begun]) watch.close()
  }

  #watches(): readonly BackendWatch[] {
    return [...this.#pools.values()].flatMap(({ watches }) => watches)
  }

  #statesOf(pools: readonly StaticPoolConfig[]): readonly PoolState[] {
    return pools.map((config) => ({
      config,
      watches: config.sources.map((source) => this.#watchOf(config, source)),
      backends: [],
    }))
  }

  #watchOf(pool: StaticPoolConfig, source: BackendSource): BackendWatch {
    const known = this.#pools.get(pool.name)?.watches.find((watch) => watch.is(pool, source))
    return (
      known ??
      new BackendWatch({
        pool,
        source,
        changed: () => this.#sourceChanged(pool.name),
        said: (event) => this.#sourceSaid(event),
      })
    )
  }

  #take(states: readonly PoolState[]): void {
    const before = this.#watches()
    this.#pools.clear()
    for (const state of states) this.#pools.set(state.config.name, state)
    const after = new Set(this.#watches())
    for (const watch of before) if (!after.has(watch)) watch.close()
    this.#verdicts.follow([...this.#pools.keys()])
    for (const pool of this.#pools.values()) this.#combine(pool)
  }

  #exchange(): void {
    const pools = this.#options.ownVerdicts()
    this.#told = JSON.stringify(pools)
    this.#verdicts.take(this.#options.self, pools, this.#now())
    this.#tell({ t: 'fleet/verdicts', pools })
    this.#count()
  }

  #count(): void {
    const pools = new Map(
      Array.from(this.#pools, ([name, { backends }]) => [name, backends.map(({ id }) => id)]),
    )
    const changes = this.#verdicts.count(this.#options.members(), pools, this.#now())
    if (changes.length === 0) return
    for (const { pool, backend, out } of changes) {
      const type = out ? 'backend-out' : 'backend-back'
      this.#options.log.warn({ pool, backend }, out ? 'the members say it is out' : 'it is back')
      this.#options.events.add(type, { pool, backend })
    }
    this.#combineAll()
  }

  #takeOverrides(member: string, list: readonly Override[]): void {
    const news = list.filter((override) => this.#overrides.merge(override))
    if (news.length === 0) return
    for (const { pool, backend, by } of news) {
      this.#options.log.info({ pool, backend, by, from: member }, 'a backend was changed')
      this.#options.events.add('backend-changed', { pool, backend, by })
    }
    this.#combineAll()
  }

  #pool(name: string): PoolState {
    const pool = this.#pools.get(name)
    if (pool) return pool
    throw new NodeError(
      'NO_SUCH_POOL',
      `there is no pool ${JSON.stringify(name)} with backends; pools: ${[...this.#pools.keys()].join(', ') || 'none'}`,
    )
  }

  #check({ config, backends }: PoolState, backend: string, change: BackendChange): void {
    const there = backends.some(({ id }) => id === backend)
    if (change.type === 'add') {
      if (there)
        throw new NodeError(
          'CHANGE_REFUSED',
          `backend ${backend} is in pool "${config.name}" already`,
        )
      resolveBackend({ ...change.entry, id: backend }, config, 'backend', `pool ${config.name}`)
      return
    }
    if (there || (change.type === 'reset' && this.#overrides.get(config.name, backend))) return
    throw new NodeError(
      'NO_SUCH_BACKEND',
      `there is no backend ${backend} in pool "${config.name}"; backends: ${backends.map(({ id }) => id).join(', ') || 'none'}`,
    )
  }

  #combineAll(): void {
    let changed = false
    for (const pool of this.#pools.values()) changed = this.#combine(pool) || changed
    if (changed) this.#options.changed()
  }

  #combine(pool: PoolState): boolean {
    const before = JSON.stringify(pool.backends)
    pool.backends = this.#combined(pool)
    return JSON.stringify(pool.backends) !== before
  }

  /** @param candidate - An override that is not taken yet. */
  #combined({ config, watches }: PoolState, candidate?: Override): readonly FleetBackend[] {
    const overrides = this.#overrides.list.filter(
      ({ pool, backend }) => pool === config.name && backend !== candidate?.backend,
    )
    if (candidate) overrides.push(candidate)
    const named = [
      { origin: 'config' as const, backends: config.backends },
      ...watches.map(({ type, backends }) => ({ origin: type, backends })),
    ]
    return combineBackends(named, overrides, this.#verdicts.out(config.name), (override) =>
      this.#resolve(config, override),
    )
  }

  #resolve(config: StaticPoolConfig, override: Override): BackendConfig | undefined {
    try {
      return resolveBackend(
        { ...override.added, id: override.backend },
        config,
        override.backend,
        `pool ${config.name}`,
      )
    } catch (error) {
      // Another member took it, of a release that knows more: here the pool goes on without it.
      this.#options.log.warn({ err: error, backend: override.backend }, 'a backend cannot be used')
      return undefined
    }
  }

  #sourceChanged(pool: string): void {
    this.#combineAll()
    const backends = this.backends(pool).map(({ id }) => id)
    this.#options.events.add('backends-found', { pool, backends })
  }

  #sourceSaid(event: SourceEvent): void {
    const { type, pool, source, text } = event
    this.#options.log[type === 'source-answered' ? 'info' : 'warn'](
      { pool, source },
      `${source}: ${text}`,
    )
    this.#options.events.add(type, { pool, source, text })
  }

  #tell(message: FleetMessage): void {
    for (const { name, state } of this.#options.hub.links())
      if (state === 'up') this.#send(name, message)
  }

  #send(member: string, message: FleetMessage): void {
    const { hub } = this.#options
    // What does not fit in the queue breaks the link: when it is made anew, everything is told again.
    if (!hub.send(member, message) && message.t === 'fleet/overrides')
      hub.drop(member, 'too much waits for this member')
  }
}

/** @throws NodeError CHANGE_REFUSED when the placement does not take these backends. */
function checkRing(pool: StaticPoolConfig, backends: readonly FleetBackend[]): void {
  try {
    createRing(backends.map(ringNode), pool.placement)
  } catch (error) {
    throw new NodeError(
      'CHANGE_REFUSED',
      `pool "${pool.name}" cannot have these backends: ${(error as Error).message}`,
      {},
      { cause: error },
    )
  }
}

/** Resolves when all were asked once, or with the time for it over. */
async function allAsked(watches: readonly BackendWatch[]): Promise<void> {
  if (watches.length === 0) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, SOURCES_TIMEOUT_MS)
  })
  await Promise.race([Promise.all(watches.map((watch) => watch.asked)), late])
  clearTimeout(timer)
}
