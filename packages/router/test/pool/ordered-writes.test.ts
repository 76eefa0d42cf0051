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

/** A key that router `home` orders, as the first of two routers sees it. */
async function keyAtHome(pool: Replicated, home: number): Promise<string> {
  const [first] = pool.routers
  const redis = first?.client() as RedisClient
  for (let i = 0; ; i++) {
    const before = first?.router.counters().pools['cache']?.ordered?.forwarded ?? 0
    await redis.ask(`SET home:${i} v`)
    const after = first?.router.counters().pools['cache']?.ordered?.forwarded ?? 0
    if (after > before === (home === 1)) return `home:${i}`
  }
}

const ordered = (pool: Replicated, index: number) =>
  pool.routers[index]?.router.counters().pools['cache']?.ordered

describe.skipIf(missingRedis() !== undefined)('a write whose home is another router', () => {
  it('keeps its place among the commands of its client', async () => {
    const pool = await startReplicated({ routers: 2, policy: ORDERED })
    const key = await keyAtHome(pool, 1)
    const redis = pool.routers[0]?.client() as RedisClient
    redis.send(['SET', key, '1'], ['GET', key], ['INCR', key], ['GET', key], ['MGET', key, 'other'])
    expect(await redis.replies(5)).toEqual([
      '+OK\r\n',
      '$1\r\n1\r\n',
      ':2\r\n',
      '$1\r\n2\r\n',
      '*2\r\n$1\r\n2\r\n$-1\r\n',
    ])
    redis.send(['HELLO', '3'], ['HSET', `{${key}}h`, 'f', 'v'], ['GETEX', key], ['SPOP', key])
    const [, hset, getex, wrong] = await redis.replies(4)
    expect([hset, getex]).toEqual([':1\r\n', '$1\r\n2\r\n'])
    expect(wrong).toMatch(/^-WRONGTYPE/)
  })

  it('is split by key, and scripts that a server does not know are repaired', async () => {
    const pool = await startReplicated({ routers: 2, policy: ORDERED })
    const redis = pool.routers[0]?.client() as RedisClient
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
    redis.send(
      ['MSET', ...keys.flatMap((key) => [key, '7'])],
      ['EXISTS', ...keys],
      ['DEL', ...keys],
    )
    expect(await redis.replies(3)).toEqual(['+OK\r\n', ':40\r\n', ':40\r\n'])
    const script = "return redis.call('INCR', KEYS[1])"
    for (const key of keys) expect(await redis.ask(`SET ${key} 1`)).toBe('+OK\r\n')
    redis.send(...keys.map((key) => ['EVAL', script, '1', key]))
    expect(new Set(await redis.replies(40))).toEqual(new Set([':2\r\n']))
    expect(await copiesEqual(pool)).toEqual([])
  })

  it('may have been applied when the link breaks after it was sent, and its copies are equal', async () => {
    const pool = await startReplicated({ routers: 2, policy: ORDERED })
    const key = await keyAtHome(pool, 1)
    const redis = pool.routers[0]?.client() as RedisClient
    pool.links.deafen(1)
    redis.send(['SET', key, 'late'], ['GET', key])
    await until(
      () => ordered(pool, 0)?.open,
      (open) => open === 2,
    )
    pool.links.cut(0, 1)
    const [set, get] = await redis.replies(2)
    expect(set).toMatch(
      /^-ERR pool "cache": router router-1.* was lost; the write may have been applied/,
    )
    expect(get).toBe('$1\r\nv\r\n')
    // Alone now, this router is the home.
    expect(await redis.ask(`SET ${key} new`)).toBe('+OK\r\n')
    expect(await copiesEqual(pool)).toEqual([])
  })

  it('goes to the next home when it was not sent', async () => {
    const pool = await startReplicated({ routers: 3, policy: ORDERED })
    const clients = clientsOf(pool, 1)
    const keys = Array.from({ length: 60 }, (_, i) => `n${i}`)
    const writing = clients.map(async (redis) => {
      const replies: string[] = []
      for (let round = 0; round < 30; round++) {
        redis.send(...keys.map((key) => ['APPEND', key, 'x']))
        replies.push(...(await redis.replies(keys.length)))
      }
      return replies
    })
    // Homes change back and forth under load.
    for (let change = 0; change < 3; change++) {
      await until(
        () => ordered(pool, 0)?.forwarded ?? 0,
        (forwarded) => forwarded > 300 * (change + 1),
      )
      pool.links.announce(0, [2])
      pool.links.announce(1, [2])
      pool.links.announce(2, [2])
      await until(
        () => ordered(pool, 1)?.waiting,
        (waiting) => waiting === 0,
      )
      pool.links.announceAll()
    }
    const replies = (await Promise.all(writing)).flat()
    expect(replies.filter((reply) => !reply.startsWith(':'))).toEqual([])
    expect(await copiesEqual(pool)).toEqual([])
    // Every APPEND counted once, whoever was the home.
    const redis = pool.routers[1]?.client() as RedisClient
    redis.send(...keys.map((key) => ['STRLEN', key]))
    expect(new Set(await redis.replies(keys.length))).toEqual(new Set([':90\r\n']))
  })

  it('comes back unrun from who is not its home, and is not forwarded for ever', async () => {
    const limits = { forwardTimeoutMs: 300 }
    const pool = await startReplicated({ routers: 2, policy: ORDERED, limits })
    const key = await keyAtHome(pool, 1)
    // Each takes the other for the home of everything.
    pool.links.announce(0, [0])
    pool.links.announce(1, [1])
    const redis = pool.routers[0]?.client() as RedisClient
    expect(await redis.ask(`SET ${key} v`)).toMatch(
      /^-ERR pool "cache": (no router took it for 300 ms; it was not applied|router router-1.* did not answer within 300 ms)/,
    )
    expect(ordered(pool, 0)?.returned).toBeGreaterThan(0)
  })

  it('is bounded in number and in size: at the limit, and one past', async () => {
    const limits = { forwardQueueMax: 3, forwardBytesMax: 100 }
    const pool = await startReplicated({ routers: 2, policy: ORDERED, limits })
    const key = await keyAtHome(pool, 1)
    const redis = pool.routers[0]?.client() as RedisClient
    const overhead = `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$50\r\n\r\n`.length
    const value = (bytes: number) => 'x'.repeat(bytes - overhead)
    expect(await redis.ask(`SET ${key} ${value(100)}`)).toBe('+OK\r\n')
    expect(await redis.ask(`SET ${key} ${value(101)}`)).toMatch(
      /has 101 bytes, and 100 is the most/,
    )
    expect(await redis.ask(`APPEND ${key} ${'y'.repeat(40)}`)).toMatch(/^:/)
    expect(await redis.ask(`GETSET ${key} small`)).toMatch(/larger than another router may carry/)
    pool.links.deafen(1)
    redis.send(...Array.from({ length: 4 }, () => ['INCR', `{${key}}n`]))
    await until(
      () => ordered(pool, 0)?.open,
      (open) => open === 3,
    )
    pool.links.hear(1)
    const replies = await redis.replies(4)
    expect(replies.slice(0, 3)).toEqual([':1\r\n', ':2\r\n', ':3\r\n'])
    expect(replies[3]).toMatch(/^-ERR .*3 commands .* which is the limit; this one was not applied/)
  })

  it('is not taken from a message that is no single command with a key', async () => {
    const pool = await startReplicated({ routers: 2, policy: ORDERED })
    const command = (...words: string[]) =>
      Buffer.from(
        `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`,
      )
    const hostile = [
      Buffer.alloc(0),
      Buffer.from('garbage'),
      Buffer.concat([command('SET', 'a', '1'), command('SET', 'b', '1')]),
      command('FLUSHALL'),
      command('BLPOP', 'a', '0'),
      command('SUBSCRIBE', 'a'),
      command('MULTI'),
      command('NOSUCH', 'a'),
      command('SET', 'a'),
    ]
    const sent = { resp: 2, hops: 1 } as const
    pool.routers[0]?.router.post({
      type: 'ordered',
      from: 'router-1',
      message: {
        pool: 'cache',
        type: 'commands',
        commands: hostile.map((bytes, i) => ({ id: i + 1, ...sent, bytes })),
      },
    })
    await until(
      () => pool.links.counts['replies'],
      (count) => count === 1,
    )
    expect(ordered(pool, 0)?.served).toBe(0)
  })

  it('is handed over by a router that closes: no write of others fails', async () => {
    const pool = await startReplicated({ routers: 2, policy: ORDERED })
    const redis = pool.routers[0]?.client() as RedisClient
    const keys = Array.from({ length: 50 }, (_, i) => `c${i}`)
    const writing = (async () => {
      const replies: string[] = []
      for (let round = 0; round < 40; round++) {
        redis.send(...keys.map((key) => ['INCR', key]))
        replies.push(...(await redis.replies(keys.length)))
      }
      return replies
    })()
    await until(
      () => ordered(pool, 0)?.forwarded ?? 0,
      (forwarded) => forwarded > 100,
    )
    await pool.routers[1]?.router.close()
    pool.links.cut(0, 1)
    expect((await writing).filter((reply) => reply.startsWith('-'))).toEqual([])
    expect(await copiesEqual(pool)).toEqual([])
  })
})
