import { describe, expect, it } from 'vitest'
import { createRouter } from '../../../src/index.ts'
import { startPools, until } from '../../testing/caching.ts'
import { QUICK } from '../../testing/copies.ts'
import { bulk } from '../../testing/fake-backend.ts'
import { onCleanup } from '../../testing/fixture.ts'
import { keysOf } from '../../testing/keys.ts'
import {
  askLines,
  type MemcachedServer,
  missingProgram,
  startMemcached,
} from '../../testing/memcached-server.ts'
import { askRedis, missingRedis, type RedisServer } from '../../testing/redis-server.ts'
import { backendAt, memcachedPool, topologyMessage } from '../../testing/topologies.ts'

const TTL_MS = 60_000
const failover = { pool: 'gutter', ttlMs: TTL_MS }

describe.skipIf(missingRedis() !== undefined)('a failover pool', () => {
  it('has the keys of a lost owner meanwhile; no old value shows when that is back', async () => {
    const pools = await startPools({ cache: 2, gutter: 2 }, { cache: { failover } })
    const { servers, router, events } = pools
    const client = await pools.clientOf('cache')
    const [lost, other] = servers['cache'] as readonly [RedisServer, RedisServer]
    const ports = [lost.port, other.port]
    const [gone, kept] = [keysOf(lost.port, ports, 60), keysOf(other.port, ports, 20)]
    for (const key of [...gone, ...kept]) client.send(['SET', key, 'old'])
    await client.replies(80)

    lost.process.kill('SIGSTOP')
    // The first read finds out, and is not there.
    expect(await client.ask(`GET ${gone[0]}`)).toBe('$-1\r\n')
    for (const key of [...gone.slice(0, 30), ...kept]) client.send(['SET', key, 'new'])
    expect(new Set(await client.replies(50))).toEqual(new Set(['+OK\r\n']))
    expect(
      await client.ask(
        `MSET ${gone
          .slice(30, 40)
          .map((key) => `${key} new`)
          .join(' ')} ${kept[0]} new`,
      ),
    ).toBe('+OK\r\n')
    // A shorter life stays as it is.
    expect(await client.ask(`SET ${gone[40]} new PX 5000`)).toBe('+OK\r\n')
    expect(await client.ask(`DEL ${gone.slice(41, 60).join(' ')}`)).toBe(':0\r\n')
    expect(await client.ask(`MGET ${gone[0]} ${kept[1]} ${gone[30]} ${gone[41]} ${gone[39]}`)).toBe(
      `*5\r\n${bulk('new')}${bulk('new')}${bulk('new')}$-1\r\n${bulk('new')}`,
    )
    expect(await client.ask(`EVAL return(redis.call('GET',KEYS[1])) 1 ${gone[1]}`)).toBe(
      bulk('new'),
    )
    expect(await client.ask(`BLPOP ${gone[1]} 1`)).toMatch(
      /^-ERR pool "cache": its keys are in pool "gutter"/,
    )
    const ttls = await Promise.all(
      (servers['gutter'] ?? []).flatMap(({ port }) =>
        gone.slice(0, 41).map((key) => askRedis(port, `PTTL ${key}`)),
      ),
    )
    const lives = ttls.map((reply) => Number(reply.slice(1))).filter((ms) => ms !== -2)
    expect(lives).toHaveLength(41)
    expect(lives.filter((ms) => ms <= 0 || ms > TTL_MS)).toEqual([])
    expect(lives.filter((ms) => ms <= 5_000)).toHaveLength(1)
    // The neighbour on the ring gets none of them.
    expect(await askRedis(other.port, 'DBSIZE')).toBe(':20\r\n')
    expect(router.counters().pools['cache']?.caching?.failedOver).toBeGreaterThan(60)

    const ended = pools.event('failover-ended')
    lost.process.kill('SIGCONT')
    await ended
    for (const key of gone) client.send(['GET', key])
    const seen = await client.replies(60)
    // The first was only read meanwhile; the others were written or deleted.
    expect(seen.filter((reply) => reply === bulk('old'))).toEqual([])
    await until(
      () => askRedis(lost.port, 'DBSIZE'),
      (reply) => reply === ':0\r\n',
    )
    expect(await askRedis(lost.port, 'DBSIZE')).toBe(':0\r\n')
    expect(await client.ask(`SET ${gone[0]} newer`)).toBe('+OK\r\n')
    expect(await askRedis(lost.port, `GET ${gone[0]}`)).toBe(bulk('newer'))
    const told = events.filter(({ type }) => type.startsWith('failover'))
    expect(told).toEqual([
      { type: 'failover-began', pool: 'cache', to: 'gutter' },
      { type: 'failover-ended', pool: 'cache', to: 'gutter' },
    ])
  })

  it('is for owners: with replicas the last of them has to be lost, and a drained one is not', async () => {
    const pools = await startPools({ cache: 3, gutter: 1 }, { cache: { failover, replicas: 2 } })
    const client = await pools.clientOf('cache')
    const servers = pools.servers['cache'] ?? []
    const ports = servers.map(({ port }) => port)
    const [key = ''] = keysOf(ports[0] ?? 0, ports, 1)
    expect(await client.ask(`SET ${key} 1`)).toBe('+OK\r\n')
    await servers[0]?.kill()
    await until(
      () => client.ask(`GET ${key}`),
      (reply) => reply === bulk('1'),
    )
    expect(await client.ask(`SET ${key} 2`)).toBe('+OK\r\n')
    expect(pools.router.counters().pools['cache']?.caching?.failedOver).toBe(0)
    await servers[1]?.kill()
    await servers[2]?.kill()
    await until(
      () => client.ask(`SET ${key} 3`),
      (reply) => reply === '+OK\r\n',
    )
    expect(await client.ask(`GET ${key}`)).toBe(bulk('3'))
    expect(pools.router.counters().pools['cache']?.caching?.failedOver).toBeGreaterThan(0)
    // Nothing else can be reached: the pool says so itself.
    await pools.servers['gutter']?.[0]?.kill()
    const reply = await until(
      () => client.ask(`GET ${key}`),
      (text) => text.includes('pool "cache"'),
    )
    expect(reply).toMatch(/^-ERR pool "cache": no backend can be reached/)
  })

  it('moves nothing from a pool whose server is drained', async () => {
    const pools = await startPools({ cache: 2, gutter: 1 }, { cache: { failover } })
    const client = await pools.clientOf('cache')
    const backends = (pools.servers['cache'] ?? []).map(({ port }, i) =>
      backendAt(port, i === 0 ? 'draining' : 'up'),
    )
    pools.post({ cache: { failover, backends } as never })
    for (let i = 0; i < 20; i++) client.send(['SET', `k${i}`, '1'])
    expect(new Set(await client.replies(20))).toEqual(new Set(['+OK\r\n']))
    expect(await askRedis(pools.servers['gutter']?.[0]?.port ?? 0, 'DBSIZE')).toBe(':0\r\n')
  })
})

