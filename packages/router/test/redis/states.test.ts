import { describe, expect, it } from 'vitest'
import type { RouterLimits } from '../../src/index.ts'
import { bulk } from '../testing/fake-backend.ts'
import { startRouter } from '../testing/fixture.ts'
import { keysOf } from '../testing/keys.ts'
import { askRedis, missingRedis, startRedis } from '../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

async function startAll(count: number, limits: Partial<RouterLimits> = {}) {
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis()))
  const fixture = await startRouter(limits)
  const ports = servers.map(({ port }) => port)
  const post = (epoch: number, wanted: readonly number[]) =>
    fixture.router.post(topologyMessage(epoch, redisPool(wanted.map((port) => backendAt(port)))))
  post(1, ports)
  const [a = '', b = ''] = ports.map((port) => keysOf(port, ports, 1)[0] ?? '')
  return { ...fixture, servers, ports, post, a, b }
}

/** Asks until the answer fits; every state of a server is reached sooner or later. */
async function until(
  ask: () => Promise<string>,
  fits: (reply: string) => boolean,
): Promise<string> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const reply = await ask()
    if (fits(reply)) return reply
  }
  throw new Error('it never came')
}

const blockedAt = (port: number) =>
  until(
    () => askRedis(port, 'INFO clients'),
    (text) => text.includes('blocked_clients:1'),
  )

describe.skipIf(missingRedis() !== undefined)('transactions', () => {
  it('need one owner: a key of another one spoils EXEC', async () => {
    const { client, a, b } = await startAll(2)
    const redis = client()
    redis.send(['MULTI'], ['SET', a, '1'], ['SET', b, '1'], ['SET', a, '2'], ['EXEC'], ['GET', a])
    expect(await redis.replies(6)).toEqual([
      '+OK\r\n',
      '+QUEUED\r\n',
      "-CROSSSLOT Keys in request don't hash to the same slot\r\n",
      '+QUEUED\r\n',
      '-EXECABORT Transaction discarded because of previous errors.\r\n',
      '$-1\r\n',
    ])
  })

  it('see a change of a watched key by another client, and none of their own before', async () => {
    const { client, a } = await startAll(2)
    const [one, two] = [client(), client()]
    // All in one write: the SET before WATCH runs before it, though on another connection.
    one.send(['SET', a, '0'], ['WATCH', a], ['MULTI'], ['INCR', a], ['EXEC'], ['GET', a])
    expect((await one.replies(6)).slice(-2)).toEqual(['*1\r\n:1\r\n', bulk('1')])
    expect(await one.ask(`WATCH ${a}`)).toBe('+OK\r\n')
    await two.ask(`SET ${a} 5`)
    one.send(['MULTI'], ['INCR', a], ['EXEC'])
    expect((await one.replies(3)).at(-1)).toBe('*-1\r\n')
    expect(await one.ask(`GET ${a}`)).toBe(bulk('5'))
  })

  it('end with a reason when their owner dies, and the client goes on', async () => {
    const { client, servers, a } = await startAll(2)
    const redis = client()
    redis.send(['WATCH', a], ['MULTI'], ['SET', a, '1'])
    expect(await redis.replies(3)).toEqual(['+OK\r\n', '+OK\r\n', '+QUEUED\r\n'])
    await servers[0]?.kill()
    const lost = await until(
      () => redis.ask(`SET ${a} 2`),
      (reply) => reply.startsWith('-'),
    )
    expect(lost).toMatch(/the transaction is lost/)
    expect(await redis.ask('EXEC')).toMatch(/^-EXECABORT Transaction discarded because backend 127/)
    expect(await redis.ask(`SET ${a} 3`)).toBe('+OK\r\n')
    redis.send(['MULTI'], ['INCR', a], ['EXEC'])
    expect((await redis.replies(3)).at(-1)).toBe('*1\r\n:4\r\n')
  })

  it('end when the topology gives their keys to another backend', async () => {
    const { client, ports, post, a } = await startAll(2)
    const redis = client()
    expect(await redis.ask(`WATCH ${a}`)).toBe('+OK\r\n')
    post(2, ports.slice(1))
    redis.send(['MULTI'], ['SET', a, '1'], ['EXEC'], ['GET', a])
    const [, queued, exec, get] = await redis.replies(4)
    expect(queued).toMatch(/^-ERR backend .* the transaction is lost/)
    expect(exec).toMatch(/^-EXECABORT/)
    expect(get).toBe('$-1\r\n')
  })

  it('have as many private connections as allowed, and one more is refused', async () => {
    const { client, a } = await startAll(1, { privateConnectionsMax: 2 })
    const [one, two, three] = [client(), client(), client()]
    for (const each of [one, two]) expect(await each.ask(`WATCH ${a}`)).toBe('+OK\r\n')
    expect(await three.ask(`WATCH ${a}`)).toMatch(
      /2 private connections in use, which is its limit/,
    )
    expect(await one.ask('UNWATCH')).toBe('+OK\r\n')
    expect(await three.ask(`WATCH ${a}`)).toBe('+OK\r\n')
  })

  it('have bounded keys, and bounded bytes before the first key', async () => {
    const { client } = await startAll(1, { transactionKeysMax: 3, transactionBytesMax: 60 })
    const redis = client()
    expect(await redis.ask('WATCH k1 k2 k3')).toBe('+OK\r\n')
    expect(await redis.ask('WATCH k4')).toBe('-ERR this transaction has more than 3 keys\r\n')
    await redis.ask('UNWATCH')
    redis.send(['MULTI'], ['ECHO', 'x'.repeat(20)], ['ECHO', 'x'.repeat(20)], ['EXEC'])
    const replies = await redis.replies(4)
    expect(replies[1]).toBe('+QUEUED\r\n')
    expect(replies[2]).toMatch(/more than 60 bytes/)
    expect(replies[3]).toMatch(/^-EXECABORT/)
  })
})

