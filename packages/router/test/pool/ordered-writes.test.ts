import { describe, expect, it } from 'vitest'
import { differences, type Replicated, startReplicated } from '../testing/copies.ts'
import { randomCommand, randomFrom } from '../testing/random-commands.ts'
import type { RedisClient } from '../testing/redis-client.ts'
import { missingRedis } from '../testing/redis-server.ts'
import { until } from '../testing/until.ts'

const ORDERED = { orderWrites: true } as const

const copiesEqual = ({ ports }: Replicated) =>
  until(
    () => differences(ports, 2),
    (found) => found.length === 0,
  )

function clientsOf({ routers }: Replicated, each: number): RedisClient[] {
  return routers.flatMap((router) => Array.from({ length: each }, () => router.client()))
}

/** Random commands over few keys from several clients of every router at once. */
async function contend(pool: Replicated, rounds: number, seed: number): Promise<void> {
  const clients = clientsOf(pool, 3)
  for (const [i, redis] of clients.entries()) if (i % 3 === 1) await redis.ask('HELLO 3')
  await Promise.all(
    clients.map(async (redis, i) => {
      const random = randomFrom(seed + i)
      for (let round = 0; round < rounds; round++) {
        const commands = Array.from({ length: 25 }, () => randomCommand(random))
        redis.send(...commands)
        expect(await redis.replies(commands.length)).toHaveLength(commands.length)
      }
    }),
  )
}

describe.skipIf(missingRedis() !== undefined)('orderWrites', () => {
  it('keeps copies equal though clients of two routers write the same keys', async () => {
    const seed = 20261124
    const pool = await startReplicated({ routers: 2, policy: ORDERED })
    await contend(pool, 40, seed)
    expect(await copiesEqual(pool), `seed ${seed}`).toEqual([])
    const counters = pool.routers.map(({ router }) => router.counters().pools['cache']?.ordered)
    for (const ordered of counters) {
      expect(ordered?.forwarded).toBeGreaterThan(100)
      expect(ordered).toMatchObject({ unknown: 0, open: 0, waiting: 0 })
    }
  })
})
