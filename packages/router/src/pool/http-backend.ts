import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { BalancedBackend } from '../balance/balanced-backend.ts'
import { Latency } from '../balance/latency.ts'
import type { RouterLimits } from '../limits.ts'
import type { BackendAccess, BackendTls, BackendTopology, HttpCheckTopology } from '../topology.ts'
import { Breaker } from './breaker.ts'
import type { Exchange } from './exchange.ts'
import { HealthChecker } from './health-checker.ts'
import { HttpCheck } from './http-check.ts'
import { HttpResponses } from './http-responses.ts'
import { HttpUpstream, type HttpUpstreamOwner, type HttpUpstreamTools } from './http-upstream.ts'
import type { LostCause, LostCode } from './lost-cause.ts'

/** What a backend needs from the pool around it. */
export interface HttpBackendOwner {
  /** How long requests may go on at a backend that is drained or removed. */
  readonly drainTimeoutMs: number
  readonly check: HttpCheckTopology | undefined
  avoided(backend: HttpBackend, cause: LostCause): void
  /** @param restarted true when nobody listened there meanwhile */
  returned(backend: HttpBackend, restarted: boolean): void
  /** It is well now, or is not any more. */
  changed(): void
  /** True while so few are well that all that are up are used. */
  readonly panic: boolean
  /** A response, or its absence, for the outlier statistics. */
  judged(backend: HttpBackend, failed: boolean): void
  /** Whether the answers of a backend are so bad that it is passed over. */
  isEjected(backend: HttpBackend): boolean
}

export interface HttpBackendTools extends HttpUpstreamTools {
  readonly limits: RouterLimits
  /** In [0, 1). */
  readonly random: () => number
}

/** Causes that say nothing about whether it can be reached. */
const HARMLESS = new Set<LostCode>(['REMOVED', 'DRAINED'])
/** What a gateway says when what is behind it is ill; an application's own 500 is not counted. */
const ILL_STATUS_MIN = 502
const ILL_STATUS_MAX = 504
/** An answer younger than this is a better opinion than another check. */
const DOUBT_AFTER_MS = 1_000
/** A server that is stopped ends when its last connection does: while it drains ours are kept idle no longer than this. */
const DRAINING_IDLE_MS = 500

/** One backend of an HTTP pool as this router sees it: its connections, those who wait for one, and its circuit. */
export class HttpBackend implements HttpUpstreamOwner, BalancedBackend {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly access: BackendAccess
  readonly zone: string | undefined
  /** What it is given now: less than its whole weight while it starts slowly. */
  weight: number
  wholeWeight: number
  /** True while nothing speaks against it. */
  well = true
  /** True while new work may go there. */
  usable = true
  /** Requests given to it and not finished. */
  inFlight = 0
  lastCause: LostCause | undefined
  readonly responses = new HttpResponses()
  readonly counters = {
    requests: 0,
    errors: 0,
    failovers: 0,
    connects: 0,
    avoidances: 0,
    retries: 0,
    broken: 0,
    ejections: 0,
    bytesIn: 0,
    bytesOut: 0,
  }

  readonly #owner: HttpBackendOwner
  readonly #tools: HttpBackendTools
  readonly #latency = new Latency()
  /** The one used last is at the end, and is taken first: the others become old and end. */
  readonly #idle: HttpUpstream[] = []
  readonly #all = new Set<HttpUpstream>()
  readonly #queue = new Set<Exchange>()
  readonly #breaker: Breaker
  #state: BackendTopology['state'] = 'up'
  #checker: HealthChecker | undefined
  #closed = false
  /** Since when it is drained or removed; infinity while it is not. */
  #drainedAt = Number.POSITIVE_INFINITY
  #avoidedAt = Number.POSITIVE_INFINITY
  #answeredAt = Number.NEGATIVE_INFINITY
  #doubtedAt = Number.NEGATIVE_INFINITY
  /** Nobody listened there since it was avoided. */
  #refused = false

