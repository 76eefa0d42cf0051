import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCommand } from '../../src/codec/resp/encode.ts'
import type { PoolDriver, ReplySink, RoutedCommand } from '../../src/index.ts'
import { onCleanup, startRouter, startStoreRouter } from '../testing/fixture.ts'
import { RedisClient } from '../testing/redis-client.ts'

/** A store that echoes the command, and answers in the order that a test wants. */
class HeldDriver implements PoolDriver {
  readonly waiting: {
    readonly command: RoutedCommand
    readonly sink: ReplySink
    readonly part: number
  }[] = []
  #wake: (() => void) | undefined

  dispatch(command: RoutedCommand, sink: ReplySink, part: number): void {
    this.waiting.push({ command, sink, part })
    this.#wake?.()
  }

  async arrived(count: number): Promise<void> {
    while (this.waiting.length < count)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
  }

  answer(index: number, reply?: string): void {
    const { command, sink } = this.waiting[index] as (typeof this.waiting)[number]
    const echo = command.args.map((arg) => Buffer.from(arg).toString()).join(' ')
    sink.reply(0, Buffer.from(reply ?? `+${echo}\r\n`))
  }
}

const echo: PoolDriver = {
  dispatch: ({ args, resp, keyIndex }, sink) => {
    const words = args.map((arg) => Buffer.from(arg).toString()).join(' ')
    queueMicrotask(() => sink.reply(0, Buffer.from(`+${words} key=${keyIndex} resp=${resp}\r\n`)))
  },
}

