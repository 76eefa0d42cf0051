import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { HereFacts } from '../plan/answer-here.ts'
import { type ClientFilter, fits } from '../plan/client-state.ts'
import type { Pool } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import type { SessionTraffic } from './command-session.ts'
import type { ScriptCache } from './script-cache.ts'
import { Session, type SessionHost } from './session.ts'
import { type ClientCounts, SocketListener, type SocketListenerTools } from './socket-listener.ts'

/** Counts of all listeners of one router. */
export interface ListenerCounts extends SessionTraffic, ClientCounts {}

export interface ListenerTools extends SocketListenerTools {
  readonly turn: Turn
  readonly counts: ListenerCounts
  readonly poolNamed: (name: string) => Pool | undefined
  readonly facts: (pool: string, port: number) => RouterFacts
  readonly scriptsOf: (pool: string) => ScriptCache
  /** A number for each client, counted over all listeners. */
  readonly nextClientId: () => number
}

/** What the router knows; the rest of {@link HereFacts} is the listener's. */
export type RouterFacts = Omit<
  HereFacts,
  'passwordNeeded' | 'authenticate' | 'clientList' | 'killClients' | 'unblockClient' | 'clientsMax'
>

/** What clients of a listener have to say before it serves them. */
export interface ListenerAuth {
  /** @defaultValue 'default' */
  readonly user?: string
  readonly password: string
}

/** What opens a listener. */
interface Login {
  readonly user: string
  readonly digest: Buffer
}

const TOO_MANY = '-ERR max number of clients reached\r\n'

/** An address on which Redis clients of one pool are served. */
export class RedisListener extends SocketListener<Session> implements SessionHost {
  readonly #tools: ListenerTools
  #pool: string
  #auth: Login | undefined

  constructor(pool: string, tools: ListenerTools, auth?: ListenerAuth) {
    super(tools, TOO_MANY)
    this.#pool = pool
    this.#auth = loginOf(auth)
    this.#tools = tools
  }

  get poolName(): string {
    return this.#pool
  }

  /**
   * Commands that come after the answer was called go to this pool, those of open connections too. Who has said a password is
   * not asked again, as in Redis.
   */
  prepare(pool: string, auth?: ListenerAuth): () => void {
    const login = loginOf(auth)
    return () => {
      this.#pool = pool
      this.#auth = login
    }
  }

  get turn(): Turn {
    return this.#tools.turn
  }

  get traffic(): SessionTraffic {
    return this.#tools.counts
  }

  get pool(): Pool | undefined {
    return this.#tools.poolNamed(this.poolName)
  }

  get scripts(): ScriptCache {
    return this.#tools.scriptsOf(this.poolName)
  }

  get passwordNeeded(): boolean {
    return this.#auth !== undefined
  }

  facts(): HereFacts {
    return {
      ...this.#tools.facts(this.poolName, this.port),
      clientsMax: this.limits.clientsMax,
      passwordNeeded: this.passwordNeeded,
      authenticate: (user, password) => this.#authenticate(user, password),
      clientList: () => Array.from(this.clients, ({ client }) => client),
      killClients: (filter, exceptId) => this.#kill(filter, exceptId),
      unblockClient: (id, withError) => this.#unblock(id, withError),
    }
  }

  /** Without a password the default user has any, as in Redis. */
  #authenticate(user: string, password: Uint8Array): boolean {
    if (this.#auth === undefined) return user === 'default'
    // Both are compared, whatever the first one says: the time tells nothing.
    const right = timingSafeEqual(digestOf(password), this.#auth.digest)
    return right && user === this.#auth.user
  }

  #kill(filter: ClientFilter, exceptId: number | undefined): number {
    const found = [...this.clients].filter(
      ({ client }) => client.id !== exceptId && fits(client, filter),
    )
    for (const session of found) session.drain()
    return found.length
  }

  #unblock(id: number, withError: boolean): boolean {
    for (const session of this.clients)
      if (session.client.id === id) return session.unblock(withError)
    return false
  }

  protected open(socket: Socket): Session {
    return new Session(socket, this.#tools.nextClientId(), this)
  }
}

function loginOf(auth: ListenerAuth | undefined): Login | undefined {
  if (auth === undefined) return undefined
  return { user: auth.user ?? 'default', digest: digestOf(Buffer.from(auth.password)) }
}

/** Passwords are compared as digests: equally long, whatever a client sends. */
function digestOf(password: Uint8Array): Buffer {
  return createHash('sha256').update(password).digest()
}
