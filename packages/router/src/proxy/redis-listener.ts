import type { Socket } from 'node:net'
import type { HereFacts } from '../plan/answer-here.ts'
import type { Pool } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import { Session, type SessionHost, type SessionTraffic } from './session.ts'
import { type ClientCounts, SocketListener, type SocketListenerTools } from './socket-listener.ts'

/** Counts of all listeners of one router. */
export interface ListenerCounts extends SessionTraffic, ClientCounts {}

export interface ListenerTools extends SocketListenerTools {
  readonly turn: Turn
  readonly counts: ListenerCounts
  readonly poolNamed: (name: string) => Pool | undefined
  readonly facts: (pool: string, port: number) => HereFacts
  /** A number for each client, counted over all listeners. */
  readonly nextClientId: () => number
}

const TOO_MANY = '-ERR max number of clients reached\r\n'

/** An address on which Redis clients of one pool are served. */
export class RedisListener extends SocketListener<Session> implements SessionHost {
  readonly poolName: string
  readonly #tools: ListenerTools

  constructor(pool: string, tools: ListenerTools) {
    super(tools, TOO_MANY)
    this.poolName = pool
    this.#tools = tools
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

  facts(): HereFacts {
    return this.#tools.facts(this.poolName, this.port)
  }

  protected open(socket: Socket): Session {
    return new Session(socket, this.#tools.nextClientId(), this)
  }
}
