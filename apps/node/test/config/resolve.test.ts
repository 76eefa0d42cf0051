import { describe, expect, test } from 'vitest'
import type { NodeOptions } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')

function faultOf(options: unknown): string {
  try {
    resolveConfig(options as NodeOptions, 'ringway.yml')
  } catch (error) {
    return (error as Error).message
  }
  return 'no fault'
}

describe('resolveConfig', () => {
  test('fills every default, and serves the embedded store when no pool is named', () => {
    const config = resolveConfig({ name: 'a' })
    expect(config).toMatchObject({
      name: 'a',
      weight: 1,
      profile: 'lan',
      insecure: false,
      gossip: {
        bind: { host: '127.0.0.1', port: 7946 },
        join: [],
        keys: [],
        label: '',
        delegate: 'plain',
      },
      peer: { bind: { host: '127.0.0.1', port: 7947 } },
      pools: [
        {
          protocol: 'store',
          name: 'store',
          replicas: 2,
          maxMemoryBytes: 256 * 1024 ** 2,
          maxMemoryPolicy: 'allkeys-lru',
        },
      ],
      listeners: [],
    })
    expect(config.admin).toBeUndefined()
  })

  test('does not change the options it was given', () => {
    const options = { name: 'a', admin: {} }
    resolveConfig(options)
    expect(options).toEqual({ name: 'a', admin: {} })
  })

  test('a mapping that is text is named as such', () => {
    expect(faultOf({ gossip: 'hello' })).toMatch(
      /^ringway\.yml: gossip: found "hello"; allowed: a map/,
    )
  })

  test('the last gossip port leaves none for peer links', () => {
    expect(faultOf({ gossip: { bind: '127.0.0.1:65534' } })).toBe('no fault')
    expect(faultOf({ gossip: { bind: '127.0.0.1:65535' } })).toMatch(/peer\.bind is missing/)
    expect(faultOf({ gossip: { bind: '127.0.0.1:65535' }, peer: { bind: '127.0.0.1:1' } })).toBe(
      'no fault',
    )
  })

  test('no store pool can ask for more copies than it keeps, or for no memory', () => {
    const pools = (store: object) => ({ pools: { a: { protocol: 'store', ...store } } })
    expect(faultOf(pools({ replicas: 3, minCopies: 3 }))).toBe('no fault')
    expect(faultOf(pools({ replicas: 3, minCopies: 4 }))).toMatch(/pools\.a\.minCopies: found 4;/)
    expect(faultOf(pools({ maxMemory: 1 }))).toBe('no fault')
    expect(faultOf(pools({ maxMemory: 0 }))).toMatch(/pools\.a\.maxMemory: found 0;/)
  })

  test('backends weigh no more together than their ring can hold', () => {
    const heavy = (last: number) => ({
      pools: {
        a: {
          protocol: 'redis',
          backends: [1000, 1000, 1000, 1000, last].map((weight, index) => ({
            url: `10.0.0.${index}:6379`,
            weight,
          })),
        },
      },
    })
    expect(faultOf(heavy(95))).toBe('no fault')
    expect(faultOf(heavy(96))).toMatch(/found weights of 4096 together; allowed: up to 4095/)
  })

  test('the password of a URL is not repeated', () => {
    const fault = faultOf({
      pools: { a: { protocol: 'redis', backends: [{ url: 'redis://me:pa//ss@h:1' }] } },
    })
    expect(fault).toContain('redis://[secret]@h:1')
  })

  test('names backends by host and port in lower case, and keeps given ids', () => {
    const config = resolveConfig({
      pools: {
        cache: {
          protocol: 'redis',
          backends: [{ url: 'redis://Cache-1:6379' }, { url: '10.0.0.2:6380', id: 'b', weight: 2 }],
        },
      },
    })
    expect(config.pools[0]).toMatchObject({
      protocol: 'redis',
      name: 'cache',
      backends: [
        { id: 'cache-1:6379', address: { host: 'cache-1', port: 6379 }, weight: 1 },
        { id: 'b', address: { host: '10.0.0.2', port: 6380 }, weight: 2 },
      ],
    })
  })

  test('decodes cluster keys', () => {
    const { gossip } = resolveConfig({ gossip: { bind: '0.0.0.0:7946', encrypt: [KEY] } })
    expect(gossip.keys).toEqual([new Uint8Array(32).fill(7)])
  })

  const faults: readonly [string, unknown, RegExp][] = [
    [
      'an unknown key',
      { pool: {} },
      /^ringway\.yml: pool is not an option; allowed here: name, zone/,
    ],
    [
      'an unknown nested key',
      { gossip: { port: 1 } },
      /ringway\.yml: gossip\.port is not an option; allowed here: bind, advertise/,
    ],
    [
      'a wrong type',
      { pools: { a: { protocol: 'store', replicas: 'two' } } },
      /ringway\.yml: pools\.a\.replicas: found "two"; allowed: an integer from 1 up to 8/,
    ],
    [
      'a number one past the limit',
      { pools: { a: { protocol: 'store', replicas: 9 } } },
      /found 9; allowed: an integer from 1 up to 8/,
    ],
    ['a wrong choice', { profile: 'fast' }, /profile: found "fast"; allowed: lan, wan, local/],
    ['a missing key', { pools: { a: {} } }, /pools\.a\.protocol is missing; allowed: store, redis/],
    [
      'a wrong address',
      { gossip: { bind: '7946' } },
      /gossip\.bind: found "7946"; allowed: HOST:PORT/,
    ],
    [
      'a port one past the limit',
      { admin: { bind: '127.0.0.1:65536' } },
      /admin\.bind: found "127\.0\.0\.1:65536"/,
    ],
    [
      'a wrong size',
      { pools: { a: { protocol: 'store', maxMemory: 'much' } } },
      /maxMemory: found "much"; allowed: a size above 0, such as 512mb/,
    ],
    [
      'a wrong key, without printing it',
      { gossip: { encrypt: ['c2VjcmV0'] } },
      /gossip\.encrypt\.0: found a value that is not valid; allowed: base64 of 16, 24 or 32 bytes/,
    ],
    [
      'a redis pool without backends',
      { pools: { a: { protocol: 'redis' } } },
      /pools\.a\.backends is missing/,
    ],
    [
      'a backend of another protocol',
      { pools: { a: { protocol: 'memcached', backends: [{ url: 'redis://a:1' }] } } },
      /pools\.a\.backends\.0\.url: found "redis:\/\/a:1" in a pool with protocol memcached; allowed: memcached:\/\//,
    ],
    [
      'memcached clients of a store pool',
      { listeners: [{ protocol: 'memcached', bind: '127.0.0.1:1', pool: 'store' }] },
      /listeners\.0\.pool: found store, which has protocol store; allowed for memcached clients: a pool with protocol memcached/,
    ],
    [
      'a store pool with backends',
      { pools: { a: { protocol: 'store', backends: [{ url: 'redis://a:1' }] } } },
      /pools\.a\.backends: a store pool lives on the members/,
    ],
    [
      'a backend listed twice',
      {
        pools: {
          a: { protocol: 'redis', backends: [{ url: 'redis://a:1' }, { url: 'redis://A:1' }] },
        },
      },
      /a:1 is listed twice/,
    ],
    [
      'a listener of no pool',
      { listeners: [{ protocol: 'redis', bind: '127.0.0.1:1', pool: 'x' }] },
      /listeners\.0\.pool: found "x"; allowed: store/,
    ],
    [
      'learned sessions without a place to keep them',
      {
        pools: { app: { protocol: 'http', backends: [{ url: 'http://a:1' }] } },
        listeners: [
          {
            protocol: 'http',
            bind: '127.0.0.1:1',
            routes: [{ pool: 'app', key: ['cookie:sid'], sticky: 'learned' }],
          },
        ],
      },
      /listeners\.0\.routes: found sticky: learned and no pool.*protocol store/,
    ],
    [
      'two store pools',
      { pools: { a: { protocol: 'store' }, b: { protocol: 'store' } } },
      /found the store pools a, b; allowed: one/,
    ],
    [
      'gossip beyond loopback without a key',
      { gossip: { bind: '0.0.0.0:7946' } },
      /gossip\.bind: 0\.0\.0\.0:7946 can be reached from other machines.*ringway keygen/,
    ],
    [
      'peer links beyond loopback without a key',
      { peer: { bind: '10.0.0.1:7947' } },
      /peer\.bind: 10\.0\.0\.1:7947/,
    ],
    [
      'a loopback advertise with gossip beyond',
      { insecure: true, gossip: { bind: '0.0.0.0:7946', advertise: '127.0.0.1' } },
      /gossip\.advertise: found 127\.0\.0\.1, which only this machine can reach/,
    ],
  ]

  test.each(faults)(
    'refuses %s with the file, the key, what was found and what is allowed',
    (_what, options, message) => {
      expect(faultOf(options)).toMatch(message)
    },
  )

  test('reports all faults at once', () => {
    expect(faultOf({ profile: 'fast', weight: 0 }).split('\n')).toHaveLength(2)
  })

  describe('the placement of a pool', () => {
    const BACKENDS = [{ url: 'redis://10.0.0.1:6379' }, { url: 'redis://10.0.0.2:6379', weight: 2 }]
    const pool = (placement: unknown, backends: unknown = BACKENDS) => ({
      pools: { cache: { protocol: 'redis', placement, backends } },
    })

    test('is ringway by default, with every default written out', () => {
      expect(resolveConfig(pool(undefined) as NodeOptions).pools[0]).toMatchObject({
        placement: {
          placement: 'ringway',
          keyHash: 'xxh32',
          pointsPerWeight: 4096,
          hashTags: true,
        },
      })
    })

    test('is a name, or a mapping with type and options', () => {
      expect(resolveConfig(pool('ketama') as NodeOptions).pools[0]).toMatchObject({
        placement: { placement: 'ketama', keyHash: 'fnv1a_64', hashTags: false },
      })
      const options = pool({ type: 'ketama', keyHash: 'md5', hashTags: true, defaultPort: 0 })
      expect(resolveConfig(options as NodeOptions).pools[0]).toMatchObject({
        placement: { placement: 'ketama', keyHash: 'md5', hashTags: true, defaultPort: 0 },
      })
    })

    test('says what is allowed', () => {
      expect(faultOf(pool('ketema'))).toMatch(
        /pools\.cache\.placement: found "ketema"; allowed: ringway, ketama, /,
      )
      expect(faultOf(pool({ keyHash: 'md5' }))).toMatch(/placement\.type is missing; allowed: ring/)
      expect(faultOf(pool({ type: 'ketama', keyHash: 'md4' }))).toMatch(
        /pools\.cache\.placement: keyHash: found md4; allowed: .*md5, crc16/,
      )
      expect(faultOf(pool({ type: 'nginx', keyHash: 'md5' }))).toMatch(
        /placement\.keyHash is not an option of nginx; allowed here: hashTags$/,
      )
      expect(faultOf(pool({ type: 'maglev', tableSize: 8 }))).toMatch(
        /tableSize: found 8; allowed: a prime/,
      )
      expect(faultOf(pool(7))).toMatch(/pools\.cache\.placement: found 7/)
    })

    test('refuses weights that the program would not read', () => {
      const backends = [{ url: 'redis://10.0.0.1:6379', weight: 1.5 }]
      expect(faultOf(pool('ketama', backends))).toMatch(
        /backend 10\.0\.0\.1:6379 has weight 1\.5; allowed with this placement: an integer/,
      )
      expect(faultOf(pool('rendezvous', backends))).toBe('no fault')
    })

    test('of a store pool is ringway, without options', () => {
      const store = (placement: unknown) => ({ pools: { s: { protocol: 'store', placement } } })
      expect(faultOf(store('ringway'))).toBe('no fault')
      for (const placement of ['ketama', 'rendezvous', { type: 'ringway', hashTags: false }])
        expect(faultOf(store(placement))).toMatch(
          /pools\.s\.placement: found .*store pool: ringway/,
        )
    })
  })

  describe('a move from an older ring', () => {
    const pool = (migrateFrom: unknown, more: object = {}) => ({
      pools: {
        cache: {
          protocol: 'redis',
          backends: [{ url: 'redis://10.0.0.1:6379' }],
          ...more,
          migrateFrom,
        },
      },
    })

    test('names the old placement, the old backends, or both, and its end', () => {
      const backends = [{ url: 'redis://10.0.1.1:6379' }]
      const options = pool({ placement: 'ketama', backends, until: '2040-01-01T00:00:00Z' })
      expect(resolveConfig(options as NodeOptions).pools[0]).toMatchObject({
        placement: { placement: 'ringway' },
        migration: {
          placement: { placement: 'ketama' },
          backends: [{ id: '10.0.1.1:6379' }],
          untilMs: Date.UTC(2040, 0, 1),
        },
      })
      const before = Date.now()
      const [moved] = resolveConfig(pool({ backends, until: '2h' }) as NodeOptions).pools
      const untilMs = moved?.protocol === 'redis' ? (moved.migration?.untilMs ?? 0) : 0
      expect(untilMs - before).toBeGreaterThanOrEqual(7_200_000)
      expect(untilMs - before).toBeLessThan(7_300_000)
      const items = {
        protocol: 'memcached',
        backends: [{ url: 'memcached://10.0.0.1:11211' }],
      }
      const memcached = pool({ placement: 'ketama', until: '2h' }, items)
      expect(resolveConfig(memcached as NodeOptions).pools[0]).toMatchObject({
        migration: { placement: { placement: 'ketama' }, backends: [{ id: '10.0.0.1:11211' }] },
      })
    })

    test('says what is allowed', () => {
      const placement = 'ketama'
      expect(faultOf(pool({ placement }))).toMatch(/migrateFrom\.until is missing; allowed: a time/)
      for (const until of ['soon', '0s', '366d', '2040-01-01T00:00:00', '5 h'])
        expect(faultOf(pool({ placement, until }))).toMatch(/migrateFrom\.until: found/)
      expect(faultOf(pool({ placement, until: '365d' }))).toBe('no fault')
      expect(faultOf(pool({ until: '1h' }))).toMatch(/found the placement and the backends that/)
      expect(faultOf(pool({ placement: { type: 'ketama', keyHash: 'x' }, until: '1h' }))).toMatch(
        /pools\.cache\.migrateFrom\.placement: keyHash: found x/,
      )
      const store = { protocol: 'store', backends: undefined }
      expect(faultOf(pool({ placement, until: '1h' }, store))).toMatch(
        /hands its slots over by itself/,
      )
    })
  })
})
