import { describe, expect, it } from 'vitest'
import { bulk, named } from '../testing/fake-backend.ts'
import { startBackend, startRouter, startStaticRouter } from '../testing/fixture.ts'
import { keysOf } from '../testing/keys.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

const first = <T>(items: readonly T[]): T => items[0] as T

describe('a static pool', () => {
  it('sends each key to its owner and answers a pipeline in order', async () => {
    const { backends, client } = await startStaticRouter([named('0'), named('1')])
    const ports = backends.map(({ port }) => port)
    const redis = client()
    const zero = keysOf(ports[0] as number, ports, 20)
    const one = keysOf(ports[1] as number, ports, 20)
    const mixed = zero.flatMap((key, i) => [key, one[i] as string])
    redis.send(...mixed.map((key) => ['GET', key]))
    expect(await redis.replies(40)).toEqual(mixed.map((key, i) => bulk(`${i % 2}:${key}`)))
  })

  it('gives all commands of one turn to a backend in one write', async () => {
    const { backends, client } = await startStaticRouter([named('0')])
    const redis = client()
    await redis.ask('GET a')
    redis.send(...Array.from({ length: 100 }, (_, i) => ['GET', String(i)]))
    expect(await redis.replies(100)).toHaveLength(100)
    expect(first(backends).connections).toBe(1)
  })

  it('splits commands with many keys and gathers the replies', async () => {
    const { backends, client } = await startStaticRouter([named('0'), named('1')])
    const ports = backends.map(({ port }) => port)
    const redis = client()
    const [a, b] = keysOf(ports[0] as number, ports, 2)
    const [c] = keysOf(ports[1] as number, ports, 1)
    expect(await redis.ask(`MGET ${a} ${c} ${b}`)).toBe(
      `*3\r\n${bulk(`0:${a}`)}${bulk(`1:${c}`)}${bulk(`0:${b}`)}`,
    )
    expect(await redis.ask(`DEL ${a} ${c} ${b}`)).toBe(':3\r\n')
    expect(await redis.ask(`MSET ${a} 1 ${c} 2`)).toBe('+OK\r\n')
    expect(await redis.ask('FLUSHALL')).toBe('+OK\r\n')
    expect(first(backends).received.at(-1)).toBe('FLUSHALL')
  })

  it('speaks RESP3 to backends for clients that do, on a connection of its own', async () => {
    const { backends, client } = await startStaticRouter([
      (words) =>
        words[0] === 'HELLO' ? '%1\r\n+proto\r\n:3\r\n' : '>1\r\n+invalidate\r\n%1\r\n+a\r\n:1\r\n',
    ])
    const redis = client()
    await redis.ask('HELLO 3')
    expect(await redis.ask('HGETALL h')).toBe('%1\r\n+a\r\n:1\r\n')
    expect(first(backends).received).toEqual(['HELLO 3', 'HGETALL h'])
  })

  it('says so when a backend does not speak RESP3, and does not avoid it', async () => {
    const { client, events } = await startStaticRouter([
      (words) => (words[0] === 'HELLO' ? '-ERR unknown command\r\n' : '+OK\r\n'),
    ])
    const [old, modern] = [client(), client()]
    await modern.ask('HELLO 3')
    expect(await modern.ask('GET a')).toMatch(/does not speak RESP3/)
    expect(await old.ask('GET a')).toBe('+OK\r\n')
    expect(events).toEqual([])
  })
})

