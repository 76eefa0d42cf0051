import { createRing, type RingOptions } from '@ringway/ring'
import { describe, expect, it } from 'vitest'
import {
  createRouter,
  type MigrationTopology,
  type RouterEvent,
  type RouterLimits,
} from '../../src/index.ts'
import { onCleanup } from '../testing/fixture.ts'
import { itemAt, LineClient } from '../testing/memcached-copies.ts'
import {
  askLines,
  converse,
  type MemcachedServer,
  missingProgram,
  startMemcached,
} from '../testing/memcached-server.ts'
import { backendAt, memcachedPool, topologyMessage } from '../testing/topologies.ts'
import { until } from '../testing/until.ts'

const reason = missingProgram('memcached')
const OLD: RingOptions = { placement: 'ketama' }
const STORED = 'STORED\r\n'
const END = 'END\r\n'
const value = (key: string, text: string, flags = 0) =>
  `VALUE ${key} ${flags} ${text.length}\r\n${text}\r\nEND\r\n`

async function startMigratingRouter(limits: Partial<RouterLimits> = {}) {
  const events: RouterEvent[] = []
  const router = createRouter({ limits, log: (event) => events.push(event) })
  onCleanup(() => router.close({ drainTimeoutMs: 1 }))
  const { port } = await router.listen({
    protocol: 'memcached',
    host: '127.0.0.1',
    port: 0,
    pool: 'items',
  })
  const counters = () => router.counters().pools['items']?.migration
  const happened = (type: RouterEvent['type']) =>
    until(
      () => events.some((event) => event.type === type),
      (seen) => seen,
    )
  return { router, port, counters, happened, client: () => new LineClient(port) }
}

/** Servers whose pool was placed by ketama and now is by our own; `moving(n)` are keys that have another owner now. */
async function startMigration() {
  const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
  const backends = servers.map(({ port }) => backendAt(port))
  const fixture = await startMigratingRouter()
  const migration: MigrationTopology = { placement: OLD, backends, untilMs: Date.now() + 3_600_000 }
  const pool = memcachedPool(backends)
  fixture.router.post(topologyMessage(1, { ...pool, migration }))
  const [before, after] = [createRing(backends, OLD), createRing(backends, pool.placement)]
  const portOf = (id: string | undefined) => Number(id?.split(':')[1])
  const old = (key: string | Buffer) => portOf(before.owner(key))
  const now = (key: string | Buffer) => portOf(after.owner(key))
  const moving = (count: number): string[] => {
    const keys: string[] = []
    for (let i = 0; keys.length < count; i++) if (old(`k${i}`) !== now(`k${i}`)) keys.push(`k${i}`)
    return keys
  }
  return { ...fixture, servers, backends, pool, migration, old, now, moving }
}

const put = (port: number, key: string, text: string, flags = 0, ttl = 0) =>
  askLines(port, `set ${key} ${flags} ${ttl} ${text.length}\r\n${text}\r\n`, /STORED\r\n/)

