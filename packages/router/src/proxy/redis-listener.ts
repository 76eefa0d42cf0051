import { createServer, type Server, type Socket } from 'node:net'
import { RouterError } from '../errors.ts'
import type { RouterLimits } from '../limits.ts'
import type { HereFacts } from '../plan/answer-here.ts'
import { countError, type ErrorCounts, type Pool } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import { Session, type SessionHost, type SessionTraffic } from './session.ts'

/** Counts of all listeners of one router. */
export interface ListenerCounts extends SessionTraffic {
  clientsOpen: number
  clientsAccepted: number
  clientsRefused: number
}

export interface ListenerTools {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly errors: ErrorCounts
  readonly counts: ListenerCounts
  readonly poolNamed: (name: string) => Pool | undefined
  readonly facts: (pool: string, port: number) => HereFacts
  /** A number for each client, counted over all listeners. */
  readonly nextClientId: () => number
}

export interface ListenerAddress {
  readonly host: string
  readonly port: number
}

const TOO_MANY = '-ERR max number of clients reached\r\n'

/** An address on which Redis clients of one pool are served. */
export class RedisListener implements SessionHost {
  readonly poolName: string
  readonly #tools: ListenerTools
  readonly #server: Server
  readonly #sessions = new Set<Session>()
  #port = 0
  #closed: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(pool: string, tools: ListenerTools) {
    this.poolName = pool
    this.#tools = tools
    // A client may end its side after its last command (`printf … | nc`) and still wants the replies.
    this.#server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, (socket) =>
      this.#accept(socket),
    )
  }

  get limits(): RouterLimits {
    return this.#tools.limits
  }

  get turn(): Turn {
    return this.#tools.turn
  }

  get errors(): ErrorCounts {
    return this.#tools.errors
  }

  get traffic(): SessionTraffic {
    return this.#tools.counts
  }

  get pool(): Pool | undefined {
    return this.#tools.poolNamed(this.poolName)
  }

  facts(): HereFacts {
    return this.#tools.facts(this.poolName, this.#port)
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
        this.#port = typeof address === 'object' && address !== null ? address.port : port
        resolve({ host, port: this.#port })
      })
    })
  }

  /** Stops accepting, lets commands in flight finish, and ends all connections after `drainTimeoutMs` at the latest. */
  close(drainTimeoutMs: number): Promise<void> {
    this.#closed ??= this.#drain(drainTimeoutMs)
    return this.#closed
  }

  ended(session: Session): void {
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
    const { counts, limits, nextClientId } = this.#tools
    if (counts.clientsOpen >= limits.clientsMax || this.#closed !== undefined) {
      counts.clientsRefused++
      // The client may be gone before it reads this; nothing is lost then.
      socket.on('error', () => socket.destroy())
      socket.write(TOO_MANY)
      socket.destroySoon()
      return
    }
    counts.clientsOpen++
    counts.clientsAccepted++
    this.#sessions.add(new Session(socket, nextClientId(), this))
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
