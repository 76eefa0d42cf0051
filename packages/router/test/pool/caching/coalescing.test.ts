import type { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startPools } from '../../testing/caching.ts'
import { bulk } from '../../testing/fake-backend.ts'
import { startBackend, startRouter } from '../../testing/fixture.ts'
import type { RedisClient } from '../../testing/redis-client.ts'
import { missingRedis } from '../../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../../testing/topologies.ts'

/** A pool that coalesces over a server that answers when it is told to. */
async function startHeld(limits: Record<string, number> = {}) {
  const held: { readonly words: string; readonly socket: Socket }[] = []
  const backend = await startBackend((words, socket) => {
    if (words[0] === 'HELLO') return '%1\r\n+proto\r\n:3\r\n'
    held.push({ words: words.join(' '), socket })
    return undefined
  })
  const fixture = await startRouter(limits)
  fixture.router.post(
    topologyMessage(1, { ...redisPool([backendAt(backend.port)]), coalesce: true }),
  )
  return {
    ...fixture,
    /** The commands that came, once there are so many. */
    came: async (count: number) => {
      const greetings = () => backend.received.filter((line) => line.startsWith('HELLO')).length
      while (backend.received.length - greetings() < count)
        await backend.arrived(backend.received.length + 1)
      return backend.received.filter((line) => !line.startsWith('HELLO'))
    },
    /** Answers the oldest one. */
    answer: (reply: string) => held.shift()?.socket.write(reply),
    joined: () => fixture.router.counters().pools['cache']?.caching?.coalesced,
  }
}

describe('equal reads at the same time', () => {
  it('are one read, whose reply all get', async () => {
    const { client, came, answer, joined } = await startHeld()
    const clients = [client(), client(), client()]
    clients[0]?.send(['GET', 'k'])
    await came(1)
    clients[1]?.send(['GET', 'k'], ['GET', 'other'], ['GET', 'k'])
    clients[2]?.send(['GET', 'k'])
    await came(2)
    expect(await came(2)).toEqual(['GET k', 'GET other'])
    await joinedBy(joined, 3)
    answer(bulk('v'))
    answer(bulk('o'))
    expect(
      await Promise.all([clients[0]?.replies(1), clients[1]?.replies(3), clients[2]?.replies(1)]),
    ).toEqual([[bulk('v')], [bulk('v'), bulk('o'), bulk('v')], [bulk('v')]])
    clients[0]?.send(['GET', 'k'])
    expect(await came(3)).toHaveLength(3)
  })

  it('are two when a write came between, be it answered or not', async () => {
    const { client, came, answer, joined } = await startHeld()
    const [one, two] = [client(), client()]
    one.send(['GET', 'k'])
    await came(1)
    two.send(['SET', 'k', '2'], ['GET', 'k'], ['GET', 'k'])
    expect(await came(4)).toEqual(['GET k', 'SET k 2', 'GET k', 'GET k'])
    expect(joined()).toBe(0)
    for (const reply of [bulk('1'), '+OK\r\n', bulk('2'), bulk('2')]) answer(reply)
    expect(await two.replies(3)).toEqual(['+OK\r\n', bulk('2'), bulk('2')])
    expect(await one.replies(1)).toEqual([bulk('1')])
  })

  it.each([
    ['another of several keys', ['MSET', 'a', '1', 'k', '2']],
    ['a script', ['EVAL', 'return 1', '1', 'k']],
    ['a script without keys', ['EVAL', 'return 1', '0']],
    ['everything', ['FLUSHALL']],
  ])('are two when %s was written between', async (_what, words) => {
    const { client, came } = await startHeld()
    const [one, two] = [client(), client()]
    one.send(['GET', 'k'])
    await came(1)
    two.send(words, ['GET', 'k'])
    expect((await came(3)).at(-1)).toBe('GET k')
  })

  it('are two in two versions of the protocol', async () => {
    const { client, came } = await startHeld()
    const [one, two] = [client(), client()]
    expect((await two.ask('HELLO 3')).slice(0, 1)).toBe('%')
    one.send(['GET', 'k'])
    two.send(['GET', 'k'])
    expect(await came(2)).toEqual(['GET k', 'GET k'])
  })

  it('are two when they are longer than may be shared', async () => {
    const { client, came, answer, joined } = await startHeld({ coalesceBytesMax: 28 })
    const [one, two] = [client(), client()]
    // 28 bytes with a key of 9, 30 with one of 10.
    for (const key of ['k'.repeat(9), 'k'.repeat(10)]) {
      one.send(['GET', key])
      two.send(['GET', key])
    }
    expect(await came(3)).toHaveLength(3)
    await joinedBy(joined, 1)
    for (let i = 0; i < 3; i++) answer(bulk('v'))
    expect(await one.replies(2)).toEqual([bulk('v'), bulk('v')])
  })

  it('all hear of an error, and of a backend that is lost', async () => {
    const { client, came, answer, joined } = await startHeld()
    const [one, two] = [client(), client()]
    one.send(['GET', 'k'])
    await came(1)
    two.send(['GET', 'k'])
    await joinedBy(joined, 1)
    answer('-WRONGTYPE no string\r\n')
    expect([await one.replies(1), await two.replies(1)]).toEqual([
      ['-WRONGTYPE no string\r\n'],
      ['-WRONGTYPE no string\r\n'],
    ])
  })
})