describe.skipIf(reason !== undefined)('a memcached pool that moves to another ring', () => {
  it('finds items at their old owners and copies them with flags and what is left of their time', async () => {
    const { client, old, now, moving, counters } = await startMigration()
    const cache = client()
    const [plain = '', short = '', meta = '', touched = ''] = moving(4)
    await put(old(plain), plain, 'one', 7)
    await put(old(short), short, 'two', 0, 600)
    await put(old(meta), meta, 'three')
    await put(old(touched), touched, 'four')
    expect(await cache.ask(`get ${plain}`)).toBe(value(plain, 'one', 7))
    expect(await cache.ask(`gets ${short}`)).toMatch(/^VALUE \S+ 0 3 \d+\r\ntwo\r\nEND\r\n$/)
    const ttl = Number(/t(\d+)/.exec(await cache.ask(`mg ${short} t`))?.[1])
    expect(ttl).toBeGreaterThan(500)
    expect(ttl).toBeLessThanOrEqual(600)
    expect(await cache.ask(`mg ${meta} v`)).toBe('VA 5\r\nthree\r\n')
    expect(await cache.ask(`gat 100 ${touched}`)).toBe(value(touched, 'four'))
    expect(await cache.ask(`mg ${plain} t`)).toBe('HD t-1\r\n')
    for (const key of [plain, short, meta, touched])
      expect(await itemAt(now(key), key)).toBeDefined()
    expect(counters()).toMatchObject({ copied: 4, undone: 0, failed: 0 })
  })

  it('keeps what the new owner has, and says nothing is there when neither has it', async () => {
    const { client, old, now, moving } = await startMigration()
    const cache = client()
    const [key = '', none = ''] = moving(2)
    await put(old(key), key, 'older')
    await put(now(key), key, 'newer')
    expect(await cache.ask(`get ${key}`)).toBe(value(key, 'newer'))
    expect(await cache.ask(`get ${none}`)).toBe(END)
    expect(await cache.ask(`mg ${none} v`)).toBe('EN\r\n')
  })

  it('never revives an item that was deleted or overwritten', async () => {
    const { client, old, now, moving } = await startMigration()
    const cache = client()
    const [deleted = '', overwritten = '', metaSet = '', metaDeleted = ''] = moving(4)
    const all = [deleted, overwritten, metaSet, metaDeleted]
    for (const key of all) await put(old(key), key, 'stale')
    expect(await cache.ask(`delete ${deleted}`)).toBe('DELETED\r\n')
    expect(await cache.ask(`get ${deleted}`)).toBe(END)
    expect(await cache.ask(`set ${overwritten} 0 0 5\r\nfresh`)).toBe(STORED)
    expect(await cache.ask(`ms ${metaSet} 5\r\nfresh`)).toBe('HD\r\n')
    expect(await cache.ask(`md ${metaDeleted}`)).toBe('HD\r\n')
    for (const key of all) expect(await itemAt(old(key), key)).toBeUndefined()
    // An item that the new owner forgets is not found again where it was before.
    await askLines(now(overwritten), `delete ${overwritten}\r\n`, /DELETED/)
    expect(await cache.ask(`get ${overwritten}`)).toBe(END)
  })

  it('goes on from the old value when a write depends on it', async () => {
    const { client, old, moving } = await startMigration()
    const cache = client()
    const keys = moving(9)
    const [incr = '', decr = '', append = '', prepend = '', touch = ''] = keys
    const [, , , , , replace = '', add = '', cas = '', arithmetic = ''] = keys
    for (const key of keys) await put(old(key), key, '41')
    expect(await cache.ask(`incr ${incr} 1`)).toBe('42\r\n')
    expect(await cache.ask(`decr ${decr} 1`)).toBe('40\r\n')
    expect(await cache.ask(`append ${append} 0 0 1\r\n!`)).toBe(STORED)
    expect(await cache.ask(`get ${append}`)).toBe(value(append, '41!'))
    expect(await cache.ask(`prepend ${prepend} 0 0 1\r\n!`)).toBe(STORED)
    expect(await cache.ask(`get ${prepend}`)).toBe(value(prepend, '!41'))
    expect(await cache.ask(`touch ${touch} 300`)).toBe('TOUCHED\r\n')
    expect(await cache.ask(`replace ${replace} 0 0 1\r\nr`)).toBe(STORED)
    expect(await cache.ask(`add ${add} 0 0 1\r\na`)).toBe('NOT_STORED\r\n')
    expect(await cache.ask(`get ${add}`)).toBe(value(add, '41'))
    expect(await cache.ask(`ma ${arithmetic} v`)).toBe('VA 2\r\n42\r\n')
    expect(await cache.ask(`cas ${cas} 0 0 1 1\r\nc`)).toBe('EXISTS\r\n')
    const unique = / (\d+)\r\n41/.exec(await cache.ask(`gets ${cas}`))?.[1]
    expect(await cache.ask(`cas ${cas} 0 0 1 ${unique}\r\nc`)).toBe(STORED)
    for (const key of keys) expect(await itemAt(old(key), key)).toBeUndefined()
  })

  it('splits and gathers over keys that moved and keys that did not', async () => {
    const { client, old } = await startMigration()
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
    for (const key of keys) await put(old(key), key, key)
    const whole = keys.map((key) => `VALUE ${key} 0 ${key.length}\r\n${key}\r\n`).join('')
    expect(await client().ask(`get ${keys.join(' ')} none`)).toBe(`${whole}END\r\n`)
  })

  it('hears writes of clients that do not want to be answered', async () => {
    const { client, old, moving } = await startMigration()
    const cache = client()
    const [set = '', incr = '', gone = '', quiet = ''] = moving(4)
    for (const key of [set, incr, gone, quiet]) await put(old(key), key, '1')
    expect(await cache.ask(`set ${set} 0 0 1 noreply\r\n2`)).toBe('')
    expect(await cache.ask(`incr ${incr} 1 noreply`)).toBe('')
    expect(await cache.ask(`delete ${gone} noreply`)).toBe('')
    expect(await cache.ask(`mg ${quiet} v q`)).toBe('VA 1\r\n1\r\n')
    for (const key of [set, incr]) expect(await cache.ask(`get ${key}`)).toBe(value(key, '2'))
    expect(await cache.ask(`get ${gone}`)).toBe(END)
  })

  it('moves values of any bytes, and keys that come in base64', async () => {
    const { port, old, now } = await startMigration()
    const bytes = Buffer.from(Array.from({ length: 1_024 }, (_, i) => i % 256))
    const names = Array.from({ length: 99 }, (_, i) => Buffer.from(`\u0001 key\n${i}`))
    const key = names.find((name) => old(name) !== now(name)) as Buffer
    const word = key.toString('base64')
    const stored = Buffer.concat([Buffer.from(`ms ${word} ${bytes.length} b F5\r\n`), bytes])
    await converse(old(key), stored)
    expect(await converse(port, Buffer.from(`mg ${word} b f v`))).toBe(
      `VA 1024 f5\r\n${bytes.toString('latin1')}\r\n`,
    )
    expect(await converse(now(key), Buffer.from(`mg ${word} b f`))).toMatch(/^HD f5\r\n/)
    await converse(port, Buffer.from(`md ${word} b`))
    expect(await converse(old(key), Buffer.from(`mg ${word} b f`))).toMatch(/^EN\r\n/)
    expect(await converse(port, Buffer.from(`mg ${word} b f`))).toMatch(/^EN\r\n/)
  })

  it('empties old servers too when everything is flushed', async () => {
    const { client, pool, migration, router, backends } = await startMigration()
    const [first, ...rest] = backends
    // The first server leaves the pool; only the old ring knows it.
    router.post(topologyMessage(2, { ...pool, backends: rest, migration }))
    await put(first?.port ?? 0, 'left', 'behind')
    const cache = client()
    expect(await cache.ask('flush_all noreply')).toBe('')
    expect(await cache.ask('get left')).toBe(END)
    expect(await itemAt(first?.port ?? 0, 'left')).toBeUndefined()
  })

  it('ends when its time is over', async () => {
    const { client, old, moving, router, counters, pool, migration, happened } =
      await startMigration()
    const cache = client()
    const [early = '', late = ''] = moving(2)
    for (const key of [early, late]) await put(old(key), key, 'value')
    expect(await cache.ask(`get ${early}`)).toBe(value(early, 'value'))
    router.post(
      topologyMessage(2, { ...pool, migration: { ...migration, untilMs: Date.now() + 60 } }),
    )
    expect(await happened('migration-ended')).toBe(true)
    expect(await cache.ask(`get ${early}`)).toBe(value(early, 'value'))
    expect(await cache.ask(`get ${late}`)).toBe(END)
    expect(counters()).toBeUndefined()
  })

  it('moves to other servers, one of which stops: a miss is a miss, and nothing stale returns', async () => {
    const start = (): Promise<MemcachedServer> => startMemcached()
    const [olds, news] = [
      await Promise.all([start(), start()]),
      await Promise.all([start(), start()]),
    ]
    const { client, router, counters, happened } = await startMigratingRouter({
      probeDelayMinMs: 20,
      probeDelayMaxMs: 50,
      replyTimeoutMs: 300,
      connectTimeoutMs: 250,
    })
    const placement: RingOptions = { placement: 'ringway' }
    const before = olds.map(({ port }) => backendAt(port))
    const migration = { placement, backends: before, untilMs: Date.now() + 3_600_000 }
    const after = news.map(({ port }) => backendAt(port))
    router.post(topologyMessage(1, { ...memcachedPool(after), migration }))
    const ring = createRing(before, placement)
    const [gone = '', written = '', deleted = '', kept = ''] = Array.from(
      { length: 50 },
      (_, i) => `k${i}`,
    ).filter((key) => ring.owner(key) === before[0]?.id)
    const port = olds[0]?.port ?? 0
    for (const key of [gone, written, deleted, kept]) await put(port, key, 'stale')
    const cache = client()
    expect(await cache.ask(`get ${gone}`)).toBe(value(gone, 'stale'))
    await olds[0]?.kill('SIGSTOP')
    // Waits for the reply timeout once; afterwards the old server is avoided.
    expect(await cache.ask(`set ${written} 0 0 5\r\nfresh`)).toBe(STORED)
    expect(await cache.ask(`delete ${deleted}`)).toBe('NOT_FOUND\r\n')
    expect(await happened('backend-avoided')).toBe(true)
    // The signal may have come after the first of the two deletes.
    expect(counters()?.pending).toBeGreaterThanOrEqual(1)
    expect(await cache.ask(`get ${kept}`)).toBe(END)
    await olds[0]?.kill('SIGCONT')
    expect(await happened('backend-returned')).toBe(true)
    await until(
      () => counters()?.pending,
      (pending) => pending === 0,
    )
    for (const key of [written, deleted]) expect(await itemAt(port, key)).toBeUndefined()
    expect(await cache.ask(`get ${deleted}`)).toBe(END)
    expect(await cache.ask(`get ${written}`)).toBe(value(written, 'fresh'))
    expect(await cache.ask(`get ${kept}`)).toBe(value(kept, 'stale'))
  })
})
