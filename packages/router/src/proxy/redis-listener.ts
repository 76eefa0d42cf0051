import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { HereFacts } from '../plan/answer-here.ts'
import { type ClientFilter, fits } from '../plan/client-state.ts'
import type { Pool } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import type { SessionTraffic } from './command-session.ts'
import { type ListenerTls, TlsContexts } from './listener-tls.ts'
import type { ScriptCache } from './script-cache.ts'
import { Session, type SessionHost } from './session.ts'
import { type ClientCounts, SocketListener, type SocketListenerTools } from './socket-listener.ts'

/** Counts of all listeners of one router. */
export interface ListenerCounts extends SessionTraffic, ClientCounts {}

export interface ListenerTools extends SocketListenerTools {
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

/** A user of a listener and a password of theirs. */
export interface ListenerAuth {
  /** Who gives a password alone means `default`. @defaultValue 'default' */
  readonly user?: string
  readonly password: string
}

export interface RedisListenerSettings {
  /** Clients have to say one of these before they are served; a user may have several passwords. Absent: nobody is asked. */
  readonly auth?: readonly ListenerAuth[]
  /** Absent: plain TCP. */
  readonly tls?: ListenerTls
}

const TOO_MANY = '-ERR max number of clients reached\r\n'

/** An address on which Redis clients of one pool are served. */
export class RedisListener extends SocketListener<Session> implements SessionHost {
  readonly #tools: ListenerTools
  #pool: string
  /** Digests of the logins that open it; none: it is open. */
  #logins: readonly Buffer[]

  /** @throws RouterError TLS_INVALID */
  constructor(pool: string, tools: ListenerTools, settings: RedisListenerSettings = {}) {
    super(tools, TOO_MANY)
    const { logins, contexts } = compile(settings)
    this.#pool = pool
    this.#logins = logins
    this.tls = contexts
    this.#tools = tools
  }

  get poolName(): string {
    return this.#pool
  }

  /**
   * Commands that come after the answer was called go to this pool, those of open connections too. Who has said a password is
   * not asked again, as in Redis; certificates are those of new connections.
   * @throws RouterError TLS_INVALID; then nothing is different
   */
  prepare(pool: string, settings: RedisListenerSettings): () => void {
    const { logins, contexts } = compile(settings)
    return () => {
      this.#pool = pool
      this.#logins = logins
      this.tls = contexts
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
    return this.#logins.length > 0
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
    if (!this.passwordNeeded) return user === DEFAULT_USER
    // The name is given as one character per byte.
    const said = digestOf(Buffer.from(user, 'latin1'), password)
    let right = false
    // All are compared, whatever the first ones say: the time tells nothing.
    for (const login of this.#logins) if (timingSafeEqual(said, login)) right = true
    return right
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

function compile({ auth = [], tls }: RedisListenerSettings) {
  return {
    logins: auth.map(({ user = DEFAULT_USER, password }) =>
      digestOf(Buffer.from(user), Buffer.from(password)),
    ),
    contexts: tls && new TlsContexts(tls),
  }
}

const DEFAULT_USER = 'default'

/** Logins are compared as digests: equally long, whatever a client sends. The length tells a user from a password. */
function digestOf(name: Uint8Array, password: Uint8Array): Buffer {
  return createHash('sha256').update(`${name.length}:`).update(name).update(password).digest()
}
