import { SlowStarts } from '../balance/slow-start.ts'
import type { RespVersion } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import { OUTLIER_LIMITS, Outliers } from '../health/outliers.ts'
import type { GatherKind } from '../plan/gather.ts'
import type { Placement } from '../plan/plan-redis.ts'
import type { PoolTopology } from '../topology.ts'
import { Backend, type BackendOwner, type BackendTools } from './backend.ts'
import type { Adopted } from './caching/adoption.ts'
import { Caching } from './caching/caching.ts'
import type { OtherPool } from './caching/caching-tools.ts'
import { frameOf } from './caching/redis-adoption.ts'
import { ChannelHub } from './channel-hub.ts'
import { Copies } from './copies/copies.ts'
import type { CopiesEvent, CopiesHost } from './copies/copies-host.ts'
import type { RunPart } from './copies/copying.ts'
import type { Listing } from './copies/listing.ts'
import { type CopyPolicy, DEFAULT_COPY_POLICY } from './copies/policy.ts'
import type { SharedKeys } from './copies/shared-keys.ts'
import type { StaleLimits } from './copies/stale-keys.ts'
import { type Fold, Gathering } from './gathering.ts'
import { KeyRing } from './key-ring.ts'
import { keyView } from './key-view.ts'
import { type LostCause, type LostCode, MOVED_CAUSE } from './lost-cause.ts'
import { Migration, type MigrationTarget } from './migration.ts'
import { keyspaceOf } from './migration-source.ts'
import type { OrderedMessage } from './ordered/message.ts'
import { type OrderedEvent, OrderedWrites } from './ordered/ordered-writes.ts'
import { countError, type ErrorCounts, type Fleet, type Pool } from './pool.ts'
import type { LinkHolder, PrivateLink } from './private-links.ts'
import { Request } from './request.ts'
import { placeInPool } from './routed/routed-place.ts'

/** What the router may log about a pool. */
export type PoolEvent =
  | {
      readonly type: 'backend-avoided'
      readonly pool: string
      readonly backend: string
      readonly code: string
      readonly cause: string
    }
  | { readonly type: 'backend-returned'; readonly pool: string; readonly backend: string }
  /** `http`: it answered badly too often, and gets no new work for a while. */
  | { readonly type: 'backend-ejected'; readonly pool: string; readonly backend: string }
  /** `http`: so few of those that are up are usable that all of them are used. */
  | {
      readonly type: 'pool-panic'
      readonly pool: string
      readonly usable: number
      readonly up: number
    }
  | { readonly type: 'pool-calm'; readonly pool: string }
  /** Keys whose owners are all lost go to another pool. */
  | { readonly type: 'failover-began'; readonly pool: string; readonly to: string }
  /** Every backend can be used again. */
  | { readonly type: 'failover-ended'; readonly pool: string; readonly to: string }
  /** Its time is over: old owners are not asked any more. */
  | { readonly type: 'migration-ended'; readonly pool: string }
  /** An old owner missed too many deletes, or a flush: what it has may be stale, so it is not asked any more. */
  | { readonly type: 'migration-source-dropped'; readonly pool: string; readonly backend: string }
  | CopiesEvent
  | OrderedEvent

export interface StaticPoolTools extends BackendTools {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  readonly errors: ErrorCounts
  readonly log: (event: PoolEvent) => void
  /** Carries what is known of stale keys to the other routers; absent when there are none. */
  readonly share?: ((message: SharedKeys) => void) | undefined
  /** Carries what concerns the order of writes to one other router; absent when there are none. */
  readonly forward?: ((to: string, message: OrderedMessage) => boolean) | undefined
  /** Where this router is; reads prefer backends there under `read: nearest`. */
  readonly zone?: string | undefined
  /** Another pool of the same protocol, for failover and shadows. */
  readonly poolNamed: (name: string) => OtherPool | undefined
}

/**
 * A pool of upstream servers on one ring.
 *
 *   key → ring position → its owner, unless that is avoided or out: then the next usable one on the ring
 *
 * A command whose backend is lost goes to the next one when it was not sent, or when it only reads; otherwise its client
 * learns that it may have been applied.
 */
