import { isInShare } from '../balance/slow-start.ts'
import type { RespVersion } from '../codec/resp/encode.ts'
import type { RouterLimits } from '../limits.ts'
import type { BackendAccess, BackendTopology, CheckTopology } from '../topology.ts'
import { Breaker } from './breaker.ts'
import { DEFAULT_COPY_POLICY } from './copies/policy.ts'
import { StaleKeys, type StaleLimits } from './copies/stale-keys.ts'
import { HealthChecker } from './health-checker.ts'
import { type LostCause, type LostCode, REMOVED_CAUSE } from './lost-cause.ts'
import { type LinkBackend, PrivateLinks } from './private-links.ts'
import { Probe } from './probe.ts'
import type { Request } from './request.ts'
import type { Turn } from './turn.ts'
import { Upstream, type UpstreamOwner } from './upstream.ts'
import type { UpstreamProtocol } from './upstream-protocol.ts'

/** What a backend needs from the pool around it. */
export interface BackendOwner {
  /** A command that this backend will not answer. */
  lost(request: Request, backend: Backend, sent: boolean, cause: LostCause): void
  avoided(backend: Backend, cause: LostCause): void
  /** It answers again, and serves when the pool has looked at it and calls `admit`. Absent: it serves at once. */
  answers?(backend: Backend): void
  returned(backend: Backend): void
  /** It answered a command with words that say that it is ill; called before the answer is given out. */
  ill?(backend: Backend): void
  /** False when checks may not take it out of use. */
  mayEject?(backend: Backend): boolean
  /** Keys that a command on a private connection writes, when others have copies of them. */
  keysWritten?(
    request: Request,
    backend: Backend,
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly string[]
  linkWrote?(keys: readonly string[], backend: Backend, lost: boolean): void
  /** True when a connection that ends without commands is a reason to look at the backend before it is used again. */
  readonly doubtsIdleEnds?: boolean
  readonly journalLimits?: StaleLimits
}

export interface BackendTools {
  readonly limits: RouterLimits
  readonly protocol: UpstreamProtocol
  readonly turn: Turn
  /** In [0, 1). */
  readonly random: () => number
}

/** Connections with late commands that are ended when it returns; more than a router has there at once. */
const GHOSTS_MAX = 16
/** Weight of one measurement in the average of latencies. */
const LATENCY_STEP = 0.3
const NO_KEYS: readonly string[] = []
/** TCP, no password, database 0. */
const PLAIN: BackendAccess = {}

/** Causes after which the next command may well be answered: the backend is not avoided. */
const HARMLESS = new Set<LostCode>(['REMOVED', 'MOVED', 'NO_RESP3'])
/** Causes that say nothing about a backend when no command was on the connection. */
const IDLE_ENDS = new Set<LostCode>(['CLOSED', 'RESET'])

/**
 * One backend of a pool as this router sees it: a connection per RESP version, opened by the first command that needs it,
 * and the circuit that says whether commands are steered around it.
 */
export class Backend implements UpstreamOwner, LinkBackend {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly access: BackendAccess
  readonly counters = {
    requests: 0,
    errors: 0,
    failovers: 0,
    connects: 0,
    avoidances: 0,
    bytesIn: 0,
    bytesOut: 0,
  }
  /** Commands given to it and not answered, and their bytes. */
  queued = 0
  queuedBytes = 0
  /** True while new commands may go to it: read for every command. */
  usable = true
  /** True while it is usable for all its keys and every one that it has is up to date: read for every command. */
  clear = true
  /** Its keys that have a newer value elsewhere. */
  readonly stale: StaleKeys
  readonly zone: string | undefined
  /** How fast it answered lately; 0 before the first measurement. */
  latencyMs = 0
  /** What Redis calls the run of its process; absent until it was asked. */
  runId: string | undefined
  lastCause: LostCause | undefined
  /** Commands that it has answered or lost. */
  answered = 0
  /** Connections of single clients: transactions, blocking commands, the shared subscription. */
  readonly links: PrivateLinks

  readonly #owner: BackendOwner
  readonly #tools: BackendTools
  readonly #upstreams = new Set<Upstream>()
  #resp2: Upstream | undefined
  #resp3: Upstream | undefined
  readonly #breaker: Breaker
  #state: BackendTopology['state'] = 'up'
  #checker: HealthChecker | undefined
  #checkText: string | undefined
  /** Active checks say that it is down. */
  #checkedDown = false
  /** It answers, and is looked at by its pool before it serves. */
  #waiting = false
  #closed = false
  /** Of its keys, while it starts slowly. */
  #share = 1
  /** Connections that ended with commands on them: it may still run those, late. */
  #ghosts: string[] = []

