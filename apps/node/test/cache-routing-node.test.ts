import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { freePorts } from '../../../test/support/ports.ts'
import { requireProgram } from '../../../test/support/programs.ts'
import { plainClient } from '../../../test/support/redis-client.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.ts'
import { createNode } from '../src/index.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function clientOf(port: number) {
  const client = await plainClient(port)
  cleanups.push(() => client.disconnect())
  return client
}

test('a node routes keys by prefix, fails over, copies and coalesces as its configuration says', async (context) => {
  requireProgram(context, 'redis-server')
  const servers = await Promise.all((await freePorts(4)).map(startRedis))
  cleanups.push(() => Promise.all(servers.map((server) => server.stop())).then(() => {}))
  const [cache, users, gutter, next] = servers as [
    RedisServer,
    RedisServer,
    RedisServer,
    RedisServer,
  ]
  const pool = ({ port }: RedisServer, more = {}) => ({
    protocol: 'redis' as const,
    backends: [{ url: `redis://127.0.0.1:${port}` }],
    ...more,
  })
  const node = await createNode({
    name: 'router',
    profile: 'local',
    logLevel: 'silent',
    gossip: { bind: '127.0.0.1:0' },
    pools: {
      cache: pool(cache, { failover: 'gutter', failoverTtlMs: 5_000, coalesce: true }),
      users: pool(users, { shadow: { pool: 'next' } }),
      gutter: pool(gutter),
      next: pool(next),
    },
    listeners: [
      {
        protocol: 'redis',
        bind: '127.0.0.1:0',
        pool: 'cache',
        routes: [{ prefix: 'user:', pool: 'users' }],
      },
    ],
    admin: { bind: '127.0.0.1:0' },
  })
  cleanups.push(() => node.close())
  const client = await clientOf(node.addresses.listeners[0]?.address.port ?? 0)
  const [atCache, atUsers, atGutter, atNext] = await Promise.all(
    servers.map(({ port }) => clientOf(port)),
  )

  await client.mset('page', 'p', 'user:1', 'u')
  expect(await client.mget('page', 'user:1')).toEqual(['p', 'u'])
  expect([await atCache?.keys('*'), await atUsers?.keys('*')]).toEqual([['page'], ['user:1']])
  expect(await client.dbsize()).toBe(2)
  await eventually('the shadow has the key', async () => (await atNext?.get('user:1')) === 'u')

  // Many at once over many connections: some of them share a reply.
  const readers = await Promise.all(
    Array.from({ length: 20 }, () => clientOf(node.addresses.listeners[0]?.address.port ?? 0)),
  )
  const read = await Promise.all(
    readers.flatMap((reader) => [reader.get('page'), reader.get('page'), reader.get('page')]),
  )
  expect(new Set(read)).toEqual(new Set(['p']))

  await cache.stop()
  await eventually(
    'the failover pool has the page',
    async () => (await client.set('page', 'new').catch(() => '')) === 'OK',
  )
  expect([await client.get('page'), await atGutter?.get('page')]).toEqual(['new', 'new'])
  expect(await atGutter?.pttl('page')).toBeLessThanOrEqual(5_000)
  expect(await client.get('user:1')).toBe('u')

  const { host = '', port = 0 } = node.addresses.admin ?? {}
  const metrics = await (await fetch(`http://${host}:${port}/metrics`)).text()
  const value = (name: string) => Number(metrics.split(`ringway_pool_${name} `)[1]?.split('\n')[0])
  expect(value('failover_commands_total{pool="cache"}')).toBeGreaterThan(0)
  expect(value('shadow_commands_total{pool="users"}')).toBeGreaterThan(0)
  expect(value('shadow_dropped_total{pool="users"}')).toBe(0)
  expect(value('coalesced_reads_total{pool="cache"}')).toBeGreaterThan(0)
  expect(metrics).toContain('ringway_pool_shadow_waiting{pool="users"} 0')
})
