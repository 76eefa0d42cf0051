import { describe, expect, test } from 'vitest'
import { createAdminServer } from '../../src/admin/server.ts'
import type { AdminView } from '../../src/admin/view.ts'
import { PoolRing } from '../../src/cluster/pool-ring.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { EventLog } from '../../src/event-log.ts'
import { createLogger } from '../../src/logger.ts'
import { describeRing, planChange } from '../../src/ring-view.ts'

const [cache] = resolveConfig({
  pools: {
    cache: {
      protocol: 'redis',
      backends: [{ url: 'redis://10.0.0.1:1' }, { url: 'redis://10.0.0.2:1', weight: 3 }],
    },
  },
}).pools
const RINGS = cache ? [new PoolRing(cache)] : []

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
  ring: (pool) => {
    const found = RINGS.find((each) => each.pool.name === pool)
    return found && describeRing(found)
  },
  plan: (pool, change) => {
    const found = RINGS.find((each) => each.pool.name === (pool ?? 'cache'))
    return found && planChange(found, change)
  },
  changeBackend: () => undefined,
  actOnMember: async () => {},
  reload: async () => ({ changed: ['logLevel info -> debug'], needsRestart: [], problems: [] }),
  events: new EventLog(),
  metrics: async () => 'ringway_up 1\n',
}
const server = (token?: string) =>
  createAdminServer({
    view,
    log: createLogger('silent', 'a'),
    token: () => token,
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

  test('shows the ring of a pool', async () => {
    const ring = await server().inject('/v1/pools/cache/ring')
    const { nodes, ...rest } = ring.json()
    expect(rest).toMatchObject({ pool: 'cache', placement: 'ringway', options: { hashTags: true } })
    expect(nodes.map(({ id, weight }: { id: string; weight: number }) => [id, weight])).toEqual([
      ['10.0.0.1:1', 1],
      ['10.0.0.2:1', 3],
    ])
    expect(nodes[1].share).toBeCloseTo(0.75, 1)
    const unknown = await server().inject('/v1/pools/x/ring')
    expect([unknown.statusCode, unknown.json().error]).toEqual([404, 'NO_SUCH_POOL'])
  })

  test('plans a change without making it', async () => {
    const ask = async (payload: object) => {
      const reply = await server().inject({ method: 'POST', url: '/v1/plan', payload })
      return [reply.statusCode, reply.json()]
    }
    const [status, plan] = await ask({ pool: 'cache', add: { id: '10.0.0.3:1', weight: 4 } })
    expect(status).toBe(200)
    expect(plan).toMatchObject({ pool: 'cache', before: { nodes: 2 }, after: { nodes: 3 } })
    expect(plan.moved).toBeCloseTo(0.5, 1)
    expect(plan.moved).toBeCloseTo(plan.movedAtLeast, 10)
    expect(plan.transfers.map(({ after }: { after: string }) => after)).toEqual([
      '10.0.0.3:1',
      '10.0.0.3:1',
    ])
    expect((await ask({ remove: '10.0.0.1:1' }))[1].after.nodes).toBe(1)
    expect((await server().inject('/v1/pools/cache/ring')).json().nodes).toHaveLength(2)
    const faults = [
      [{ pool: 'x', remove: 'a' }, 404, 'NO_SUCH_POOL'],
      [{ remove: 'a' }, 404, 'NO_SUCH_NODE'],
      [{ add: { id: '10.0.0.1:1' } }, 409, 'NODE_EXISTS'],
      [{}, 400, 'CHANGE_INVALID'],
      [{ add: { id: 'a' }, remove: 'b' }, 400, 'CHANGE_INVALID'],
      [{ add: { id: 'a', weight: 0 } }, 400, 'FST_ERR_VALIDATION'],
    ] as const
    for (const [payload, code, error] of faults) {
      const [got, body] = await ask(payload)
      expect([got, body.error]).toEqual([code, error])
    }
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
