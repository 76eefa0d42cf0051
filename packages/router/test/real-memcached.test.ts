import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRouter } from '../src/index.ts'
import { onCleanup } from './testing/fixture.ts'
import {
  converse,
  type MemcachedServer,
  missingProgram,
  startMemcached,
} from './testing/memcached-server.ts'
import { backendAt, memcachedPool, topologyMessage } from './testing/topologies.ts'

const reason = missingProgram('memcached') ?? missingProgram('memccapable')
// biome-ignore lint/suspicious/noConsole: a skipped suite says why.
if (reason !== undefined) console.log(`skipped: tests over real memcached servers: ${reason}`)

async function startAll(count: number) {
  const servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
  const router = createRouter()
  onCleanup(() => router.close({ drainTimeoutMs: 0 }))
  const backends = servers.map(({ port }) => backendAt(port))
  router.post(topologyMessage(1, memcachedPool(backends)))
  const { port } = await router.listen({
    protocol: 'memcached',
    host: '127.0.0.1',
    port: 0,
    pool: 'items',
  })
  return { router, servers, port }
}

const capable = async (port: number) => {
  const { stdout, stderr } = await promisify(execFile)('memccapable', [
    '-a',
    '-h',
    '127.0.0.1',
    '-p',
    `${port}`,
  ]).catch((error: { stdout: string; stderr: string }) => error)
  return `${stdout}${stderr}`
}

describe.skipIf(reason !== undefined)('a router over real memcached servers', () => {
  it('passes memccapable as a server does', async () => {
    const { port, servers } = await startAll(3)
    const direct = await capable((servers[0] as MemcachedServer).port)
    const routed = await capable(port)
    expect(direct).toMatch(/All tests passed/)
    expect(routed).toBe(direct)
  })

  it('answers random commands as one server does', async () => {
    const { port } = await startAll(3)
    const alone = await startMemcached()
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 60 }), async (commands) => {
        const bytes = Buffer.concat([FLUSH, ...commands])
        const [direct, routed] = await Promise.all([
          converse(alone.port, bytes),
          converse(port, bytes),
        ])
        expect(masked(routed)).toBe(masked(direct))
      }),
      { numRuns: 60 },
    )
  })
})

const FLUSH = Buffer.from('flush_all\r\n')

/** Numbers that servers give away themselves: unique ids of items, times. */
function masked(reply: string): string {
  return reply
    .replace(/^(VALUE \S+ \d+ \d+) \d+/gm, '$1 #')
    .replace(/ c\d+/g, ' c#')
    .replace(/ la=\d+ cas=\d+/g, '')
}

const key = fc.constantFrom('a', 'b', 'key:3', '{tag}x', 'ü', 'k'.repeat(250), 'Zm9v', 'foo')
const value = fc.oneof(
  fc.constantFrom('', '1', '41', 'hello', 'END\r\nVALUE a 0 1', '\r\n', '\0\xff'),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const noreply = fc.constantFrom('', '', '', ' noreply')
const line = (...words: readonly string[]) => Buffer.from(`${words.join(' ')}\r\n`, 'latin1')
const latin1 = (text: string) => Buffer.from(text, 'latin1')

const storage = fc
  .tuple(
    fc.constantFrom('set', 'set', 'set', 'add', 'replace', 'append', 'prepend'),
    key,
    fc.constantFrom('0', '7', '4294967295'),
    fc.constantFrom('0', '100'),
    value,
    noreply,
  )
  .map(([name, k, flags, expiry, text, quiet]) => {
    const data = latin1(text)
    return Buffer.concat([
      latin1(`${name} ${k} ${flags} ${expiry} ${data.length}${quiet}\r\n`),
      data,
      latin1('\r\n'),
    ])
  })

const keys = fc
  .tuple(
    fc.constantFrom('get', 'gets', 'gat 100', 'gats 0'),
    fc.array(key, { minLength: 1, maxLength: 8 }),
  )
  .map(([name, list]) => line(name, ...list))

const counters = fc
  .tuple(
    fc.constantFrom('incr', 'decr'),
    key,
    fc.constantFrom('1', '5', '18446744073709551615', 'x'),
    noreply,
  )
  .map(([name, k, by, quiet]) => line(name, k, `${by}${quiet}`))

// Not among them: a key that is too long in `get`, at which memcached 1.6.18 forgets the replies it has not sent yet.
const others = fc.oneof(
  fc.tuple(key, noreply).map(([k, quiet]) => line('delete', `${k}${quiet}`)),
  fc.tuple(key, noreply).map(([k, quiet]) => line('delete', k, `0${quiet}`)),
  fc.tuple(key, noreply).map(([k, quiet]) => line('touch', k, `100${quiet}`)),
  fc.constantFrom(
    line('mn'),
    line('verbosity', '0'),
    line('flush_all'),
    line('nonsense'),
    line('get'),
    line('set', 'a', '0', '0'),
    line('incr', 'a'),
    line('touch', 'a'),
    line('delete'),
    line('mg'),
    line(''),
  ),
)

const flags = (...list: readonly string[]) => fc.subarray([...list])
const meta = fc.oneof(
  fc
    .tuple(key, flags('v', 'k', 's', 't', 'f', 'O123', 'q', 'h', 'u'))
    .map(([k, list]) => line('mg', k, ...list)),
  fc.tuple(key, flags('b', 'v', 'k', 'q')).map(([k, list]) => line('mg', k, ...list)),
  fc.tuple(key, flags('q', 'k', 'Oabc', 'T30')).map(([k, list]) => line('md', k, ...list)),
  fc
    .tuple(key, flags('q', 'k', 'v', 'J13', 'D30', 'MD', 'T0'))
    .map(([k, list]) => line('ma', k, ...list)),
  fc
    .tuple(key, value, flags('q', 'k', 'Oabc', 'T0', 'F9', 'ME'))
    .map(([k, text, list]) =>
      Buffer.concat([line('ms', k, `${latin1(text).length}`, ...list), latin1(`${text}\r\n`)]),
    ),
)

const command = fc.oneof(
  { weight: 4, arbitrary: storage },
  { weight: 4, arbitrary: keys },
  { weight: 2, arbitrary: counters },
  { weight: 2, arbitrary: others },
  { weight: 4, arbitrary: meta },
)