describe('a static pool that loses a backend', () => {
  it('gives commands to the next one when the connection is refused, and comes back', async () => {
    const { backends, client, event, events, router } = await startStaticRouter([
      named('0'),
      named('1'),
    ])
    const ports = backends.map(({ port }) => port)
    const [key] = keysOf(ports[0] as number, ports, 1)
    await first(backends).kill()
    const redis = client()
    expect(await redis.ask(`GET ${key}`)).toBe(bulk(`1:${key}`))
    expect(await redis.ask(`SET ${key} 1`)).toBe('+OK\r\n')
    expect(events[0]).toMatchObject({ type: 'backend-avoided', code: 'REFUSED', pool: 'cache' })
    expect(router.counters().pools['cache']).toMatchObject({ errors: 0, failovers: 1 })
    // What was written elsewhere is not read there before it was copied, or deleted.
    const caughtUp = event('backend-caught-up')
    await startBackend(named('0 again'), ports[0])
    await caughtUp
    expect(await redis.ask(`GET ${key}`)).toBe(bulk(`0 again:${key}`))
  })

  it('reads again from the next one when the connection breaks before the answer', async () => {
    const { backends, client } = await startStaticRouter([() => undefined, named('1')])
    const ports = backends.map(({ port }) => port)
    const keys = keysOf(ports[0] as number, ports, 30)
    const redis = client()
    redis.send(...keys.map((key) => ['GET', key]))
    await first(backends).arrived(30)
    await first(backends).kill()
    expect(await redis.replies(30)).toEqual(keys.map((key) => bulk(`1:${key}`)))
  })

  it('does not write again: the client learns that the write may have been applied', async () => {
    const { backends, client } = await startStaticRouter([
      (_words, socket) => void socket.end(),
      named('1'),
    ])
    const ports = backends.map(({ port }) => port)
    const [key] = keysOf(ports[0] as number, ports, 1)
    expect(await client().ask(`SET ${key} 1`)).toBe(
      `-ERR pool "cache": backend 127.0.0.1:${ports[0]} closed the connection before answering; the write may have been applied\r\n`,
    )
    expect(backends[1]?.received).toEqual([])
  })

  it('gives each key of a lost part to its own next owner', async () => {
    const { backends, client } = await startStaticRouter([() => undefined, named('1'), named('2')])
    const ports = backends.map(({ port }) => port)
    const keys = keysOf(ports[0] as number, ports, 20)
    const without = keys.map((key) => {
      const next = keysOf(ports[1] as number, ports.slice(1), 2_000).includes(key) ? 1 : 2
      return bulk(`${next}:${key}`)
    })
    const redis = client()
    redis.send(['MGET', ...keys])
    await first(backends).arrived(1)
    await first(backends).kill()
    expect(await redis.replies(1)).toEqual([`*20\r\n${without.join('')}`])
    expect(new Set(without.map((reply) => reply.split('\r\n')[1]?.[0])).size).toBe(2)
  })

  it('steers around a backend that is silent for too long', async () => {
    const { backends, client, events } = await startStaticRouter([() => undefined, named('1')], {
      replyTimeoutMs: 60,
    })
    const ports = backends.map(({ port }) => port)
    const [a, b] = keysOf(ports[0] as number, ports, 2)
    const redis = client()
    redis.send(['GET', `${a}`], ['SET', `${b}`, '1'], ['GET', `${b}`])
    expect(await redis.replies(3)).toEqual([
      bulk(`1:${a}`),
      `-ERR pool "cache": backend 127.0.0.1:${ports[0]} did not answer within 60 ms; the write may have been applied\r\n`,
      bulk(`1:${b}`),
    ])
    expect(events[0]).toMatchObject({ code: 'REPLY_TIMEOUT' })
  })

  it('steers around a backend that breaks the protocol', async () => {
    for (const nonsense of [
      '?\r\n',
      '$9999999999\r\n',
      '*1\r\n'.repeat(10_000),
      '+a\r\n+b\r\n+c\r\n',
    ]) {
      const { backends, client, events } = await startStaticRouter([() => nonsense, named('1')])
      const ports = backends.map(({ port }) => port)
      const [a, b] = keysOf(ports[0] as number, ports, 2)
      const redis = client()
      redis.send(['GET', `${a}`], ['GET', `${b}`])
      expect(await redis.replies(2)).toHaveLength(2)
      await redis.ask(`GET ${b}`)
      expect(events[0]).toMatchObject({ code: 'BAD_REPLY' })
    }
  })

  it('does not avoid a backend that closes an idle connection', async () => {
    const { backends, client, events, router } = await startStaticRouter([named('0')])
    const redis = client()
    const open = () =>
      Object.values(router.counters().pools['cache']?.backends ?? {})[0]?.connections
    for (let i = 0; i < 3; i++) {
      expect(await redis.ask('GET a')).toBe(bulk('0:a'))
      first(backends).disconnect()
      while (open() !== 0) await redis.ask('PING')
    }
    expect(events).toEqual([])
  })

  it('names the pool and the last cause when no backend can be reached', async () => {
    const { backends, client } = await startStaticRouter([named('0'), named('1')])
    for (const backend of backends) await backend.kill()
    const redis = client()
    const message =
      /^-ERR pool "cache": no backend can be reached; the last cause: backend 127\.0\.0\.1:\d+ refused the connection\r\n$/
    expect(await redis.ask('GET a')).toMatch(message)
    expect(await redis.ask('SET a 1')).toMatch(message)
    expect(await redis.ask('DBSIZE')).toMatch(/is avoided: it refused the connection/)
  })

  it('gives a command to so many further backends and not one more', async () => {
    const silent = () => undefined
    const limits = { replyTimeoutMs: 60, probeDelayMinMs: 60_000, probeDelayMaxMs: 60_000 }
    for (const failoverAttemptsMax of [1, 2]) {
      const { client, router } = await startStaticRouter([silent, silent, silent], {
        ...limits,
        failoverAttemptsMax,
      })
      const reply = await client().ask('GET a')
      if (failoverAttemptsMax === 1) expect(reply).toMatch(/within 60 ms, as did others before it/)
      else expect(reply).toMatch(/no backend can be reached|as did others before it/)
      expect(router.counters().pools['cache']).toMatchObject({ failovers: failoverAttemptsMax })
    }
  })

  it('takes replies as long as allowed and not one byte longer', async () => {
    const replyBytesMax = 70_000
    for (const [bytes, code] of [
      [replyBytesMax, undefined],
      [replyBytesMax + 1, 'BAD_REPLY'],
    ] as const) {
      const head = `$${bytes - 10}\r\n`
      const reply = `${head}${'x'.repeat(bytes - 10)}\r\n`
      expect(reply).toHaveLength(bytes)
      const { client, events } = await startStaticRouter([() => reply], { replyBytesMax })
      const answer = await client().ask('GET a')
      if (code === undefined) expect(answer).toBe(reply)
      else expect(answer).toMatch(/^-ERR pool "cache"/)
      expect(events[0]).toEqual(code && expect.objectContaining({ code }))
    }
  })

  it('does not return to a backend that still loads its data', async () => {
    let probes = 0
    const loading = ([name]: readonly string[]) => {
      if (name !== 'PING') return bulk('ready')
      probes++
      return probes < 3 ? '-LOADING Redis is loading the dataset in memory\r\n' : '+PONG\r\n'
    }
    const { backends, client, event } = await startStaticRouter([named('0')], {
      probeDelayMaxMs: 50,
    })
    const { port } = first(backends)
    await first(backends).kill()
    const redis = client()
    await redis.ask('GET a')
    const returned = event('backend-returned')
    await startBackend(loading, port)
    await returned
    expect(probes).toBe(3)
    expect(await redis.ask('GET a')).toBe(bulk('ready'))
  })

  it('says that a pool is empty', async () => {
    const { router, client } = await startRouter()
    router.post(topologyMessage(1, redisPool([])))
    expect(await client().ask('GET a')).toBe('-ERR pool "cache": no backend is in the pool\r\n')
    expect(await client().ask('MGET a b')).toBe('-ERR pool "cache": no backend is in the pool\r\n')
  })

  it('lets so many commands wait at a backend and not one more', async () => {
    const { backends, client } = await startStaticRouter([() => undefined], { backendQueueMax: 3 })
    const redis = client()
    redis.send(...Array.from({ length: 4 }, (_, i) => ['GET', String(i)]), ['PING'])
    await first(backends).arrived(3)
    const behaviour = named('0')
    first(backends).behaviour = behaviour
    await first(backends).kill()
    const replies = await redis.replies(5)
    expect(replies[3]).toMatch(/has 3 commands \(\d+ bytes\) waiting, which is its limit/)
    expect(replies[4]).toBe('+PONG\r\n')
  })

  it('lets so many bytes wait at a backend, but always one command', async () => {
    const { client } = await startStaticRouter([() => undefined], {
      backendQueueBytesMax: 100,
      replyTimeoutMs: 60,
    })
    const redis = client()
    redis.send(['SET', 'a', 'x'.repeat(200)], ['SET', 'b', 'y'])
    const [large, small] = await redis.replies(2)
    expect(large).toMatch(/did not answer/)
    expect(small).toMatch(/which is its limit/)
  })
})

