import { describe, expect, it } from 'vitest'
import { startPools, until } from '../../testing/caching.ts'
import { bulk, named } from '../../testing/fake-backend.ts'
import { startBackend, startRouter } from '../../testing/fixture.ts'
import { askRedis, missingRedis } from '../../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../../testing/topologies.ts'

const KEYS = Array.from({ length: 400 }, (_, i) => `key-${i}`)

/** A pool of one server that answers, and a shadow of one that does not. */
async function startSilentShadow(limits: Record<string, number>) {
  const [real, dark] = await Promise.all([
    startBackend(named('real')),
    startBackend(() => undefined),
  ])
  const fixture = await startRouter({ replyTimeoutMs: 60_000, ...limits })
  const shadow = { pool: 'dark', percent: 100, writes: true }
  fixture.router.post(
    topologyMessage(
      1,
      { ...redisPool([backendAt(real.port)]), shadow },
      redisPool([backendAt(dark.port)], 'dark'),
    ),
  )
  return { ...fixture, dark, counts: () => fixture.router.counters().pools['cache']?.caching }
}

describe.skipIf(missingRedis() !== undefined)('a shadow pool', () => {
  it('gets the commands of a share of the keys, always of the same', async () => {
    const shadow = { pool: 'dark', percent: 25, writes: true }
    const pools = await startPools({ cache: 2, dark: 2 }, { cache: { shadow } })
    const client = await pools.clientOf('cache')
    const dark = pools.servers['dark'] ?? []
    const size = async () =>
      (await Promise.all(dark.map(({ port }) => askRedis(port, 'DBSIZE')))).reduce(
        (sum, text) => sum + Number(text.slice(1)),
        0,
      )
    const idle = () =>
      until(
        () => pools.router.counters().pools['cache']?.caching?.shadowWaiting,
        (count) => count === 0,
      )
    for (const key of KEYS) client.send(['SET', key, key])
    await client.replies(KEYS.length)
    await idle()
    const copied = await size()
    expect(copied).toBeGreaterThan(60)
    expect(copied).toBeLessThan(140)
    // Split over other owners than in the pool itself: nothing is new there, and nothing is missed.
    expect(await client.ask(`MSET ${KEYS.map((key) => `${key} new`).join(' ')}`)).toBe('+OK\r\n')
    expect(await client.ask(`MGET ${KEYS.join(' ')}`)).toBe(`*400\r\n${bulk('new').repeat(400)}`)
    for (const key of KEYS) client.send(['GET', key])
    expect(new Set(await client.replies(KEYS.length))).toEqual(new Set([bulk('new')]))
    await idle()
    expect(await size()).toBe(copied)
    const stats = await Promise.all(dark.map(({ port }) => askRedis(port, 'INFO stats')))
    const total = (name: string) =>
      stats.reduce((sum, text) => sum + Number(new RegExp(`${name}:(\\d+)`).exec(text)?.[1]), 0)
    // MGET and GET both found every key that they asked for.
    expect([total('keyspace_hits'), total('keyspace_misses')]).toEqual([copied * 2, 0])
    expect(pools.router.counters().pools['cache']?.caching).toMatchObject({
      shadowDropped: 0,
      shadowed: expect.any(Number),
    })
  })

  it('gets no writes where it is for reads', async () => {
    const shadow = { pool: 'dark', percent: 100, writes: false }
    const pools = await startPools({ cache: 1, dark: 1 }, { cache: { shadow } })
    const client = await pools.clientOf('cache')
    client.send(
      ['SET', 'a', '1'],
      ['GET', 'a'],
      ['DEL', 'a', 'b'],
      ['EVAL', 'return 1', '1', 'a'],
      ['STRLEN', 'a'],
      ['FLUSHALL'],
    )
    await client.replies(6)
    expect(pools.router.counters().pools['cache']?.caching?.shadowed).toBe(2)
  })

  it('changes nothing for clients when it is gone, or is no pool any more', async () => {
    const shadow = { pool: 'dark', percent: 100, writes: true }
    const pools = await startPools({ cache: 1, dark: 1 }, { cache: { shadow } })
    const client = await pools.clientOf('cache')
    await pools.servers['dark']?.[0]?.kill()
    for (const key of KEYS) client.send(['SET', key, '1'], ['GET', key])
    expect(new Set(await client.replies(KEYS.length * 2))).toEqual(new Set(['+OK\r\n', bulk('1')]))
    await until(
      () => pools.router.counters().pools['cache']?.caching?.shadowWaiting,
      (count) => count === 0,
    )
    expect(pools.router.counters().pools['cache']?.caching?.shadowWaiting).toBe(0)
  })
})

describe('copies for a shadow pool that does not answer', () => {
  it('wait up to the limit; one past it is left out', async () => {
    const { client: connect, counts, dark } = await startSilentShadow({ shadowQueueMax: 8 })
    const client = connect()
    for (let i = 0; i < 8; i++) client.send(['GET', `k${i}`])
    expect(await client.replies(8)).toEqual(Array.from({ length: 8 }, (_, i) => bulk(`real:k${i}`)))
    expect(counts()).toMatchObject({ shadowed: 8, shadowDropped: 0, shadowWaiting: 8 })
    expect(await client.ask('GET k8')).toBe(bulk('real:k8'))
    expect(await client.ask('MGET k1 k2')).toContain('real:k2')
    expect(counts()).toMatchObject({ shadowed: 8, shadowDropped: 2, shadowWaiting: 8 })
    await dark.arrived(8)
    expect(dark.received).toHaveLength(8)
  })

  it('have bytes up to the limit; one past it is left out', async () => {
    // `GET kN` has 21 bytes, `GET kNN` one more.
    const { client: connect, counts } = await startSilentShadow({ shadowQueueBytesMax: 42 })
    const client = connect()
    client.send(['GET', 'k1'], ['GET', 'k22'])
    await client.replies(2)
    expect(counts()).toMatchObject({ shadowDropped: 1, shadowWaiting: 1 })
    expect(await client.ask('GET k3')).toBe(bulk('real:k3'))
    expect(counts()).toMatchObject({ shadowDropped: 1, shadowWaiting: 2 })
  })
})
