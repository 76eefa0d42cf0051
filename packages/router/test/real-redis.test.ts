import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bulk } from './testing/fake-backend.ts'
import { onCleanup, startRouter } from './testing/fixture.ts'
import { keysOf } from './testing/keys.ts'
import type { RedisClient } from './testing/redis-client.ts'
import { askRedis, missingRedis, type RedisServer, startRedis } from './testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from './testing/topologies.ts'

const reason = missingRedis()
// biome-ignore lint/suspicious/noConsole: a skipped suite says why.
if (reason !== undefined) console.log(`skipped: tests over real servers: ${reason}`)

async function startAll(count: number) {
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis()))
  const fixture = await startRouter()
  const ports = servers.map(({ port }) => port)
  fixture.router.post(topologyMessage(1, redisPool(ports.map((port) => backendAt(port)))))
  return { ...fixture, servers, ports }
}

/** A command with its expected reply. */
type Step = readonly [words: readonly string[], reply: string]

async function expectPipeline(redis: RedisClient, steps: readonly Step[]): Promise<void> {
  redis.send(...steps.map(([words]) => words))
  expect(await redis.replies(steps.length)).toEqual(steps.map(([, reply]) => reply))
}

describe.skipIf(reason !== undefined)('a router over real Redis servers', () => {
  it('keeps pipelines over all owners in order, and spreads the keys', async () => {
    const { client, servers } = await startAll(3)
    const redis = client()
    const steps: Step[] = []
    for (let i = 0; i < 1_000; i++) {
      steps.push([['SET', `k${i}`, `v${i}`], '+OK\r\n'], [['GET', `k${i}`], bulk(`v${i}`)])
      if (i % 10 === 0) steps.push([['PING'], '+PONG\r\n'], [['INCR', `n${i}`], ':1\r\n'])
    }
    await expectPipeline(redis, steps)
    expect(await redis.ask('DBSIZE')).toBe(':1100\r\n')
    for (const { port } of servers) expect(await askRedis(port, 'DBSIZE')).not.toBe(':0\r\n')
  })

  it('splits and gathers as one server would answer', async () => {
    const { client } = await startAll(2)
    const redis = client()
    const keys = Array.from({ length: 40 }, (_, i) => `key${i}`)
    const values = keys.map((key) => bulk(`value of ${key}`))
    redis.send(
      ['MSET', ...keys.flatMap((key) => [key, `value of ${key}`])],
      ['MGET', ...keys, 'no'],
    )
    expect(await redis.replies(2)).toEqual(['+OK\r\n', `*41\r\n${values.join('')}$-1\r\n`])
    redis.send(['EXISTS', ...keys, 'no'], ['TOUCH', ...keys], ['MGET', 'no', 'no', 'key7', 'key7'])
    expect(await redis.replies(3)).toEqual([
      ':40\r\n',
      ':40\r\n',
      `*4\r\n$-1\r\n$-1\r\n${values[7]}${values[7]}`,
    ])
    expect((await redis.ask('KEYS *')).slice(0, 5)).toBe('*40\r\n')
    redis.send(['DEL', ...keys.slice(0, 30)], ['UNLINK', ...keys], ['DBSIZE'])
    expect(await redis.replies(3)).toEqual([':30\r\n', ':10\r\n', ':0\r\n'])
  })

  it('carries values of 1 MB both ways, among small ones', async () => {
    const { client } = await startAll(2)
    const redis = client()
    const large = 'x'.repeat(1024 * 1024)
    const steps: Step[] = []
    for (let i = 0; i < 8; i++) steps.push([['SET', `big${i}`, large], '+OK\r\n'])
    for (let i = 0; i < 8; i++)
      steps.push([['GET', `big${i}`], bulk(large)], [['STRLEN', `big${i}`], ':1048576\r\n'])
    await expectPipeline(redis, steps)
  })

  it('answers in RESP3 to those who ask for it', async () => {
    const { client } = await startAll(2)
    const redis = client()
    await redis.ask('HSET h f v')
    await redis.ask('HELLO 3')
    expect(await redis.ask('HGETALL h')).toBe('%1\r\n$1\r\nf\r\n$1\r\nv\r\n')
    expect(await redis.ask('GET none')).toBe('_\r\n')
    expect(await redis.ask('MGET none h2')).toBe('*2\r\n_\r\n_\r\n')
    await redis.ask('HELLO 2')
    expect(await redis.ask('HGETALL h')).toBe(`*2\r\n${bulk('f')}${bulk('v')}`)
  })

  it('answers random commands as one server does', async () => {
    const { client, servers } = await startAll(2)
    const [redis, direct] = [client(), await startRedis()]
    const { RedisClient } = await import('./testing/redis-client.ts')
    const single = new RedisClient(direct.port)
    const key = fc.constantFrom('a', 'b', 'c', 'd', '{t}1', '{t}2')
    const keys = fc.array(key, { minLength: 1, maxLength: 5 })
    const command = fc.oneof(
      fc.tuple(fc.constantFrom('GET', 'INCR', 'STRLEN', 'TYPE', 'TTL', 'LLEN'), key),
      fc.tuple(
        fc.constantFrom('SET', 'APPEND', 'LPUSH', 'SADD', 'GETSET'),
        key,
        fc.constantFrom('1', 'x'),
      ),
      fc
        .tuple(fc.constantFrom('MGET', 'DEL', 'EXISTS', 'UNLINK', 'TOUCH'), keys)
        .map(([n, k]) => [n, ...k]),
      fc
        .uniqueArray(key, { minLength: 1 })
        .map((k) => ['MSET', ...k.flatMap((each) => [each, '5'])]),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 30 }), async (commands) => {
        redis.send(...commands)
        single.send(...commands)
        expect(await redis.replies(commands.length)).toEqual(await single.replies(commands.length))
      }),
      { numRuns: 100 },
    )
    single.socket.destroy()
    expect(servers).toHaveLength(2)
  })

  it('shows no error to readers when a server is killed under load, and few to writers', async () => {
    const { client, servers, ports, router } = await startAll(3)
    const clients = Array.from({ length: 10 }, () => client())
    const victim = servers[0] as RedisServer
    const keys = keysOf(victim.port, ports, 50)
    let answered = 0
    let killed: Promise<void> | undefined
    const load = async (redis: RedisClient, round: number) => {
      redis.send(...keys.map((key) => ['GET', `${key}${round % 3 === 0 ? '' : round}`]))
      for (const reply of await redis.replies(keys.length)) expect(reply).toBe('$-1\r\n')
      answered += keys.length
      // The kill falls into the middle of the load, whatever the speed of the machine.
      if (answered > 5_000) killed ??= victim.kill()
    }
    await Promise.all(
      clients.map(async (redis) => {
        for (let round = 0; round < 40; round++) await load(redis, round)
      }),
    )
    await killed
    expect(answered).toBe(20_000)
    const { pools } = router.counters()
    expect(pools['cache']).toMatchObject({ errors: 0 })
    expect(await client().ask(`SET ${keys[0]} 1`)).toBe('+OK\r\n')
  })

  it('steers around a server that accepts no connection in time', async () => {
    const stopped = await startRedis('--tcp-backlog', '1')
    const well = await startRedis()
    stopped.process.kill('SIGSTOP')
    // The kernel greets as many as the backlog holds; those after them wait.
    const fillers = Array.from({ length: 4 }, () => connect(stopped.port, '127.0.0.1'))
    onCleanup(() => {
      for (const filler of fillers) filler.destroy()
    })
    await Promise.all(
      fillers
        .slice(0, 2)
        .map((filler) => new Promise<void>((done) => filler.once('connect', done))),
    )
    const { router, client, events } = await startRouter({ connectTimeoutMs: 50 })
    const ports = [stopped.port, well.port]
    router.post(topologyMessage(1, redisPool(ports.map((port) => backendAt(port)))))
    const [key] = keysOf(stopped.port, ports, 1)
    const redis = client()
    // It was never sent: even a write goes on at the next owner.
    redis.send(['SET', `${key}`, 'v'], ['GET', `${key}`])
    expect(await redis.replies(2)).toEqual(['+OK\r\n', bulk('v')])
    expect(events[0]).toMatchObject({ type: 'backend-avoided', code: 'CONNECT_TIMEOUT' })
  })

  it('serves redis-benchmark and redis-cli questions without special settings', async () => {
    const { client } = await startAll(1)
    const redis = client()
    for (const words of [
      'CONFIG GET save',
      'CONFIG GET appendonly',
      'COMMAND DOCS',
      'INFO',
      'CLIENT INFO',
    ])
      expect(await redis.ask(words)).not.toMatch(/^-/)
  })
})
