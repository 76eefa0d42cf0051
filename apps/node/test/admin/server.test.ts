import { describe, expect, test } from 'vitest'
import { createAdminServer } from '../../src/admin/server.ts'
import type { AdminView } from '../../src/admin/view.ts'
import { createLogger } from '../../src/logger.ts'

const view: AdminView = {
  name: 'a',
  readiness: () => ({ ready: false, reason: 'no seed has answered yet' }),
  members: () => [
    { name: 'a', address: '127.0.0.1:7946', state: 'alive', incarnation: 1, ringway: true },
  ],
  pools: () => [],
  lookup: (pool, key) =>
    pool === 'store'
      ? { pool, key, hash: 1, slot: 2, owners: ['a'], digest: '0123456789abcdef' }
      : undefined,
  metrics: async () => 'ringway_up 1\n',
}
const server = (token?: string) =>
  createAdminServer({
    view,
    log: createLogger('silent', 'a'),
    ...(token === undefined ? {} : { token }),
  })

describe('the admin API', () => {
  test('lists members', async () => {
    const reply = await server().inject('/v1/members')
    expect(reply.json()).toEqual({ members: view.members() })
  })

  test('answers health always, and readiness with 503 and the reason until the node serves', async () => {
    expect((await server().inject('/healthz')).statusCode).toBe(200)
    const ready = await server().inject('/readyz')
    expect(ready.statusCode).toBe(503)
    expect(ready.json()).toEqual({ name: 'a', ready: false, reason: 'no seed has answered yet' })
  })

  test('looks up a key with any characters', async () => {
    const reply = await server().inject('/v1/pools/store/lookup?key=%7Buser%3A1%7D%2Fcart')
    expect(reply.json()).toMatchObject({ key: '{user:1}/cart', owners: ['a'] })
  })

  test('names the pools when there is no such pool, and the parameter when it is missing', async () => {
    const unknown = await server().inject('/v1/pools/x/lookup?key=a')
    expect([unknown.statusCode, unknown.json().error]).toEqual([404, 'NO_SUCH_POOL'])
    const missing = await server().inject('/v1/pools/store/lookup')
    expect(missing.statusCode).toBe(400)
    expect(missing.json().message).toContain('key')
  })

  test('a key of 4096 characters is looked up, one of 4097 refused', async () => {
    const at = (length: number) =>
      server().inject(`/v1/pools/store/lookup?key=${'k'.repeat(length)}`)
    expect((await at(4096)).statusCode).toBe(200)
    expect((await at(4097)).statusCode).toBe(400)
  })

  test('with a token, everything but health wants it', async () => {
    const guarded = server('s3cret')
    expect((await guarded.inject('/healthz')).statusCode).toBe(200)
    expect((await guarded.inject('/v1/members')).statusCode).toBe(401)
    const wrong = await guarded.inject({
      url: '/metrics',
      headers: { authorization: 'Bearer s3cre7' },
    })
    expect(wrong.statusCode).toBe(401)
    const right = await guarded.inject({
      url: '/metrics',
      headers: { authorization: 'Bearer s3cret' },
    })
    expect(right.body).toBe('ringway_up 1\n')
  })

  test('an unknown path says so in JSON', async () => {
    const reply = await server().inject('/v2')
    expect([reply.statusCode, reply.json().message]).toEqual([404, 'there is no GET /v2'])
  })
})
