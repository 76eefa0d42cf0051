import { describe, expect, it } from 'vitest'
import { createRouter, ROUTED_POOLS_MAX, RouterError } from '../../../src/index.ts'
import { type RedisPools, startPools, until } from '../../testing/caching.ts'
import { bulk } from '../../testing/fake-backend.ts'
import { onCleanup } from '../../testing/fixture.ts'
import { askLines, missingProgram, startMemcached } from '../../testing/memcached-server.ts'
import { RedisClient } from '../../testing/redis-client.ts'
import { askRedis, missingRedis } from '../../testing/redis-server.ts'
import { backendAt, memcachedPool, topologyMessage } from '../../testing/topologies.ts'

const ROUTES = [
  { prefix: 'user:', pool: 'users' },
  { prefix: 'user:session:', pool: 'sessions' },
]
const COUNTS = { cache: 2, users: 2, sessions: 1 }
const CROSSSLOT = "-CROSSSLOT Keys in request don't hash to the same slot\r\n"

const sizes = async ({ servers }: RedisPools) => {
  const all: Record<string, number> = {}
  for (const [name, members] of Object.entries(servers)) {
    const replies = await Promise.all(members.map(({ port }) => askRedis(port, 'DBSIZE')))
    all[name] = replies.reduce((sum, reply) => sum + Number(reply.slice(1)), 0)
  }
  return all
}

async function scanned(client: RedisClient): Promise<string[]> {
  const keys: string[] = []
  let cursor = '0'
  do {
    const reply = await client.ask(`SCAN ${cursor} COUNT 10`)
    const words = [...reply.matchAll(/\$\d+\r\n(.*)\r\n/g)].map(([, word = '']) => word)
    cursor = words[0] ?? '0'
    keys.push(...words.slice(1))
  } while (cursor !== '0')
  return keys.sort()
}

