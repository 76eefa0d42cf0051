import type { ResponseBody, ResponseHead } from '../codec/http1/response-head.ts'
import type { HttpLimits } from '../http-limits.ts'
import type { HttpFailure } from '../plan/http/failure.ts'
import type { Deadlines, Expirable } from './deadlines.ts'
import { HeldRequest } from './held-request.ts'
import type { HttpBackend } from './http-backend.ts'
import type { HttpPool } from './http-pool.ts'
import type { HttpUpstream } from './http-upstream.ts'
import type { LostCause } from './lost-cause.ts'
import type { Turn } from './turn.ts'

/** The client side of an exchange. Bytes are valid during the call only. */
export interface ExchangeClient {
  /** False when the body has to come without its chunked framing. */
  readonly rawFraming: boolean
  interim(head: ResponseHead, bytes: Buffer, to: number): void
  responseHead(head: ResponseHead, bytes: Buffer, to: number, body: ResponseBody): void
  responseData(bytes: Buffer, from: number, to: number): void
  /** Lines of trailers, where the body comes without its framing; the end follows. */
  responseTrailers(lines: string): void
  responseEnd(): void
  switched(head: ResponseHead, bytes: Buffer, to: number): void
  /** There is no response, and none was begun. */
  failed(failure: HttpFailure, text: string): void
  /** The response was begun and cannot be completed. */
  broken(): void
  /** The backend takes more of the request. */
  uploadDrained(): void
  /** The backend ended its side of a switched connection. */
  tunnelEnded(): void
  tunnelClosed(): void
}

export interface ExchangeTools {
  readonly http: HttpLimits
  readonly turn: Turn
  readonly deadlines: Deadlines
}

/** What an exchange is about, as routing decided it. */
export interface ExchangeRequest {
  readonly pool: HttpPool
  readonly idempotent: boolean
  readonly headRequest: boolean
  readonly upgrade: boolean
  /** Backend of a bound session, which is asked first. */
  readonly bound: HttpBackend | undefined
  /** True when a session is placed that is bound afterwards: load and zone may decide. */
  readonly placing: boolean
  /** True when the backend of the session has to be asked for first: {@link Exchange.proceed} follows. */
  readonly asking: boolean
}

type Phase =
  | 'idle'
  | 'queued'
  | 'pausing'
  | 'connecting'
  | 'sending'
  | 'first-byte'
  | 'response'
  | 'tunnel'

const FIRST_KEY_BYTES = 64
/** Between two attempts at a bound backend that refuses connections. */
const BOUND_RETRY_PAUSE_MS = 100

/**
 * One request and its response, whoever the client is: chooses a backend, sends, waits, sends again where that is safe. The
 * same object serves one request after another of a connection.
 *
 *   begin ─► queued ─► connecting ─► sending ─► first-byte ─► response ─► idle
 *     ▲                    │ lost        │ lost, nothing sent or idempotent, and all of it still held
 *     └────────────────────┴─────────────┘ at the next backend
 */
export class Exchange implements Expirable {
  slot = -1
  /** All bytes of the request were handed on. */
  requestDone = false
  headRequest = false
  upgrade = false
  /** The backend that has the request, or answered it. */
  backend: HttpBackend | undefined
  /** When the request was begun. */
  startedAt = 0
  /** True when its session is bound to the backend that serves it: a drained backend keeps it. */
  binds = false
  /** Counts requests: a late answer about an earlier one is told by it. */
  number = 0

  readonly #client: ExchangeClient
  readonly #tools: ExchangeTools
  #pool: HttpPool | undefined
  #bound: HttpBackend | undefined
  #idempotent = false
  #placing = false
  #phase: Phase = 'idle'
  #upstream: HttpUpstream | undefined
  #responseBegun = false
  #attempts = 0
  readonly #tried: HttpBackend[] = []
  readonly #held = new HeldRequest()
  #key = Buffer.allocUnsafeSlow(FIRST_KEY_BYTES)
  #keyTo = -1
  #keyView: Buffer = this.#key

  constructor(client: ExchangeClient, tools: ExchangeTools) {
    this.#client = client
    this.#tools = tools
    tools.deadlines.add(this)
  }

  get rawFraming(): boolean {
    return this.#client.rawFraming
  }

  get active(): boolean {
    return this.#phase !== 'idle'
  }

  get poolName(): string {
    return this.#pool?.name ?? ''
  }

