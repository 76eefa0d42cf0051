import type { Socket } from 'node:net'
import type { MemcachedPool } from '../pool/pool.ts'
import type { Turn } from '../pool/turn.ts'
import type { SessionTraffic } from './command-session.ts'
import { type ListenerTls, TlsContexts } from './listener-tls.ts'
import { MemcachedSession, type MemcachedSessionHost } from './memcached-session.ts'
import type { ListenerCounts } from './redis-listener.ts'
import { SocketListener, type SocketListenerTools } from './socket-listener.ts'

export interface MemcachedListenerTools extends SocketListenerTools {
  readonly counts: ListenerCounts
  readonly poolNamed: (name: string) => MemcachedPool | undefined
}

const TOO_MANY = 'SERVER_ERROR max number of clients reached\r\n'

/** An address on which memcached clients of one pool are served. */
export class MemcachedListener
  extends SocketListener<MemcachedSession>
  implements MemcachedSessionHost
{
  readonly #tools: MemcachedListenerTools
  #pool: string

  /**
   * @param tls absent: plain TCP
   * @throws RouterError TLS_INVALID
   */
  constructor(pool: string, tools: MemcachedListenerTools, tls?: ListenerTls) {
    super(tools, TOO_MANY)
    this.#pool = pool
    this.tls = tls && new TlsContexts(tls)
    this.#tools = tools
  }

  get poolName(): string {
    return this.#pool
  }

  /**
   * Commands that come after the answer was called go to this pool, those of open connections too; certificates are those of
   * new connections.
   * @throws RouterError TLS_INVALID; then nothing is different
   */
  prepare(pool: string, tls?: ListenerTls): () => void {
    const contexts = tls && new TlsContexts(tls)
    return () => {
      this.#pool = pool
      this.tls = contexts
    }
  }

  get turn(): Turn {
    return this.#tools.turn
  }

  get traffic(): SessionTraffic {
    return this.#tools.counts
  }

  get pool(): MemcachedPool | undefined {
    return this.#tools.poolNamed(this.poolName)
  }

  protected open(socket: Socket): MemcachedSession {
    return new MemcachedSession(socket, this)
  }
}
