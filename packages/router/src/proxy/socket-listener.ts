import { createServer, type Server, type Socket } from 'node:net'
import { RouterError } from '../errors.ts'
import type { RouterLimits } from '../limits.ts'
import type { Deadlines } from '../pool/deadlines.ts'
import { countError, type ErrorCounts } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import type { TlsContexts } from './listener-tls.ts'
import { ProxyGreeting } from './proxy-greeting.ts'
import { TlsHandshake } from './tls-handshake.ts'

/** Counts of all listeners of one router. */
export interface ClientCounts {
  clientsOpen: number
  clientsAccepted: number
  clientsRefused: number
}

/** What the router may log about a listener. */
export interface ListenerEvent {
  /** A client whose TLS handshake came to nothing. */
  readonly type: 'tls-refused'
  /** Its address. */
  readonly listener: string
  readonly client: string
  /** Continues "the client …". */
  readonly cause: string
  /** Clients refused since the last event of this listener, which tells of one a second at most. */
  readonly others: number
}

export interface SocketListenerTools {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly deadlines: Deadlines
  readonly log: (event: ListenerEvent) => void
  readonly errors: ErrorCounts
  readonly counts: ClientCounts
}

/** One client of a listener. */
export interface ClientSession {
  /** Takes no more commands; ends when those in flight are answered. */
  drain(): void
  destroy(): void
}

export interface ListenerAddress {
  readonly host: string
  readonly port: number
}

/** Refused handshakes are told one by one only so often, in milliseconds. */
const TLS_REFUSED_EVERY_MS = 1_000

/** How long a handshake may still take when its listener closes. */
const HANDSHAKE_DRAIN_MS = 250

/** An address on which clients are served: what listeners of every protocol have in common. */
export abstract class SocketListener<S extends ClientSession> {
  readonly #tools: SocketListenerTools
  /** Told to a client above `clientsMax`. */
  readonly #refusal: string
  readonly #server: Server
  readonly #sessions = new Set<S>()
  readonly #handshakes = new Set<TlsHandshake | ProxyGreeting>()
  #address = ''
  #refusedAt = Number.NEGATIVE_INFINITY
  #refusedSince = 0
  #closed: Promise<void> | undefined
  #emptied: (() => void) | undefined
  /** The port, once it is open. */
  protected port = 0
  /** Certificates for new connections; absent: plain TCP. */
  protected tls: TlsContexts | undefined

