import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { DiscoveredSeeds, Memberlist } from '@ringway/gossip'
import type { PeerHub } from '@ringway/peer'
import type { AnyRing } from '@ringway/ring'
import {
  createRouter,
  type OrderedByTopology,
  type Router,
  type RouterEvent,
} from '@ringway/router'
import type { StoreEvent } from '@ringway/store'
import type { NodeConfig, StaticPoolConfig, StorePoolConfig } from '../config/config.ts'
import { NodeError } from '../errors.ts'
import { EventLog } from '../event-log.ts'
import { Fleet } from '../fleet/fleet.ts'
import { isFleetMessage } from '../fleet/fleet-message.ts'
import { type MemberAction, type MemberRequest, readMemberRequest } from '../fleet/member-action.ts'
import { routerVerdicts } from '../fleet/router-verdicts.ts'
import { ClientListeners } from '../listeners/client-listeners.ts'
import type { Logger } from '../logger.ts'
import { createLearnedSessions } from '../store/learned-sessions.ts'
import { createSteadyClock } from '../store/steady-clock.ts'
import { StoreHost } from '../store/store-host.ts'
import { VERSION } from '../version.ts'
import { clusterTag, definitionsHash } from './definitions.ts'
import { Directory } from './directory.ts'
import { Joining } from './joining.ts'
import { type ClusterMember, type MemberState, writeTags } from './member-tags.ts'
import { OrderedCarrier } from './ordered-writes.ts'
import { PoolRing } from './pool-ring.ts'
import { SharedKeysCarrier } from './shared-keys.ts'
import { buildTopology } from './topology.ts'

const POLL_MS = 25
/** A start that waits longer than this for its slots says why. */
const SLOW_START_MS = 5_000
const HAND_OVER_TIMEOUT_MS = 10_000
const LEAVE_TIMEOUT_MS = 3_000
const ABANDON_TIMEOUT_MS = 1_000
/** How long a member may take to say that it drains or leaves. */
const ACTION_TIMEOUT_MS = 3_000
/** A member that calls us, and that gossip does not know, is asked to let us join; not more often than this. */
const CALL_BACK_INTERVAL_MS = 200

/** How loud an event of the store is: loss and foreign clocks wake somebody, slots that move do not. */
const STORE_EVENT_LEVELS = {
  promoted: 'debug',
  conceded: 'debug',
  deposed: 'info',
  safe: 'info',
  'lineage-lost': 'warn',
  'slots-lost': 'warn',
  'copy-expired': 'warn',
  'clock-drift': 'warn',
  incompatible: 'error',
} as const satisfies Record<StoreEvent['type'], string>

/** What changed: passed to listeners of `topology`. */
export interface TopologyEvent {
  /** Counts changes in this process. */
  readonly epoch: number
  readonly members: readonly ClusterMember[]
}

export interface ClusterOptions {
  readonly config: NodeConfig
  readonly instance: string
  readonly memberlist: Memberlist
  readonly hub: PeerHub
  /** Where `swarm:` seeds lead. */
  readonly swarm: DiscoveredSeeds
  readonly log: Logger
  /** An operator asked for it; the caller ends this member as a signal would. */
  readonly onLeave: () => void
}

/**
 * The composition root of a running member: gossip and peer links tell who is there; rings and topology follow; the
 * store and the router are told. Everything flows through {@link Cluster.refresh}, in one order.
 */
export class Cluster {
  /** As it is now: a reload brings another. */
  config: NodeConfig
  readonly memberlist: Memberlist
  readonly hub: PeerHub
  readonly router: Router
  readonly clients: ClientListeners
  /** Absent when no pool has protocol store. */
  readonly store: StoreHost | undefined
  pools: readonly PoolRing[]
  definitions: string
  readonly fleet: Fleet
  readonly events = new EventLog()
  readonly listeners = new Set<(event: TopologyEvent) => void>()
  readonly #instance: string
  readonly #swarm: DiscoveredSeeds
  readonly #sharedKeys: SharedKeysCarrier
  readonly #ordered: OrderedCarrier
  readonly #log: Logger
  readonly #onLeave: () => void
  readonly #directory = new Directory()
  readonly #storePool: StorePoolConfig | undefined
  #state: MemberState = 'joining'
  #ready = false
  /** False once the router is closing: it takes no more topologies. */
  #serving = true
  /** Aborted when the member leaves: what runs in the background ends. */
  readonly #ending = new AbortController()
  #epoch = 0
  #fingerprint = ''
  #refreshing = false
  #met = false
  /** On one machine, alone and without a secret, cookies are good until the next start. */
  readonly #ownStickyKey = randomBytes(32)
  readonly #strangers = new Set<string>()
  #calledBackAt = Number.NEGATIVE_INFINITY