  constructor(topology: BackendTopology, owner: HttpBackendOwner, tools: HttpBackendTools) {
    this.id = topology.id
    this.host = topology.host
    this.port = topology.port
    this.access = topology.access ?? {}
    this.zone = topology.zone
    this.weight = topology.weight
    this.wholeWeight = topology.weight
    this.#owner = owner
    this.#tools = tools
    this.#breaker = new Breaker({
      ...tools,
      ask: (done) => this.#ask(done),
      well: (open) => this.#well(open),
      ill: (cause) => this.#avoid(cause),
    })
    this.setState(topology.state)
  }

  get latencyMs(): number {
    return this.#latency.valueMs
  }

  get avoided(): boolean {
    return !this.#breaker.closed || this.#checker?.record.up === false
  }

  /** True when it has been unreachable for so long that waiting for it again is of no use. */
  isLost(now: number, afterMs: number): boolean {
    return now - this.#avoidedAt >= afterMs
  }

  get state(): BackendTopology['state'] {
    return this.#state
  }

  get connections(): number {
    return this.#all.size
  }

  /** True when nothing of this backend is under way. */
  get quiet(): boolean {
    return this.inFlight === 0
  }

  setState(state: BackendTopology['state']): void {
    this.#state = state
    if (state !== 'draining') this.#drainedAt = Number.POSITIVE_INFINITY
    else this.#drainedAt = Math.min(this.#drainedAt, this.#tools.turn.now)
    this.refresh()
  }

  refresh(): void {
    const up = this.#state === 'up' && !this.#closed
    const well = up && !this.avoided && !this.#owner.isEjected(this)
    const changed = well !== this.well
    this.well = well
    this.usable = well || (up && this.#owner.panic)
    if (changed) this.#owner.changed()
  }

  /**
   * Another router says that it cannot be reached: it is asked by a check, unless it answered a moment ago or is checked
   * anyway. So the members vote on what they know.
   */
  doubt(): void {
    if (this.#checker !== undefined || this.#closed) return
    if (this.#tools.turn.now - this.#answeredAt >= DOUBT_AFTER_MS) this.#breaker.doubt()
  }

  /**
   * Finds a connection for an exchange, or lets it wait for one.
   * @param idleMsMax how long a connection may have been idle: the backend may be about to close it; 0 makes a new one
   */
  take(exchange: Exchange, idleMsMax: number): void {
    const { http: limits } = this.#tools
    this.counters.requests++
    this.inFlight++
    const idle = this.#takeIdle(idleMsMax)
    if (idle !== undefined) exchange.assigned(idle)
    else if (this.#all.size < limits.upstreamConnectionsMax) exchange.assigned(this.#connect())
    else if (this.#queue.size < limits.upstreamQueueMax) this.#queue.add(exchange)
    else {
      this.inFlight--
      exchange.refused(this)
    }
  }

  /** An exchange does not wait any more. */
  forget(exchange: Exchange): void {
    this.#queue.delete(exchange)
  }

  /** An exchange with this backend is over. */
  done(): void {
    this.inFlight--
  }

  answered(status: number, latencyMs: number): void {
    const { now } = this.#tools.turn
    this.#answeredAt = now
    this.#latency.add(latencyMs, now)
    this.responses.add(status, latencyMs)
    this.#owner.judged(this, status >= ILL_STATUS_MIN && status <= ILL_STATUS_MAX)
  }

  /** It did not answer in time. */
  slow(): void {
    this.counters.errors++
    this.#owner.judged(this, true)
  }

  /** It refused, reset or closed. */
  failed(cause: LostCause): void {
    this.counters.errors++
    if (cause.code === 'BAD_REPLY') {
      this.lastCause = cause
      this.#owner.judged(this, true)
    } else if (!HARMLESS.has(cause.code) && !this.#closed) this.#avoid(cause)
  }

  /** It broke off a response that had begun. */
  broke(cause: LostCause): void {
    if (HARMLESS.has(cause.code)) return
    this.counters.errors++
    this.counters.broken++
    // A process that ended breaks all its responses at once. It is asked, so that it is avoided rather than ejected.
    if (cause.code !== 'BAD_REPLY' && !this.#closed) this.#breaker.doubt()
    this.#owner.judged(this, true)
  }

  released(upstream: HttpUpstream): void {
    const next = this.#nextWaiting()
    if (next !== undefined) {
      next.assigned(upstream)
      return
    }
    if (this.#closed || this.#idleMs(upstream) === 0) upstream.destroy()
    else this.#idle.push(upstream)
  }

  ended(upstream: HttpUpstream): void {
    this.#all.delete(upstream)
    const at = this.#idle.lastIndexOf(upstream)
    if (at >= 0) this.#leftIdle(at)
    if (this.#queue.size === 0 || this.#all.size >= this.#tools.http.upstreamConnectionsMax) return
    const next = this.#nextWaiting()
    if (next !== undefined) next.assigned(this.#connect())
  }

  /** The backend closed an idle connection: perhaps it is being stopped, and kept connections would hold it back. */
  #leftIdle(at: number): void {
    this.#idle.splice(at, 1)
    const { now } = this.#tools.turn
    if (this.#closed || now - this.#doubtedAt < DOUBT_AFTER_MS) return
    this.#doubtedAt = now
    this.#breaker.doubt()
  }

  tick(now: number): void {
    if (now - this.#drainedAt >= this.#owner.drainTimeoutMs) this.#endLate(now)
    const idle = this.#idle
    // Those used last are at the end: the first ones are the oldest.
    while (idle.length > 0) {
      const [oldest] = idle
      if (oldest === undefined || now - oldest.idleSince < this.#idleMs(oldest)) break
      idle.shift()
      oldest.destroy()
    }
  }

  /**
   * Its time to drain is over. A backend that stays in the pool keeps requests of sessions that are bound to it, and those that
   * came later for want of any other backend have their time, too.
   */
  #endLate(now: number): void {
    const { drainTimeoutMs } = this.#owner
    const removed = this.#closed
    for (const upstream of [...this.#all]) {
      const { exchange } = upstream
      if (exchange === undefined || (exchange.binds && !removed)) continue
      if (now - exchange.startedAt < drainTimeoutMs) continue
      upstream.lose({
        code: 'DRAINED',
        text: `was ${removed ? 'removed' : 'drained'} and did not finish within ${drainTimeoutMs} ms`,
      })
    }
  }

  /** Begins or ends active checks, as the pool says now. */
  takeCheck(): void {
    this.#checker?.close()
    this.#checker = undefined
    const { check } = this.#owner
    if (check !== undefined && !this.#closed)
      this.#checker = new HealthChecker({
        intervalMs: check.intervalMs,
        rise: check.rise,
        fall: check.fall,
        random: this.#tools.random,
        check: (done) => this.#ask(done),
        turned: (up, cause) => this.#turned(up, cause),
      })
    // What the checks before said is forgotten.
    this.refresh()
  }

  /** Takes no new requests; those under way are finished. */
  drain(): void {
    this.#stop()
    this.#drainedAt = this.#tools.turn.now
    this.#endIdle()
  }

  close(): void {
    this.#stop()
    for (const upstream of this.#all) upstream.destroy()
  }

  /** How long a connection may be idle, as its backend is now: one that accepts no more is waiting for its end. */
  #idleMs({ idleForMs }: HttpUpstream): number {
    if (this.#refused && this.avoided) return 0
    return this.#state === 'draining' ? Math.min(idleForMs, DRAINING_IDLE_MS) : idleForMs
  }

  #endIdle(): void {
    for (const upstream of this.#idle.splice(0)) upstream.destroy()
  }

  #takeIdle(idleMsMax: number): HttpUpstream | undefined {
    const idle = this.#idle
    const upstream = idle.pop()
    if (upstream === undefined) return undefined
    const idleMs = this.#tools.turn.now - upstream.idleSince
    if (idleMs < Math.min(idleMsMax, upstream.idleForMs)) return upstream
    // Too old for this request: all others are older still.
    if (idleMs >= upstream.idleForMs) upstream.destroy()
    else idle.push(upstream)
    return undefined
  }

  #connect(): HttpUpstream {
    const upstream = new HttpUpstream(this, this.#tools)
    this.counters.connects++
    this.#all.add(upstream)
    return upstream
  }

  #nextWaiting(): Exchange | undefined {
    if (this.#queue.size === 0) return undefined
    for (const exchange of this.#queue) {
      this.#queue.delete(exchange)
      return exchange
    }
    return undefined
  }

  #avoid(cause: LostCause): void {
    this.lastCause = cause
    const opened = this.#breaker.open()
    if (cause.code === 'REFUSED') this.#noteRefused()
    if (opened && this.#checker?.record.up !== false) this.#beginAvoiding(cause)
    this.refresh()
  }

  #noteRefused(): void {
    this.#refused = true
    this.#endIdle()
  }

  #beginAvoiding(cause: LostCause): void {
    this.#avoidedAt = this.#tools.turn.now
    this.counters.avoidances++
    this.#owner.avoided(this, cause)
  }

  #ask(done: (cause: LostCause | undefined) => void): HttpCheck {
    const { host, port, access } = this
    const { check } = this.#owner
    return new HttpCheck({
      type: 'tcp',
      timeoutMs: this.#tools.http.connectTimeoutMs,
      ...check,
      host,
      port,
      ...(access.tls === undefined ? {} : { tls: checkTls(access.tls, host) }),
      done,
    })
  }

  #well(open: boolean): void {
    this.#answeredAt = this.#tools.turn.now
    // Where active checks say that it is down, they say when it is back.
    if (open && !this.avoided) this.#comeBack()
  }

  #comeBack(): void {
    this.#avoidedAt = Number.POSITIVE_INFINITY
    this.#latency.reset()
    const restarted = this.#refused
    this.#refused = false
    this.#owner.returned(this, restarted)
    this.refresh()
  }

  /** Active checks changed their mind. */
  #turned(up: boolean, cause: LostCause | undefined): void {
    this.#tools.turn.begin()
    if (up) {
      this.#breaker.close()
      this.#comeBack()
      return
    }
    if (cause === undefined) return
    this.lastCause = cause
    if (cause.code === 'REFUSED') this.#noteRefused()
    if (this.#breaker.closed) this.#beginAvoiding(cause)
    this.refresh()
  }

  #stop(): void {
    this.#closed = true
    this.#checker?.close()
    this.#checker = undefined
    this.refresh()
    this.#breaker.stop()
  }
}

/** A check speaks TLS as requests do. */
function checkTls(
  { verify, servername, ca, cert, key }: BackendTls,
  host: string,
): ConnectionOptions {
  return {
    rejectUnauthorized: verify,
    servername: servername ?? (isIP(host) === 0 ? host : ''),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}
