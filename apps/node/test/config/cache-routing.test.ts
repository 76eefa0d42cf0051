import { describe, expect, it } from 'vitest'
import { definitionsHash } from '../../src/cluster/definitions.ts'
import type { NodeOptions, PoolOptions } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

const redis = (more: Partial<PoolOptions> = {}): PoolOptions => ({
  protocol: 'redis',
  backends: [{ url: 'redis://127.0.0.1:1' }],
  ...more,
})
const memcached: PoolOptions = { protocol: 'memcached', backends: [{ url: '127.0.0.1:2' }] }

const resolve = (
  pools: Readonly<Record<string, PoolOptions>>,
  listeners: NodeOptions['listeners'] = [],
) => resolveConfig({ name: 'a', pools, listeners })

const listener = (routes: NonNullable<NodeOptions['listeners']>[number]['routes'], pool = 'a') => [
  { protocol: 'redis' as const, bind: '127.0.0.1:0', pool, ...(routes && { routes }) },
]

describe('cache routing in the configuration', () => {
  it('is off unless asked for, and has the defaults of mcrouter', () => {
    const [a, b] = resolve({
      a: redis({ failover: 'b', shadow: { pool: 'b' }, coalesce: true }),
      b: redis(),
    }).pools
    expect(a).toMatchObject({
      failover: { pool: 'b', ttlMs: 60_000 },
      shadow: { pool: 'b', percent: 100, writes: true },
      coalesce: true,
    })
    expect(b).not.toHaveProperty('failover')
    expect(b).not.toHaveProperty('shadow')
    expect(b).not.toHaveProperty('coalesce')
  })

  it('has the prefixes of a listener in order', () => {
    const routes = [
      { prefix: 'user:', pool: 'b' },
      { prefix: 'item:', pool: 'a' },
    ]
    expect(resolve({ a: redis(), b: redis() }, listener(routes)).listeners[0]).toMatchObject({
      pool: 'a',
      routes,
    })
    expect(resolve({ a: redis() }, listener(undefined)).listeners[0]).not.toHaveProperty('routes')
  })

  it('is part of the definition that members compare, where it says where keys are', () => {
    const hash = (more: Partial<PoolOptions>) =>
      definitionsHash(resolve({ a: redis(more), b: redis() }).pools)
    expect(hash({ failover: 'b' })).not.toBe(hash({}))
    expect(hash({ shadow: { pool: 'b' }, coalesce: true })).toBe(hash({}))
  })

  it.each([
    [
      { a: redis({ failover: 'x' }), b: redis() },
      'options: pools.a.failover: found "x", which is no pool; allowed: a pool of protocol redis: b',
    ],
    [
      { a: redis({ shadow: { pool: 'a' } }) },
      'options: pools.a.shadow.pool: found "a", which is the pool itself; allowed: a pool of protocol redis, of which there is no other',
    ],
    [
      { a: redis({ failover: 'm' }), m: memcached },
      'options: pools.a.failover: found "m", which has protocol memcached; allowed: a pool of protocol redis, of which there is no other',
    ],
    [
      { a: redis({ failover: 'b' }), b: redis({ failover: 'a' }) },
      'options: pools.a.failover: found "b", which leads back (a → b → a); allowed: no circle over failover and shadow',
    ],
    [
      { a: { protocol: 'store', coalesce: true } },
      'options: pools.a.coalesce: found in a pool with protocol store; allowed: only with protocol redis or memcached',
    ],
    [
      { a: redis({ failoverTtlMs: 5_000 }) },
      'options: pools.a.failoverTtlMs: found without failover; allowed: only in a pool that fails over to another one',
    ],
    [
      { a: redis({ failover: 'b', failoverTtlMs: 999 }), b: redis() },
      'options: pools.a.failoverTtlMs: found 999',
    ],
    [
      { a: redis({ shadow: { pool: 'b', percent: 0 } }), b: redis() },
      'options: pools.a.shadow.percent: found 0',
    ],
    [
      { a: redis({ shadow: { pool: 'b', percent: 101 } }), b: redis() },
      'options: pools.a.shadow.percent: found 101',
    ],
  ] as readonly (readonly [Readonly<Record<string, PoolOptions>>, string])[])(
    'is refused: %j',
    (pools, message) => {
      expect(() => resolve(pools)).toThrow(message)
    },
  )

  it.each([
    [[{ prefix: 'u', pool: 'x' }], 'listeners.0.pool: found "x"; allowed: a, b, m, s'],
    [
      [{ pool: 'b' }],
      'listeners.0.routes.0.prefix is missing; allowed with protocol redis: how keys begin',
    ],
    [
      [
        { prefix: 'u', pool: 'b' },
        { prefix: 'u', pool: 'a' },
      ],
      'listeners.0.routes.1.prefix: found "u", which is the prefix of routes.0 already',
    ],
    [[{ prefix: '', pool: 'b' }], 'listeners.0.routes.0.prefix: found ""'],
    [[{ prefix: 'u', pool: 'm' }], 'listeners.0.pool: found m, which has protocol memcached'],
    [
      [{ prefix: 'u', pool: 's' }],
      'listeners.0: found routes with pool s, which has protocol store; allowed with routes: pools with protocol redis',
    ],
    [
      [{ prefix: 'u', pool: 'b', host: 'h' }],
      'listeners.0.routes.0.host: found with protocol redis; allowed: prefix and pool',
    ],
  ] as const)('is refused: routes %j', (routes, message) => {
    const pools = { a: redis(), b: redis(), m: memcached, s: { protocol: 'store' as const } }
    expect(() => resolve(pools, listener(routes))).toThrow(message)
  })

  it('is refused: a prefix for HTTP', () => {
    const pools = { w: { protocol: 'http' as const, backends: [{ url: 'http://127.0.0.1:3' }] } }
    const routes = [{ prefix: 'u', pool: 'w' }]
    expect(() => resolve(pools, [{ protocol: 'http', bind: '127.0.0.1:0', routes }])).toThrow(
      'listeners.0.routes.0.prefix: found with protocol http; allowed: host and path',
    )
  })
})
