import { DEFAULT_HTTP_LIMITS, OUTLIER_LIMITS } from '@ringway/router'
import { describe, expect, it } from 'vitest'
import { loadOptions } from '../../src/config/load.ts'
import type { NodeOptions, PoolOptions } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

const backends = [{ url: 'http://127.0.0.1:1' }, { url: 'http://127.0.0.1:2' }]
const resolve = (pool: Partial<PoolOptions>, more: NodeOptions = {}) =>
  resolveConfig({
    name: 'a',
    pools: { app: { protocol: 'http', backends, ...pool } },
    ...more,
  })
const http = (pool: Partial<PoolOptions>) => {
  const [found] = resolve(pool).pools
  return found?.protocol === 'http' ? found.http : undefined
}

describe('an http pool in the configuration', () => {
  it('is checked over a connection, or with a GET whose path, host and statuses it names', () => {
    const times = { intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 3 }
    expect(http({})?.check).toBeUndefined()
    expect(http({ check: {} })?.check).toEqual({ type: 'tcp', ...times })
    expect(http({ check: { path: '/healthz' } })?.check).toEqual({
      type: 'http',
      path: '/healthz',
      statusMin: 200,
      statusMax: 399,
      ...times,
    })
    const strict = { path: '/up', host: 'shop.example', status: 204, rise: 1, fall: 1 }
    expect(http({ check: strict })?.check).toMatchObject({
      authority: 'shop.example',
      statusMin: 204,
      statusMax: 204,
      rise: 1,
      fall: 1,
    })
    expect(http({ check: { path: '/', status: '200-204' } })?.check).toMatchObject({
      statusMin: 200,
      statusMax: 204,
    })
  })

  it('says how backends start, are ejected, and when that is not believed', () => {
    expect(http({})).toMatchObject({ balance: 'hash', slowStartMs: 0, panicPercent: 10 })
    const pool = { slowStartMs: 30_000, panicPercent: 50, outliers: { failuresMax: 3 } }
    expect(http(pool)).toMatchObject({
      ...pool,
      outliers: { ...OUTLIER_LIMITS, failuresMax: 3 },
    })
    expect(http({ outliers: { ejectPercentMax: 0 } })?.outliers?.ejectPercentMax).toBe(0)
  })

  it('says how long cookies are believed, and requests may go on at a drained backend', () => {
    const pool = { cookieMaxAgeMs: 1_000, drainTimeoutMs: 60_000 }
    expect(http(pool)).toMatchObject(pool)
    expect(http({})).not.toHaveProperty('cookieMaxAgeMs')
  })

  it.each([
    [{ cookieMaxAgeMs: 999 }, /pools\.app\.cookieMaxAgeMs: found 999; allowed: an integer/],
    [{ panicPercent: 101 }, /pools\.app\.panicPercent: found 101; allowed: a number/],
    [{ slowStartMs: -1 }, /pools\.app\.slowStartMs: found -1; allowed: an integer from 0/],
    [{ outliers: { ejectPercentMax: 101 } }, /outliers\.ejectPercentMax: found 101; allowed/],
    [{ check: { path: '/', status: '2xx' } }, /check\.status: found "2xx"; allowed: a status/],
    [{ check: { path: '/', host: 'a b' } }, /check\.host: found "a b"; allowed: HOST/],
  ] as const)('refuses %j', (pool, message) => {
    expect(() => resolve(pool)).toThrow(message)
  })

  it('keeps its options to itself', () => {
    const redis = (pool: Partial<PoolOptions>) => () =>
      resolve({ protocol: 'redis', backends: [{ url: 'redis://a:1' }], ...pool })
    expect(redis({ check: { intervalMs: 500 } })).not.toThrow()
    expect(redis({ check: { path: '/' } })).toThrow(/pools\.app\.check\.path: /)
    expect(redis({ check: { status: 204 } })).toThrow(/pools\.app\.check\.status: /)
  })
})

describe('limits of http', () => {
  it('are those of the router unless the file or the environment says otherwise', () => {
    expect(resolve({}).http).toEqual({})
    expect(resolve({}, { http: { firstByteTimeoutMs: 5_000 } }).http).toEqual({
      ...DEFAULT_HTTP_LIMITS,
      firstByteTimeoutMs: 5_000,
    })
    const environment = loadOptions({ environment: { RINGWAY_HTTP_STREAMS_MAX: '7' } })
    expect(resolve({}, environment).http).toMatchObject({ streamsMax: 7 })
    expect(() => resolve({}, { http: { headBytesMax: 0 } })).toThrow(
      /http\.headBytesMax: found 0; allowed: an integer from 1/,
    )
  })
})
