import { describe, expect, test } from 'vitest'
import type { PoolTopology, RouterEvent } from '../../src/index.ts'
import { QUICK } from '../testing/copies.ts'
import { type Behaviour, type FakeBackend, named } from '../testing/fake-backend.ts'
import { startBackend, startRouter } from '../testing/fixture.ts'
import { missingRedis, startRedis } from '../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

const KEYS = Array.from({ length: 100 }, (_, i) => `key:${i}`)

/** A router with a clock that a test moves, over these ports. */
async function startOver(ports: readonly number[], pool: Partial<PoolTopology>) {
  let ahead = 0
  const fixture = await startRouter(QUICK, { now: () => performance.now() + ahead })
  const topology = { ...redisPool(ports.map((port) => backendAt(port))), ...pool }
  fixture.router.post(topologyMessage(1, topology))
  return {
    ...fixture,
    /** Time passes at once; what follows from it happens at the next tick. */
    async pass(ms: number): Promise<void> {
      ahead += ms
      await new Promise((resolve) => setTimeout(resolve, 120))
    },
  }
}

async function untilEvent(events: readonly RouterEvent[], type: RouterEvent['type']) {
  const deadline = performance.now() + 10_000
  while (!events.some((event) => event.type === type)) {
    if (performance.now() > deadline) throw new Error(`no ${type} within 10 s`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('slow start', () => {
  test('a returned backend gets its keys in steps; nothing moves between the others', async () => {
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => startBackend(named(name))))
    const [a] = backends as [FakeBackend]
    const { client, events, pass } = await startOver(
      backends.map(({ port }) => port),
      { slowStartMs: 1_000_000 },
    )
    const redis = client()
    const owners = async () => {
      redis.send(...KEYS.map((key) => ['GET', key]))
      const replies = await redis.replies(KEYS.length)
      return replies.map((reply) => reply.split('\r\n')[1]?.split(':')[0] ?? '')
    }
    const whole = await owners()
    const { port } = a
    await a.kill()
    await owners()
    await startBackend(named('a'), port)
    await untilEvent(events, 'backend-returned')
    const share = async () => {
      const now = await owners()
      for (const [i, owner] of now.entries()) if (whole[i] !== 'a') expect(owner).toBe(whole[i])
      return now.filter((owner) => owner === 'a').length
    }
    const all = whole.filter((owner) => owner === 'a').length
    const first = await share()
    expect(first).toBeLessThan(all / 3)
    await pass(500_000)
    const half = await share()
    expect(half).toBeGreaterThan(first)
    expect(half).toBeLessThan(all)
    await pass(500_000)
    expect(await owners()).toEqual(whole)
  })
})

describe.skipIf(missingRedis() !== undefined)('slow start over real servers', () => {
  for (const replicas of [1, 2])
    test(`with replicas: ${replicas} every read sees the last write, before, while and after a key moves back`, async () => {
      const servers = await Promise.all([startRedis(), startRedis(), startRedis()])
      const { client, events, pass } = await startOver(
        servers.map(({ port }) => port),
        { slowStartMs: 1_000_000, replicas },
      )
      const redis = client()
      const setAll = async (value: string) => {
        redis.send(...KEYS.map((key) => ['SET', key, value]))
        expect(new Set(await redis.replies(KEYS.length))).toEqual(new Set(['+OK\r\n']))
      }
      const see = async (value: string) => {
        redis.send(...KEYS.map((key) => ['GET', key]), ['MGET', ...KEYS])
        const replies = await redis.replies(KEYS.length + 1)
        const bulk = `$${value.length}\r\n${value}\r\n`
        expect(replies).toEqual([
          ...KEYS.map(() => bulk),
          `*${KEYS.length}\r\n${bulk.repeat(KEYS.length)}`,
        ])
      }
      await setAll('old')
      const [first] = servers
      first?.process.kill('SIGSTOP')
      redis.send(...KEYS.map((key) => ['GET', key]))
      await redis.replies(KEYS.length)
      await setAll('away')
      first?.process.kill('SIGCONT')
      await untilEvent(events, 'backend-returned')
      await see('away')
      await setAll('slow')
      await see('slow')
      for (const value of ['later', 'half', 'whole', 'over']) {
        await pass(300_000)
        await see(value === 'later' ? 'slow' : (lastOf(value) as string))
        await setAll(value)
        await see(value)
      }
      await untilEvent(events, 'backend-caught-up')
      await see('over')
      // A transaction meets the same values as everybody else.
      redis.send(['MULTI'], ['GET', KEYS[0] ?? ''], ['EXEC'])
      expect((await redis.replies(3))[2]).toBe('*1\r\n$4\r\nover\r\n')
    })
})

const VALUES = ['later', 'half', 'whole', 'over']
const lastOf = (value: string) => VALUES[VALUES.indexOf(value) - 1]

describe('outliers', () => {
  const ill: Behaviour = ([command = '']) =>
    command.toUpperCase() === 'PING' ? '+PONG\r\n' : '-LOADING Redis is loading\r\n'
  const LIMITS = { failuresMax: 3, ejectMsMin: 60_000, ejectMsMax: 60_000 }

  async function three(outliers: PoolTopology['outliers'], behaviours: readonly Behaviour[]) {
    const backends = await Promise.all(behaviours.map((behaviour) => startBackend(behaviour)))
    const ports = backends.map(({ port }) => port)
    return { ...(await startOver(ports, outliers === undefined ? {} : { outliers })), backends }
  }
  const errorsIn = (replies: readonly string[]) =>
    replies.filter((reply) => reply.startsWith('-')).length

  test('a backend that answers badly is passed over for a while, and then looked at again', async () => {
    const { client, events, pass, backends } = await three(LIMITS, [ill, named('b'), named('c')])
    const redis = client()
    const ask = async () => {
      let errors = 0
      for (const key of KEYS) errors += errorsIn([await redis.ask(`GET ${key}`)])
      return errors
    }
    // One after the other: three in a row are enough, however many good ones others give meanwhile.
    expect(await ask()).toBe(LIMITS.failuresMax)
    expect(events.map(({ type }) => type)).toEqual(['backend-ejected', 'backend-avoided'])
    expect(await ask()).toBe(0)
    ;(backends[0] as FakeBackend).behaviour = named('a')
    const { port } = backends[0] as FakeBackend
    expect(events[1]).toMatchObject({ backend: `127.0.0.1:${port}`, code: 'BAD_REPLY' })
    await pass(60_000)
    expect(await ask()).toBe(0)
  })

  test('one bad answer below the limit, and good ones between, eject nobody', async () => {
    const sometimes = (): Behaviour => {
      let count = 0
      return (words, socket) => (++count % 3 === 0 ? named('a') : ill)(words, socket)
    }
    const limits = { ...LIMITS, failurePercentMax: 101 }
    const { client, events } = await three(limits, [sometimes(), sometimes()])
    const redis = client()
    for (const key of KEYS) await redis.ask(`GET ${key}`)
    expect(events).toEqual([])
  })

  test('neither the last backend nor more than ejectPercentMax is ejected', async () => {
    const { client, events } = await three(LIMITS, [ill, ill, ill, ill])
    const redis = client()
    for (const key of KEYS) await redis.ask(`GET ${key}`)
    expect(events.filter(({ type }) => type === 'backend-ejected')).toHaveLength(2)
    const alone = await three(LIMITS, [ill])
    for (const key of KEYS) await alone.client().ask(`GET ${key}`)
    expect(alone.events).toEqual([])
  })

  test('without outliers nobody is ejected', async () => {
    const { client, events } = await three(undefined, [ill, named('b')])
    const redis = client()
    for (const key of KEYS) await redis.ask(`GET ${key}`)
    expect(events).toEqual([])
  })
})