export class StaticPool implements Pool, Fleet, BackendOwner, CopiesHost {
  readonly name: string
  readonly protocol: PoolTopology['protocol']
  readonly placement: Placement
  readonly counters = { requests: 0, errors: 0, failovers: 0 }
  readonly fleet = this
  readonly channels: ChannelHub
  readonly random: () => number
  /** How often keys may have got other owners. */
  ownerChanges = 0

  readonly #tools: StaticPoolTools
  readonly #ring = new KeyRing()
  #backends = new Map<string, Backend>()
  /** In the order of the ring's nodes: `#ring.ownerIndexAt` is an index into it. */
  #byIndex: Backend[] = []
  readonly #drained = new Set<Backend>()
  #migration: Migration | undefined
  /** Failover, shadow and coalescing, where the pool has any of them. */
  #caching: Caching | undefined
  /** The pool that has keys of this one now. */
  #failedOverTo: string | undefined
  readonly #migrationTarget: MigrationTarget = {
    keysOf: (request, frame, keyIndex) => this.#copies.keysOf(request, frame, keyIndex),
    keyspacesOf: (key) => this.#keyspacesOf(key),
    keyspaces: () => new Set(this.#byIndex.map(keyspaceOf)),
    run: (request, bytes, key) =>
      this.#give(request, bytes, this.placement.positionOf(key, 0, key.length)),
    runAll: (...command) => this.#runAll(...command),
    fail: (request, code, text) => this.fail(request, code, text),
  }
  readonly #copies: Copies
  readonly #slowStarts = new SlowStarts()
  #outliers: Outliers | undefined
  /** How many answers of a backend have been judged. */
  readonly #judged = new WeakMap<Backend, number>()
  /** Under `orderWrites`. */
  #ordered: OrderedWrites | undefined
  #replicas = 1
  #policy: CopyPolicy
  #relaxed = false

  constructor(topology: PoolTopology, tools: StaticPoolTools) {
    this.name = topology.name
    this.protocol = topology.protocol
    this.#tools = tools
    this.random = tools.random
    this.channels = new ChannelHub(this, {
      placeOf: (name) => this.usableOwner(name),
      places: () => this.#byIndex.filter(({ usable }) => usable).map(({ id }) => id),
    })
    const isRelaxed = () => this.#relaxed
    this.placement = {
      whole: false,
      get relaxed() {
        return isRelaxed()
      },
      positionOf: (bytes, from, to) => this.#ring.placeOf(keyView(bytes, from, to)),
      ownerOf: (position) => this.#usableIndex(position),
    }
    this.#policy = topology.copies ?? DEFAULT_COPY_POLICY
    this.#copies = new Copies(this, this.#policy, tools.zone, { ...tools, share: tools.share })
    this.update(topology)
  }

  /** Backends in the order of their ids. */
  get backends(): readonly Backend[] {
    return this.#byIndex
  }

  get ringDigest(): string {
    return this.#ring.ring.digest
  }

  get replicas(): number {
    return this.#replicas
  }

  /** With copies elsewhere a server that was restarted must not serve before it has been looked at. */
  get doubtsIdleEnds(): boolean {
    const comparable = this.protocol === 'redis' && this.#replicas > 1
    return comparable && this.#policy.onReturn !== 'serve'
  }

  get journalLimits(): StaleLimits {
    return this.#policy
  }

  /** Its copies of keys and what is known of them. */
  get copies(): Copies {
    return this.#copies
  }

  backendNamed(id: string): Backend | undefined {
    return this.#backends.get(id)
  }

  /** Another router says that these cannot be reached: we look ourselves. */
  doubt(ids: readonly string[]): void {
    for (const id of ids) this.#backends.get(id)?.doubt()
  }

  ranksAt(place: number, count: number): readonly Backend[] {
    const ranks: Backend[] = []
    for (const id of this.#ring.ownersAt(place, Math.min(count, this.#byIndex.length))) {
      const backend = this.#backends.get(id)
      if (backend !== undefined) ranks.push(backend)
    }
    return ranks
  }

