import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { itemAt, type LineClient, startMemcachedPool } from '../testing/memcached-copies.ts'
import { askLines, type MemcachedServer, missingProgram } from '../testing/memcached-server.ts'

const missing = missingProgram('memcached')

const STORED = 'STORED\r\n'
const set = (key: string, value: string, more = '') =>
  `set ${key} 5 0 ${value.length}${more}\r\n${value}`
const hit = (key: string, value: string) => `VALUE ${key} 5 ${value.length}\r\n${value}\r\nEND\r\n`

/** Asks until the answer is as wanted; 10 s at most. */
async function eventually(what: string, ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`no ${what} within 10 s`)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

async function copiesOf(
  servers: readonly MemcachedServer[],
  key: string,
): Promise<readonly string[]> {
  const all = await Promise.all(servers.map(({ port }) => itemAt(port, key)))
  return all.filter((item) => item !== undefined)
}

describe.skipIf(missing !== undefined)('memcached items with two copies', () => {
  test('are equal after any commands, silent ones, unique ids and encoded keys included', async () => {
    const { servers, client } = await startMemcachedPool({})
    const memcached = client()
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
        for (const make of commands) await memcached.ask(await make(memcached))
        for (const key of KEYS) {
          const copies = () => copiesOf(servers, key)
          // What the first owner decided reaches the others a moment later.
          await eventually(`equal copies of ${key}`, async () => {
            const [first, second, ...more] = await copies()
            return first === second && more.length === 0
          })
          const seen = await memcached.ask(`get ${key}`)
          expect((await copies()).length).toBe(seen === 'END\r\n' ? 0 : 2)
        }
        await memcached.ask('flush_all')
      }),
      { numRuns: 12 },
    )
  })

  test('a server that is lost costs no read and no write; it returns with nothing old, through any router', async () => {
    const { servers, client, ownersOf } = await startMemcachedPool({ routers: 2 })
    const [one, two] = [client(0), client(1)]
    const keys = Array.from({ length: 150 }, (_, i) => `k${i}`)
    for (const key of keys) expect(await one.ask(set(key, 'old'))).toBe(STORED)
    const [lost] = await ownersOf('k0')
    await lost?.kill('SIGSTOP')
    for (const [i, key] of keys.entries()) {
      expect(await two.ask(`get ${key}`)).toBe(hit(key, 'old'))
      if (i % 3 === 0) expect(await one.ask(`delete ${key}`)).toBe('DELETED\r\n')
      else expect(await one.ask(set(key, 'newer'))).toBe(STORED)
    }
    await lost?.kill('SIGCONT')
    const read = async () => {
      for (const [i, key] of keys.entries())
        for (const reader of [one, two])
          expect(await reader.ask(`get ${key}`)).toBe(i % 3 === 0 ? 'END\r\n' : hit(key, 'newer'))
    }
    await read()
    await eventually('two copies again', async () => {
      const counts = await Promise.all(keys.map((key) => copiesOf(servers, key)))
      return counts.every((copies, i) => copies.length === (i % 3 === 0 ? 0 : 2))
    })
    await read()
  })

  test('a restarted server is empty; warmUp fills it from the others and never revives what was deleted', async () => {
    const { servers, client, ownersOf } = await startMemcachedPool({ policy: { warmUp: true } })
    const memcached = client()
    for (const { port } of servers) {
      await memcached.ask(set('k', 'warm'))
      await memcached.ask('touch k 5000')
      // As an eviction, or a restart: one owner forgets it.
      await askLines(port, 'delete k\r\n', /\r\n$/)
      expect(await memcached.ask('get k')).toBe(hit('k', 'warm'))
      const [first] = await ownersOf('k')
      if (first?.port === port)
        await eventually('its copy', async () => (await copiesOf(servers, 'k')).length === 2)
    }
    expect(await memcached.ask('mg k t')).toMatch(/^HD t[45]\d{3}\r\n$/)
    await memcached.ask('delete k')
    expect(await memcached.ask('get k')).toBe('END\r\n')
    expect(await copiesOf(servers, 'k')).toEqual([])
  })

  test('ack: all asks for two servers that can be reached', async () => {
    const { servers, client } = await startMemcachedPool({ servers: 2, policy: { ack: 'all' } })
    const memcached = client()
    expect(await memcached.ask(set('k', 'v'))).toBe(STORED)
    await servers[0]?.kill()
    // The first to find out may have sent it.
    await memcached.ask(set('k', 'w'))
    expect(await memcached.ask(set('k', 'x'))).toMatch(
      /^SERVER_ERROR pool "items": 1 of the 2 backends that ack asks for can be reached/,
    )
    expect(await memcached.ask('get k')).toMatch(/^VALUE k 5 1/)
  })
})

