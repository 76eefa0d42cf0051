import { describe, expect, it } from 'vitest'
import { parseBackendUrl, withoutSecrets } from '../../src/config/backend-url.ts'

describe('the URL of a server', () => {
  it('names address, credentials and database', () => {
    const at = { address: { host: '10.0.0.1', port: 6380 } }
    expect(parseBackendUrl('redis://10.0.0.1:6380')).toEqual({ scheme: 'redis', ...at })
    expect(parseBackendUrl('10.0.0.1:6380')).toEqual({ scheme: undefined, ...at })
    expect(parseBackendUrl('redis://10.0.0.1:6380/')).toEqual({ scheme: 'redis', ...at })
    expect(parseBackendUrl('redis://:s%40cret@10.0.0.1:6380/3')).toEqual({
      ...at,
      scheme: 'redis',
      password: 's@cret',
      database: 3,
    })
    expect(parseBackendUrl('rediss://app:pw@cache.internal')).toEqual({
      scheme: 'rediss',
      address: { host: 'cache.internal', port: 6379 },
      user: 'app',
      password: 'pw',
    })
    expect(parseBackendUrl('redis://[::1]:7000')).toMatchObject({
      address: { host: '::1', port: 7000 },
    })
    expect(parseBackendUrl('unix:/run/redis.sock?db=2')).toMatchObject({
      scheme: 'unix',
      path: '/run/redis.sock',
      database: 2,
    })
    expect(parseBackendUrl('memcached://10.0.0.1')).toMatchObject({ scheme: 'memcached' })
  })

  it('is refused when it is none, or says what its protocol has not', () => {
    for (const url of [
      'redis://user@10.0.0.1:6379',
      'redis://:%zz@10.0.0.1:6379',
      'memcached://:pw@10.0.0.1:11211',
      'memcached://10.0.0.1:11211/1',
      'redis://10.0.0.1:0',
      'redis://10.0.0.1:99999',
      'redis://10.0.0.1:6379/x',
      'redis://0.0.0.0:6379',
      'ftp://10.0.0.1:80',
      'unix:relative.sock',
      '',
    ])
      expect(parseBackendUrl(url), url).toBeUndefined()
  })

  it('is shown without its secrets', () => {
    expect(withoutSecrets('redis://app:pw@host:1')).toBe('redis://[secret]@host:1')
  })
})