describe('a session', () => {
  it('hands commands to the driver of a store pool, with key and RESP version', async () => {
    const { client } = await startStoreRouter(echo)
    const redis = client()
    expect(await redis.ask('GET a')).toBe('+GET a key=1 resp=2\r\n')
    expect(await redis.ask('DBSIZE')).toBe('+DBSIZE key=-1 resp=2\r\n')
    expect(await redis.ask('HELLO 3')).toMatch(/^%7/)
    expect(await redis.ask('HGETALL h')).toBe('+HGETALL h key=1 resp=3\r\n')
    redis.socket.write('get "inline key"\r\n')
    expect(await redis.replies(1)).toEqual(['+get inline key key=1 resp=3\r\n'])
  })

  it("answers in the client's order, whatever the order of the replies", async () => {
    const driver = new HeldDriver()
    const redis = (await startStoreRouter(driver)).client()
    redis.send(['GET', '0'], ['GET', '1'], ['PING'], ['GET', '2'], ['GET', '3'])
    await driver.arrived(4)
    for (const index of [2, 1, 3, 0]) driver.answer(index)
    expect(await redis.replies(5)).toEqual(
      ['+GET 0', '+GET 1', '+PONG', '+GET 2', '+GET 3'].map((line) => `${line}\r\n`),
    )
  })

  it('takes commands over several keys apart, key by key, and makes one reply of them', async () => {
    const driver = new HeldDriver()
    const redis = (await startStoreRouter(driver)).client()
    const asked = () =>
      driver.waiting.map(({ command: { name, args, keyIndex } }) => [
        name,
        ...args.slice(1).map(String),
        keyIndex,
      ])
    redis.send(['MGET', 'a', 'b', '{a}2'])
    await driver.arrived(3)
    expect(asked().map(String).sort()).toEqual(['get,a,1', 'get,b,1', 'get,{a}2,1'])
    for (const index of [2, 0, 1]) {
      const { command, part, sink } = driver.waiting[index] as (typeof driver.waiting)[number]
      sink.reply(part, Buffer.from(`+${command.args[1]}\r\n`))
    }
    expect(await redis.replies(1)).toEqual(['*3\r\n+a\r\n+b\r\n+{a}2\r\n'])
  })

  it('adds up DEL of several keys of one slot, and gives one OK for MSET', async () => {
    const driver = new HeldDriver()
    const redis = (await startStoreRouter(driver)).client()
    redis.send(['DEL', '{a}1', '{a}2', '{a}3'], ['MSET', '{a}1', 'x', '{a}2', 'y'], ['MGET', 'k'])
    await driver.arrived(6)
    const replies = [':1', ':0', ':1', '+OK', '+OK', '$-1']
    for (const [index, reply] of replies.entries()) {
      const { part, sink } = driver.waiting[index] as (typeof driver.waiting)[number]
      sink.reply(part, Buffer.from(`${reply}\r\n`))
    }
    expect(await redis.replies(3)).toEqual([':2\r\n', '+OK\r\n', '*1\r\n$-1\r\n'])
  })

  it('the first error of a key is the reply to the whole command', async () => {
    const driver = new HeldDriver()
    const redis = (await startStoreRouter(driver)).client()
    redis.send(['MGET', '{a}1', '{a}2'])
    await driver.arrived(2)
    for (const [index, reply] of ['$1\r\nx', '-TRYAGAIN later'].entries()) {
      const { part, sink } = driver.waiting[index] as (typeof driver.waiting)[number]
      sink.reply(part, Buffer.from(`${reply}\r\n`))
    }
    expect(await redis.replies(1)).toEqual(['-TRYAGAIN later\r\n'])
  })

  it('takes one reply per command and drops a second one', async () => {
    const driver = new HeldDriver()
    const redis = (await startStoreRouter(driver)).client()
    redis.send(['GET', '0'], ['GET', '1'])
    await driver.arrived(2)
    driver.answer(0)
    driver.answer(0)
    driver.answer(1)
    expect(await redis.replies(2)).toEqual(['+GET 0\r\n', '+GET 1\r\n'])
  })

  it('lets HELLO wait for the replies before it, so that each comes in its own version', async () => {
    const driver = new HeldDriver()
    const redis = (await startStoreRouter(driver)).client()
    redis.send(['GET', '0'], ['HELLO', '3'], ['GET', '1'])
    await driver.arrived(1)
    expect(driver.waiting).toHaveLength(1)
    driver.answer(0)
    await driver.arrived(2)
    driver.answer(1)
    const [first, hello, second] = await redis.replies(3)
    expect([first, hello?.slice(0, 2), second]).toEqual(['+GET 0\r\n', '%7', '+GET 1\r\n'])
    expect(driver.waiting.map(({ command }) => command.resp)).toEqual([2, 3])
  })

  it('says which pool is missing until the topology names it, and which store', async () => {
    const { router, client } = await startRouter()
    const redis = client()
    expect(await redis.ask('PING')).toBe('+PONG\r\n')
    expect(await redis.ask('GET a')).toBe('-ERR pool "cache" is not in the topology\r\n')
    const { storePool, topologyMessage } = await import('../testing/topologies.ts')
    router.post(topologyMessage(1, storePool('cache')))
    expect(await redis.ask('GET a')).toBe(
      '-ERR pool "cache": no store is attached to this router\r\n',
    )
    router.attachPool('cache', echo)
    expect(await redis.ask('GET a')).toBe('+GET a key=1 resp=2\r\n')
  })

  it('ends after QUIT, with the replies before it', async () => {
    const redis = (await startStoreRouter(echo)).client()
    redis.send(['GET', 'a'], ['QUIT'], ['GET', 'b'])
    expect(await redis.replies(3)).toEqual(['+GET a key=1 resp=2\r\n', '+OK\r\n'])
  })

  it('answers everything that a client sent before it ended its side', async () => {
    const redis = (await startStoreRouter(echo, { clientPipelineMax: 2 })).client()
    redis.send(...Array.from({ length: 50 }, (_, i) => ['GET', String(i)]))
    redis.socket.end()
    expect(await redis.replies(51)).toHaveLength(50)
    await redis.closed
  })

  it("answers bytes that are no commands with Redis's error, after the replies before them", async () => {
    const redis = (await startStoreRouter(echo)).client()
    redis.send(['GET', 'a'])
    redis.socket.write('*1\r\n$2147483648\r\n')
    expect(await redis.replies(3)).toEqual([
      '+GET a key=1 resp=2\r\n',
      '-ERR Protocol error: invalid bulk length\r\n',
    ])
    await redis.closed
  })

  it('survives garbage of many kinds, each at the cost of its own connection', async () => {
    const { client, router } = await startStoreRouter(echo)
    const deep = '*1\r\n'.repeat(10_000)
    for (const garbage of [
      '\x00\xff\xfe',
      deep,
      '*-9\r\n$',
      `*${'1'.repeat(100)}`,
      'x'.repeat(70_000),
    ]) {
      const broken = client()
      broken.socket.end(Buffer.from(`${garbage}\r\n`, 'latin1'))
      await broken.closed
    }
    expect(await client().ask('GET a')).toBe('+GET a key=1 resp=2\r\n')
    expect(router.counters().errors).toMatchObject({ PROTOCOL: 3 })
  })

  it('hangs up on a browser before it reads commands from the body of its request', async () => {
    const driver = new HeldDriver()
    const { client, router } = await startStoreRouter(driver)
    for (const request of ['POST / HTTP/1.1\r\nHost: a\r\n\r\n', 'Host: a\r\n']) {
      const browser = client()
      browser.socket.write(`${request}SET k v\r\n`)
      await browser.closed
    }
    expect(driver.waiting).toEqual([])
    expect(router.counters().errors).toEqual({ CROSS_PROTOCOL: 2 })
  })

  it('answers commands cut anywhere, and mixed with noise, without losing its place', async () => {
    const { client } = await startStoreRouter(echo)
    const word = fc.constantFrom('GET', 'SET', 'MGET', 'PING', 'k', '1', '', 'x'.repeat(300))
    const command = fc.array(word, { minLength: 1, maxLength: 4 })
    const input = fc.tuple(
      fc.array(command, { maxLength: 8 }),
      fc.array(fc.nat(400), { maxLength: 6 }),
    )
    await fc.assert(
      fc.asyncProperty(input, async ([commands, cuts]) => {
        const redis = client()
        redis.socket.setNoDelay(true)
        const whole = Buffer.concat(
          commands.map((words) => encodeCommand(words.map((text) => Buffer.from(text)))),
        )
        const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)), whole.length]
        places.sort((a, b) => a - b)
        for (const [i, place] of places.slice(1).entries())
          redis.socket.write(whole.subarray(places[i], place))
        redis.send(['ECHO', 'end'])
        const replies = await redis.replies(commands.length + 1)
        expect(replies.at(-1)).toBe('$3\r\nend\r\n')
        expect(replies).toHaveLength(commands.length + 1)
        redis.socket.destroy()
      }),
      { numRuns: 60 },
    )
  })

  it('does not allocate what a length only announces', async () => {
    const { client } = await startStoreRouter(echo)
    const before = process.memoryUsage().rss
    const clients = Array.from({ length: 20 }, () => client())
    for (const each of clients) each.socket.write('*1\r\n$536870912\r\nabc')
    expect(await client().ask('GET a')).toBe('+GET a key=1 resp=2\r\n')
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024)
  })

  it('counts what it did', async () => {
    const { client, router } = await startStoreRouter(echo)
    const redis = client()
    await redis.ask('GET a')
    await redis.ask('NOSUCH')
    expect(router.counters()).toMatchObject({
      clients: { open: 1, accepted: 1, refused: 0, slow: 0 },
      commands: 2,
      errors: { UNKNOWN_COMMAND: 1 },
      pools: { cache: { requests: 1 } },
    })
    expect(structuredClone(router.counters())).toEqual(router.counters())
  })
})

