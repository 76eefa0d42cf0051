import type { RespVersion } from '../codec/resp/encode.ts'
import { beginProbe, type Circuit, CLOSED, openCircuit } from '../health/circuit.ts'
import type { RouterLimits } from '../limits.ts'
import type { BackendAccess, BackendTopology } from '../topology.ts'
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
  returned(backend: Backend): void
}

export interface BackendTools {
  readonly limits: RouterLimits
  readonly protocol: UpstreamProtocol
  readonly turn: Turn
  /** In [0, 1). */
  readonly random: () => number
}

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
  lastCause: LostCause | undefined
  /** Connections of single clients: transactions, blocking commands, the shared subscription. */
  readonly links: PrivateLinks

  readonly #owner: BackendOwner
  readonly #tools: BackendTools
  readonly #upstreams = new Set<Upstream>()
  #resp2: Upstream | undefined
  #resp3: Upstream | undefined
  #circuit: Circuit = CLOSED
  #state: BackendTopology['state'] = 'up'
  #timer: NodeJS.Timeout | undefined
  #probe: Probe | undefined
  #closed = false

  constructor(topology: BackendTopology, owner: BackendOwner, tools: BackendTools) {
    this.id = topology.id
    this.host = topology.host
    this.port = topology.port
    this.access = topology.access ?? PLAIN
    this.#owner = owner
    this.#tools = tools
    this.links = new PrivateLinks(this, tools.limits)
    this.setState(topology.state)
  }

  get traffic(): { bytesIn: number; bytesOut: number } {
    return this.counters
  }

  get avoided(): boolean {
    return this.#circuit.type !== 'closed'
  }

  get state(): BackendTopology['state'] {
    return this.#state
  }

  get connections(): number {
    let open = this.links.open
    for (const upstream of this.#upstreams) if (upstream.open) open++
    return open
  }

  setState(state: BackendTopology['state']): void {
    this.#state = state
    this.#refresh()
  }

  /** True when a newer topology means this very server, reached in the same way. */
  isAt({ host, port, access = PLAIN }: BackendTopology): boolean {
    const same = this.host === host && this.port === port
    return same && JSON.stringify(this.access) === JSON.stringify(access)
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

  left(bytes: number): void {
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
    this.linkLost(cause, inFlight)
  }

  linkLost(cause: LostCause, inFlight: boolean): void {
    // A server that closes an idle connection is well (Redis's `timeout`): the next command opens a new one.
    const idle = !inFlight && IDLE_ENDS.has(cause.code)
    if (idle || this.#closed || HARMLESS.has(cause.code)) return
    this.#avoid(cause)
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
    const before = this.#circuit
    const { turn, random, limits } = this.#tools
    this.#circuit = openCircuit(before, turn.now, random(), limits)
    this.#refresh()
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
    this.#probe = new Probe({
      target: this,
      timeoutMs: this.#tools.limits.connectTimeoutMs,
      protocol: this.#tools.protocol,
      done: (cause) => this.#probed(cause),
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
    this.#refresh()
    this.#owner.returned(this)
  }

  #refresh(): void {
    this.usable = this.#state === 'up' && this.#circuit.type === 'closed' && !this.#closed
  }

  #stop(): void {
    this.#closed = true
    this.#refresh()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#probe?.cancel()
    this.#probe = undefined
  }
}