describe.skipIf(missingRedis() !== undefined)('a listener with several pools', () => {
  it('gives a key to the pool of its longest prefix, and splits what may be split', async () => {
    const pools = await startPools(COUNTS)
    const client = await pools.clientOf('cache', ROUTES)
    const keys = Array.from({ length: 40 }, (_, i) => [
      `k${i}`,
      `user:${i}`,
      `user:session:${i}`,
    ]).flat()
    expect(await client.ask(`MSET ${keys.map((key) => `${key} v-${key}`).join(' ')}`)).toBe(
      '+OK\r\n',
    )
    expect(await sizes(pools)).toEqual({ cache: 40, users: 40, sessions: 40 })
    client.send(['MGET', ...keys], ['EXISTS', ...keys, 'none'], ['GET', 'user:7'])
    expect(await client.replies(3)).toEqual([
      `*120\r\n${keys.map((key) => bulk(`v-${key}`)).join('')}`,
      ':120\r\n',
      bulk('v-user:7'),
    ])
    expect(await client.ask(`DEL ${keys.slice(0, 30).join(' ')}`)).toBe(':30\r\n')
    expect(await sizes(pools)).toEqual({ cache: 30, users: 30, sessions: 30 })
  })

  it('gathers from all pools what has no key', async () => {
    const pools = await startPools(COUNTS)
    const client = await pools.clientOf('cache', ROUTES)
    const keys = Array.from(
      { length: 60 },
      (_, i) => `${['a', 'user:', 'user:session:'][i % 3]}${i}`,
    )
    for (const key of keys) client.send(['SET', key, '1'])
    await client.replies(keys.length)
    expect(await client.ask('DBSIZE')).toBe(':60\r\n')
    expect(await scanned(client)).toEqual(keys.toSorted())
    expect((await client.ask('KEYS user:session:*')).slice(0, 5)).toBe('*20\r\n')
    expect(await client.ask('INFO keyspace')).toContain('keys=60')
    expect(await client.ask('RANDOMKEY')).toMatch(/^\$\d+/)
    expect(await client.ask('FLUSHALL')).toBe('+OK\r\n')
    expect(await sizes(pools)).toEqual({ cache: 0, users: 0, sessions: 0 })
  })

  it('takes a second pool for a second owner', async () => {
    const pools = await startPools(COUNTS)
    const client = await pools.clientOf('cache', ROUTES)
    // The same tag, and yet not the same servers.
    expect(await client.ask('SUNION {t}a user:{t}b')).toBe(CROSSSLOT)
    expect(await client.ask('SUNION user:{t}a user:{t}b')).toBe('*0\r\n')
    expect(await client.ask('EVAL return(1) 2 {t}a user:{t}b')).toBe(CROSSSLOT)
    client.send(
      ['MULTI'],
      ['SET', 'user:session:1', 'x'],
      ['GET', 'user:session:1'],
      ['EXEC'],
      ['MULTI'],
      ['SET', 'user:session:1', 'y'],
      ['SET', 'a', 'y'],
      ['EXEC'],
      ['WATCH', 'user:1'],
      ['MULTI'],
      ['SET', 'user:1', 'z'],
      ['EXEC'],
    )
    const replies = await client.replies(12)
    expect(replies[3]).toBe(`*2\r\n+OK\r\n${bulk('x')}`)
    expect(replies[6]).toBe(CROSSSLOT)
    expect(replies[7]).toMatch(/^-EXECABORT/)
    expect(replies[11]).toBe('*1\r\n+OK\r\n')
    expect(await sizes(pools)).toEqual({ cache: 0, users: 1, sessions: 1 })
    // A private connection is given back; and a topology with the same owners does not end it.
    client.send(['BLPOP', 'user:list', '10'])
    await until(
      () =>
        askRedis(pools.servers['users']?.[0]?.port ?? 0, 'INFO clients').then(
          async (one) =>
            one + (await askRedis(pools.servers['users']?.[1]?.port ?? 0, 'INFO clients')),
        ),
      (text) => text.includes('blocked_clients:1'),
    )
    pools.post({})
    const other = await pools.clientOf('users')
    expect(await other.ask('RPUSH user:list one')).toBe(':1\r\n')
    expect(await client.replies(1)).toEqual([`*2\r\n${bulk('user:list')}${bulk('one')}`])
  })

  it('repairs scripts, and serves channels, by the pool of their names', async () => {
    const pools = await startPools(COUNTS)
    const client = await pools.clientOf('cache', ROUTES)
    const sha = /\n(\w{40})\r/.exec(await client.ask('SCRIPT LOAD return(KEYS[1])'))?.[1]
    await askRedis(pools.servers['sessions']?.[0]?.port ?? 0, 'SCRIPT FLUSH')
    expect(await client.ask(`EVALSHA ${sha} 1 user:session:5`)).toBe(bulk('user:session:5'))

    const subscriber = await pools.clientOf('cache', ROUTES)
    subscriber.send(['SUBSCRIBE', 'user:news', 'news'], ['PSUBSCRIBE', '*:session:*'])
    expect(await subscriber.replies(3)).toHaveLength(3)
    expect(await client.ask('PUBLISH user:news hello')).toBe(':1\r\n')
    expect(await client.ask('PUBLISH news world')).toBe(':1\r\n')
    expect(await client.ask('PUBLISH user:session:x deep')).toBe(':1\r\n')
    const messages = await subscriber.replies(3)
    expect(messages.map((text) => [...text.matchAll(/\n(hello|world|deep)/g)].length)).toEqual([
      1, 1, 1,
    ])
    // Straight at its server: the channel is where its prefix says.
    const [one, two] = await Promise.all(
      (pools.servers['users'] ?? []).map(({ port }) => askRedis(port, 'PUBLISH user:news direct')),
    )
    expect([one, two].sort()).toEqual([':0\r\n', ':1\r\n'])
    expect((await subscriber.replies(1))[0]).toContain('direct')
  })

  it('takes other routes while clients are served; what was subscribed through the old ones ends', async () => {
    const { router } = await startPools(COUNTS)
    const place = { protocol: 'redis', host: '127.0.0.1', port: 0, pool: 'cache' } as const
    const listener = await router.listen({ ...place, routes: ROUTES })
    const connected = () => {
      const client = new RedisClient(listener.port)
      onCleanup(() => {
        client.socket.destroy()
      })
      return client
    }
    const [client, subscriber] = [connected(), connected()]
    await subscriber.ask('SUBSCRIBE user:news')
    expect(await client.ask('SET user:1 x')).toBe('+OK\r\n')
    // The same routes again are no change.
    listener.prepare({ ...place, routes: ROUTES })()
    expect(await client.ask('PUBLISH user:news hello')).toBe(':1\r\n')
    expect(() => listener.prepare({ ...place, routes: [{ prefix: '', pool: 'users' }] })).toThrow(
      'an empty prefix',
    )
    listener.prepare({ ...place, routes: [{ prefix: 'u', pool: 'sessions' }] })()
    await subscriber.closed
    expect(await client.ask('GET user:1')).toBe('$-1\r\n')
    listener.prepare(place)()
    expect(await client.ask('SET user:1 y')).toBe('+OK\r\n')
    expect(await client.ask('DBSIZE')).toBe(':1\r\n')
  })

  it('says which pool is missing, and serves the others', async () => {
    const pools = await startPools({ cache: 1 })
    const client = await pools.clientOf('cache', ROUTES)
    expect(await client.ask('SET a 1')).toBe('+OK\r\n')
    expect(await client.ask('GET user:1')).toBe('-ERR pool "users" is not in the topology\r\n')
    expect(await client.ask('BLPOP user:1 1')).toBe('-ERR pool "users" is not in the topology\r\n')
    expect(await client.ask('DBSIZE')).toContain('is not in the topology')
    expect(await client.ask('PING')).toBe('+PONG\r\n')
    expect(pools.router.counters().errors['NO_POOL']).toBeGreaterThanOrEqual(3)
  })

  it('refuses routes that say nothing, or two things, or too much', async () => {
    const { router } = await startPools({})
    const listen = (routes: readonly { prefix: string; pool: string }[]) =>
      router.listen({ protocol: 'redis', host: '127.0.0.1', port: 0, pool: 'cache', routes }).then(
        (listener) => listener.close().then(() => 'open'),
        (error: unknown) => (error instanceof RouterError ? error.message : String(error)),
      )
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ prefix: `p${i}:`, pool: `pool-${i}` }))
    expect(await listen([{ prefix: '', pool: 'a' }])).toContain('an empty prefix')
    expect(
      await listen([
        { prefix: 'a', pool: 'a' },
        { prefix: 'a', pool: 'b' },
      ]),
    ).toBe('two routes have the prefix "a"')
    expect(await listen(many(ROUTED_POOLS_MAX - 1))).toBe('open')
    expect(await listen(many(ROUTED_POOLS_MAX))).toBe('a listener has 257 pools; it may have 256')
  })
})

