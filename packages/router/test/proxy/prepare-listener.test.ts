import { describe, expect, test } from 'vitest'
import { startBackend, startRouter } from '../testing/fixture.ts'
import { httpPool, startApp, startHttpRouter } from '../testing/http-fixture.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const place = { host: '', port: 0 }

describe('an open listener takes new settings', () => {
  test('HTTP: the next request of an open connection goes by the new routes', async () => {
    const blue = await startApp((_, response) => response.end('blue'))
    const green = await startApp((_, response) => response.end('green'))
    const { client, listener, router } = await startHttpRouter([blue])
    router.post(
      topologyMessage(2, httpPool([backendAt(blue)]), httpPool([backendAt(green)], {}, 'new')),
    )
    const one = client().send(GET)
    await one.until('blue')
    const take = listener.prepare({ protocol: 'http', ...place, routes: [{ pool: 'new' }] })
    await one.send(GET).until(/blue[\s\S]*blue/)
    take()
    await one.send(GET).until('green')
    expect(one.ended).toBe(false)
  })

  test('Redis: pool and password are new, and who is in stays in', async () => {
    const [first, second] = await Promise.all([
      startBackend(() => '+first\r\n'),
      startBackend(() => '+second\r\n'),
    ])
    const { router, listener, client } = await startRouter()
    router.post(
      topologyMessage(
        1,
        redisPool([backendAt(first.port)]),
        redisPool([backendAt(second.port)], 'other'),
      ),
    )
    const redis = client()
    expect(await redis.ask('GET a')).toBe('+first\r\n')
    listener.prepare({ protocol: 'redis', ...place, pool: 'other', auth: [{ password: 'p' }] })()
    expect(await redis.ask('GET a')).toBe('+second\r\n')
    const late = client()
    expect(await late.ask('GET a')).toMatch(/^-NOAUTH/)
    expect(await late.ask('AUTH p')).toBe('+OK\r\n')
    expect(await late.ask('GET a')).toBe('+second\r\n')
  })

  test('what cannot be used is refused, and nothing is different', async () => {
    const { client, listener } = await startHttpRouter([
      await startApp((_, response) => response.end('well')),
    ])
    expect(() =>
      listener.prepare({ protocol: 'http', ...place, routes: [{ pool: 'app', key: ['moon'] }] }),
    ).toThrow(/moon/)
    expect(() => listener.prepare({ protocol: 'redis', ...place, pool: 'app' })).toThrow(
      /keeps its protocol/,
    )
    await client().send(GET).until('well')
  })
})