  constructor(options: ClusterOptions) {
    const { config, instance, memberlist, hub, swarm, log, onLeave } = options
    this.#onLeave = onLeave
    this.config = config
    this.memberlist = memberlist
    this.hub = hub
    this.#instance = instance
    this.#swarm = swarm
    this.#log = log
    this.pools = config.pools.map((pool) => new PoolRing(pool))
    this.definitions = definitionsHash(config.pools)
    this.#sharedKeys = new SharedKeysCarrier(hub)
    this.#ordered = new OrderedCarrier(hub)
    this.router = createRouter({
      version: VERSION,
      http: config.http,
      ...(config.zone === undefined ? {} : { zone: config.zone }),
      share: (message) => this.#sharedKeys.share(message),
      forward: (to, message) => this.#ordered.send(to, message),
      log: (event) => this.#routerSaid(event),
    })
    this.clients = new ClientListeners(this.router, log)
    this.fleet = new Fleet({
      self: config.name,
      pools: staticPools(config),
      hub,
      log,
      events: this.events,
      ownVerdicts: () => routerVerdicts(this.router),
      doubted: (pool, backends) => {
        if (this.#serving) this.router.post({ type: 'doubt', pool, backends })
      },
      members: () => new Set(this.members.map(({ name }) => name)),
      changed: () => this.#refreshSoon(),
    })
    this.#sharedKeys.attach(this.router)
    this.#ordered.attach(this.router)
    this.#takeStickyKeys()
    this.#storePool = config.pools.find((pool) => pool.protocol === 'store')
    this.store = this.#storePool && this.#createStore(this.#storePool)
    this.#announce()
    this.#listenToGossip()
    this.#listenToLinks()
    this.refresh()
  }

  get members(): readonly ClusterMember[] {
    return this.#directory.live
  }

  /** The ring of the store pool, else of the first pool. */
  get ring(): AnyRing {
    const pool = this.pools.find(({ pool: { protocol } }) => protocol === 'store') ?? this.pools[0]
    if (!pool) throw new NodeError('CONFIG_INVALID', 'this node has no pool')
    return pool.ring
  }

  get readiness(): { readonly ready: boolean; readonly reason: string } {
    if (!this.#serving) return { ready: false, reason: 'the node is leaving' }
    if (this.#state === 'draining') return { ready: false, reason: 'the node is drained' }
    if (this.#ready) return { ready: true, reason: 'ready' }
    return {
      ready: false,
      reason: this.#met ? this.#missing() : 'the node has not found its cluster yet',
    }
  }

  /** Joins or founds the cluster; resolves when every slot has a primary that this member knows. */
  async join(signal: AbortSignal): Promise<void> {
    const joining = new Joining({
      memberlist: this.memberlist,
      gossip: this.config.gossip,
      swarm: this.#swarm,
      log: this.#log,
      signal: AbortSignal.any([signal, this.#ending.signal]),
      hasMet: () => {
        this.refresh()
        return this.#hasCluster()
      },
      isFirst: () => {
        this.refresh()
        return this.members[0]?.name === this.config.name
      },
    })
    const outcome = await joining.run()
    this.refresh()
    this.#met = true
    if (outcome === 'alone' && this.store?.found()) this.#log.info('founded a new cluster')
    await this.fleet.sourcesAsked()
    await this.#waitUntilServed(signal)
    this.#state = 'active'
    this.#ready = true
    this.#announce()
    this.refresh()
    void joining.keepAsking()
  }

  /** False once the member is leaving. */
  get serving(): boolean {
    return this.#serving
  }

  /**
   * Builds the pools of a newer configuration, whose store pool and whose facts about this member are those that run. Nothing is
   * different before the answer is called.
   * @throws Error when backends do not fit on a ring
   */
  async prepare(config: NodeConfig): Promise<() => void> {
    const store = this.pools.find(({ pool }) => pool.protocol === 'store')
    const pools = config.pools.map((pool) =>
      pool.protocol === 'store' && store !== undefined ? store : new PoolRing(pool),
    )
    const takeFleet = await this.fleet.prepare(staticPools(config))
    return () => {
      this.config = config
      this.pools = pools
      this.definitions = definitionsHash(config.pools)
      takeFleet()
      this.#takeStickyKeys()
      this.#announce()
      this.#fingerprint = ''
      this.refresh()
    }
  }

  #takeStickyKeys(): void {
    const { stickyKeys } = this.config
    const keys = stickyKeys.length > 0 ? stickyKeys : [this.#ownStickyKey]
    this.router.post({ type: 'sticky-keys', keys })
  }

  /** @throws NodeError NO_SUCH_MEMBER, CHANGE_REFUSED */
  async actOnMember(name: string, action: MemberAction): Promise<void> {
    if (name === this.config.name) this.#act(action)
    else if (this.hub.isUp(name)) await this.#askMember(name, action)
    else
      throw new NodeError(
        'NO_SUCH_MEMBER',
        `there is no link to a member ${JSON.stringify(name)}; linked: ${[this.config.name, ...this.members.filter((one) => this.hub.isUp(one.name)).map((one) => one.name)].join(', ')}`,
      )
  }

  #askMember(name: string, action: MemberAction): Promise<void> {
    return new Promise((resolve, reject) => {
      const request: MemberRequest = { t: 'fleet/member', action }
      this.hub.request(name, request, { timeoutMs: ACTION_TIMEOUT_MS }, (error) => {
        if (!error) resolve()
        else reject(new NodeError('CHANGE_REFUSED', `${name} did not ${action}: ${error.message}`))
      })
    })
  }

  #act(action: MemberAction): void {
    this.#log.info({ action }, 'an operator asked for it')
    this.events.add(`member-${action}`, { member: this.config.name })
    if (action === 'leave') {
      this.#onLeave()
      return
    }
    if (!this.#ready || !this.#serving)
      throw new NodeError('CHANGE_REFUSED', `${this.config.name} is starting or leaving`)
    this.#state = action === 'drain' ? 'draining' : 'active'
    this.#announce()
    this.#refreshSoon()
  }

  /** A clean goodbye: finish requests, give the data away, gossip the leave. */
  async leave(): Promise<void> {
    this.#serving = false
    this.#sharedKeys.detach()
    this.#ending.abort()
    this.fleet.close()
    await this.router.close({ drainTimeoutMs: this.config.drainTimeoutMs })
    this.#state = 'draining'
    this.#announce()
    this.refresh()
    await this.#handOver()
    await this.memberlist.leave({ timeoutMs: LEAVE_TIMEOUT_MS }).catch((error: Error) => {
      this.#log.warn({ err: error }, 'the leave was not told to every member in time')
    })
    this.store?.close()
  }

  /** Lets go of everything at once, after a start that failed. */
  async abandon(): Promise<void> {
    this.#serving = false
    this.#sharedKeys.detach()
    this.#ending.abort()
    this.fleet.close()
    this.store?.close()
    await this.router.close({ drainTimeoutMs: 0 })
    // Others may have met us already: without a word they would take us for failed.
    if (this.members.length > 1)
      await this.memberlist.leave({ timeoutMs: ABANDON_TIMEOUT_MS }).catch(() => {})
  }

  /** Brings rings, links, store and router in line with what gossip and links know. */
  refresh(): void {
    this.#directory.refresh(this.memberlist.members())
    const members = this.#directory.live
    const backends = this.pools.map(({ pool }) => this.fleet.backends(pool.name))
    const fingerprint = JSON.stringify([members, backends, this.#routers()])
    if (fingerprint === this.#fingerprint) return
    this.#fingerprint = fingerprint
    this.#epoch++
    try {
      this.#apply(members)
    } catch (error) {
      // More members or weight than a ring takes: what was agreed before goes on serving.
      this.#log.error({ err: error, members: members.length }, 'the new member list cannot be used')
      return
    }
    for (const listener of this.listeners) this.#tell(listener, members)
  }

  /** A listener of the application that throws is its own problem, not that of the cluster. */
  #tell(listener: (event: TopologyEvent) => void, members: readonly ClusterMember[]): void {
    try {
      listener({ epoch: this.#epoch, members })
    } catch (error) {
      this.#log.error({ err: error }, 'a topology listener failed')
    }
  }

  #apply(members: readonly ClusterMember[]): void {
    for (const pool of this.pools) {
      if (pool.pool.protocol === 'store') pool.followMembers(members)
      else pool.followBackends(this.fleet.backends(pool.pool.name))
    }
    this.hub.setPeers(
      members
        .filter(({ name }) => name !== this.config.name)
        .map(({ name, address, peerPort, instance }) => ({
          name,
          host: address.host,
          port: peerPort,
          instance,
        })),
    )
    this.store?.topology({
      members: members.map(({ name, instance, weight, zone, state, suspect }) => ({
        name,
        instance,
        weight,
        state,
        suspect,
        ...(zone === undefined ? {} : { zone }),
      })),
    })
    if (this.#serving)
      this.router.post({
        type: 'topology',
        topology: buildTopology(this.#epoch, this.pools, members, this.#orderedBy()),
      })
  }

  /** Who orders writes (`orderWrites`): members with the same pools that serve and that a link leads to. */
  #routers(): readonly string[] {
    if (!this.config.pools.some((pool) => pool.protocol === 'redis' && pool.copies?.orderWrites))
      return []
    return this.members
      .filter(({ name, state, definitions }) =>
        name === this.config.name
          ? this.#state === 'active'
          : state === 'active' && definitions === this.definitions && this.hub.isUp(name),
      )
      .map(({ name }) => name)
  }

  #orderedBy(): OrderedByTopology {
    return { self: this.config.name, routers: this.#routers() }
  }

  #createStore(pool: StorePoolConfig): StoreHost {
    const store = new StoreHost({
      hub: this.hub,
      maxMemoryBytes: pool.maxMemoryBytes,
      now: createSteadyClock(),
      store: {
        name: this.config.name,
        instance: this.#instance,
        pool: pool.name,
        replicas: pool.replicas,
        minCopies: pool.minCopies,
        maxMemoryPolicy: pool.maxMemoryPolicy,
      },
      onEvent: (event) => this.#logStoreEvent(event),
      onStrange: (member) => this.#logStrange(member),
    })
    this.router.attachPool(pool.name, store)
    this.router.attachSessions(
      createLearnedSessions(store, (error) =>
        this.#log.warn({ err: error }, 'a learned session could not be read or kept in the store'),
      ),
    )
    return store
  }

  /** What the router says about backends goes to the log, to those who listen, and to the other members as a verdict. */
  #routerSaid(event: RouterEvent): void {
    if (event.type === 'tls-refused') {
      this.#log.warn({ ...event }, `a client was refused: it ${event.cause}`)
      return
    }
    this.#log.warn({ ...event }, event.type.replaceAll('-', ' '))
    const { type, ...facts } = event
    this.events.add(type, facts)
    // The event comes while the router changes: its counters say so after this turn.
    queueMicrotask(() => this.fleet.verdictsChanged())
  }

  /** Tells gossip what we are. */
  #announce(): void {
    const { zone, weight, admin } = this.config
    this.memberlist.setTags(
      writeTags({
        version: VERSION,
        instance: this.#instance,
        ...(zone === undefined ? {} : { zone }),
        weight,
        state: this.#state,
        peerPort: this.hub.address.port,
        ...(admin && admin.bind.port !== 0 ? { adminPort: admin.bind.port } : {}),
        definitions: this.definitions,
        cluster: clusterTag(this.config.gossip.label),
      }),
    )
  }

  #listenToGossip(): void {
    const changed = () => this.#refreshSoon()
    for (const type of ['join', 'update', 'suspect', 'refuted', 'fail', 'leave'] as const)
      this.memberlist.on(type, (event) => {
        this.#log.info({ member: event.member.name }, `member ${type}`)
        this.events.add(`member-${type}`, { member: event.member.name })
        changed()
      })
    this.memberlist.on('evicted', ({ from }) => {
      this.#log.warn(
        { from },
        'others held this member for dead; it serves again when they confirm that it may',
      )
      this.store?.doubt()
    })
    this.memberlist.on('flap', ({ member, failures, windowMs }) => {
      this.#log.warn(
        { member: member.name, failures, windowMs },
        'a member fails again and again: is it overloaded, or its network unsteady?',
      )
    })
    this.memberlist.on('conflict', ({ existing, other }) => {
      this.#log.error(
        { name: existing.name, known: existing.address, other },
        'two members use one name',
      )
    })
  }

  #listenToLinks(): void {
    this.hub.onUp(({ name, instance, fields }) => {
      this.#directory.prove(name, instance, this.memberlist.members())
      this.refresh()
      this.store?.linkUp(name, instance)
      this.fleet.linkUp(name)
      if (!this.#directory.member(name)) this.#callBack(fields['gossip'])
    })
    this.hub.onDown(({ name }) => {
      this.store?.linkDown(name)
      this.refresh()
    })
    this.hub.onMessage(({ name }, message) => {
      if (isFleetMessage(message)) this.fleet.receive(name, message)
    })
    this.hub.onRequest((_from, message, respond, fail) => {
      const action = readMemberRequest(message)
      if (!action) return
      try {
        this.#act(action)
        respond(true)
      } catch (error) {
        fail('CHANGE_REFUSED', (error as Error).message)
      }
    })
    this.hub.onWrongInstance((name, instance) => {
      this.#directory.prove(name, instance, this.memberlist.members())
      this.refresh()
    })
  }

  /** A member linked to us that gossip does not know (we were restarted and it remembers us): join through it. */
  #callBack(gossip: string | undefined): void {
    const now = performance.now()
    if (gossip === undefined || now - this.#calledBackAt < CALL_BACK_INTERVAL_MS) return
    this.#calledBackAt = now
    void this.memberlist.join([gossip]).then(
      () => this.refresh(),
      (error: Error) =>
        this.#log.warn({ err: error, gossip }, 'cannot join through a member that called'),
    )
  }

  /** Events of one turn cause one refresh. */
  #refreshSoon(): void {
    if (this.#refreshing) return
    this.#refreshing = true
    queueMicrotask(() => {
      this.#refreshing = false
      this.refresh()
    })
  }

  async #waitUntilServed(signal: AbortSignal): Promise<void> {
    let warnAt = performance.now() + SLOW_START_MS
    while (this.#missing() !== '') {
      await pause(POLL_MS, undefined, { signal })
      if (performance.now() < warnAt) continue
      warnAt = performance.now() + SLOW_START_MS
      this.#log.warn({ missing: this.#missing() }, 'still starting')
    }
  }

  /** What keeps this member from serving; empty when nothing does. */
  #missing(): string {
    const down = this.members.filter(
      ({ name, suspect }) => name !== this.config.name && !suspect && !this.hub.isUp(name),
    )
    if (down.length > 0) return `no link yet to ${down.map(({ name }) => name).join(', ')}`
    const unserved = this.store?.status().unserved ?? 0
    return unserved === 0 ? '' : `${unserved} slots have no primary yet`
  }