  /** Takes a newer topology: unchanged backends keep their connections, removed ones are drained. */
  update(topology: PoolTopology): void {
    this.#replicas = topology.replicas
    this.#relaxed = topology.multiKey === 'owner'
    this.#policy = topology.copies ?? DEFAULT_COPY_POLICY
    this.#copies.follow(this.#policy)
    this.#order(topology)
    this.#slowStarts.durationMs = topology.slowStartMs ?? 0
    this.#followOutliers(topology)
    const { now } = this.#tools.turn
    const before = this.#backends
    const after = new Map<string, Backend>()
    for (const wanted of topology.backends) {
      const known = before.get(wanted.id)
      if (known?.isAt(wanted)) {
        if (known.state === 'out' && wanted.state === 'up') this.#slowStarts.begin(wanted.id, now)
        known.setState(wanted.state)
        after.set(wanted.id, known)
      } else {
        // The same server under another password has the same keys.
        const stale = known?.isServer(wanted) ? known.stale : undefined
        after.set(wanted.id, new Backend(wanted, this, this.#tools, stale))
        // Those of the first topology have nobody who would stand in for them.
        if (before.size > 0) this.#slowStarts.begin(wanted.id, now)
      }
    }
    for (const backend of after.values()) backend.follow(topology.check)
    this.#ring.update(topology)
    this.#backends = after
    this.#byIndex = this.#ring.nodes
      .map((node) => after.get(node.id))
      .filter((backend) => backend !== undefined)
    for (const [id, backend] of before) if (after.get(id) !== backend) this.#retire(backend)
    this.#slowStarts.follow(new Set(after.keys()))
    this.#outliers?.follow([...after.keys()])
    this.#speedUp()
    this.#migrate(topology.migration)
    this.#cache(topology)
    this.#ownersChanged()
  }

  /** Whether any backend of it can be used. */
  get anyUsable(): boolean {
    return this.#byIndex.some(({ usable }) => usable)
  }

  /** What it does beside giving commands to owners; absent where it does nothing else. */
  get caching(): Caching | undefined {
    return this.#caching
  }

  #cache(topology: PoolTopology): void {
    if (!Caching.applies(topology)) {
      this.#caching = undefined
      return
    }
    this.#caching ??= new Caching(this.placement, this.#tools.protocol.adoption, this.#tools)
    this.#caching.follow(topology)
  }

  /** The order of its writes among several routers, under `orderWrites`. */
  get ordered(): OrderedWrites | undefined {
    return this.#ordered
  }

  /** How a move from an older ring goes, while there is one. */
  get migration(): Migration | undefined {
    return this.#migration
  }

  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    this.counters.requests++
    const keeps = stable && frame.stable
    const own =
      this.#caching === undefined ? request : this.#caching.take(request, frame, keyIndex, keeps)
    if (own === undefined || this.#ordered?.take(own, frame, keyIndex, keeps)) return
    this.#runHere(own, frame, keyIndex, keeps)
  }

  #runHere(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    if (!this.#migration?.take(request, frame, keyIndex))
      this.#run(request, frame, keyIndex, stable)
  }

