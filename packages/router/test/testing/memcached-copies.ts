import { connect, type Socket } from 'node:net'
import {
  type CopyPolicy,
  createRouter,
  DEFAULT_COPY_POLICY,
  type Router,
  type RouterEvent,
  type RouterMessage,
} from '../../src/index.ts'
import { QUICK } from './copies.ts'
import { onCleanup } from './fixture.ts'
import { askLines, type MemcachedServer, startMemcached } from './memcached-server.ts'
import { backendAt, memcachedPool, topologyMessage } from './topologies.ts'

/** A memcached client that sends lines and gets what comes back, reply by reply. */
export class LineClient {
  readonly #socket: Socket
  #text = ''
  #wake: (() => void) | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (bytes) => {
      this.#text += bytes.toString('latin1')
      this.#wake?.()
    })
    this.#socket.on('error', () => {})
    onCleanup(() => {
      this.#socket.destroy()
    })
  }

  /** One command, and everything up to the reply to `mn` behind it. */
  async ask(command: string): Promise<string> {
    this.#socket.write(Buffer.from(`${command}\r\nmn\r\n`, 'latin1'))
    while (!this.#text.endsWith('MN\r\n'))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    const reply = this.#text.slice(0, -'MN\r\n'.length)
    this.#text = ''
    return reply
  }
}

export interface MemcachedFixture {
  readonly servers: readonly MemcachedServer[]
  readonly routers: readonly Router[]
  readonly events: RouterEvent[]
  /** A client of one of the routers. */
  client(router?: number): LineClient
  /** The owners of a key, the first one first. */
  ownersOf(key: string): Promise<readonly MemcachedServer[]>
}

/** Real memcached servers behind routers that tell each other what is stale. */
export async function startMemcachedPool(options: {
  readonly servers?: number
  readonly routers?: number
  readonly replicas?: number
  readonly policy?: Partial<CopyPolicy>
}): Promise<MemcachedFixture> {
  const { servers: count = 3, routers: routerCount = 1, replicas = 2, policy } = options
  const servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
  const events: RouterEvent[] = []
  const routers: Router[] = []
  const ports: number[] = []
  for (let i = 0; i < routerCount; i++) {
    const router = createRouter({
      limits: QUICK,
      log: (event) => events.push(event),
      share: (message) => {
        for (const [j, other] of routers.entries())
          if (j !== i && !closed.has(other))
            other.post({ type: 'shared-keys', from: `router-${i}`, message } as RouterMessage)
      },
    })
    routers.push(router)
    onCleanup(async () => {
      closed.add(router)
      await router.close({ drainTimeoutMs: 1 })
    })
    const listener = await router.listen({
      protocol: 'memcached',
      host: '127.0.0.1',
      port: 0,
      pool: 'items',
    })
    ports.push(listener.port)
    router.post(
      topologyMessage(1, {
        ...memcachedPool(servers.map(({ port }) => backendAt(port))),
        replicas,
        copies: { ...DEFAULT_COPY_POLICY, ...policy },
      }),
    )
  }
  return {
    servers,
    routers,
    events,
    client: (router = 0) => new LineClient(ports[router] as number),
    ownersOf: async (key) => {
      const held = await Promise.all(servers.map(({ port }) => itemAt(port, key)))
      return servers.filter((_, i) => held[i] !== undefined)
    },
  }
}

const closed = new Set<Router>()

/** What a server has under a key: flags and value; the time to live is not compared. */
export async function itemAt(port: number, key: string): Promise<string | undefined> {
  const reply = await askLines(port, `mg ${key} f v\r\n`, /^(EN\r\n|VA [\s\S]*\r\n[\s\S]*\r\n)$/)
  return reply === 'EN\r\n' ? undefined : reply
}