  async #handOver(): Promise<void> {
    if (!this.store) return
    const deadline = performance.now() + HAND_OVER_TIMEOUT_MS
    while (performance.now() < deadline) {
      const takers = this.members.filter(
        ({ name, state }) => name !== this.config.name && state !== 'draining',
      )
      if (takers.length === 0 || this.store.handedOver()) return
      await pause(POLL_MS)
    }
    this.#log.warn(
      { leftOver: this.store.status().leftOver },
      `hand-over was not done within ${HAND_OVER_TIMEOUT_MS} ms; the other copies take over`,
    )
  }

  /** True when a member that has a cluster is known; members that are looking for one themselves do not count. */
  #hasCluster(): boolean {
    return this.members.some(({ name, state }) => name !== this.config.name && state === 'active')
  }

  /** Once per member: a neighbouring release may know more kinds of messages. */
  #logStrange(member: string): void {
    if (this.#strangers.has(member)) return
    this.#strangers.add(member)
    this.#log.warn(
      { member },
      'a member sends store messages that this release does not know; they are ignored',
    )
  }

  #logStoreEvent(event: StoreEvent): void {
    if (event.type === 'slots-lost' && !this.#hasCluster()) {
      this.#log.info({ slots: event.slots }, 'store: founded slots of a new cluster')
      return
    }
    if (event.type === 'safe' && !event.safe) {
      this.#log.info({ ...event }, 'store: not safe until every slot has its copies')
      return
    }
    this.#log[STORE_EVENT_LEVELS[event.type]]({ ...event }, `store: ${event.type}`)
  }
}

function staticPools({ pools }: NodeConfig): readonly StaticPoolConfig[] {
  return pools.filter((pool) => pool.protocol !== 'store')
}