  constructor(
    topology: BackendTopology,
    owner: BackendOwner,
    tools: BackendTools,
    stale?: StaleKeys,
  ) {
    this.id = topology.id
    this.zone = topology.zone
    this.stale = stale ?? new StaleKeys(owner.journalLimits ?? DEFAULT_COPY_POLICY)
    this.host = topology.host
    this.port = topology.port
    this.access = topology.access ?? PLAIN
    this.#owner = owner
    this.#tools = tools
    this.#breaker = new Breaker({
      ...tools,
      ask: (done) => this.#probe(done),
      well: (open) => {
        if (open && !this.#checkedDown) this.#comeBack()
      },
      ill: (cause) => this.#avoid(cause),
    })
    this.links = new PrivateLinks(this, tools.limits)
    this.setState(topology.state)
  }

  get traffic(): { bytesIn: number; bytesOut: number } {
    return this.counters
  }

  get avoided(): boolean {
    return !this.#breaker.closed || this.#checkedDown
  }

  get state(): BackendTopology['state'] {
    return this.#state
  }

  get connections(): number {
    let open = this.links.open
    for (const upstream of this.#upstreams) if (upstream.open) open++
    return open
  }

  /** True while commands of the router itself may go to it. */
  get reachable(): boolean {
    return !this.avoided && !this.#waiting && !this.#closed
  }

  /** The share of its keys that it serves: below 1 while it starts slowly. */
  get share(): number {
    return this.#share
  }

  set share(share: number) {
    if (share === this.#share) return
    this.#share = share
    this.stale.retry()
    this.refresh()
  }

  /** True when it serves the key at a place, as far as slow start goes. */
  takes(place: number): boolean {
    return this.#share === 1 || isInShare(place, this.#share)
  }

  get hasGhosts(): boolean {
    return this.#ghosts.length > 0
  }

  /** Our names of the connections whose commands it may still run. */
  takeGhosts(): readonly string[] {
    const ghosts = this.#ghosts
    this.#ghosts = []
    return ghosts
  }

  setState(state: BackendTopology['state']): void {
    this.#state = state
    this.refresh()
  }

  /** It serves again: its pool has looked at it. */
  admit(): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.refresh()
    this.#owner.returned(this)
  }

  /** True when a newer topology means this very server, reached in the same way. */
  isAt(other: BackendTopology): boolean {
    const { access = PLAIN } = other
    return this.isServer(other) && JSON.stringify(this.access) === JSON.stringify(access)
  }

  /** True when a newer topology means the same database of the same server. */
  isServer({ host, port, access = PLAIN }: BackendTopology): boolean {
    const { path, database } = this.access
    const samePlace = this.host === host && this.port === port && path === access.path
    return samePlace && (database ?? 0) === (access.database ?? 0)
  }

  /** Another router says that it cannot be reached: it is probed, unless it is checked anyway. */
  doubt(): void {
    if (this.#checker === undefined && !this.#closed) this.#breaker.doubt()
  }

  /** Takes how it is checked: at intervals, or not at all. */
  follow(check: CheckTopology | undefined): void {
    const text = JSON.stringify(check)
    if (text === this.#checkText || this.#closed) return
    this.#checkText = text
    this.#checker?.close()
    this.#checker = check && this.#makeChecker(check)
    if (check === undefined && this.#checkedDown) this.#checked(true, undefined)
  }

  #makeChecker({ intervalMs, timeoutMs, rise, fall }: CheckTopology): HealthChecker {
    const { random, protocol, turn } = this.#tools
    return new HealthChecker({
      intervalMs,
      rise,
      fall,
      random,
      check: (done) => {
        turn.begin()
        const begunAt = turn.now
        return new Probe({
          target: this,
          timeoutMs,
          protocol,
          done: (cause) => {
            turn.begin()
            if (cause === undefined) this.#measured(turn.now - begunAt)
            done(cause)
          },
        })
      },
      turned: (up, cause) => this.#checked(up, cause),
    })
  }

  #measured(ms: number): void {
    this.latencyMs =
      this.latencyMs === 0 ? ms : this.latencyMs + (ms - this.latencyMs) * LATENCY_STEP
  }

  #checked(up: boolean, cause: LostCause | undefined): void {
    if (!up) {
      // Checks may be wrong about all of them; the last one goes on until it fails commands, too.
      if (this.#owner.mayEject?.(this) === false) return
      const before = this.avoided
      this.#checkedDown = true
      this.lastCause = cause
      this.refresh()
      if (before || cause === undefined) return
      this.counters.avoidances++
      this.#owner.avoided(this, cause)
      return
    }
    if (!this.#checkedDown) return
    this.#checkedDown = false
    if (this.#breaker.closed) this.#comeBack()
  }

  /** False when too much waits here already. */
  accepts(bytes: number): boolean {
    const { backendQueueMax, backendQueueBytesMax } = this.#tools.limits
    if (this.queued >= backendQueueMax) return false
    return this.queued === 0 || this.queuedBytes + bytes <= backendQueueBytesMax
  }

  send(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.counters.requests++
    this.queued++
    this.queuedBytes += end - start
    this.#upstream(request.resp).send(request, bytes, start, end, stable)
  }

  tick(now: number): void {
    for (const upstream of this.#upstreams) upstream.tick(now)
    this.links.tick(now)
  }

  /** Takes no new commands and ends once those in flight are answered. */
  drain(): void {
    this.#stop()
    for (const upstream of this.#upstreams) upstream.drain()
    this.links.close(REMOVED_CAUSE)
  }

  close(): void {
    this.#stop()
    for (const upstream of this.#upstreams) upstream.destroy(REMOVED_CAUSE)
    this.links.close(REMOVED_CAUSE)
  }

  /** It answers badly: it gets no commands for a while, and is probed then. */
  eject(cause: LostCause, ms: number): void {
    if (this.#closed) return
    const wasAvoided = this.avoided
    this.lastCause = cause
    this.#breaker.hold(ms)
    this.#waiting = false
    this.refresh()
    if (wasAvoided) return
    this.counters.avoidances++
    this.#owner.avoided(this, cause)
  }

  ill(): void {
    this.#owner.ill?.(this)
  }

  left(bytes: number): void {
    this.answered++
    this.queued--
    this.queuedBytes -= bytes
  }

  lost(request: Request, sent: boolean, cause: LostCause): void {
    this.#owner.lost(request, this, sent, cause)
  }

  ended(upstream: Upstream, cause: LostCause, inFlight: boolean): void {
    this.#upstreams.delete(upstream)
    if (this.#resp2 === upstream) this.#resp2 = undefined
    if (this.#resp3 === upstream) this.#resp3 = undefined
    this.linkLost(cause, inFlight, upstream.localName)
  }

  linkLost(cause: LostCause, inFlight: boolean, localName: string | undefined): void {
    // A server that closes an idle connection is well (Redis's `timeout`): the next command opens a new one.
    const idle = !inFlight && IDLE_ENDS.has(cause.code) && this.#owner.doubtsIdleEnds !== true
    if (inFlight && localName !== undefined && this.#ghosts.length < GHOSTS_MAX)
      this.#ghosts.push(localName)
    if (idle || this.#closed || HARMLESS.has(cause.code)) return
    this.#avoid(cause)
  }

  keysWritten(request: Request, bytes: Buffer, start: number, end: number): readonly string[] {
    return this.#owner.keysWritten?.(request, this, bytes, start, end) ?? NO_KEYS
  }

  linkWrote(keys: readonly string[], lost: boolean): void {
    this.#owner.linkWrote?.(keys, this, lost)
  }

  openUpstream(owner: UpstreamOwner, resp: RespVersion): Upstream {
    this.counters.connects++
    const { protocol, limits, turn } = this.#tools
    return new Upstream(owner, resp, protocol, limits, turn)
  }

  #upstream(resp: RespVersion): Upstream {
    const existing = resp === 3 ? this.#resp3 : this.#resp2
    if (existing !== undefined) return existing
    const upstream = this.openUpstream(this, resp)
    this.#upstreams.add(upstream)
    if (resp === 3) this.#resp3 = upstream
    else this.#resp2 = upstream
    return upstream
  }

  #avoid(cause: LostCause): void {
    this.lastCause = cause
    const opened = this.#breaker.open()
    const wasWaiting = this.#waiting
    this.#waiting = false
    this.refresh()
    if (opened && !wasWaiting && !this.#checkedDown) {
      this.counters.avoidances++
      this.#owner.avoided(this, cause)
    }
  }

  #probe(done: (cause: LostCause | undefined) => void): Probe {
    const { limits, protocol } = this.#tools
    return new Probe({ target: this, timeoutMs: limits.connectTimeoutMs, protocol, done })
  }

  #comeBack(): void {
    this.#waiting = true
    this.refresh()
    if (this.#owner.answers === undefined) this.admit()
    else this.#owner.answers(this)
  }

  /** Follows its state, its circuit and its stale keys. */
  refresh(): void {
    this.usable = this.#state === 'up' && this.reachable
    this.clear = this.usable && this.stale.none && this.#share === 1
  }

  #stop(): void {
    this.#closed = true
    this.refresh()
    this.#breaker.stop()
    this.#checker?.close()
  }
}