describe('a session at its limits', () => {
  it('takes as many bytes of one command as allowed and not one more', async () => {
    const limits = { clientInputBytesMax: 1_000 }
    // The head of this command is 33 bytes long.
    const head = '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000\r\n'
    const fits = (await startStoreRouter(echo, limits)).client()
    fits.socket.write(head + 'x'.repeat(1_000 - head.length))
    const { client, router } = await startStoreRouter(echo, limits)
    const redis = client()
    redis.socket.write(head + 'x'.repeat(1_001 - head.length))
    expect(await redis.replies(1)).toEqual([
      '-ERR Protocol error: too many bytes in one command\r\n',
    ])
    expect(router.counters().errors).toEqual({ PROTOCOL: 1 })
    fits.socket.destroy()
  })

  it('has no more commands in flight than allowed, and goes on when replies come', async () => {
    const driver = new HeldDriver()
    const { client } = await startStoreRouter(driver, { clientPipelineMax: 3 })
    const redis = client()
    redis.send(...Array.from({ length: 7 }, (_, i) => ['GET', String(i)]))
    await driver.arrived(3)
    for (let i = 0; i < 7; i++) {
      await driver.arrived(i + 1)
      expect(driver.waiting.length).toBeLessThanOrEqual(i + 3)
      driver.answer(i)
    }
    expect(await redis.replies(7)).toHaveLength(7)
  })

  it('stops reading from a client that does not read, and goes on when it does', async () => {
    const value = `$100000\r\n${'x'.repeat(100_000)}\r\n`
    let served = 0
    const big: PoolDriver = {
      dispatch: (_command, sink) => {
        served++
        queueMicrotask(() => sink.reply(0, Buffer.from(value)))
      },
    }
    const { client } = await startStoreRouter(big, {
      clientOutputBytesMax: 200_000,
      clientPipelineMax: 4,
    })
    const redis = client()
    redis.socket.pause()
    redis.send(...Array.from({ length: 400 }, () => ['GET', 'a']))
    // Another client sees the router idle again and again; by then everything that can be served has been.
    const other = client()
    for (let i = 0; i < 50; i++) await other.ask('PING')
    // What the kernel buffers on both sides comes on top of the limit.
    expect(served).toBeLessThan(200)
    redis.socket.resume()
    expect(await redis.replies(400)).toHaveLength(400)
  })

  it('closes a client whose replies pile up beyond the hard limit', async () => {
    const big: PoolDriver = {
      dispatch: (_command, sink) => {
        queueMicrotask(() => sink.reply(0, Buffer.alloc(1_000_000, '+')))
      },
    }
    const { client, router } = await startStoreRouter(big, { clientOutputBytesHardMax: 8_000_000 })
    const redis = client()
    redis.socket.pause()
    redis.send(...Array.from({ length: 100 }, () => ['GET', 'a']))
    redis.socket.resume()
    await redis.closed
    expect(router.counters()).toMatchObject({ clients: { slow: 1 }, errors: { CLIENT_SLOW: 1 } })
  })

  it('serves as many clients as allowed and tells the next one', async () => {
    const { client, router, listener } = await startStoreRouter(echo, { clientsMax: 2 })
    const [first, second] = [client(), client()]
    await first.ask('PING')
    await second.ask('PING')
    const third = new RedisClient(listener.port)
    onCleanup(() => {
      third.socket.destroy()
    })
    expect(await third.replies(1)).toEqual(['-ERR max number of clients reached\r\n'])
    await third.closed
    expect(router.counters().clients).toMatchObject({ open: 2, refused: 1 })
    expect(await first.ask('PING')).toBe('+PONG\r\n')
  })
})