describe.skipIf(missingProgram('memcached') !== undefined)(
  'a memcached listener with several pools',
  () => {
    it('gives a key to the pool of its longest prefix, and gathers multi-gets', async () => {
      const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
      const [a, b, c] = servers.map(({ port }) => backendAt(port))
      const router = createRouter()
      onCleanup(() => router.close({ drainTimeoutMs: 0 }))
      if (a === undefined || b === undefined || c === undefined) return
      router.post(topologyMessage(1, memcachedPool([a, b]), memcachedPool([c], 'users')))
      const { port } = await router.listen({
        protocol: 'memcached',
        host: '127.0.0.1',
        port: 0,
        pool: 'items',
        routes: [{ prefix: 'user:', pool: 'users' }],
      })
      expect(
        await askLines(
          port,
          'set user:1 0 0 1\r\n1\r\nset k 0 0 1\r\n2\r\nset user:2 0 0 1 noreply\r\n3\r\nms user:3 1\r\n4\r\n',
          /HD\r\n$/,
        ),
      ).toBe('STORED\r\nSTORED\r\nHD\r\n')
      expect(await askLines(port, 'get k user:1 none user:2 user:3\r\n', /END\r\n$/)).toBe(
        'VALUE k 0 1\r\n2\r\nVALUE user:1 0 1\r\n1\r\nVALUE user:2 0 1\r\n3\r\nVALUE user:3 0 1\r\n4\r\nEND\r\n',
      )
      expect(await askLines(c.port, 'get k user:1 user:2 user:3\r\n', /END\r\n$/)).not.toContain(
        'VALUE k',
      )
      expect(await askLines(port, 'stats\r\n', /END\r\n$/)).toContain('STAT curr_items 4\r\n')
      expect(await askLines(port, 'version\r\n', /\r\n$/)).toMatch(/^VERSION/)
      expect(await askLines(port, 'flush_all\r\nget k user:1\r\n', /END\r\n$/)).toBe(
        'OK\r\nEND\r\n',
      )
    })
  },
)