describe.skipIf(missingRedis() !== undefined)('blocking commands', () => {
  it('wait until another client pushes, and what comes after them waits too', async () => {
    const { client, a, b, ports } = await startAll(2)
    const [waiter, pusher] = [client(), client()]
    waiter.send(['SET', b, '1'], ['BLPOP', a, '0'], ['GET', b])
    await blockedAt(ports[0] as number)
    expect(await pusher.ask(`RPUSH ${a} x`)).toBe(':1\r\n')
    expect(await waiter.replies(3)).toEqual(['+OK\r\n', `*2\r\n${bulk(a)}${bulk('x')}`, bulk('1')])
  })

  it('outlast the time that other replies have, and end after their own', async () => {
    const { client, a } = await startAll(2, { replyTimeoutMs: 600 })
    const redis = client()
    expect(await redis.ask(`BLPOP ${a} 1.2`)).toBe('*-1\r\n')
    expect(await redis.ask(`BZPOPMIN ${a} 0.1`)).toBe('*-1\r\n')
  })

  it('end at the backend when the client goes, even with commands behind them', async () => {
    const { client, a, ports } = await startAll(1)
    const redis = client()
    redis.send(['BLPOP', a, '0'], ['PING'])
    await blockedAt(ports[0] as number)
    redis.socket.destroy()
    await until(
      () => askRedis(ports[0] as number, 'INFO clients'),
      (text) => text.includes('blocked_clients:0'),
    )
  })

  it('are told when their backend is lost, and CLIENT UNBLOCK ends them', async () => {
    const { client, a, servers, ports } = await startAll(2)
    const [redis, other] = [client(), client()]
    const id = (await redis.ask('CLIENT ID')).slice(1, -2)
    redis.send(['BLPOP', a, '0'])
    await blockedAt(ports[0] as number)
    expect(await other.ask(`CLIENT UNBLOCK ${id}`)).toBe(':1\r\n')
    expect(await redis.replies(1)).toEqual(['*-1\r\n'])
    redis.send(['BLPOP', a, '0'])
    await blockedAt(ports[0] as number)
    await servers[0]?.kill()
    expect((await redis.replies(1))[0]).toMatch(
      /^-ERR pool "cache": backend 127.*; it may have taken an element/,
    )
    expect(await redis.ask('PING')).toBe('+PONG\r\n')
  })

  it('use a connection again that another client has left', async () => {
    const { client, a, router } = await startAll(1)
    for (let i = 0; i < 20; i++) expect(await client().ask(`BLPOP ${a} 0.001`)).toBe('*-1\r\n')
    const [backend] = Object.values(router.counters().pools['cache']?.backends ?? {})
    expect(backend?.connects).toBeLessThan(10)
  })
})

