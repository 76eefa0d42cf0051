import { createRing, type RingOptions } from '@ringway/ring'
import { describe, expect, it } from 'vitest'
import type { MigrationTopology } from '../../src/index.ts'
import { bulk, named } from '../testing/fake-backend.ts'
import { startBackend, startRouter } from '../testing/fixture.ts'
import { askRedis, missingRedis, startRedis } from '../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

const reason = missingRedis()
// biome-ignore lint/suspicious/noConsole: a skipped suite says why.
if (reason !== undefined) console.log(`skipped: tests over real servers: ${reason}`)

const OLD: RingOptions = { placement: 'ketama' }
const NIL = '$-1\r\n'
const OK = '+OK\r\n'

/** Servers whose pool was placed by ketama and now is by our own; `moving(n)` are keys that have another owner now. */
async function startMigration() {
  const servers = await Promise.all([startRedis(), startRedis(), startRedis()])
  const backends = servers.map(({ port }) => backendAt(port))
  const fixture = await startRouter()
  const untilMs = Date.now() + 3_600_000
  const migration: MigrationTopology = { placement: OLD, backends, untilMs }
  const pool = redisPool(backends)
  fixture.router.post(topologyMessage(1, { ...pool, migration }))
  const [before, after] = [createRing(backends, OLD), createRing(backends, pool.placement)]
  const portOf = (id: string | undefined) => Number(id?.split(':')[1])
  const old = (key: string) => portOf(before.owner(key))
  const now = (key: string) => portOf(after.owner(key))
  const moving = (count: number): string[] => {
    const keys: string[] = []
    for (let i = 0; keys.length < count; i++) if (old(`k${i}`) !== now(`k${i}`)) keys.push(`k${i}`)
    return keys
  }
  const counters = () => fixture.router.counters().pools['cache']?.migration
  return { ...fixture, servers, backends, pool, old, now, moving, counters, migration }
}