describe('a static pool whose topology changes', () => {
  it('keeps connections of unchanged backends and drains removed ones', async () => {
    const slow = await startBackend(() => undefined)
    const kept = await startBackend(named('kept'))
    const { router, client } = await startRouter()
    const ports = [slow.port, kept.port]
    router.post(topologyMessage(1, redisPool(ports.map((port) => backendAt(port)))))
    const redis = client()
    const [inFlight] = keysOf(slow.port, ports, 1)
    redis.send(['GET', `${inFlight}`], ['GET', `${first(keysOf(kept.port, ports, 1))}`])
    await Promise.all([slow.arrived(1), kept.arrived(1)])
    router.post(topologyMessage(2, redisPool([backendAt(kept.port)])))
    slow.behaviour = named('slow')
    expect(await client().ask(`GET ${inFlight}`)).toBe(bulk(`kept:${inFlight}`))
    expect(kept.connections).toBe(1)
    expect(slow.connections).toBe(1)
    await slow.kill()
    expect((await redis.replies(1))[0]).toBe(bulk(`kept:${inFlight}`))
    expect(Object.keys(router.counters().pools['cache']?.backends ?? {})).toEqual([
      `127.0.0.1:${kept.port}`,
    ])
  })

  it('answers what is in flight in a pool that is no longer named', async () => {
    const backend = await startBackend(() => undefined)
    const { router, client } = await startRouter()
    router.post(topologyMessage(1, redisPool([backendAt(backend.port)])))
    const redis = client()
    redis.send(['GET', 'a'])
    await backend.arrived(1)
    router.post(topologyMessage(2))
    expect(await client().ask('GET a')).toBe('-ERR pool "cache" is not in the topology\r\n')
    backend.send('$1\r\na\r\n')
    expect(await redis.replies(1)).toEqual(['$1\r\na\r\n'])
  })

  it('opens no connection for commands that are lost when the router closes', async () => {
    const { backends, client, router } = await startStaticRouter([() => undefined, () => undefined])
    const redis = client()
    redis.send(...Array.from({ length: 20 }, (_, i) => ['GET', String(i)]))
    await Promise.all(backends.map((backend) => backend.arrived(1)))
    await router.close({ drainTimeoutMs: 1 })
    await redis.closed
    expect(router.counters().pools['cache']).toMatchObject({ failovers: 0 })
  })

  it('gives no new keys to backends that are out or draining', async () => {
    const { backends, client, router } = await startStaticRouter([named('0'), named('1')])
    const ports = backends.map(({ port }) => port)
    const [key] = keysOf(ports[0] as number, ports, 1)
    const redis = client()
    for (const [epoch, state] of [
      [2, 'out'],
      [3, 'draining'],
    ] as const) {
      const topologies = [backendAt(ports[0] as number, state), backendAt(ports[1] as number)]
      router.post(topologyMessage(epoch, redisPool(topologies)))
      expect(await redis.ask(`GET ${key}`)).toBe(bulk(`1:${key}`))
    }
    router.post(topologyMessage(1, redisPool([])))
    expect(await redis.ask(`GET ${key}`)).toBe(bulk(`1:${key}`))
    router.post(topologyMessage(4, redisPool(ports.map((port) => backendAt(port)))))
    expect(await redis.ask(`GET ${key}`)).toBe(bulk(`0:${key}`))
  })

  it('refuses a topology that names a pool or a backend twice', async () => {
    const { router } = await startRouter()
    const twice = expect.objectContaining({ code: 'TOPOLOGY_INVALID' })
    expect(() => router.post(topologyMessage(1, redisPool([]), redisPool([])))).toThrow(twice)
    expect(() => router.post(topologyMessage(1, redisPool([backendAt(1), backendAt(1)])))).toThrow(
      twice,
    )
  })
})
