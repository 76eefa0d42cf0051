import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { BalancedBackend } from '../balance/balanced-backend.ts'
import { Latency } from '../balance/latency.ts'
import { beginProbe, type Circuit, CLOSED, openCircuit } from '../health/circuit.ts'
import type { RouterLimits } from '../limits.ts'
import type { BackendAccess, BackendTls, BackendTopology, HttpCheckTopology } from '../topology.ts'
import type { Exchange } from './exchange.ts'
import { HealthChecker } from './health-checker.ts'
import { HttpCheck } from './http-check.ts'
import { HttpUpstream, type HttpUpstreamOwner, type HttpUpstreamTools } from './http-upstream.ts'
import type { LostCause, LostCode } from './lost-cause.ts'

/** What a backend needs from the pool around it. */
export interface HttpBackendOwner {
  /** How long requests may go on at a backend that is drained or removed. */
  readonly drainTimeoutMs: number
  readonly check: HttpCheckTopology | undefined
  avoided(backend: HttpBackend, cause: LostCause): void
  returned(backend: HttpBackend): void
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

/** Causes that say nothing about the backend. */
const HARMLESS = new Set<LostCode>(['REMOVED', 'DRAINED', 'BAD_REPLY'])
/** What a gateway says when what is behind it is ill; an application's own 500 is not counted. */
const ILL_STATUS_MIN = 502
const ILL_STATUS_MAX = 504

/** One backend of an HTTP pool as this router sees it: its connections, those who wait for one, and its circuit. */
export class HttpBackend implements HttpUpstreamOwner, BalancedBackend {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly access: BackendAccess
  readonly zone: string | undefined
  weight: number
  /** True while new work may go there. */
  usable = true
  /** Requests given to it and not finished. */
  inFlight = 0
  lastCause: LostCause | undefined
  readonly counters = {
    requests: 0,
    errors: 0,
    failovers: 0,
    connects: 0,
    avoidances: 0,
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
  #circuit: Circuit = CLOSED
  #state: BackendTopology['state'] = 'up'
  #timer: NodeJS.Timeout | undefined
  #probe: HttpCheck | undefined
  #checker: HealthChecker | undefined
  #closed = false
  /** Since when it is drained or removed; infinity while it is not. */
  #drainedAt = Number.POSITIVE_INFINITY

  constructor(topology: BackendTopology, owner: HttpBackendOwner, tools: HttpBackendTools) {
    this.id = topology.id
    this.host = topology.host
    this.port = topology.port
    this.access = topology.access ?? {}
    this.zone = topology.zone
    this.weight = topology.weight
    this.#owner = owner
    this.#tools = tools
    this.setState(topology.state)
  }

  get latencyMs(): number {
    return this.#latency.valueMs
  }

  get avoided(): boolean {
    return this.#circuit.type !== 'closed' || this.#checker?.record.up === false
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
    this.usable =
      this.#state === 'up' &&
      this.#circuit.type === 'closed' &&
      this.#checker?.record.up !== false &&
      !this.#closed &&
      !this.#owner.isEjected(this)
  }

  /**
   * Finds a connection for an exchange, or lets it wait for one.
   * @param fresh true when the request must not meet a connection that the backend is about to close
   */
  take(exchange: Exchange, fresh: boolean): void {
    const { http: limits } = this.#tools
    this.counters.requests++
    this.inFlight++
    const idle = this.#takeIdle(fresh ? limits.freshMs : Number.POSITIVE_INFINITY)
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
    this.#latency.add(latencyMs, this.#tools.turn.now)
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
    if (!HARMLESS.has(cause.code) && !this.#closed) this.#avoid(cause)
  }

  released(upstream: HttpUpstream): void {
    const next = this.#nextWaiting()
    if (next !== undefined) {
      next.assigned(upstream)
      return
    }
    if (this.#closed || upstream.idleForMs === 0) upstream.destroy()
    else this.#idle.push(upstream)
  }

  ended(upstream: HttpUpstream): void {
    this.#all.delete(upstream)
    const at = this.#idle.lastIndexOf(upstream)
    if (at >= 0) this.#idle.splice(at, 1)
    if (this.#queue.size === 0 || this.#all.size >= this.#tools.http.upstreamConnectionsMax) return
    const next = this.#nextWaiting()
    if (next !== undefined) next.assigned(this.#connect())
  }

  tick(now: number): void {
    if (now - this.#drainedAt >= this.#owner.drainTimeoutMs) this.#endLate(now)
    const idle = this.#idle
    // Those used last are at the end: the first ones are the oldest.
    while (idle.length > 0) {
      const [oldest] = idle
      if (oldest === undefined || now - oldest.idleSince < oldest.idleForMs) break
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
    if (check === undefined || this.#closed) return
    this.#checker = new HealthChecker({
      intervalMs: check.intervalMs,
      rise: check.rise,
      fall: check.fall,
      random: this.#tools.random,
      check: (done) => this.#ask(done),
      turned: (up, cause) => this.#turned(up, cause),
    })
  }

  /** Takes no new requests; those under way are finished. */
  drain(): void {
    this.#stop()
    this.#drainedAt = this.#tools.turn.now
    for (const upstream of this.#idle.splice(0)) upstream.destroy()
  }

  close(): void {
    this.#stop()
    for (const upstream of this.#all) upstream.destroy()
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
    const before = this.#circuit
    const { turn, random, limits } = this.#tools
    this.#circuit = openCircuit(before, turn.now, random(), limits)
    this.refresh()
    if (before.type === 'closed') {
      this.counters.avoidances++
      this.#owner.avoided(this, cause)
    }
    this.#scheduleProbe()
  }

  #scheduleProbe(): void {
    const circuit = this.#circuit
    if (circuit.type !== 'open' || this.#timer !== undefined) return
    const delay = Math.max(0, circuit.probeAt - this.#tools.turn.now)
    this.#timer = setTimeout(() => this.#beginProbe(), delay)
    this.#timer.unref()
  }

  #beginProbe(): void {
    this.#timer = undefined
    this.#circuit = beginProbe(this.#circuit)
    this.#probe = this.#ask((cause) => this.#probed(cause))
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

  #probed(cause: LostCause | undefined): void {
    this.#probe = undefined
    this.#tools.turn.begin()
    if (cause !== undefined) {
      this.#avoid(cause)
      return
    }
    this.#circuit = CLOSED
    this.#latency.reset()
    this.refresh()
    this.#owner.returned(this)
  }

  /** Active checks changed their mind. */
  #turned(up: boolean, cause: LostCause | undefined): void {
    this.#tools.turn.begin()
    if (cause !== undefined) this.lastCause = cause
    if (up) this.#circuit = CLOSED
    this.refresh()
    if (up) this.#owner.returned(this)
    else if (cause !== undefined) this.#owner.avoided(this, cause)
  }

  #stop(): void {
    this.#closed = true
    this.#checker?.close()
    this.#checker = undefined
    this.refresh()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#probe?.cancel()
    this.#probe = undefined
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
