import { createServer, type Server, type Socket } from 'node:net'
import { RouterError } from '../errors.ts'
import type { RouterLimits } from '../limits.ts'
import { countError, type ErrorCounts } from '../pool/pool.ts'

/** Counts of all listeners of one router. */
export interface ClientCounts {
  clientsOpen: number
  clientsAccepted: number
  clientsRefused: number
}

export interface SocketListenerTools {
  readonly limits: RouterLimits
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

/** An address on which clients are served: what listeners of every protocol have in common. */
export abstract class SocketListener<S extends ClientSession> {
  readonly #tools: SocketListenerTools
  /** Told to a client above `clientsMax`. */
  readonly #refusal: string
  readonly #server: Server
  readonly #sessions = new Set<S>()
  #closed: Promise<void> | undefined
  #emptied: (() => void) | undefined
  /** The port, once it is open. */
  protected port = 0

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

  protected abstract open(socket: Socket): S

  /** One session goes on as another: a handshake as what was agreed. */
  protected replace(before: S, after: S): void {
    if (!this.#sessions.delete(before)) {
      after.destroy()
      return
    }
    this.#sessions.add(after)
    if (this.#closed !== undefined) after.drain()
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
    if (!this.#sessions.delete(session)) return
    this.#tools.counts.clientsOpen--
    if (this.#sessions.size === 0) this.#emptied?.()
  }

  async #drain(drainTimeoutMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.drain()
    if (this.#sessions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainTimeoutMs)
        this.#emptied = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const session of this.#sessions) session.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const { counts, limits } = this.#tools
    if (counts.clientsOpen >= limits.clientsMax || this.#closed !== undefined) {
      counts.clientsRefused++
      // The client may be gone before it reads this; nothing is lost then.
      socket.on('error', () => socket.destroy())
      socket.write(this.#refusal)
      socket.destroySoon()
      return
    }
    counts.clientsOpen++
    counts.clientsAccepted++
    this.#sessions.add(this.open(socket))
  }
}

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
