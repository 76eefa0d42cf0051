import { performance } from 'node:perf_hooks'
import { SWIM_PROFILES, swimConfig } from './core/config.ts'
import type { Member, MemberEvent } from './core/effects.ts'
import type { Address } from './core/messages.ts'
import { createSwim, type Swim } from './core/swim.ts'
import { mannerFor } from './core/versions.ts'
import { createAllowList, formatAddress, parseIp } from './net/addresses.ts'
import { aesGcm, createNonceSource } from './net/aes-gcm.ts'
import { Counters, type GossipStats } from './net/counters.ts'
import { Driver } from './net/driver.ts'
import { GossipError } from './net/errors.ts'
import { EventFeed, type ListenerOf, type LostEvents } from './net/event-feed.ts'
import { Flaps } from './net/flaps.ts'
import { type JoinContext, type JoinResult, joinRemembered, joinSeeds } from './net/join.ts'
import { Kinship } from './net/kinship.ts'
import { LimitedLog } from './net/limited-log.ts'
import {
  FLAP_WINDOW_MS,
  LEAVE_INTENT_MS,
  LEAVE_INTENT_PEERS_MAX,
  SEED_REFRESH_MS,
  UDP_PAYLOAD_BYTES,
} from './net/limits.ts'
import { type ClusterMember, type MemberlistEvent, MemberViews } from './net/member-view.ts'
import {
  advertised,
  checkBind,
  isRingway,
  type MemberlistOptions,
  systemRandom,
  versionsOf,
} from './net/options.ts'
import { pause } from './net/pause.ts'
import type { RememberedPeer } from './net/peer-book.ts'
import { PeerMemory } from './net/peer-memory.ts'
import { SeedFollower, type SeedSource } from './net/seed-follower.ts'
import { systemResolver } from './net/seeds.ts'
import { SerfPresence } from './net/serf-presence.ts'
import { openSockets, type Sockets } from './net/sockets.ts'
import { frameUser, unframeUser } from './net/user-frame.ts'
import { Keyring } from './wire/keyring.ts'
import { checkLabel } from './wire/label.ts'
import { STATE_ROWS_MAX, USER_MESSAGE_BYTES_MAX } from './wire/limits.ts'
import { messageSize } from './wire/message-codec.ts'
import { packetOverhead } from './wire/packet.ts'
import { encodeTags, type Tags } from './wire/tags.ts'
import type { WireContext } from './wire/wire-context.ts'