  /** True when the client should not send more for now. */
  get full(): boolean {
    const { uploadBytesMax } = this.#tools.http
    if (this.#upstream === undefined) return this.#held.full
    return this.#upstream.waitingBytes > uploadBytesMax
  }

  /** The session key, copied; -1 as `from` for none. */
  setKey(bytes: Uint8Array, from: number, to: number): void {
    this.#keyTo = from < 0 ? -1 : to - from
    if (from < 0) return
    if (this.#keyTo > this.#key.length) {
      this.#key = Buffer.allocUnsafeSlow(this.#keyTo)
      this.#keyView = this.#key
    }
    for (let i = from, j = 0; i < to; i++, j++) this.#key[j] = bytes[i] as number
  }

  /** The key's bytes, valid until the next one is set; undefined without a key. */
  get key(): Buffer | undefined {
    if (this.#keyTo < 0) return undefined
    // Sessions of one browser have keys of one length.
    if (this.#keyView.length !== this.#keyTo) this.#keyView = this.#key.subarray(0, this.#keyTo)
    return this.#keyView
  }

  /**
   * Begins with a written head: `bytes[from, to)`. The client may be failed during the call.
   * @param done true when the request has no body
   */
  begin(request: ExchangeRequest, bytes: Buffer, from: number, to: number, done: boolean): void {
    const { http: limits, turn } = this.#tools
    this.#pool = request.pool
    this.#bound = request.bound
    this.#idempotent = request.idempotent
    this.#placing = request.placing
    this.binds = request.bound !== undefined || request.placing || request.asking
    this.headRequest = request.headRequest
    this.upgrade = request.upgrade
    this.requestDone = done
    this.startedAt = turn.now
    this.#responseBegun = false
    this.#attempts = 0
    this.#tried.length = 0
    this.#held.begin(to - from + limits.retryBodyBytesMax, bytes, from, to)
    request.pool.counters.requests++
    this.number++
    this.#phase = 'queued'
    if (request.asking) this.#arm()
    else this.#place()
  }

  /** The session's backend is known, or is known to be none. */
  proceed(bound: HttpBackend | undefined, placing: boolean): void {
    if (this.#phase !== 'queued' || this.backend !== undefined) return
    this.#bound = bound
    this.#placing = placing
    this.#place()
  }

  /** Adds bytes of the body. */
  write(bytes: Buffer, from: number, to: number): void {
    if (this.#phase === 'idle') return
    if (this.#held.whole) this.#held.add(bytes, from, to, this.#upstream !== undefined)
    if (this.#upstream === undefined) return
    this.#upstream.write(bytes, from, to, false)
    this.#arm()
  }

  /** The request is complete. */
  finish(): void {
    this.requestDone = true
    if (this.#phase !== 'sending') return
    this.#phase = 'first-byte'
    this.#arm()
  }

  /** The client is gone, or its request is refused. */
  abort(): void {
    if (this.#phase === 'idle') return
    const upstream = this.#upstream
    const waiting = this.#phase === 'queued' ? this.backend : undefined
    this.#leave()
    waiting?.forget(this)
    upstream?.destroy()
  }

  /** Ends it for good. */
  dispose(): void {
    this.abort()
    this.#tools.deadlines.remove(this)
  }

  /** Stops and starts the backend's side, as the client reads. */
  pause(): void {
    this.#upstream?.pause()
  }

  resume(): void {
    this.#upstream?.resume()
  }

  endOutput(): void {
    this.#upstream?.endOutput()
  }

  /** A connection that is open, or opens. Called by the backend, during `begin` or later. */
  assigned(upstream: HttpUpstream): void {
    this.#upstream = upstream
    upstream.begin(this)
    upstream.write(this.#held.bytes, 0, this.#held.length, false)
    if (upstream.open) this.connected()
    else {
      this.#phase = 'connecting'
      this.#arm()
    }
    if (!this.requestDone) this.#client.uploadDrained()
  }

  connected(): void {
    this.#phase = this.requestDone ? 'first-byte' : 'sending'
    this.#arm()
  }

  drained(): void {
    this.#client.uploadDrained()
  }

  interim(head: ResponseHead, bytes: Buffer, to: number): void {
    this.#client.interim(head, bytes, to)
  }

  head(head: ResponseHead, bytes: Buffer, to: number, body: ResponseBody): void {
    this.#responseBegun = true
    this.#phase = 'response'
    this.#held.release()
    this.backend?.answered(head.status, this.#tools.turn.now - this.startedAt)
    this.#client.responseHead(head, bytes, to, body)
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.#client.responseData(bytes, from, to)
  }

  trailers(lines: string): void {
    this.#client.responseTrailers(lines)
  }

  switched(head: ResponseHead, bytes: Buffer, to: number): void {
    this.#responseBegun = true
    this.#phase = 'tunnel'
    this.requestDone = false
    this.#held.release()
    this.backend?.answered(head.status, this.#tools.turn.now - this.startedAt)
    this.#client.switched(head, bytes, to)
  }

  tunnelEnded(): void {
    this.#client.tunnelEnded()
  }

  tunnelClosed(): void {
    this.#leave()
    this.#client.tunnelClosed()
  }

  /** The connection has read something, and the response goes on. */
  progressed(): void {
    if (this.#phase === 'response' || this.#phase === 'tunnel') this.#arm()
  }

  finished(): void {
    this.#leave()
    this.#client.responseEnd()
  }

  lost(upstream: HttpUpstream, cause: LostCause): void {
    const { backend } = this
    const reused = upstream.served > 0
    const { sent } = upstream
    this.#upstream = undefined
    if (this.#responseBegun) {
      backend?.broke(cause)
      this.#leave()
      this.#client.broken()
      return
    }
    // A connection that was idle and is closed now says nothing about the backend: another one is tried there first.
    const stale = reused && cause.code !== 'BAD_REPLY' && cause.code !== 'DRAINED'
    if (!stale) backend?.failed(cause)
    backend?.done()
    this.backend = undefined
    const again = cause.code !== 'BAD_REPLY' && this.#held.whole && (!sent || this.#idempotent)
    if (!again || this.#attempts > this.#tools.http.retryAttemptsMax || backend === undefined) {
      this.#failLost(backend, cause, sent)
      return
    }
    if (stale) {
      backend.counters.retries++
      // On a new one: the others were perhaps closed together with it.
      this.#assign(backend, 0)
    } else if (cause.code !== 'DRAINED' && backend === this.#bound && this.#retriesBound(backend)) {
      backend.counters.retries++
      this.#pauseForBound()
    } else {
      backend.counters.failovers++
      if (this.#pool !== undefined) this.#pool.counters.failovers++
      this.#tried.push(backend)
      this.#place()
    }
  }

  /** The backend has too many requests waiting. */
  refused(backend: HttpBackend): void {
    this.backend = undefined
    this.#fail(
      'QUEUE_FULL',
      `backend ${backend.id} has ${this.#tools.http.upstreamQueueMax} requests waiting, which is its limit`,
    )
  }

  expired(): void {
    const { http: limits } = this.#tools
    this.#tools.turn.begin()
    const { backend } = this
    const name = `backend ${backend?.id ?? ''}`
    if (
      this.#tools.turn.now >= this.startedAt + limits.totalTimeoutMs &&
      this.#phase !== 'tunnel'
    ) {
      this.#give('TOTAL_TIMEOUT', `the request took longer than ${limits.totalTimeoutMs} ms`)
      return
    }
    switch (this.#phase) {
      case 'queued':
        this.#give(
          'QUEUE_TIMEOUT',
          backend === undefined
            ? `the store did not say within ${limits.queueTimeoutMs} ms where the session is`
            : `${name} had no free connection within ${limits.queueTimeoutMs} ms`,
        )
        return
      case 'pausing':
        if (this.#bound === undefined || this.#isLost(this.#bound)) this.#place()
        else this.#assign(this.#bound, this.#idleMsMax)
        return
      case 'connecting':
        this.#connectTimedOut()
        return
      case 'sending':
        this.#give('REQUEST_TIMEOUT', `no more of the body came within ${limits.bodyTimeoutMs} ms`)
        return
      case 'first-byte':
        backend?.slow()
        this.#give(
          'FIRST_BYTE_TIMEOUT',
          `${name} did not answer within ${limits.firstByteTimeoutMs} ms`,
        )
        return
      case 'response':
      case 'tunnel':
        this.abort()
        this.#client.broken()
        return
      case 'idle':
        return
      default:
        this.#phase satisfies never
    }
  }

  #connectTimedOut(): void {
    const upstream = this.#upstream
    if (upstream === undefined) return
    this.#upstream = undefined
    upstream.destroy()
    this.lost(upstream, {
      code: 'CONNECT_TIMEOUT',
      text: `did not accept a connection within ${this.#tools.http.connectTimeoutMs} ms`,
    })
  }

  #place(): void {
    const pool = this.#pool
    if (pool === undefined) return
    const bound = this.#bound
    if (bound !== undefined && this.#attempts === 0 && !this.#isLost(bound)) {
      this.#assign(bound, this.#idleMsMax)
      return
    }
    const backend = pool.choose(this.key, this.#tried, this.#placing)
    if (backend === undefined) this.#fail('NO_BACKEND', pool.whyNone)
    else this.#assign(backend, this.#idleMsMax)
  }

  /** A request that must not be repeated takes no connection that the backend may be about to close. */
  get #idleMsMax(): number {
    return this.#idempotent ? Number.POSITIVE_INFINITY : this.#tools.http.freshMs
  }

  #assign(backend: HttpBackend, idleMsMax: number): void {
    this.#attempts++
    this.backend = backend
    this.#phase = 'queued'
    backend.take(this, idleMsMax)
    if (this.#phase === 'queued' && this.backend === backend) this.#arm()
  }

  /** It is out, or was waited for before: requests of its sessions go to the next owner at once, until it is back. */
  #isLost(backend: HttpBackend): boolean {
    return (
      backend.state === 'out' ||
      backend.isLost(this.#tools.turn.now, this.#tools.http.pinnedRetryMs)
    )
  }

  #retriesBound(backend: HttpBackend): boolean {
    const waited = this.#tools.turn.now - this.startedAt
    return waited < this.#tools.http.pinnedRetryMs && !this.#isLost(backend)
  }

  #pauseForBound(): void {
    // These do not count: they are bounded by their time.
    this.#attempts--
    this.#phase = 'pausing'
    this.#tools.deadlines.set(this, this.#tools.turn.now + BOUND_RETRY_PAUSE_MS)
  }

  #failLost(backend: HttpBackend | undefined, cause: LostCause, sent: boolean): void {
    const fate = sent && !this.#idempotent ? '; the request may have been processed' : ''
    const also = this.#tried.length > 0 ? ', as did others before it' : ''
    this.#fail(
      FAILURES[cause.code] ?? 'BACKEND_LOST',
      `backend ${backend?.id ?? ''} ${cause.text}${also}${fate}`,
    )
  }

  /** Fails a request that a backend has. */
  #give(failure: HttpFailure, text: string): void {
    const begun = this.#responseBegun
    const pool = this.#pool
    this.abort()
    if (begun) this.#client.broken()
    else this.#tell(pool, failure, text)
  }

  #fail(failure: HttpFailure, text: string): void {
    const pool = this.#pool
    this.#leave()
    this.#tell(pool, failure, text)
  }

  #tell(pool: HttpPool | undefined, failure: HttpFailure, text: string): void {
    if (pool !== undefined) pool.counters.errors++
    this.#client.failed(failure, pool === undefined ? text : `pool "${pool.name}": ${text}`)
  }

  #leave(): void {
    this.#phase = 'idle'
    this.#upstream = undefined
    this.backend?.done()
    this.backend = undefined
    this.#held.release()
    this.#tools.deadlines.set(this, Number.POSITIVE_INFINITY)
  }

  #arm(): void {
    const { http: limits, deadlines, turn } = this.#tools
    const { now } = turn
    const ms = this.#phaseMs()
    const total =
      this.#phase === 'tunnel' ? Number.POSITIVE_INFINITY : this.startedAt + limits.totalTimeoutMs
    deadlines.set(this, Math.min(now + ms, total))
  }

  #phaseMs(): number {
    const { http: limits } = this.#tools
    switch (this.#phase) {
      case 'queued':
        return limits.queueTimeoutMs
      case 'connecting':
        return limits.connectTimeoutMs
      case 'sending':
        return limits.bodyTimeoutMs
      case 'first-byte':
        return limits.firstByteTimeoutMs
      case 'response':
        return limits.responseIdleTimeoutMs
      case 'tunnel':
        return limits.tunnelIdleTimeoutMs
      case 'pausing':
        return BOUND_RETRY_PAUSE_MS
      case 'idle':
        return Number.POSITIVE_INFINITY
      default:
        return this.#phase satisfies never
    }
  }
}

/** What a client is told about the last cause. */
const FAILURES: Readonly<Record<string, HttpFailure>> = {
  REFUSED: 'UNREACHABLE',
  UNREACHABLE: 'UNREACHABLE',
  CONNECT_TIMEOUT: 'CONNECT_TIMEOUT',
  BAD_REPLY: 'BAD_RESPONSE',
}
