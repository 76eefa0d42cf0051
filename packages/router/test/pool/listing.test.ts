import { describe, expect, it } from 'vitest'
import { type Replicated, startReplicated } from '../testing/copies.ts'
import { onCleanup } from '../testing/fixture.ts'
import { RedisClient } from '../testing/redis-client.ts'
import { askRedis, missingRedis, startRedis } from '../testing/redis-server.ts'
import { backendAt, redisPool } from '../testing/topologies.ts'
import { until } from '../testing/until.ts'

const KEYS = Array.from({ length: 300 }, (_, i) => `key:${i}`)

async function fill({ routers }: Replicated): Promise<RedisClient> {
  const client = routers[0]?.client() as RedisClient
  client.send(...KEYS.map((key) => ['SET', key, key]))
  await client.replies(KEYS.length)
  return client
}

/** Every key that SCAN returns, as often as it does. */
async function scanAll(
  client: RedisClient,
  count: number,
  afterPage?: (pages: number) => Promise<void>,
): Promise<string[]> {
  const found: string[] = []
  let cursor = '0'
  let pages = 0
  do {
    const reply = await client.ask(`SCAN ${cursor} COUNT ${count}`)
    const [, , next = '', ...items] = reply.split('\r\n')
    if (!/^\d+$/.test(next)) throw new Error(`no page: ${reply}`)
    cursor = next
    found.push(...items.filter((_, i) => i % 2 === 0 && i > 0).filter((key) => key !== ''))
    await afterPage?.(++pages)
  } while (cursor !== '0')
  return found
}

const listed = (reply: string) =>
  reply
    .split('\r\n')
    .filter((_, i) => i > 0 && i % 2 === 0)
    .filter((key) => key !== '')

describe.skipIf(missingRedis())('keys of a pool with copies', () => {
  it('are each counted once by SCAN, KEYS, DBSIZE and RANDOMKEY', async () => {
    const pool = await startReplicated({ servers: 3 })
    const client = await fill(pool)
    // What a server has beside its keys is no key of the pool.
    for (const port of pool.ports) await askRedis(port, 'SET foreign 1')
    expect((await scanAll(client, 10)).filter((key) => key !== 'foreign').sort()).toEqual(
      KEYS.toSorted(),
    )
    expect(listed(await client.ask('KEYS key:*')).sort()).toEqual(KEYS.toSorted())
    expect(listed(await client.ask('KEYS *')).filter((key) => key === 'foreign')).toEqual([
      'foreign',
    ])
    for (const port of pool.ports) await askRedis(port, 'DEL foreign')
    expect(await client.ask('DBSIZE')).toBe(`:${KEYS.length}\r\n`)
    expect(await client.ask('RANDOMKEY')).toMatch(/key:\d+/)
  })

  it('are each counted once while a server is away, and when it is back', async () => {
    const pool = await startReplicated({ servers: 3 })
    const client = await fill(pool)
    const [fixture] = pool.routers
    const away = fixture?.event('backend-avoided')
    const [first] = pool.servers
    first?.process.kill('SIGSTOP')
    expect(listed(await client.ask('KEYS *')).sort()).toEqual(KEYS.toSorted())
    await away
    expect((await scanAll(client, 10)).sort()).toEqual(KEYS.toSorted())
    const size = Number((await client.ask('DBSIZE')).slice(1))
    // The keys of three servers are spread evenly, but not perfectly.
    expect(Math.abs(size - KEYS.length)).toBeLessThan(KEYS.length / 5)
    expect(await client.ask('RANDOMKEY')).toMatch(/key:\d+/)
    client.send(...KEYS.slice(0, 100).map((key) => ['DEL', key]))
    await client.replies(100)
    const caughtUp = fixture?.event('backend-caught-up')
    first?.process.kill('SIGCONT')
    await caughtUp
    expect((await scanAll(client, 10)).sort()).toEqual(KEYS.slice(100).sort())
    expect(await client.ask('DBSIZE')).toBe(`:${KEYS.length - 100}\r\n`)
  })

  it('are all seen by a scan during which a server is lost', async () => {
    for (const lost of [0, 1, 2]) {
      const pool = await startReplicated({ servers: 3 })
      const client = await fill(pool)
      const seen = await scanAll(client, 20, async (pages) => {
        if (pages === 12) await pool.servers[lost]?.kill()
      })
      expect([...new Set(seen)].sort()).toEqual(KEYS.toSorted())
    }
  })

  it('of as many lost servers as there are copies are missed with an error', async () => {
    const pool = await startReplicated({ servers: 3 })
    const client = await fill(pool)
    await pool.servers[0]?.kill()
    await pool.servers[1]?.kill()
    const lost = () =>
      pool.routers[0]?.events.filter(({ type }) => type === 'backend-avoided').length
    await until(lost, (count) => count === 2)
    expect(await client.ask('KEYS *')).toMatch(/^-ERR .*avoided/)
    expect(await client.ask('DBSIZE')).toMatch(/^-ERR .*avoided/)
    await expect(scanAll(client, 100)).rejects.toThrow('avoided')
  })

  it('are counted once per pool behind prefixes', async () => {
    const pool = await startReplicated({ servers: 2 })
    const [fixture] = pool.routers
    const alone = await startRedis()
    fixture?.router.post({
      type: 'topology',
      topology: {
        epoch: 1_000,
        pools: [
          { ...redisPool(pool.ports.map((port) => backendAt(port))), replicas: 2 },
          { ...redisPool([backendAt(alone.port)]), name: 'users' },
        ],
      },
    })
    const { port = 0 } =
      (await fixture?.router.listen({
        protocol: 'redis',
        host: '127.0.0.1',
        port: 0,
        pool: 'cache',
        routes: [{ prefix: 'user:', pool: 'users' }],
      })) ?? {}
    const client = new RedisClient(port)
    onCleanup(() => {
      client.socket.destroy()
    })
    const keys = [...KEYS, ...Array.from({ length: 50 }, (_, i) => `user:${i}`)]
    client.send(...keys.map((key) => ['SET', key, key]))
    await client.replies(keys.length)
    expect((await scanAll(client, 10)).sort()).toEqual(keys.toSorted())
    expect(listed(await client.ask('KEYS *')).sort()).toEqual(keys.toSorted())
    expect(await client.ask('DBSIZE')).toBe(`:${keys.length}\r\n`)
    await pool.servers[0]?.kill()
    expect(listed(await client.ask('KEYS *')).sort()).toEqual(keys.toSorted())
    expect((await scanAll(client, 10)).sort()).toEqual(keys.toSorted())
    expect(await client.ask('DBSIZE')).toBe(`:${keys.length}\r\n`)
  })
})