  #run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    const { bytes, start, end } = frame
    const copies = this.#copies
    if (keyIndex < 0) {
      this.giveAtPlace(request, bytes, start, end, stable)
      return
    }
    const place = this.#placeIn(frame, keyIndex)
    request.position = place
    const first = this.#byIndex[this.#ring.ownerIndexAt(place)]
    if (first?.clear && copies.isSimple(request.command, place))
      this.giveTo(request, first, bytes, start, end, stable)
    else copies.run(request, frame, keyIndex, stable)
  }

  /** Runs a whole command, in bytes that nobody will change, at the owner of a position. */
  give(client: Request, bytes: Buffer, position: number): void {
    this.counters.requests++
    const request = this.#caching?.takeBytes(client, bytes, position) ?? client
    if (this.#migration === undefined || !this.#migrateBytes(this.#migration, request, bytes))
      this.#give(request, bytes, position)
  }

  #migrateBytes(migration: Migration, request: Request, bytes: Buffer): boolean {
    const read = this.#copies.read(request.command, bytes, 0, bytes.length)
    return read !== undefined && migration.take(request, read.frame, read.keyIndex)
  }

  #give(request: Request, bytes: Buffer, position: number): void {
    request.position = position
    const first = this.#byIndex[this.#ring.ownerIndexAt(position)]
    if (first?.clear === true && this.#copies.isSimple(request.command, position))
      this.giveTo(request, first, bytes, 0, bytes.length, true)
    else this.#copies.again(request, bytes, 0, bytes.length)
  }

  adopt(
    request: Request,
    bytes: Buffer,
    placement: Placement = this.placement,
    gather?: GatherKind,
  ): boolean {
    const { protocol, limits } = this.#tools
    const adopted = protocol.adoption.adopt(request.command, bytes, placement, limits)
    switch (adopted?.type) {
      case 'owner': {
        const { frame, keyIndex } = adopted
        if (
          keyIndex >= 0 &&
          placement.positionOf(bytes, frame.from(keyIndex), frame.to(keyIndex)) < 0
        )
          return false
        this.run(request, frame, keyIndex, true)
        return true
      }
      case 'place':
        if (adopted.position < 0) return false
        this.give(request, bytes, adopted.position)
        return true
      case 'split': {
        const parts = adopted.parts.filter(({ position }) => position >= 0)
        if (parts.length === 0) return false
        this.#runParts(request, { ...adopted, parts, gather: gather ?? adopted.gather })
        return true
      }
      case 'refused':
        request.settle(adopted.reply, 0, adopted.reply.length, true)
        return true
      default:
        this.fail(request, 'BAD_PART', 'a command of another pool could not be read')
        return true
    }
  }

  #runParts(whole: Request, split: Extract<Adopted, { type: 'split' }>): void {
    const { command, resp } = whole
    const { gather, keyCount, parts } = split
    const gathering = new Gathering(whole, gather, keyCount, parts.length)
    for (const { ordinals, bytes, position } of parts) {
      const part = new Request(gathering, command, resp, ordinals, false)
      const frame = 'keys' in command ? frameOf(bytes, this.#tools.limits) : undefined
      if (frame === undefined) this.give(part, bytes, position)
      else this.run(part, frame, 1, true)
    }
  }

  runAll(client: Request, frame: RequestFrame, gather: GatherKind | Fold): void {
    this.counters.requests++
    const request = this.#caching?.takeAll(client) ?? client
    if (!this.#migration?.takeAll(request, frame, gather)) this.#runAll(request, frame, gather)
  }

  #runAll(request: Request, frame: RequestFrame, gather: GatherKind | Fold): void {
    const backends = this.#byIndex.filter((backend) => this.#isAsked(backend, request))
    if (backends.length === 0) {
      this.fail(request, 'NO_BACKEND', 'no backend is in the pool')
      return
    }
    const gathering = new Gathering(request, gather, 0, backends.length)
    for (const backend of backends) {
      const part = new Request(gathering, request.command, request.resp, undefined, true)
      if (backend.avoided)
        this.fail(part, 'AVOIDED', `${describe(backend)} is avoided${because(backend)}`)
      else this.giveTo(part, backend, frame.bytes, frame.start, frame.end, false)
    }
  }

  backendIds(): readonly string[] {
    return this.#byIndex.filter(({ state }) => state !== 'out').map(({ id }) => id)
  }

  listing(): Listing {
    return this.#copies.listing()
  }

  runAt(request: Request, id: string, bytes: Buffer): void {
    this.counters.requests++
    const backend = this.#backends.get(id)
    if (backend === undefined) this.fail(request, 'NO_BACKEND', `backend ${id} is gone`)
    else if (backend.avoided)
      this.fail(request, 'AVOIDED', `${describe(backend)} is avoided${because(backend)}`)
    else this.giveTo(request, backend, bytes, 0, bytes.length, true)
  }

  runOwner(client: Request, position: number, bytes: Buffer): void {
    this.counters.requests++
    // Which keys it names is not looked at: it is rare.
    const request = this.#caching?.takeAll(client) ?? client
    request.position = position
    this.runAgain(request, bytes, 0, bytes.length)
  }

  pin(
    holder: LinkHolder,
    position: number,
    resp: RespVersion,
    keys: readonly string[],
  ): PrivateLink | Buffer {
    // A connection of its own would pass by the keys that are still at their old owners.
    if (this.#migration !== undefined)
      return this.#failure('MIGRATING', 'no private connections while keys move to another ring')
    const to = this.#failoverAt(position)
    // Its keys are in the other pool meanwhile, and a client that has a state here would see others.
    if (to !== undefined)
      return this.#failure(
        'FAILED_OVER',
        `its keys are in pool "${to}" while their owners are lost`,
      )
    const backend = this.#pinnable(position, keys)
    if (backend === undefined) return this.#failure('NO_BACKEND', this.#whyNone())
    const link = this.#pinTo(backend, holder, resp)
    if (!Buffer.isBuffer(link)) link.positions.add(position)
    return link
  }

  pinAt(holder: LinkHolder, id: string, resp: RespVersion): PrivateLink | Buffer {
    const backend = this.#backends.get(id)
    if (backend === undefined) return this.#failure('NO_BACKEND', `backend ${id} is gone`)
    if (backend.avoided)
      return this.#failure('AVOIDED', `${describe(backend)} is avoided${because(backend)}`)
    return this.#pinTo(backend, holder, resp)
  }

  lostReply(link: PrivateLink, cause: LostCause, fate: string): Buffer {
    return this.#failure(cause.code, `backend ${link.backend.id} ${cause.text}${fate}`)
  }

  #pinTo(backend: Backend, holder: LinkHolder, resp: RespVersion): PrivateLink | Buffer {
    const link = backend.links.take(holder, resp)
    if (link !== undefined) return link
    const { privateConnectionsMax } = this.#tools.limits
    return this.#failure(
      'QUEUE_FULL',
      `${describe(backend)} has ${privateConnectionsMax} private connections in use, which is its limit`,
    )
  }

  /** Keys may have other owners than before: private connections and channels follow. */
  #ownersChanged(): void {
    const backends = this.#byIndex
    for (const backend of backends)
      backend.links.recheck(
        // A listener with several pools keeps places in its own numbers.
        (position) =>
          this.#migration === undefined && this.#keepsPinned(placeInPool(position), backend),
        MOVED_CAUSE,
      )
    this.ownerChanges++
    this.channels.rebalance()
  }

  /** The backend that owns a name, if it can be reached. */
  usableOwner(name: Buffer): string | undefined {
    const backend = this.#backendAt(this.#ring.placeOf(name))
    return backend?.usable ? backend.id : undefined
  }

  /** A write for all is made up for at those that cannot be reached: they are emptied before they serve again. */
  #isAsked(backend: Backend, { command }: Request): boolean {
    const flushes = command.access === 'write'
    const nobody = !this.#byIndex.some(({ reachable }) => reachable)
    if (!flushes || backend.reachable || nobody) return backend.state !== 'out'
    this.#copies.missedAll(backend)
    return false
  }

  #placeIn(frame: RequestFrame, keyIndex: number): number {
    return this.#ring.placeOf(keyView(frame.bytes, frame.from(keyIndex), frame.to(keyIndex)))
  }

  tick(now: number): void {
    if (this.#failedOverTo !== undefined) this.#endFailover()
    if (this.#slowStarts.active && this.#speedUp()) this.#ownersChanged()
    this.#judgeGood(now)
    this.#migration?.tick(now)
    if (this.#migration?.over) this.#endMigration()
    this.channels.tick(now)
    for (const backend of this.#byIndex) backend.tick(now)
    this.#copies.tick()
    this.#ordered?.tick(now)
    for (const backend of this.#drained) {
      backend.tick(now)
      if (backend.queued === 0) {
        backend.close()
        this.#drained.delete(backend)
      }
    }
  }

  /** True when no command waits anywhere. */
  get idle(): boolean {
    return this.#drained.size === 0 && this.#byIndex.every((backend) => backend.queued === 0)
  }

  /** Takes no new commands; those in flight are still answered. */
  drain(): void {
    const backends = this.#byIndex
    this.channels.close()
    this.#forget()
    this.#migration?.close()
    this.#migration = undefined
    this.#ordered?.close()
    this.#ordered = undefined
    for (const backend of backends) this.#retire(backend)
  }

  /** Ends all connections; commands in flight get an error. */
  close(): void {
    const backends = [...this.#byIndex, ...this.#drained]
    this.channels.close()
    this.#ordered?.close()
    this.#ordered = undefined
    this.#copies.close()
    // First nothing is left to turn to: a command that is lost here must not open a connection elsewhere.
    this.#forget()
    this.#migration?.close()
    this.#drained.clear()
    for (const backend of backends) backend.close()
  }

  runAgain(request: Request, bytes: Buffer, start: number, end: number): void {
    const taken = this.#ordered !== undefined && this.#reread(request, bytes, start, end, NOBODY)
    if (!taken) this.#copies.again(request, bytes, start, end)
  }

  lockKey(key: Buffer): Promise<() => void> | undefined {
    return this.#ordered?.lockKey(key)
  }

  #order({ orderedBy }: PoolTopology): void {
    if (this.protocol !== 'redis' || !this.#policy.orderWrites || this.#replicas === 1) {
      this.#ordered?.close()
      this.#ordered = undefined
      return
    }
    const copies = this.#copies
    const here: RunPart = (request, frame, keyIndex) =>
      this.#runHere(request, frame, keyIndex, true)
    this.#ordered ??= new OrderedWrites(
      {
        name: this.name,
        placement: this.placement,
        runHere: here,
        rerun: (request, bytes) => this.#reread(request, bytes, 0, bytes.length, here),
        keysOf: (request, frame, keyIndex) => copies.keysOf(request, frame, keyIndex),
        runByKey: (request, frame, run) => copies.runByKey(request, frame, run),
        writesEnded: () => copies.writesEnded(),
        enter: (place) => copies.enter(place),
        maybeWritten: (request, bytes) => copies.maybeWritten(request, bytes),
        fail: (request, code, text) => this.fail(request, code, text),
      },
      { ...this.#tools, forward: this.#tools.forward },
    )
    this.#ordered.follow(orderedBy)
  }

  /** Gives a command, read again from its bytes, to who orders its key; else to `here`. False when it was given to nobody. */
  #reread(
    request: Request,
    bytes: Buffer,
    start: number,
    end: number,
    here: RunPart | undefined,
  ): boolean {
    const read = this.#copies.read(request.command, bytes, start, end)
    if (read === undefined) return false
    const { frame, keyIndex } = read
    if (this.#ordered?.take(request, frame, keyIndex, true)) return true
    here?.(request, frame, keyIndex)
    return here !== undefined
  }

  #migrate(topology: PoolTopology['migration']): void {
    const known = this.#migration
    if (topology !== undefined && known?.is(topology)) return
    known?.close()
    this.#migration = undefined
    if (topology === undefined) return
    if (topology.untilMs <= this.#tools.wallClock()) return
    const { log } = this.#tools
    this.#migration = new Migration(topology, this.#migrationTarget, {
      ...this.#tools,
      watch: this,
      dropped: (backend) => log({ type: 'migration-source-dropped', pool: this.name, backend }),
    })
  }

  #endMigration(): void {
    // Commands that still wait for an old owner get what it answers.
    if (this.#migration === undefined || this.#migration.waiting > 0) return
    this.#migration.close()
    this.#migration = undefined
    this.#tools.log({ type: 'migration-ended', pool: this.name })
  }

  #keyspacesOf(key: Uint8Array): readonly string[] {
    const place = this.placement.positionOf(key, 0, key.length)
    const backend = this.#backendAt(place)
    if (backend === undefined) return []
    const copies = this.#replicas > 1 ? this.ranksAt(place, this.#replicas) : []
    return [backend, ...copies].map(keyspaceOf)
  }

  #forget(): void {
    this.#ring.clear()
    this.#backends = new Map()
    this.#byIndex = []
  }

  lost(request: Request, backend: Backend, sent: boolean, cause: LostCause): void {
    backend.counters.errors++
    if (request.taker !== undefined) {
      request.taker.lost(request, backend, sent, cause)
      return
    }
    const { chunk, from, to, command } = request
    request.chunk = undefined
    const again = !sent || command.retry === 'safe'
    const refused = NO_FAILOVER.has(cause.code) || request.bound
    request.failures++
    if (chunk === undefined || refused || !again) {
      const fate = again ? '' : '; the write may have been applied'
      this.fail(request, cause.code, `${describe(backend)} ${cause.text}${fate}`)
      return
    }
    if (request.failures > this.#tools.limits.failoverAttemptsMax) {
      this.fail(request, cause.code, `${describe(backend)} ${cause.text}, as did others before it`)
      return
    }
    backend.counters.failovers++
    this.counters.failovers++
    if ('keys' in command && command.keys.type === 'none')
      this.giveAtPlace(request, chunk.bytes, from, to, true)
    else this.runAgain(request, chunk.bytes, from, to)
  }

  avoided(backend: Backend, cause: LostCause): void {
    const { code, text } = cause
    this.#copies.avoided(backend)
    this.#tools.log({
      type: 'backend-avoided',
      pool: this.name,
      backend: backend.id,
      code,
      cause: text,
    })
    this.#ownersChanged()
    // Being lost again and again is bad, too: the last answer of the lost commands was none.
    this.#judge(backend, cause)
  }

  keysWritten(
    request: Request,
    _backend: Backend,
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly string[] {
    const all = this.#caching?.coalesces === true
    const keys = this.#copies.keysWritten(request, bytes, start, end, all)
    this.#caching?.wrote(keys)
    return keys
  }

  linkWrote(keys: readonly string[], backend: Backend, lost: boolean): void {
    this.#caching?.wrote(keys)
    this.#copies.wroteAt(backend, keys, lost)
  }

  /** The failover pool that has the key at a place now, if one does. */
  #failoverAt(place: number): string | undefined {
    const failover = this.#caching?.failover
    if (failover === undefined) return undefined
    for (const { usable, state } of this.ranksAt(place, this.#replicas))
      if (usable || state === 'draining') return undefined
    return failover.target === undefined ? undefined : failover.topology.pool
  }

  failOver(
    request: Request,
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly Backend[] | undefined {
    const to = this.#failoverAt(request.position)
    const failover = this.#caching?.failover
    const target = failover?.target
    if (to === undefined || target === undefined) return undefined
    if (this.#failedOverTo === undefined)
      this.#tools.log({ type: 'failover-began', pool: this.name, to })
    this.#failedOverTo = to
    // Asked before it is sent: the other pool gives it a place of its own.
    const owners = this.ranksAt(request.position, this.#replicas)
    failover?.send(request, Buffer.from(bytes.subarray(start, end)), target)
    return owners
  }

  #endFailover(): void {
    const to = this.#failedOverTo
    if (to === undefined || this.#byIndex.some(({ usable, state }) => !usable && state === 'up'))
      return
    this.#failedOverTo = undefined
    this.#tools.log({ type: 'failover-ended', pool: this.name, to })
  }

  answers(backend: Backend): void {
    void this.#copies.readmit(backend)
  }

  mayEject(backend: Backend): boolean {
    return this.#byIndex.some((other) => other !== backend && other.usable)
  }

  /** Backends that start slowly get more of their keys; true when somebody's share is another one now. */
  #speedUp(): boolean {
    const usable = this.#byIndex.filter((backend) => backend.usable).map(({ id }) => id)
    const shares = this.#slowStarts.shares(usable, this.#tools.turn.now)
    let changed = false
    for (const backend of this.#byIndex) {
      const share = shares.get(backend.id) ?? 1
      changed ||= share !== backend.share
      backend.share = share
    }
    return changed
  }

  #followOutliers({ outliers }: PoolTopology): void {
    if (outliers === undefined) {
      this.#outliers = undefined
      return
    }
    this.#outliers ??= new Outliers()
    this.#outliers.setLimits({ ...OUTLIER_LIMITS, ...outliers })
  }

  ill(backend: Backend): void {
    this.#judge(backend, { code: 'BAD_REPLY', text: 'answered badly too often' })
  }

  /** Counts a bad answer, or none. */
  #judge(backend: Backend, cause: LostCause): void {
    const outliers = this.#outliers
    if (outliers === undefined) return
    const { now } = this.#tools.turn
    // This answer itself is among those that it has given.
    const good = backend.answered - (this.#judged.get(backend) ?? 0) - 1
    this.#judged.set(backend, backend.answered)
    outliers.recordGood(backend.id, Math.max(0, good), now)
    if (outliers.record(backend.id, true, now, !this.mayEject(backend)) !== 'ejected') return
    this.#tools.log({ type: 'backend-ejected', pool: this.name, backend: backend.id })
    backend.eject(cause, outliers.ejectedMs(backend.id, now))
  }

  #judgeGood(now: number): void {
    const outliers = this.#outliers
    if (outliers === undefined) return
    outliers.tick(now)
    for (const backend of this.#byIndex) {
      const good = backend.answered - (this.#judged.get(backend) ?? 0)
      this.#judged.set(backend, backend.answered)
      if (backend.usable) outliers.recordGood(backend.id, good, now)
    }
  }

  returned(backend: Backend): void {
    this.#slowStarts.begin(backend.id, this.#tools.turn.now)
    this.#speedUp()
    this.#tools.log({ type: 'backend-returned', pool: this.name, backend: backend.id })
    this.#ownersChanged()
  }

  giveAtPlace(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const backend = this.#backendAt(request.position)
    if (backend === undefined) this.giveUp(request)
    else this.giveTo(request, backend, bytes, start, end, stable)
  }

  giveTo(
    request: Request,
    backend: Backend,
    bytes: Buffer,
    start: number,
    end: number,
    stable: boolean,
  ): void {
    if (backend.accepts(end - start)) backend.send(request, bytes, start, end, stable)
    else
      this.fail(
        request,
        'QUEUE_FULL',
        `${describe(backend)} has ${backend.queued} commands (${backend.queuedBytes} bytes) waiting, which is its limit`,
      )
  }

  /** The backend that answers for a position now. */
  #backendAt(position: number): Backend | undefined {
    const first = this.#byIndex[this.#ring.ownerIndexAt(position)]
    if (first === undefined || (first.usable && first.takes(position))) return first
    return this.#next(position)
  }

  /** Where a connection of its own leads for keys at a place: to the first owner where they are not stale. */
  #pinnable(position: number, keys: readonly string[]): Backend | undefined {
    const first = this.#backendAt(position)
    if (first === undefined || this.#replicas === 1 || !first.stale.hasAny(keys)) return first
    const owners = this.ranksAt(position, this.#replicas)
    return owners.find(({ usable, stale }) => usable && !stale.hasAny(keys)) ?? first
  }

  #keepsPinned(position: number, backend: Backend): boolean {
    const first = this.#backendAt(position)
    if (first === backend || first === undefined || first.clear || this.#replicas === 1)
      return first === backend
    return backend.usable && this.ranksAt(position, this.#replicas).includes(backend)
  }

  #next(position: number): Backend | undefined {
    const count = this.#byIndex.length
    let late: Backend | undefined
    let draining: Backend | undefined
    // Most often the second owner is well: ask the ring for few first.
    for (let asked = Math.min(2, count); ; asked = Math.min(asked * 2, count)) {
      for (const id of this.#ring.ownersAt(position, asked)) {
        const backend = this.#backends.get(id)
        if (backend?.usable && backend.takes(position)) return backend
        if (backend?.usable) late ??= backend
        // When nothing else is left, a draining backend is better than an error.
        if (backend?.state === 'draining' && !backend.avoided) draining ??= backend
      }
      if (asked === count) return late ?? draining
    }
  }

  #usableIndex(position: number): number {
    const index = this.#ring.ownerIndexAt(position)
    const first = this.#byIndex[index]
    if (first === undefined || (first.usable && first.takes(position))) return index
    // Its keys are in another pool: no backend here has such a number.
    if (this.#failoverAt(position) !== undefined) return this.#byIndex.length + index
    const next = this.#next(position)
    return next === undefined ? -1 : this.#byIndex.indexOf(next)
  }

  /** No backend can answer. */
  giveUp(request: Request): void {
    this.fail(request, 'NO_BACKEND', this.#whyNone())
  }

  #whyNone(): string {
    if (this.#byIndex.length === 0) return 'no backend is in the pool'
    let last: Backend | undefined
    for (const backend of this.#byIndex) if (backend.lastCause !== undefined) last ??= backend
    const why =
      last === undefined
        ? 'all are out'
        : `the last cause: ${describe(last)} ${last.lastCause?.text}`
    return `no backend can be reached; ${why}`
  }

  fail(request: Request, code: string, text: string): void {
    const reply = this.#failure(code, text)
    request.settle(reply, 0, reply.length, true)
  }

  #failure(code: string, text: string): Buffer {
    this.counters.errors++
    countError(this.#tools.errors, code)
    return this.#tools.protocol.encodeError(`pool "${this.name}": ${text}`)
  }

  #retire(backend: Backend): void {
    backend.drain()
    if (backend.queued > 0) this.#drained.add(backend)
  }
}

const NOBODY = undefined

/** Causes that another backend would share, or that end the pool itself. */
const NO_FAILOVER = new Set<LostCode>(['NO_RESP3', 'REMOVED'])

function describe(backend: Backend): string {
  return `backend ${backend.id}`
}

function because(backend: Backend): string {
  return backend.lastCause === undefined ? '' : `: it ${backend.lastCause.text}`
}