describe.skipIf(missingProgram('memcached') !== undefined)(
  'a failover pool of memcached servers',
  () => {
    it('has the keys of a lost owner for a while', async () => {
      const [a, b, c] = (await Promise.all([
        startMemcached(),
        startMemcached(),
        startMemcached(),
      ])) as [MemcachedServer, MemcachedServer, MemcachedServer]
      const router = createRouter({ limits: QUICK })
      onCleanup(() => router.close({ drainTimeoutMs: 0 }))
      router.post(
        topologyMessage(
          1,
          { ...memcachedPool([backendAt(a.port), backendAt(b.port)]), failover },
          memcachedPool([backendAt(c.port)], 'gutter'),
        ),
      )
      const { port } = await router.listen({
        protocol: 'memcached',
        host: '127.0.0.1',
        port: 0,
        pool: 'items',
      })
      const [lost = '', kept = ''] = [a, b].map(
        (server) => keysOf(server.port, [a.port, b.port], 1)[0],
      )
      await a.kill()
      expect(await askLines(port, `get ${lost}\r\n`, /END\r\n$/)).toBe('END\r\n')
      expect(
        await askLines(
          port,
          `set ${lost} 7 0 3\r\nnew\r\nset ${kept} 0 0 1\r\nx\r\n`,
          /STORED\r\nSTORED\r\n$/,
        ),
      ).toBe('STORED\r\nSTORED\r\n')
      expect(
        await askLines(
          port,
          `set ${lost}2 7 0 3 noreply\r\nnew\r\nget ${kept} ${lost}\r\n`,
          /END\r\n$/,
        ),
      ).toBe(`VALUE ${kept} 0 1\r\nx\r\nVALUE ${lost} 7 3\r\nnew\r\nEND\r\n`)
      const life = await askLines(c.port, `mg ${lost} t\r\n`, /HD t\d+\r\n/)
      expect(Number(/t(\d+)/.exec(life)?.[1])).toBeGreaterThan(0)
      expect(Number(/t(\d+)/.exec(life)?.[1])).toBeLessThanOrEqual(60)
      expect(await askLines(b.port, `get ${lost}\r\n`, /END\r\n$/)).toBe('END\r\n')
      expect(await askLines(port, `incr ${lost} 1\r\ndelete ${lost}\r\n`, /\r\n.*\r\n$/)).toMatch(
        /CLIENT_ERROR[^\r]*\r\nDELETED/,
      )
    })
  },
)

describe.skipIf(missingProgram('memcached') !== undefined)('a suspended memcached server', () => {
  it('shows nothing old when it is back from a time in which another pool had its keys', async () => {
    const [a, c] = (await Promise.all([startMemcached(), startMemcached()])) as [
      MemcachedServer,
      MemcachedServer,
    ]
    const events: string[] = []
    const router = createRouter({ limits: QUICK, log: ({ type }) => events.push(type) })
    onCleanup(() => router.close({ drainTimeoutMs: 0 }))
    // Another placement: a key has another place there.
    const gutter = memcachedPool([backendAt(c.port)], 'gutter')
    router.post(
      topologyMessage(
        1,
        { ...memcachedPool([backendAt(a.port)]), failover },
        { ...gutter, placement: { placement: 'ketama-weighted' } },
      ),
    )
    const { port } = await router.listen({
      protocol: 'memcached',
      host: '127.0.0.1',
      port: 0,
      pool: 'items',
    })
    expect(
      await askLines(port, 'set k 0 0 3\r\nold\r\nset l 0 0 3\r\nold\r\n', /(STORED\r\n){2}/),
    ).toBe('STORED\r\nSTORED\r\n')
    await a.kill('SIGSTOP')
    expect(await askLines(port, 'get k l\r\n', /END\r\n$/)).toBe('END\r\n')
    expect(await askLines(port, 'set k 0 0 3\r\nnew\r\n', /STORED\r\n$/)).toBe('STORED\r\n')
    await a.kill('SIGCONT')
    await until(
      () => events.includes('failover-ended'),
      (ended) => ended,
    )
    const shown = await until(
      () => askLines(port, 'get k l\r\n', /END\r\n$/),
      (reply) => reply.includes(' l '),
    )
    // What was only read meanwhile is there again; what was written is a miss, and neither was ever `old`.
    expect(shown).toBe('VALUE l 0 3\r\nold\r\nEND\r\n')
    expect(await askLines(a.port, 'get k\r\n', /END\r\n$/)).toBe('END\r\n')
  })
})
