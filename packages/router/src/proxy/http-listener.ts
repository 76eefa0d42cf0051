import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { FIELD } from '../codec/http1/field.ts'
import { RequestHead } from '../codec/http1/request-head.ts'
import type { HttpLimits } from '../http-limits.ts'
import { failureResponse, type HttpFailure } from '../plan/http/failure.ts'
import {
  FORWARDING,
  FORWARDING_BYTES,
  type ForwardingOptions,
  type RequestIds,
} from '../plan/http/forwarding.ts'
import type { HttpRoute } from '../plan/http/http-route.ts'
import type { LearnedSessions } from '../plan/http/learned-session.ts'
import type { Deadlines } from '../pool/deadlines.ts'
import type { HttpPool } from '../pool/http-pool.ts'
import { countError } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import type { HttpHost, HttpSession } from './http-host.ts'
import { Routing } from './http-routing.ts'
import { Http1Session } from './http1-session.ts'
import { Http2Session } from './http2-session.ts'
import { type ListenerTls, TlsContexts } from './listener-tls.ts'
import type { ListenerCounts } from './redis-listener.ts'
import { SocketListener, type SocketListenerTools } from './socket-listener.ts'
import { plainAddress, TrustedProxies } from './trusted-proxies.ts'

/** An address on which HTTP clients are served. */
export interface HttpListenerSettings {
  /** The most specific one serves; at least one. */
  readonly routes: readonly HttpRoute[]
  /** Addresses and networks of proxies in front, whose word about their clients counts. */
  readonly trustedProxies?: readonly string[]
  /** Every connection begins with a PROXY protocol header, version 1 or 2, before TLS if there is any. */
  readonly proxyProtocol?: boolean
  /** Absent: plain HTTP. */
  readonly tls?: ListenerTls
  /** Fields added for the backends. */
  readonly forwarding?: Partial<ForwardingOptions>
}

export interface HttpListenerTools extends SocketListenerTools {
  readonly http: HttpLimits
  readonly counts: ListenerCounts
  readonly requestIds: RequestIds
  readonly poolNamed: (name: string) => HttpPool | undefined
  readonly sessions: () => LearnedSessions | undefined
}

/** A head is written with at most three times its authority and once its forwarded fields more than it was read with. */
const SCRATCH_FACTOR = 5

function refusal(clientsMax: number): string {
  const text = `this router has ${clientsMax} clients, which is its limit`
  return failureResponse('NO_BACKEND', text, { close: true, head: false })
}

/** Serves HTTP/1.1 clients by routes. */
export class HttpListener extends SocketListener<HttpSession> implements HttpHost {
  routing: Routing
  forwarding: ForwardingOptions
  proxyProtocol: boolean
  readonly requestHead: RequestHead
  readonly scratch: Buffer
  readonly #tools: HttpListenerTools
  #trusted: TrustedProxies

  /** @throws RouterError ROUTE_INVALID, NETWORK_INVALID or TLS_INVALID */
  constructor(settings: HttpListenerSettings, tools: HttpListenerTools) {
    super(tools, refusal(tools.limits.clientsMax))
    this.#tools = tools
    const { routing, forwarding, proxyProtocol, trusted, tls } = compile(settings)
    this.routing = routing
    this.forwarding = forwarding
    this.proxyProtocol = proxyProtocol
    this.#trusted = trusted
    this.tls = tls
    const { headBytesMax, responseHeadBytesMax } = tools.http
    this.requestHead = new RequestHead(tools.http)
    this.scratch = Buffer.allocUnsafeSlow(
      SCRATCH_FACTOR * Math.max(headBytesMax, responseHeadBytesMax) + FORWARDING_BYTES,
    )
  }

  get http(): HttpLimits {
    return this.#tools.http
  }

  get turn(): Turn {
    return this.#tools.turn
  }

  get deadlines(): Deadlines {
    return this.#tools.deadlines
  }

  get traffic(): ListenerCounts {
    return this.#tools.counts
  }

  get requestIds(): RequestIds {
    return this.#tools.requestIds
  }

  get sessions(): LearnedSessions | undefined {
    return this.#tools.sessions()
  }

  poolNamed(name: string): HttpPool | undefined {
    return this.#tools.poolNamed(name)
  }

  trusts(ip: string): boolean {
    return this.#trusted.has(ip)
  }

  peerIp(socket: Socket): string {
    return plainAddress(socket.remoteAddress ?? '')
  }

  clientIp(head: RequestHead, bytes: Buffer, peer: string): string {
    const index = head.fields.indexOf(FIELD['x-forwarded-for'])
    if (index < 0 || !this.#trusted.has(peer)) return peer
    const { fields } = head
    // Several fields are one list (RFC 9110 §5.3); the last one names the nearest hops.
    const lists: string[] = []
    for (let i = index; i < fields.count; i++)
      if (fields.ids[i] === FIELD['x-forwarded-for'])
        lists.push(bytes.toString('latin1', fields.valueFrom(i), fields.valueTo(i)))
    return this.#trusted.clientOf(lists.join(','), peer)
  }

  failed(failure: HttpFailure): void {
    countError(this.errors, `HTTP_${failure}`)
  }

  wallMs(): number {
    return Date.now()
  }

  /**
   * Requests that come after the answer was called go by these settings, those of open connections too; certificates, PROXY
   * protocol and forwarded fields are those of new connections.
   * @throws RouterError ROUTE_INVALID, NETWORK_INVALID or TLS_INVALID; then nothing is different
   */
  prepare(settings: HttpListenerSettings): () => void {
    const { routing, forwarding, proxyProtocol, trusted, tls } = compile(settings)
    return () => {
      this.routing = routing
      this.forwarding = forwarding
      this.proxyProtocol = proxyProtocol
      this.#trusted = trusted
      this.tls = tls
    }
  }

  protected override get alpn(): readonly string[] {
    return this.tls?.http2 === false ? ['http/1.1'] : ['h2', 'http/1.1']
  }

  protected override get handshakeTimeoutMs(): number {
    return this.http.headTimeoutMs
  }

  protected override get greeted(): boolean {
    return this.proxyProtocol
  }

  protected open(socket: Socket, secure: boolean, clientIp?: string): HttpSession {
    this.turn.begin()
    return socket instanceof TLSSocket && socket.alpnProtocol === 'h2'
      ? new Http2Session(socket, this, clientIp)
      : new Http1Session(socket, this, secure, clientIp)
  }
}

/**
 * Refuses settings that a listener could not be opened with, without opening one.
 * @throws RouterError ROUTE_INVALID, NETWORK_INVALID or TLS_INVALID
 */
export function checkHttpListener(settings: HttpListenerSettings): void {
  compile(settings)
}

function compile(settings: HttpListenerSettings) {
  return {
    routing: new Routing(settings.routes),
    forwarding: { ...FORWARDING, ...settings.forwarding },
    proxyProtocol: settings.proxyProtocol ?? false,
    trusted: new TrustedProxies(settings.trustedProxies ?? []),
    tls: settings.tls === undefined ? undefined : new TlsContexts(settings.tls),
  }
}