/** Our place in one cluster. Everything on it is safe to call from its own listeners. */
export interface Memberlist {
  readonly name: string
  /** What others are told. */
  readonly address: Address
  /** What the sockets are bound to. */
  readonly bound: Address
  /** Keys can be installed, used and removed at any time; they count from the next packet on. */
  readonly keyring: Keyring
  /**
   * Whether plain text is refused and sent although there is a key; it counts from the next packet on. A running cluster moves
   * to encryption in three steps, each on all members before the next: a key with both false; outgoing true; incoming true.
   */
  setVerification(verification: { readonly incoming?: boolean; readonly outgoing?: boolean }): void
  /** Lifeguard's score of ourselves: 0 is healthy. */
  readonly healthScore: number
  /** Joins through all addresses of `host:port`, `name/host:port`, `dns:host:port`, `srv:_x._udp.host` and `file:/path` seeds. */
  join(seeds: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<JoinResult>
  /**
   * Looks seeds up again and again, and joins through those that are not living members: at once, every `refreshMs` (30 s by
   * default, at least 100 ms), when a `file:` seed is written, and when the source says so. So members that were
   * started apart, or cut off for longer than healing lasts, become one cluster. Ends with `close` or the signal.
   * @param source - seeds, a function that finds them (within five seconds), or one that also says when they change
   * @throws GossipError GOSSIP_OPTION_INVALID
   */
  follow(source: SeedSource, options?: FollowOptions): void
  /**
   * Joins through the members that the snapshot remembers, the latest seen first and at most 64 of them. An address where no
   * name that we remember is known belongs to strangers by now and is left alone (GOSSIP_STRANGER). Without a
   * snapshot there is nobody to ask.
   */
  rejoin(options?: { readonly signal?: AbortSignal }): Promise<JoinResult>
  /** Whom the snapshot remembers, the latest seen first; it goes on counting 72 hours from then. */
  remembered(): readonly RememberedPeer[]
  /** Everyone we have a record of: us, and suspect, dead and left members too. */
  members(): readonly ClusterMember[]
  member(name: string): ClusterMember | undefined
  on<T extends MemberlistEvent['type']>(type: T, listener: ListenerOf<MemberlistEvent, T>): void
  off<T extends MemberlistEvent['type']>(type: T, listener: ListenerOf<MemberlistEvent, T>): void
  /** All events from now on; a reader that falls more than 1024 behind is told how many it lost. */
  events(): AsyncIterableIterator<MemberlistEvent | LostEvents>
  /** Gossips new tags. @throws WireError when they do not fit in 512 bytes */
  setTags(tags: Tags): void
  /**
   * Best effort, once, to one Ringway member: a datagram if it fits, else a stream.
   * @returns false when the member is unknown, not alive, or not one of ours
   * @throws GossipError GOSSIP_LIMIT beyond 20 MiB
   */
  sendUser(name: string, bytes: Uint8Array): boolean
  /** User messages of Ringway members. @returns a function that ends it */
  onUser(listener: (bytes: Uint8Array, from: Address) => void): () => void
  /**
   * Says goodbye and waits until enough members know; under the delegate `serf` a leave intent goes first,
   * so that `serf members` shows `left`. The sockets stay open until `close`.
   * @throws GossipError GOSSIP_TIMEOUT | GOSSIP_ABORTED; the goodbye may have spread all the same
   */
  leave(options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<void>
  /** Ends everything at once, without a word to anybody. */
  close(): Promise<void>
  stats(): GossipStats
}

export interface FollowOptions {
  /** @defaultValue 30_000 */
  readonly refreshMs?: number
  readonly signal?: AbortSignal
  /** The outcome of each round. */
  readonly onRound?: (result: JoinResult) => void
}

const LEAVE_TIMEOUT_MS = 5_000

/**
 * Binds, starts the machine and is a cluster of one until `join`.
 *
 * @throws GossipError GOSSIP_OPTION_INVALID | GOSSIP_PORT_IN_USE | GOSSIP_BIND_FAILED; WireError for tags, keys
 * or a label that do not fit; SwimError for a name or timing out of range
 */
export async function createMemberlist(options: MemberlistOptions): Promise<Memberlist> {
  const bind = checkBind(options.bind)
  const profile = options.profile ?? 'lan'
  const context = wireContextOf(
    options,
    options.tuning?.membersMax ?? SWIM_PROFILES[profile].membersMax,
  )
  const allowList = createAllowList(options.cidrsAllowed ?? [])
  const meta = encodeTags(options.tags ?? {})
  const versions = versionsOf(options.delegate)
  const { packetBytesMax = UDP_PAYLOAD_BYTES, ...tuning } = options.tuning ?? {}
  const config = swimConfig(profile, {
    ...tuning,
    packetBytesMax: packetBytesMax - packetOverhead(context),
  })
  const log = new LimitedLog(options.log ?? (() => undefined), now)
  const kinship = new Kinship({
    selfName: options.name,
    isKin: options.isKin ?? isRingway,
    admit: options.admit ?? (() => undefined),
  })
  const sockets = await openSockets(bind)
  try {
    const address = advertised(options, sockets.address)
    const memory = options.snapshot && (await openMemory(options.snapshot.path, options, log))
    const swim = createSwim({
      name: options.name,
      address: parseIp(address.host) ?? new Uint8Array(0),
      port: address.port,
      meta,
      versions,
      config,
      random: options.random ?? systemRandom,
      measure: messageSize,
      isAllowed: allowList.allowsBytes,
      refusal: (claim) => kinship.refusal(claim.node, claim),
    })
    return new Node({
      options,
      address,
      log,
      kinship,
      memory,
      sockets,
      context,
      swim,
      versions,
      allowsHost: allowList.allowsHost,
      streamTimeoutMs: config.streamTimeoutMs,
      packetBytesMax: config.packetBytesMax,
    })
  } catch (error) {
    sockets.tcp.close()
    sockets.udp.close()
    throw error
  }
}

const now = () => performance.now()

function openMemory(path: string, { label = '' }: MemberlistOptions, log: LimitedLog) {
  return PeerMemory.open({ path, label, log, wallClock: () => Date.now() })
}

function wireContextOf(options: MemberlistOptions, membersMax: number): WireContext {
  const label = new TextEncoder().encode(options.label ?? '')
  checkLabel(label)
  return {
    label,
    keyring: new Keyring(options.keys),
    aead: aesGcm,
    nonce: createNonceSource(),
    encryptionVersion: 1,
    verifyIncoming: options.verifyIncoming ?? true,
    verifyOutgoing: options.verifyOutgoing ?? true,
    compression: options.compression ?? true,
    // Peers may know as many that have left as we keep of the living.
    stateRowsMax: Math.min(STATE_ROWS_MAX, 2 * membersMax),
  }
}

interface Parts {
  readonly options: MemberlistOptions
  readonly address: Address
  readonly log: LimitedLog
  readonly kinship: Kinship
  readonly memory: PeerMemory | undefined
  readonly sockets: Sockets
  readonly context: WireContext
  readonly swim: Swim
  readonly versions: Uint8Array
  readonly allowsHost: (host: string) => boolean
  readonly streamTimeoutMs: number
  readonly packetBytesMax: number
}

class Node implements Memberlist {
  readonly #parts: Parts
  readonly #driver: Driver
  readonly #counters = new Counters()
  readonly #views: MemberViews
  readonly #feed: EventFeed<MemberlistEvent>
  readonly #serf: SerfPresence | undefined
  readonly #flaps = new Flaps()
  readonly #closing = new AbortController()
  readonly #userListeners = new Set<(bytes: Uint8Array, from: Address) => void>()
  #leaving: Promise<void> | undefined

  constructor(parts: Parts) {
    const { kinship, log, memory, options } = parts
    this.#parts = parts
    this.#views = new MemberViews(options.name, (meta) => kinship.tagsOf(meta))
    // Whoever speaks version 2 or later of the delegate protocol speaks Serf's.
    this.#serf = (parts.versions[5] ?? 0) >= 2 ? new SerfPresence() : undefined
    this.#feed = new EventFeed((error) => {
      this.#counters.add('containedErrors')
      log.write('error', 'an event listener failed', { error: String(error) })
    })
    this.#driver = new Driver({
      ...parts,
      name: options.name,
      counters: this.#counters,
      now,
      foreigner: (rows) => kinship.foreigner(rows),
      onEvent: (event) => this.#tell(event),
      onUser: (payload, from) => this.#receiveUser(payload, from),
      onUserState: (state) => this.#serf?.observeState(state),
    })
    this.#driver.start()
    memory?.follow(options.name, () => parts.swim.members())
  }

  get name(): string {
    return this.#parts.options.name
  }

  get address(): Address {
    return this.#parts.address
  }

  get bound(): Address {
    return this.#parts.sockets.address
  }

  get keyring(): Keyring {
    return this.#parts.context.keyring
  }

  setVerification({ incoming, outgoing }: { incoming?: boolean; outgoing?: boolean }): void {
    const { context } = this.#parts
    context.verifyIncoming = incoming ?? context.verifyIncoming
    context.verifyOutgoing = outgoing ?? context.verifyOutgoing
  }

  get healthScore(): number {
    return this.#parts.swim.healthScore
  }

  join(seeds: readonly string[], options: { signal?: AbortSignal } = {}): Promise<JoinResult> {
    return joinSeeds(seeds, this.#joinContext(), options.signal)
  }

  follow(source: SeedSource, options: FollowOptions = {}): void {
    const { refreshMs = SEED_REFRESH_MS, onRound = () => undefined } = options
    const signal = AbortSignal.any([
      this.#closing.signal,
      ...(options.signal ? [options.signal] : []),
    ])
    const ask = (seeds: readonly string[]) =>
      joinSeeds(seeds, this.#joinContext(), signal, this.#livingAddresses())
    const { log } = this.#parts
    void new SeedFollower({ source, refreshMs, log, ask, onRound, signal }).run()
  }

  #livingAddresses(): (address: Address) => boolean {
    const known = new Set<string>()
    for (const member of this.#parts.swim.members()) {
      if (isLiving(member)) known.add(formatAddress(member.address))
    }
    return (address) => known.has(formatAddress(address))
  }

  rejoin(options: { signal?: AbortSignal } = {}): Promise<JoinResult> {
    return joinRemembered(this.remembered(), this.#joinContext(), options.signal)
  }

  remembered(): readonly RememberedPeer[] {
    return this.#parts.memory?.peers() ?? []
  }

  #joinContext(): JoinContext {
    const { address, kinship, memory, options: made, swim, versions } = this.#parts
    const addressBytes = parseIp(address.host) ?? new Uint8Array(0)
    const isAt = (own: Address, { host, port }: Address) => own.host === host && own.port === port
    return {
      applicant: { name: made.name, address: addressBytes, port: address.port, versions },
      resolver: made.resolver ?? systemResolver,
      streams: this.#driver.streams,
      portDefault: this.bound.port,
      isSelf: (target) => isAt(address, target) || isAt(this.bound, target),
      exchange: (to, signal) => this.#driver.join(to, signal),
      knows: (name) => swim.member(name) !== undefined,
      isLiving: (name) => isLiving(swim.member(name)),
      foreigner: (rows) => kinship.foreigner(rows),
      remembers: (name) => memory?.knows(name) ?? false,
    }
  }

  members(): readonly ClusterMember[] {
    return Array.from(this.#parts.swim.members(), (member) => this.#views.view(member))
  }

  member(name: string): ClusterMember | undefined {
    const member = this.#parts.swim.member(name)
    return member && this.#views.view(member)
  }

  on<T extends MemberlistEvent['type']>(type: T, listener: ListenerOf<MemberlistEvent, T>): void {
    this.#feed.on(type, listener)
  }

  off<T extends MemberlistEvent['type']>(type: T, listener: ListenerOf<MemberlistEvent, T>): void {
    this.#feed.off(type, listener)
  }

  events(): AsyncIterableIterator<MemberlistEvent | LostEvents> {
    return this.#feed.read()
  }

  #tell(event: MemberEvent): void {
    this.#feed.emit(this.#views.event(event))
    this.#parts.memory?.observe(event, this.name)
    if (event.type === 'fail') this.#noteFailure(event.member)
  }

  #noteFailure(member: Member): void {
    const failures = this.#flaps.fail(member.name, now())
    if (failures === undefined) return
    this.#counters.add('flaps')
    const windowMs = FLAP_WINDOW_MS
    this.#feed.emit({ type: 'flap', member: this.#views.view(member), failures, windowMs })
  }

  setTags(tags: Tags): void {
    const meta = encodeTags(tags)
    this.#driver.call((now) => this.#parts.swim.setMeta(meta, now, this.#driver))
  }

  sendUser(name: string, bytes: Uint8Array): boolean {
    const { packetBytesMax, swim } = this.#parts
    const payload = frameUser(bytes)
    if (payload.length > USER_MESSAGE_BYTES_MAX) {
      throw new GossipError('GOSSIP_LIMIT', { bytes: bytes.length, max: USER_MESSAGE_BYTES_MAX })
    }
    const member = swim.member(name)
    if (member === undefined || !isLiving(member) || !this.#parts.kinship.isKin(member.meta)) {
      return false
    }
    this.#counters.add('userMessagesOut')
    const message = { type: 'user', payload } as const
    if (messageSize(message) <= packetBytesMax)
      this.#driver.sendPacket(member.address, [message], mannerFor(member.versions))
    else
      this.#driver.streams.sendUser(member.address, payload).catch(() => {
        // Best effort: the stream client has counted the failure.
      })
    return true
  }

  onUser(listener: (bytes: Uint8Array, from: Address) => void): () => void {
    this.#userListeners.add(listener)
    return () => this.#userListeners.delete(listener)
  }

  #receiveUser(payload: Uint8Array, from: Address): void {
    const bytes = unframeUser(payload)
    if (bytes === undefined) {
      this.#counters.add('userMessagesForeign')
      this.#serf?.observeUser(payload)
      return
    }
    this.#counters.add('userMessagesIn')
    for (const listener of this.#userListeners) listener(bytes, from)
  }

  leave(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    this.#leaving ??= this.#leave(options.timeoutMs ?? LEAVE_TIMEOUT_MS, options.signal)
    return this.#leaving
  }

  async #leave(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { swim } = this.#parts
    const deadline = performance.now() + timeoutMs
    if (this.#serf !== undefined) await this.#tellSerf(this.#serf, timeoutMs, signal)
    const done = new AbortController()
    const stop = () => done.abort()
    this.#feed.on('left', stop)
    try {
      this.#driver.call((now) => swim.leave(now, this.#driver))
      const isOver = await pause(Math.max(0, deadline - performance.now()), [done.signal, signal])
      if (signal?.aborted) throw new GossipError('GOSSIP_ABORTED')
      if (isOver) throw new GossipError('GOSSIP_TIMEOUT', { what: 'leave', timeoutMs })
    } finally {
      this.#feed.off('left', stop)
    }
  }

  /** Twice, because datagrams get lost; Serf agents pass it on among themselves. */
  async #tellSerf(
    serf: SerfPresence,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const agents = this.#serfAgents()
    if (agents.length === 0) return
    const intent = { type: 'user', payload: serf.leaveIntent(this.name) } as const
    const waitMs = Math.min(LEAVE_INTENT_MS, timeoutMs / 2)
    for (let round = 0; round < 2 && !signal?.aborted; round += 1) {
      for (const { address, versions } of agents) {
        this.#driver.sendPacket(address, [intent], mannerFor(versions))
      }
      await pause(waitMs / 2, [signal])
    }
  }

  #serfAgents(): readonly Member[] {
    const agents: Member[] = []
    for (const member of this.#parts.swim.members()) {
      const delegateMax = member.versions[4] ?? 0
      const isAgent =
        member.name !== this.name &&
        isLiving(member) &&
        delegateMax >= 2 &&
        !this.#parts.kinship.isKin(member.meta)
      if (isAgent) agents.push(member)
      if (agents.length === LEAVE_INTENT_PEERS_MAX) break
    }
    return agents
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#driver.close()
    await this.#parts.memory?.close()
    this.#feed.close()
    this.#userListeners.clear()
  }

  stats(): GossipStats {
    return this.#counters.snapshot()
  }
}

function isLiving(member: Member | undefined): boolean {
  return member?.state === 'alive' || member?.state === 'suspect'
}