describe.skipIf(missingRedis() !== undefined)('publish and subscribe', () => {
  const message = (channel: string, text: string) =>
    `*3\r\n${bulk('message')}${bulk(channel)}${bulk(text)}`

  it('brings each message once, to channels of every owner and to patterns', async () => {
    const { client, a, b } = await startAll(2)
    const [one, two, publisher] = [client(), client(), client()]
    one.send(['SUBSCRIBE', a, b])
    expect((await one.replies(2)).at(-1)).toBe(`*3\r\n${bulk('subscribe')}${bulk(b)}:2\r\n`)
    await two.ask('HELLO 3')
    expect(await two.ask('PSUBSCRIBE key-*')).toBe(
      `>3\r\n${bulk('psubscribe')}${bulk('key-*')}:1\r\n`,
    )
    for (const [i, channel] of [a, b, a].entries())
      expect(await publisher.ask(`PUBLISH ${channel} m${i}`)).toBe(':2\r\n')
    expect(await one.replies(3)).toEqual([message(a, 'm0'), message(b, 'm1'), message(a, 'm2')])
    const patterns = await two.replies(3)
    expect(patterns.map((reply) => reply.split('\r\n').slice(2, 9).join(' ')).sort()).toEqual(
      [
        `pmessage $5 key-* $${a.length} ${a} $2 m0`,
        `pmessage $5 key-* $${b.length} ${b} $2 m1`,
        `pmessage $5 key-* $${a.length} ${a} $2 m2`,
      ].sort(),
    )
    expect(await two.ask('GET nosuch')).toBe('_\r\n')
    expect(await one.ask('GET nosuch')).toMatch(/^-ERR Can't execute 'get': only/)
    expect(await publisher.ask(`PUBSUB NUMSUB ${a} none`)).toBe(
      `*4\r\n${bulk(a)}:1\r\n${bulk('none')}:0\r\n`,
    )
    expect(await publisher.ask('PUBSUB NUMPAT')).toBe(':1\r\n')
    expect(await publisher.ask('PUBSUB CHANNELS')).toMatch(/^\*2\r\n/)
    one.send(['UNSUBSCRIBE'], ['PING'])
    expect((await one.replies(3)).at(-1)).toBe('+PONG\r\n')
    expect(await publisher.ask(`PUBLISH ${a} gone`)).toBe(':1\r\n')
  })

  it('moves with its owner: when that dies, and when the ring changes', async () => {
    const { client, servers, ports, post, a } = await startAll(2)
    const [subscriber, publisher] = [client(), client()]
    await subscriber.ask(`SUBSCRIBE ${a}`)
    await servers[0]?.kill()
    await until(
      () => publisher.ask(`PUBLISH ${a} after`),
      (reply) => reply === ':1\r\n',
    )
    expect((await subscriber.replies(1))[0]).toBe(message(a, 'after'))
    const third = await startRedis()
    post(2, [third.port])
    await until(
      () => publisher.ask(`PUBLISH ${a} moved`),
      (reply) => reply === ':1\r\n',
    )
    expect((await subscriber.replies(1))[0]).toBe(message(a, 'moved'))
    expect(ports).toHaveLength(2)
  })

  it('knows shard channels as names of their own', async () => {
    const { client, a } = await startAll(2)
    const [subscriber, publisher] = [client(), client()]
    expect(await subscriber.ask(`SSUBSCRIBE ${a}`)).toMatch(/ssubscribe/)
    expect(await publisher.ask(`PUBLISH ${a} no`)).toBe(':0\r\n')
    expect(await publisher.ask(`SPUBLISH ${a} yes`)).toBe(':1\r\n')
    expect((await subscriber.replies(1))[0]).toMatch(/smessage[\s\S]*yes/)
  })

  it('closes a subscriber that does not read, at its limit', async () => {
    const { client, a, router } = await startAll(1, { subscriberOutputBytesMax: 1_000_000 })
    const [subscriber, publisher] = [client(), client()]
    await subscriber.ask(`SUBSCRIBE ${a}`)
    subscriber.socket.pause()
    const text = 'x'.repeat(100_000)
    await until(
      async () => {
        publisher.send(['PUBLISH', a, text])
        return (await publisher.replies(1))[0] ?? ''
      },
      (reply) => reply === ':0\r\n',
    )
    expect(router.counters()).toMatchObject({ clients: { slow: 1 }, errors: { CLIENT_SLOW: 1 } })
  })

  it('has as many subscriptions as allowed', async () => {
    const { client } = await startAll(1, { subscriptionsMax: 2 })
    const redis = client()
    redis.send(['SUBSCRIBE', 'a', 'b'])
    expect(await redis.replies(2)).toHaveLength(2)
    expect(await redis.ask('SUBSCRIBE c')).toMatch(/at most 2 subscriptions/)
  })
})

describe.skipIf(missingRedis() !== undefined)('scripts and gathered commands', () => {
  it('load a script where it is missing', async () => {
    const { client, a, b, servers } = await startAll(2)
    const redis = client()
    redis.send(['SCRIPT', 'LOAD', 'return KEYS[1]'])
    const sha = ((await redis.replies(1))[0] ?? '').split('\r\n')[1] ?? ''
    for (const { port } of servers) await askRedis(port, 'SCRIPT FLUSH')
    expect(await redis.ask(`EVALSHA ${sha} 1 ${a}`)).toBe(bulk(a))
    expect(await redis.ask(`EVALSHA ${sha} 1 ${b}`)).toBe(bulk(b))
    for (const { port } of servers) await askRedis(port, 'SCRIPT FLUSH')
    redis.send(['MULTI'], ['EVALSHA', sha, '1', a], ['EXEC'])
    expect((await redis.replies(3)).at(-1)).toBe(`*1\r\n${bulk(a)}`)
    expect(await redis.ask(`EVAL x 2 ${a} ${b}`)).toMatch(/^-CROSSSLOT/)
  })

  it('scan all backends with one cursor, each key once', async () => {
    const { client } = await startAll(3)
    const redis = client()
    const keys = Array.from({ length: 500 }, (_, i) => `s${i}`)
    redis.send(['MSET', ...keys.flatMap((key) => [key, '1'])])
    await redis.replies(1)
    const found: string[] = []
    let cursor = '0'
    do {
      const lines = (await redis.ask(`SCAN ${cursor} COUNT 40`)).split('\r\n')
      cursor = lines[2] ?? '0'
      found.push(...lines.slice(4).filter((line) => /^s\d+$/.test(line)))
    } while (cursor !== '0')
    expect(new Set(found)).toEqual(new Set(keys))
    expect(await redis.ask('RANDOMKEY')).toMatch(/\r\ns\d+\r\n$/)
    expect(await redis.ask('INFO keyspace')).toMatch(/db0:keys=500,/)
    expect(await redis.ask('INFO')).toMatch(/backend2:id=127/)
    expect(await redis.ask('WAIT 0 10')).toBe(':0\r\n')
    expect(await redis.ask('KEYS s1?')).toMatch(/^\*10\r\n/)
  })

  it('answers nothing to a client that wants no replies', async () => {
    const { client, a } = await startAll(2)
    const redis = client()
    redis.send(
      ['CLIENT', 'REPLY', 'OFF'],
      ['SET', a, '1'],
      ['PING'],
      ['CLIENT', 'REPLY', 'ON'],
      ['CLIENT', 'REPLY', 'SKIP'],
      ['INCR', a],
      ['GET', a],
    )
    expect(await redis.replies(2)).toEqual(['+OK\r\n', bulk('2')])
  })

  it('serves nobody who has not given the password', async () => {
    const { router, a } = await startAll(1)
    const auth = [{ user: 'ann', password: 'secret' }]
    const at = { protocol: 'redis', host: '127.0.0.1', port: 0, pool: 'cache' } as const
    const { port } = await router.listen({ ...at, auth })
    expect(await askRedis(port, `GET ${a}`)).toBe('-NOAUTH Authentication required.\r\n')
    expect(await askRedis(port, 'AUTH ann wrong')).toMatch(/^-WRONGPASS/)
    expect(await askRedis(port, `AUTH ann secret\r\nSET ${a} 1`)).toMatch(/^\+OK\r\n/)
    expect(await askRedis(port, 'HELLO 3 AUTH ann secret')).toMatch(/^%7/)
  })
})