describe.skipIf(missing !== undefined)('memcached items without copies', () => {
  async function outage(policy: { readonly onReturn: 'replay' | 'flush' | 'serve' }) {
    const fixture = await startMemcachedPool({ servers: 2, replicas: 1, policy })
    const memcached = fixture.client()
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
    for (const key of keys) await memcached.ask(set(key, 'old'))
    const [lost] = await fixture.ownersOf('k0')
    const theirs: string[] = []
    for (const key of keys) if ((await itemAt(lost?.port ?? 0, key)) !== undefined) theirs.push(key)
    await lost?.kill('SIGSTOP')
    const [written = '', deleted = '', ...untouched] = theirs
    // The command that finds the outage is told that it may have been applied.
    await eventually('a write elsewhere', async () => {
      const reply = await memcached.ask(set(written, 'newer'))
      return reply === STORED && fixture.events.some(({ type }) => type === 'backend-avoided')
    })
    await memcached.ask(`delete ${deleted}`)
    // Several keys in one line, whose next owners are asked one by one.
    expect(await memcached.ask(`get ${written} ${deleted}`)).toBe(hit(written, 'newer'))
    await lost?.kill('SIGCONT')
    await eventually('its return', () =>
      Promise.resolve(fixture.events.some(({ type }) => type === 'backend-returned')),
    )
    return { ...fixture, memcached, lost, written, deleted, untouched }
  }
  const get = (client: LineClient, key: string) => client.ask(`get ${key}`)

  test('replay: what was written elsewhere is copied or deleted before it is read again, the rest stays', async () => {
    const { memcached, lost, written, deleted, untouched, servers } = await outage({
      onReturn: 'replay',
    })
    expect(await get(memcached, written)).toBe(hit(written, 'newer'))
    expect(await get(memcached, deleted)).toBe('END\r\n')
    for (const key of untouched) expect(await get(memcached, key)).toBe(hit(key, 'old'))
    await eventually(
      'its copy',
      async () => (await itemAt(lost?.port ?? 0, written))?.includes('newer') === true,
    )
    await eventually('one copy', async () => (await copiesOf(servers, written)).length === 1)
    expect(await get(memcached, written)).toBe(hit(written, 'newer'))
  })

  test('flush: it returns empty', async () => {
    const { memcached, written, deleted, untouched, events } = await outage({ onReturn: 'flush' })
    expect(await get(memcached, deleted)).toBe('END\r\n')
    await eventually('the flush', () =>
      Promise.resolve(events.some(({ type }) => type === 'backend-refilled')),
    )
    for (const key of [written, ...untouched]) expect(await get(memcached, key)).toBe('END\r\n')
  })

  test('serve: it shows what it has', async () => {
    const { memcached, deleted, untouched } = await outage({ onReturn: 'serve' })
    expect(await get(memcached, deleted)).toBe(hit(deleted, 'old'))
    expect(await get(memcached, untouched[0] ?? '')).toBe(hit(untouched[0] ?? '', 'old'))
  })
})

const KEYS = ['a', 'b', 'c', 'n']
const key = fc.constantFrom(...KEYS)
const value = fc.constantFrom('1', 'some', 'x'.repeat(5_000), '\r\nEND\r\n')
const encoded = (text: string) => Buffer.from(text).toString('base64')

/** Commands in the words of a client; some ask first for the unique id that they need. */
const command: fc.Arbitrary<(client: LineClient) => Promise<string>> = fc.oneof(
  ...(
    [
      ['set', 4],
      ['add', 1],
      ['replace', 1],
      ['append', 1],
      ['prepend', 1],
    ] as const
  ).map(([name, weight]) => ({
    weight,
    arbitrary: fc.record({ key, value, silent: fc.boolean() }).map(
      ({ key, value, silent }) =>
        () =>
          Promise.resolve(
            `${name} ${key} 7 0 ${value.length}${silent ? ' noreply' : ''}\r\n${value}`,
          ),
    ),
  })),
  {
    weight: 2,
    arbitrary: fc.record({ key, value }).map(({ key, value }) => async (client: LineClient) => {
      const unique = / (\d+)\r\n/.exec(await client.ask(`gets ${key}`))?.[1] ?? '1'
      return `cas ${key} 1 0 ${value.length} ${unique}\r\n${value}`
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ key, value }).map(({ key, value }) => async (client: LineClient) => {
      const unique = / c(\d+)/.exec(await client.ask(`mg ${key} c`))?.[1] ?? '1'
      return `ms ${key} ${value.length} C${unique} c\r\n${value}`
    }),
  },
  ...[
    (key: string) => `delete ${key}`,
    (key: string) => `incr ${key} 5`,
    (key: string) => `decr ${key} 1`,
    (key: string) => `touch ${key} 900`,
    (key: string) => `gat 800 ${key} b`,
    (key: string) => `mg ${key} N60 v t c`,
    (key: string) => `mg ${encoded(key)} b T700 v`,
    (key: string) => `ma ${key} N90 J13 v t`,
    (key: string) => `ms ${encoded(key)} 3 b q F9\r\nabc`,
    (key: string) => `md ${key} q`,
  ].map((make) => ({
    weight: 1,
    arbitrary: key.map((key) => () => Promise.resolve(make(key))),
  })),
)