async function eventually(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe.skipIf(reason !== undefined)('a pool that moves to another ring', () => {
  it('finds keys at their old owners and copies them with what is left of their time', async () => {
    const { client, old, now, moving, counters } = await startMigration()
    const redis = client()
    const [plain = '', short = '', hash = ''] = moving(3)
    await askRedis(old(plain), `SET ${plain} value`)
    await askRedis(old(short), `SET ${short} value PX 600000`)
    await askRedis(old(hash), `HSET ${hash} field 1 other 2`)
    expect(await redis.ask(`GET ${plain}`)).toBe(bulk('value'))
    expect(await redis.ask(`HGET ${hash} field`)).toBe(bulk('1'))
    expect(await redis.ask(`HGET ${hash} none`)).toBe(NIL)
    expect(await redis.ask(`TTL ${plain}`)).toBe(':-1\r\n')
    const ttl = Number((await redis.ask(`PTTL ${short}`)).slice(1))
    expect(ttl).toBeGreaterThan(500_000)
    expect(ttl).toBeLessThanOrEqual(600_000)
    expect(await askRedis(now(plain), `GET ${plain}`)).toBe(bulk('value'))
    expect(await askRedis(now(short), `GET ${short}`)).toBe(bulk('value'))
    expect(counters()).toMatchObject({ copied: 3, undone: 0, failed: 0 })
  })

  it('keeps what the new owner has, and says nothing is there when neither has it', async () => {
    const { client, old, now, moving } = await startMigration()
    const redis = client()
    const [key = '', none = ''] = moving(2)
    await askRedis(old(key), `SET ${key} older`)
    await askRedis(now(key), `SET ${key} newer`)
    expect(await redis.ask(`GET ${key}`)).toBe(bulk('newer'))
    expect(await redis.ask(`GET ${none}`)).toBe(NIL)
    expect(await redis.ask(`EXISTS ${none}`)).toBe(':0\r\n')
  })

  it('never revives a key that was deleted or overwritten', async () => {
    const { client, old, now, moving } = await startMigration()
    const redis = client()
    const [deleted = '', overwritten = '', read = '', expired = ''] = moving(4)
    for (const key of [deleted, overwritten, read, expired])
      await askRedis(old(key), `SET ${key} stale`)
    redis.send(
      ['DEL', deleted],
      ['GET', deleted],
      ['SET', overwritten, 'fresh'],
      ['GET', overwritten],
      ['GET', read],
      ['DEL', read],
      ['GET', read],
    )
    const replies = [':1\r\n', NIL, OK, bulk('fresh'), bulk('stale'), ':1\r\n', NIL]
    expect(await redis.replies(7)).toEqual(replies)
    // A value that the new owner forgets is not found again where it was before.
    expect(await redis.ask(`SET ${expired} fresh PX 20`)).toBe(OK)
    await eventually('the key expires', async () => (await redis.ask(`GET ${expired}`)) === NIL)
    await askRedis(now(overwritten), `DEL ${overwritten}`)
    expect(await redis.ask(`GET ${overwritten}`)).toBe(NIL)
    for (const key of [deleted, overwritten, read, expired])
      expect(await askRedis(old(key), `EXISTS ${key}`)).toBe(':0\r\n')
  })

  it('goes on from the old value when a write depends on it', async () => {
    const { client, old, moving } = await startMigration()
    const redis = client()
    const [counter = '', list = '', text = '', there = ''] = moving(4)
    await askRedis(old(counter), `SET ${counter} 41`)
    await askRedis(old(list), `RPUSH ${list} a b`)
    await askRedis(old(text), `SET ${text} abc`)
    await askRedis(old(there), `SET ${there} there`)
    redis.send(['INCR', counter], ['RPUSH', list, 'c'], ['APPEND', text, 'd'], ['INCR', counter])
    expect(await redis.replies(4)).toEqual([':42\r\n', ':3\r\n', ':4\r\n', ':43\r\n'])
    expect(await redis.ask(`SET ${there} other NX`)).toBe(NIL)
    expect(await redis.ask(`GET ${there}`)).toBe(bulk('there'))
    expect(await redis.ask(`LRANGE ${list} 0 -1`)).toBe(
      `*3\r\n${bulk('a')}${bulk('b')}${bulk('c')}`,
    )
  })

  it('splits and gathers over keys that moved and keys that did not', async () => {
    const { client, old, servers } = await startMigration()
    const redis = client()
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)
    for (const [i, key] of keys.entries()) await askRedis(old(key), `SET ${key} v${i}`)
    expect(await redis.ask(`MGET ${keys.join(' ')} none`)).toBe(
      `*61\r\n${keys.map((_, i) => bulk(`v${i}`)).join('')}${NIL}`,
    )
    expect(await redis.ask(`EXISTS ${keys.join(' ')}`)).toBe(':60\r\n')
    expect(await redis.ask(`MSET ${keys.map((key) => `${key} w`).join(' ')}`)).toBe(OK)
    expect(await redis.ask(`DEL ${keys.join(' ')}`)).toBe(':60\r\n')
    expect(await redis.ask(`MGET ${keys.join(' ')}`)).toBe(`*60\r\n${NIL.repeat(60)}`)
    for (const { port } of servers) expect(await askRedis(port, 'DBSIZE')).toBe(':0\r\n')
  })

  it('serves a key once however many ask for it at once, to clients of both versions', async () => {
    const { client, old, moving, counters } = await startMigration()
    const [key = ''] = moving(1)
    await askRedis(old(key), `SET ${key} value`)
    const clients = Array.from({ length: 8 }, client)
    for (const redis of clients.slice(4)) await redis.ask('HELLO 3')
    const replies = await Promise.all(clients.map((redis) => redis.ask(`GET ${key}`)))
    expect(replies).toEqual(replies.map(() => bulk('value')))
    expect(counters()?.copied).toBe(1)
  })

  it('empties old servers too when everything is flushed', async () => {
    const { client, pool, migration, router, backends } = await startMigration()
    const [first, ...rest] = backends
    // The first server leaves the pool; only the old ring knows it.
    router.post(topologyMessage(2, { ...pool, backends: rest, migration }))
    await askRedis(first?.port ?? 0, 'SET left behind')
    const redis = client()
    redis.send(['FLUSHALL'], ['GET', 'left'])
    expect(await redis.replies(2)).toEqual([OK, NIL])
    expect(await askRedis(first?.port ?? 0, 'DBSIZE')).toBe(':0\r\n')
  })

  it('leaves the old value where the new ring has a copy of it', async () => {
    const { client, old, pool, migration, router, backends } = await startMigration()
    router.post(topologyMessage(2, { ...pool, replicas: 2, migration }))
    const redis = client()
    const { placement } = pool
    const ring = createRing(backends, placement)
    // Keys whose old owner is the second one now.
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
      .filter((key) => ring.owners(key, 2)[1] === `127.0.0.1:${old(key)}`)
      .slice(0, 8)
    expect(keys.length).toBe(8)
    for (const key of keys) await askRedis(old(key), `HSET ${key} before 1`)
    for (const key of keys.slice(4)) expect(await redis.ask(`HLEN ${key}`)).toBe(':1\r\n')
    for (const key of keys) expect(await redis.ask(`HSET ${key} after 1`)).toBe(':1\r\n')
    for (const key of keys)
      for (const id of ring.owners(key, 2)) {
        const port = Number(id.split(':')[1])
        await eventually(
          `${key} is whole at ${id}`,
          async () => (await askRedis(port, `HLEN ${key}`)) === ':2\r\n',
        )
      }
  })

  it('ends when its time is over', async () => {
    const { client, event, old, moving, router, counters, pool, migration } = await startMigration()
    const redis = client()
    const [early = '', late = ''] = moving(2)
    for (const key of [early, late]) await askRedis(old(key), `SET ${key} value`)
    expect(await redis.ask(`GET ${early}`)).toBe(bulk('value'))
    const ended = event('migration-ended')
    router.post(
      topologyMessage(2, { ...pool, migration: { ...migration, untilMs: Date.now() + 60 } }),
    )
    await ended
    expect(await redis.ask(`GET ${early}`)).toBe(bulk('value'))
    expect(await redis.ask(`GET ${late}`)).toBe(NIL)
    expect(counters()).toBeUndefined()
    // A topology that comes late names it still.
    router.post(topologyMessage(3, { ...pool, migration: { ...migration, untilMs: Date.now() } }))
    expect(await redis.ask(`GET ${late}`)).toBe(NIL)
  })

  it('moves to other servers, one of which is lost: a miss is a miss, and nothing stale returns', async () => {
    const olds = await Promise.all([startRedis(), startRedis()])
    const news = await Promise.all([startRedis(), startRedis()])
    const { client, router, event } = await startRouter({
      probeDelayMaxMs: 50,
      replyTimeoutMs: 300,
    })
    const placement: RingOptions = { placement: 'ringway' }
    const before = olds.map(({ port }) => backendAt(port))
    const after = news.map(({ port }) => backendAt(port))
    const untilMs = Date.now() + 3_600_000
    const migration = { placement, backends: before, untilMs }
    router.post(topologyMessage(1, { ...redisPool(after), migration }))
    const ring = createRing(before, placement)
    const lost = Array.from({ length: 50 }, (_, i) => `k${i}`).filter(
      (key) => ring.owner(key) === before[0]?.id,
    )
    const [gone = '', written = '', deleted = '', kept = ''] = lost
    const port = olds[0]?.port ?? 0
    for (const key of [gone, written, deleted, kept]) await askRedis(port, `SET ${key} stale`)
    const redis = client()
    expect(await redis.ask(`GET ${gone}`)).toBe(bulk('stale'))
    // It stops answering, and keeps what it has.
    olds[0]?.process.kill('SIGSTOP')
    const avoided = event('backend-avoided')
    redis.send(['SET', written, 'fresh'], ['DEL', deleted], ['GET', written])
    expect(await redis.replies(3)).toEqual([OK, ':0\r\n', bulk('fresh')])
    await avoided
    expect(router.counters().pools['cache']?.migration?.pending).toBe(2)
    expect(await redis.ask(`GET ${kept}`)).toBe(NIL)
    const returned = event('backend-returned')
    olds[0]?.process.kill('SIGCONT')
    await returned
    expect(await redis.ask(`GET ${deleted}`)).toBe(NIL)
    await eventually(
      'its deletes are delivered',
      () => router.counters().pools['cache']?.migration?.pending === 0,
    )
    expect(await askRedis(port, `EXISTS ${written}`)).toBe(':0\r\n')
    expect(await redis.ask(`GET ${deleted}`)).toBe(NIL)
    expect(await redis.ask(`GET ${kept}`)).toBe(bulk('stale'))
  }, 20_000)
})