describe('a listener', () => {
  it('names a port that is in use', async () => {
    const { router, listener } = await startRouter()
    await expect(
      router.listen({ protocol: 'redis', host: '127.0.0.1', port: listener.port, pool: 'cache' }),
    ).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `port ${listener.port} on 127.0.0.1 is in use`,
    })
  })

  it('finishes requests in flight before it closes, and takes no new ones', async () => {
    const driver = new HeldDriver()
    const { client, listener } = await startStoreRouter(driver)
    const redis = client()
    redis.send(['GET', '0'])
    await driver.arrived(1)
    const closing = listener.close()
    redis.send(['GET', '1'])
    driver.answer(0)
    expect(await redis.replies(2)).toEqual(['+GET 0\r\n'])
    await closing
    expect(driver.waiting).toHaveLength(1)
  })

  it('does not wait longer than the deadline', async () => {
    const driver = new HeldDriver()
    const { client, router } = await startStoreRouter(driver)
    const redis = client()
    redis.send(['GET', '0'])
    await driver.arrived(1)
    await router.close({ drainTimeoutMs: 1 })
    await redis.closed
    expect(() => router.counters()).not.toThrow()
    expect(() => router.attachPool('cache', driver)).toThrow(
      expect.objectContaining({ code: 'CLOSED' }),
    )
  })
})
