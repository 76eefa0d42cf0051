import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import {
  createRouter,
  type HttpLimits,
  type HttpListenerOptions,
  type HttpPoolTopology,
  type Listener,
  type Router,
  type RouterEvent,
} from '../../src/index.ts'
import type { BackendTopology, PoolTopology } from '../../src/topology.ts'
import { onCleanup } from './fixture.ts'
import { backendAt, topologyMessage } from './topologies.ts'

export interface HttpFixture {
  readonly router: Router
  readonly listener: Listener
  readonly events: RouterEvent[]
  client(): RawClient
}

export function httpPool(
  backends: readonly BackendTopology[],
  http: HttpPoolTopology = {},
  name = 'app',
): PoolTopology {
  const placement = {
    placement: 'ringway',
    keyHash: 'xxh32',
    pointsPerWeight: 256,
    hashTags: true,
  } as const
  return { name, protocol: 'http', placement, replicas: 1, digest: '', backends, http }
}

/** A router on a free port in front of the pool `app`. */
export async function startHttpRouter(
  ports: readonly number[],
  options: {
    readonly limits?: Partial<HttpLimits>
    readonly listener?: Partial<HttpListenerOptions>
    readonly pool?: HttpPoolTopology
    readonly now?: () => number
  } = {},
): Promise<HttpFixture> {
  const events: RouterEvent[] = []
  const router = createRouter({
    http: options.limits ?? {},
    random: () => 0.5,
    ...(options.now && { now: options.now }),
    log: (event) => events.push(event),
  })
  onCleanup(() => router.close({ drainTimeoutMs: 1 }))
  router.post(
    topologyMessage(
      1,
      httpPool(
        ports.map((port) => backendAt(port)),
        options.pool,
      ),
    ),
  )
  const listener = await router.listen({
    protocol: 'http',
    host: '127.0.0.1',
    port: 0,
    routes: [{ pool: 'app', key: ['header:x-key'] }],
    ...options.listener,
  })
  return { router, listener, events, client: () => new RawClient(listener.port) }
}

/** An application on a free port. */
export async function startApp(handler: RequestListener): Promise<number> {
  const server = createHttpServer(handler)
  onCleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  return await listening(server)
}

/** A server that answers with bytes, whatever it is asked: one handler per connection. */
export async function startRawServer(handler: (socket: Socket) => void, port = 0): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    handler(socket)
  })
  onCleanup(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return await listening(server, port)
}

/** A port that refuses connections. */
export async function refusedPort(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function listening(server: Server, port = 0): Promise<number> {
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

const DEADLINE_MS = 10_000

/** A client that sends bytes as they are. */
export class RawClient {
  readonly socket: Socket
  text = ''
  ended = false
  #changed: (() => void)[] = []

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1')
      this.#tell()
    })
    const end = () => {
      this.ended = true
      this.#tell()
    }
    this.socket.on('end', end)
    this.socket.on('error', end)
    this.socket.on('close', end)
    onCleanup(() => {
      this.socket.destroy()
    })
  }

  send(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Resolves with all text so far, once it holds this; rejects after a deadline. */
  async until(what: string | RegExp): Promise<string> {
    const holds = () => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text))
    await this.#wait(holds, String(what))
    return this.text
  }

  /** Resolves with all text once the router has closed the connection. */
  async closed(): Promise<string> {
    await this.#wait(() => this.ended, 'the end')
    return this.text
  }

  async #wait(holds: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS
    while (!holds()) {
      const left = deadline - performance.now()
      if (left <= 0 || (this.ended && what !== 'the end'))
        throw new Error(`waited for ${what}, got ${JSON.stringify(this.text)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#changed.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  #tell(): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }
}
