import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Forwarding } from '../plan/http/forwarding.ts'
import type { Expirable } from '../pool/deadlines.ts'
import type { HttpHost, HttpSession } from './http-host.ts'
import { Http2Request } from './http2-request.ts'

/** Seconds over which the rate of resets is counted. */
const RESET_WINDOW_MS = 10_000
/** MB that nghttp2 may hold for one connection. */
const SESSION_MEMORY_MB = 4

/** One HTTP/2 client connection: its streams are requests like any others, towards backends in HTTP/1.1. */
export class Http2Session implements HttpSession, Expirable {
  slot = -1
  readonly #host: HttpHost
  readonly #session: ServerHttp2Session
  readonly #requests = new Set<Http2Request>()
  readonly #forwarding: Forwarding
  readonly #peerIp: string
  #resets = 0
  #windowEndsAt = 0
  #draining = false
  #ended = false

  /** @param clientIp what the PROXY protocol said before the handshake */
  constructor(socket: TLSSocket, host: HttpHost, clientIp?: string) {
    this.#host = host
    this.#peerIp = clientIp || host.peerIp(socket)
    this.#forwarding = new Forwarding(host.forwarding, {
      ip: this.#peerIp,
      proto: 'https',
      trusted: host.trusts(this.#peerIp),
    })
    const { streamsMax, fieldsMax, headBytesMax } = host.http
    this.#session = performServerHandshake(socket, {
      maxSessionMemory: SESSION_MEMORY_MB,
      // The pseudo fields count too.
      maxHeaderListPairs: fieldsMax + 4,
      settings: {
        maxConcurrentStreams: streamsMax,
        maxHeaderListSize: headBytesMax,
        enablePush: false,
      },
    })
    host.deadlines.add(this)
    this.#idle()
    this.#session.on('stream', (stream, headers) => this.#accept(stream, headers))
    this.#session.on('error', () => this.destroy())
    this.#session.once('close', () => this.destroy())
    socket.on('error', () => this.destroy())
  }

  /**
   * Takes no more requests; ends when those under way are answered. The client learns which was the last one: what it sent after
   * that it may send again elsewhere (RFC 9113 §6.8).
   */
  drain(): void {
    this.#draining = true
    if (this.#requests.size === 0) this.#session.close()
    else this.#session.goaway(constants.NGHTTP2_NO_ERROR)
  }

  destroy(): void {
    if (this.#ended) return
    this.#ended = true
    for (const request of this.#requests) request.dispose()
    this.#requests.clear()
    this.#host.deadlines.remove(this)
    this.#session.destroy()
    this.#host.ended(this)
  }

  /** No stream was open for keepAliveTimeoutMs. */
  expired(): void {
    this.#session.close()
    this.destroy()
  }

  #accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const host = this.#host
    host.turn.begin()
    host.deadlines.set(this, Number.POSITIVE_INFINITY)
    const request = new Http2Request(stream, host, this.#forwarding, this.#peerIp)
    this.#requests.add(request)
    stream.once('close', () => this.#closed(request, stream))
    stream.on('error', () => {})
    request.begin(headers)
  }

  #closed(request: Http2Request, stream: ServerHttp2Stream): void {
    this.#host.turn.begin()
    // An answer that was not complete: the client took its request back.
    if (!request.answered && stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#countReset()
    request.dispose()
    this.#requests.delete(request)
    if (this.#ended || this.#requests.size > 0) return
    if (this.#draining) this.#session.close()
    else this.#idle()
  }

  /** Requests that are sent and reset cost us more than the client. */
  #countReset(): void {
    const { now } = this.#host.turn
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + RESET_WINDOW_MS
      this.#resets = 0
    }
    const resetsMax = (this.#host.http.streamResetsPerSecondMax * RESET_WINDOW_MS) / 1_000
    if (++this.#resets <= resetsMax) return
    this.#host.failed('BAD_REQUEST')
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    setImmediate(() => this.destroy())
  }

  #idle(): void {
    const { deadlines, turn, http } = this.#host
    deadlines.set(this, turn.now + http.keepAliveTimeoutMs)
  }
}
