import type { Socket } from 'node:net'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { HttpFailure } from '../plan/http/failure.ts'
import type { ForwardingOptions, RequestIds } from '../plan/http/forwarding.ts'
import type { LearnedSessions } from '../plan/http/learned-session.ts'
import type { ExchangeTools } from '../pool/exchange.ts'
import type { HttpPool } from '../pool/http-pool.ts'
import type { SessionTraffic } from './command-session.ts'
import type { Routing } from './http-routing.ts'

/** A client connection, whatever its version of HTTP. */
export interface HttpSession {
  drain(): void
  destroy(): void
}

/** What a client connection needs from its listener. */
export interface HttpHost extends ExchangeTools {
  readonly traffic: SessionTraffic
  readonly routing: Routing
  readonly forwarding: ForwardingOptions
  readonly requestIds: RequestIds
  readonly proxyProtocol: boolean
  /** Filled again for each request, of all connections. */
  readonly requestHead: RequestHead
  /** Heads are written here before they are copied to where they go. */
  readonly scratch: Buffer
  readonly sessions: LearnedSessions | undefined
  poolNamed(name: string): HttpPool | undefined
  /** True for proxies of ours. */
  trusts(ip: string): boolean
  peerIp(socket: Socket): string
  /** The client behind trusted proxies, else the peer. */
  clientIp(head: RequestHead, bytes: Buffer, peer: string): string
  failed(failure: HttpFailure): void
  /** Milliseconds since 1970, for cookies. */
  wallMs(): number
  /** The connection is gone. */
  ended(session: HttpSession): void
}
