import { afterEach } from 'vitest'
import {
  createRouter,
  type Listener,
  type PoolDriver,
  type Router,
  type RouterEvent,
  type RouterLimits,
  type RouterOptions,
} from '../../src/index.ts'
import { type Behaviour, FakeBackend } from './fake-backend.ts'
import { RedisClient } from './redis-client.ts'
import { backendAt, redisPool, storePool, topologyMessage } from './topologies.ts'

export interface Fixture {
  readonly router: Router
  readonly listener: Listener
  readonly events: RouterEvent[]
  client(): RedisClient
  /** Resolves at the next event of this type. */
  event(type: RouterEvent['type']): Promise<void>
}

const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export function onCleanup(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup)
}

/** A router on a free port in front of the pool `cache`. */
export async function startRouter(
  limits: Partial<RouterLimits> = {},
  options: Partial<RouterOptions> = {},
): Promise<Fixture> {
  const events: RouterEvent[] = []
  const waiters: { readonly type: string; readonly resolve: () => void }[] = []
  const router = createRouter({
    ...options,
    limits,
    random: () => 0.5,
    log: (event) => {
      events.push(event)
      for (const waiter of waiters.splice(0))
        if (waiter.type === event.type) waiter.resolve()
        else waiters.push(waiter)
    },
  })
  onCleanup(() => router.close({ drainTimeoutMs: 1 }))
  const listener = await router.listen({
    protocol: 'redis',
    host: '127.0.0.1',
    port: 0,
    pool: 'cache',
  })
  return {
    router,
    listener,
    events,
    client: () => {
      const client = new RedisClient(listener.port)
      onCleanup(() => {
        client.socket.destroy()
      })
      return client
    },
    event: (type) =>
      new Promise((resolve) => {
        waiters.push({ type, resolve })
      }),
  }
}

/** A router whose pool is served by a function instead of the embedded store. */
export async function startStoreRouter(
  driver: PoolDriver,
  limits: Partial<RouterLimits> = {},
): Promise<Fixture> {
  const fixture = await startRouter(limits)
  fixture.router.post(topologyMessage(1, storePool('cache')))
  fixture.router.attachPool('cache', driver)
  return fixture
}

/** A router over fake backends with these behaviours. */
export async function startStaticRouter(
  behaviours: readonly Behaviour[],
  limits: Partial<RouterLimits> = {},
): Promise<Fixture & { readonly backends: readonly FakeBackend[] }> {
  const backends = await Promise.all(behaviours.map((behaviour) => startBackend(behaviour)))
  const fixture = await startRouter(limits)
  const topologies = backends.map(({ port }) => backendAt(port))
  fixture.router.post(topologyMessage(1, redisPool(topologies)))
  return { ...fixture, backends }
}

export async function startBackend(behaviour: Behaviour, port = 0): Promise<FakeBackend> {
  const backend = await new FakeBackend(behaviour).listen(port)
  onCleanup(() => backend.kill())
  return backend
}