  constructor(tools: SocketListenerTools, refusal: string) {
    this.#tools = tools
    this.#refusal = refusal
    // A client may end its side after its last command (`printf … | nc`) and still wants the replies.
    this.#server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, (socket) =>
      this.#accept(socket),
    )
  }

  /** Its clients. */
  protected get clients(): ReadonlySet<S> {
    return this.#sessions
  }

  /**
   * Begins to serve a connection, after its handshake when it is `secure`.
   * @param clientIp what the PROXY protocol said before the handshake
   */
  protected abstract open(socket: Socket, secure: boolean, clientIp?: string): S

  /** True where connections begin with a PROXY protocol header. Without TLS the session reads it. */
  protected get greeted(): boolean {
    return false
  }

  /** Protocols to choose from in a TLS handshake; none: the client does not ask. */
  protected get alpn(): readonly string[] {
    return NO_ALPN
  }

  protected get handshakeTimeoutMs(): number {
    return this.limits.tlsHandshakeTimeoutMs
  }

  get limits(): RouterLimits {
    return this.#tools.limits
  }

  get errors(): ErrorCounts {
    return this.#tools.errors
  }

  /**
   * Opens the address; port 0 takes a free one.
   * @throws RouterError PORT_IN_USE or LISTEN_FAILED, naming the address
   */
  listen(host: string, port: number): Promise<ListenerAddress> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError(error, host, port)))
      this.#server.listen({ host, port }, () => {
        // Later errors concern single connections that could not be accepted (no file descriptor left).
        this.#server.on('error', () => countError(this.errors, 'ACCEPT_FAILED'))
        const address = this.#server.address()
        this.port = typeof address === 'object' && address !== null ? address.port : port
        this.#address = `${host}:${this.port}`
        resolve({ host, port: this.port })
      })
    })
  }

  /** Stops accepting, lets commands in flight finish, and ends all connections after `drainTimeoutMs` at the latest. */
  close(drainTimeoutMs: number): Promise<void> {
    this.#closed ??= this.#drain(drainTimeoutMs)
    return this.#closed
  }

  ended(session: S): void {
    if (this.#sessions.delete(session)) this.#left()
  }

  #left(): void {
    this.#tools.counts.clientsOpen--
    if (this.#open === 0) this.#emptied?.()
  }

  get #open(): number {
    return this.#sessions.size + this.#handshakes.size
  }

  async #drain(drainTimeoutMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const { turn } = this.#tools
    turn.begin()
    for (const handshake of this.#handshakes) handshake.drain(turn.now + HANDSHAKE_DRAIN_MS)
    for (const session of this.#sessions) session.drain()
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainTimeoutMs)
        this.#emptied = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const handshake of this.#handshakes) handshake.destroy()
    for (const session of this.#sessions) session.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const { counts, limits } = this.#tools
    if (counts.clientsOpen >= limits.clientsMax || this.#closed !== undefined) {
      counts.clientsRefused++
      // The client may be gone before it reads this; nothing is lost then.
      socket.on('error', () => socket.destroy())
      // Who wants to speak TLS could not read it.
      if (this.tls === undefined) socket.write(this.#refusal)
      socket.destroySoon()
      return
    }
    counts.clientsOpen++
    counts.clientsAccepted++
    if (this.tls === undefined) this.#sessions.add(this.open(socket, false))
    else {
      socket.on('error', ignore)
      if (this.greeted) this.#greet(socket, this.tls)
      else this.#shakeHands(socket, this.tls)
    }
  }

  /** Reads the PROXY protocol header, which comes before TLS. */
  #greet(socket: Socket, tls: TlsContexts): void {
    const { deadlines, turn } = this.#tools
    turn.begin()
    const greeting = new ProxyGreeting(socket, {
      deadlines,
      deadline: turn.now + this.handshakeTimeoutMs,
      done: (clientIp) => {
        this.#handshakes.delete(greeting)
        this.#shakeHands(socket, tls, clientIp)
      },
      failed: () => {
        this.#handshakes.delete(greeting)
        countError(this.errors, 'PROXY_HEADER_FAILED')
        this.#left()
      },
    })
    this.#handshakes.add(greeting)
  }

  #shakeHands(socket: Socket, tls: TlsContexts, clientIp?: string): void {
    const { deadlines, turn } = this.#tools
    turn.begin()
    const timeoutMs = this.handshakeTimeoutMs
    const handshake = new TlsHandshake(tls.wrap(socket, this.alpn), {
      deadlines,
      deadline: turn.now + timeoutMs,
      timeoutMs,
      clientCertRequired: tls.clientCertRequired,
      done: (secured) => {
        turn.begin()
        this.#handshakes.delete(handshake)
        const session = this.open(secured, true, clientIp)
        this.#sessions.add(session)
        if (this.#closed !== undefined) session.drain()
      },
      failed: (client, cause) => {
        this.#handshakes.delete(handshake)
        countError(this.errors, 'TLS_HANDSHAKE_FAILED')
        if (cause !== undefined) this.#tellRefused(client, cause)
        this.#left()
      },
    })
    this.#handshakes.add(handshake)
  }

  /** A stranger must not be able to fill the log. */
  #tellRefused(client: string, cause: string): void {
    const { now } = this.#tools.turn
    if (now - this.#refusedAt < TLS_REFUSED_EVERY_MS) {
      this.#refusedSince++
      return
    }
    const others = this.#refusedSince
    this.#refusedAt = now
    this.#refusedSince = 0
    this.#tools.log({ type: 'tls-refused', listener: this.#address, client, cause, others })
  }
}

const NO_ALPN: readonly string[] = []

/** What happens to the connection under TLS is seen on the one above it. */
function ignore(): void {}

function listenError(error: Error, host: string, port: number): RouterError {
  const details = { host, port }
  if ('code' in error && error.code === 'EADDRINUSE')
    return new RouterError('PORT_IN_USE', `port ${port} on ${host} is in use`, details)
  return new RouterError(
    'LISTEN_FAILED',
    `cannot listen on ${host}:${port}: ${error.message}`,
    details,
  )
}