async function joinedBy(joined: () => number | undefined, count: number) {
  const deadline = performance.now() + 5_000
  while (joined() !== count && performance.now() < deadline)
    await new Promise((resolve) => setImmediate(resolve))
  expect(joined()).toBe(count)
}

describe.skipIf(missingRedis() !== undefined)('a pool that coalesces', () => {
  it('shows no value older than a write that was answered', async () => {
    const pools = await startPools({ cache: 2 }, { cache: { coalesce: true } })
    const keys = ['a', 'b', 'c']
    const acked = new Map<string, number>()
    const seed = Date.now()
    const failures: string[] = []
    const work = async (client: RedisClient, choices: readonly number[]) => {
      for (const choice of choices) {
        const key = keys[choice % 3] as string
        const floor = acked.get(key) ?? 0
        const [words, isWrite] = commandFor(choice, key)
        client.send(...words)
        const replies = await client.replies(words.length)
        const last = replies.at(-1) ?? ''
        const value = Number(/(\d+)\r\n$/.exec(last)?.[1] ?? 0)
        if (value < floor)
          failures.push(`${words.at(-1)?.join(' ')} saw ${last} after ${floor} (seed ${seed})`)
        if (isWrite) acked.set(key, Math.max(acked.get(key) ?? 0, value))
      }
    }
    const runs = fc.sample(fc.array(fc.nat(60), { minLength: 300, maxLength: 300 }), {
      numRuns: 12,
      seed,
    })
    const clients = await Promise.all(runs.map(() => pools.clientOf('cache')))
    await Promise.all(clients.slice(0, 6).map((client) => client.ask('HELLO 3')))
    await Promise.all(clients.map((client, i) => work(client, runs[i] ?? [])))
    expect(failures).toEqual([])
    expect(pools.router.counters().pools['cache']?.caching?.coalesced).toBeGreaterThan(50)
  })
})

/** Counters only grow: whoever reads less than was answered before is shown the past. */
function commandFor(
  choice: number,
  key: string,
): readonly [words: readonly string[][], isWrite: boolean] {
  switch (Math.floor(choice / 3)) {
    case 0:
      return [[['INCR', key]], true]
    case 1:
      return [[['MULTI'], ['INCR', key], ['EXEC']], true]
    case 2:
      return [[['EVAL', "return redis.call('INCR', KEYS[1])", '1', key]], true]
    case 3:
      return [
        [
          ['INCRBY', key, '2'],
          ['GET', key],
        ],
        true,
      ]
    default:
      return [[['GET', key]], false]
  }
}
