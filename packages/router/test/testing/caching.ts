import type { PoolRoute, PoolTopology } from '../../src/index.ts'
import { QUICK } from './copies.ts'
import { type Fixture, onCleanup, startRouter } from './fixture.ts'
import { RedisClient } from './redis-client.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import { backendAt, redisPool, topologyMessage } from './topologies.ts'

/** What a pool says beyond its servers. */
export type PoolExtras = Partial<Omit<PoolTopology, 'name' | 'protocol' | 'backends'>>

export interface RedisPools extends Fixture {
  /** By pool, in the order of the pool. */
  readonly servers: Readonly<Record<string, readonly RedisServer[]>>
  post(extras: Readonly<Record<string, PoolExtras>>): void
  /** A client of a listener of its own. */
  clientOf(pool: string, routes?: readonly PoolRoute[]): Promise<RedisClient>
}

/** A router over pools of so many real servers. */
export async function startPools(
  counts: Readonly<Record<string, number>>,
  extras: Readonly<Record<string, PoolExtras>> = {},
  limits = {},
): Promise<RedisPools> {
  const servers: Record<string, readonly RedisServer[]> = {}
  for (const [name, count] of Object.entries(counts))
    servers[name] = await Promise.all(Array.from({ length: count }, () => startRedis()))
  const fixture = await startRouter({ ...QUICK, ...limits })
  let epoch = 0
  const post = (by: Readonly<Record<string, PoolExtras>>) => {
    const pools = Object.entries(servers).map(([name, all]) => {
      const backends = all.map(({ port }) => backendAt(port))
      return { ...redisPool(backends, name), ...by[name] }
    })
    fixture.router.post(topologyMessage(++epoch, ...pools))
  }
  post(extras)
  return {
    ...fixture,
    servers,
    post,
    clientOf: async (pool, routes = []) => {
      const place = { protocol: 'redis', host: '127.0.0.1', port: 0 } as const
      const { port } = await fixture.router.listen({ ...place, pool, routes })
      const client = new RedisClient(port)
      onCleanup(() => {
        client.socket.destroy()
      })
      return client
    },
  }
}

/** Asks until the answer is this one; the last answer when it is not in time. */
export async function until<T>(
  ask: () => Promise<T> | T,
  good: (answer: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const answer = await ask()
    if (good(answer) || performance.now() > deadline) return answer
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