describe('a migration at its limits', () => {
  const oldRing: RingOptions = { placement: 'ringway' }
  const untilMs = Date.now() + 3_600_000

  it('takes back a copy when the key was written meanwhile', async () => {
    const asked: string[] = []
    const old = await startBackend(([command = '']) => {
      if (command === 'DUMP') return bulk('payload')
      if (command === 'PTTL') return ':-1\r\n'
      // Another router deleted it between the dump and this question.
      return command === 'EXISTS' ? ':0\r\n' : '+PONG\r\n'
    })
    const now = await startBackend(([command = '']) => {
      asked.push(command)
      return command === 'GET' ? NIL : OK
    })
    const { client, router } = await startRouter()
    const migration = { placement: oldRing, backends: [backendAt(old.port)], untilMs }
    router.post(topologyMessage(1, { ...redisPool([backendAt(now.port)]), migration }))
    expect(await client().ask('GET key')).toBe(NIL)
    expect(asked).toEqual(['GET', 'RESTORE', 'DEL'])
    expect(router.counters().pools['cache']?.migration).toMatchObject({ undone: 1, copied: 0 })
  })

  it('refuses commands past migrationQueueMax and names the limit', async () => {
    const old = await startBackend(() => undefined)
    const now = await startBackend(named('new'))
    const { client, router } = await startRouter({ migrationQueueMax: 2 })
    const migration = { placement: oldRing, backends: [backendAt(old.port)], untilMs }
    router.post(topologyMessage(1, { ...redisPool([backendAt(now.port)]), migration }))
    const [first, second] = [client(), client()]
    first.send(['SET', 'a', '1'], ['SET', 'b', '1'])
    await old.arrived(2)
    expect(await second.ask('SET c 1')).toMatch(
      /^-ERR pool "cache": 2 commands wait for old owners of keys, which is the limit migrationQueueMax/,
    )
    await old.kill()
    expect(await first.replies(2)).toEqual([OK, OK])
    expect(await second.ask('SET c 1')).toBe(OK)
  })

  it('asks an old owner no more that missed more than migrationPendingKeysMax deletes', async () => {
    const old = await startBackend(named('old'))
    const now = await startBackend(named('new'))
    const { client, router, events } = await startRouter({ migrationPendingKeysMax: 2 })
    const migration = { placement: oldRing, backends: [backendAt(old.port)], untilMs }
    router.post(topologyMessage(1, { ...redisPool([backendAt(now.port)]), migration }))
    await old.kill()
    const redis = client()
    const dropped = () => events.some(({ type }) => type === 'migration-source-dropped')
    for (const key of ['a', 'b']) expect(await redis.ask(`SET ${key} 1`)).toBe(OK)
    expect(dropped()).toBe(false)
    expect(await redis.ask('SET c 1')).toBe(OK)
    expect(dropped()).toBe(true)
    expect(router.counters().pools['cache']?.migration?.pending).toBe(0)
  })
})
