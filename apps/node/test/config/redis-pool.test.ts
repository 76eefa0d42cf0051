import { describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

const backends = [{ url: 'redis://127.0.0.1:1' }, { url: 'redis://127.0.0.1:2' }]
const resolve = (pool: Partial<PoolOptions>) =>
  resolveConfig({
    name: 'a',
    pools: { cache: { protocol: 'redis', backends, ...pool } },
  }).pools[0]

describe('a redis pool in the configuration', () => {
  it('keeps one copy unless told otherwise, and replays what a backend missed', () => {
    expect(resolve({})).toMatchObject({
      replicas: 1,
      copies: { ack: 'one', read: 'primary', onReturn: 'replay', journalKeysMax: 100_000 },
    })
    expect(
      resolve({ replicas: 2, ack: 'all', read: 'any', onReturn: 'flush', journalKeysMax: 5 }),
    ).toMatchObject({
      replicas: 2,
      copies: {
        ack: 'all',
        read: 'any',
        onReturn: 'flush',
        onOverflow: 'flush',
        journalKeysMax: 5,
      },
    })
  })

  it('has an order of writes where it says so', () => {
    expect(resolve({})).toMatchObject({ copies: { orderWrites: false } })
    expect(resolve({ replicas: 2, orderWrites: true })).toMatchObject({
      copies: { orderWrites: true },
    })
  })

  it('knows how each backend is reached, and how often it is asked', () => {
    const pool = resolve({
      backends: [
        { url: 'redis://app:pw@127.0.0.1:1/2' },
        { url: 'unix:/run/redis.sock', password: 'pw' },
        { url: 'rediss://localhost:3' },
      ],
      tls: { verify: false },
      check: { fall: 1 },
    })
    expect(pool).toMatchObject({
      check: { intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 1 },
      backends: [
        { id: '127.0.0.1:1', access: { username: 'app', password: 'pw', database: 2 } },
        { id: 'unix:/run/redis.sock', access: { path: '/run/redis.sock', password: 'pw' } },
        { id: 'localhost:3', access: { tls: { verify: false } } },
      ],
    })
  })

  it('is the same for memcached, but for what its protocol has not', () => {
    const memcached = {
      protocol: 'memcached',
      backends: [{ url: '127.0.0.1:1' }, { url: '127.0.0.1:2' }],
    } as const
    expect(resolve(memcached)).toMatchObject({ replicas: 1, copies: { onReturn: 'replay' } })
    const copies = { replicas: 2, ack: 'quorum', read: 'any', warmUp: true, check: {} } as const
    expect(resolve({ ...memcached, ...copies })).toMatchObject({
      replicas: 2,
      copies: { ack: 'quorum', read: 'any', warmUp: true },
      check: { intervalMs: 2_000 },
    })
  })

  it('is refused with words that name the key and keep secrets', () => {
    for (const [pool, message] of [
      [
        { replicas: 3 },
        /pools\.cache\.replicas: found 3; allowed: at most the number of backends, which is 2/,
      ],
      [{ ack: 'some' as 'one' }, /pools\.cache\.ack: found "some"; allowed: one, quorum, all/],
      [
        { protocol: 'http', backends: [{ url: 'http://127.0.0.1:1' }], replicas: 1 },
        /pools\.cache\.replicas: found in a pool with protocol http; allowed: only with protocol store or redis or memcached/,
      ],
      [
        { protocol: 'memcached', backends: [{ url: '127.0.0.1:1' }], tls: { verify: false } },
        /pools\.cache\.tls: found in a pool with protocol memcached; allowed: only with protocol redis or http/,
      ],
      [
        { protocol: 'memcached', backends: [{ url: '127.0.0.1:1' }], replicas: 2 },
        /pools\.cache\.replicas: found 2; allowed: at most the number of backends, which is 1/,
      ],
      [
        { orderWrites: true },
        /pools\.cache\.orderWrites: found true with replicas 1; allowed with replicas of 2 and more/,
      ],
      [
        { protocol: 'memcached', backends: [{ url: '127.0.0.1:1' }], orderWrites: true },
        /pools\.cache\.orderWrites: found in a pool with protocol memcached; allowed: only with protocol redis/,
      ],
      [
        { multiKey: 'owner', replicas: 2 },
        /pools\.cache\.multiKey: found owner with replicas 2; allowed: slot, or replicas 1/,
      ],
      [
        { protocol: 'store', backends: undefined, ack: 'one' },
        /pools\.cache\.ack: found in a pool with protocol store/,
      ],
      [
        { tls: { ca: '/nowhere.pem' }, backends: [{ url: 'rediss://localhost:1' }] },
        /pools\.cache\.tls\.ca: cannot read \/nowhere\.pem \(ENOENT\)/,
      ],
      [
        { backends: [{ url: 'redis://127.0.0.1:1', user: 'app' }] },
        /pools\.cache\.backends\.0\.user: found a user without a password/,
      ],
      [
        { tls: { cert: '/a' }, backends: [{ url: 'rediss://localhost:1' }] },
        /pools\.cache\.tls: found cert without key/,
      ],
    ] as const)
      expect(() => resolve(pool as Partial<PoolOptions>)).toThrow(message)
    expect(() => resolve({ backends: [{ url: 'memcached://:hush@127.0.0.1:1' }] })).toThrow(
      /^(?!.*hush)/,
    )
  })
})
