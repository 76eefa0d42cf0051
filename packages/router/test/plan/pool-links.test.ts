import { describe, expect, it } from 'vitest'
import { type LinkedPool, poolLinkFault } from '../../src/index.ts'

const redis = (name: string, links: Omit<LinkedPool, 'name' | 'protocol'> = {}): LinkedPool => ({
  name,
  protocol: 'redis',
  ...links,
})

describe('pools that lead to others', () => {
  it('may fail over in a chain, and copy to a pool that fails over', () => {
    const pools = [
      redis('a', { failover: { pool: 'b' }, shadow: { pool: 'd' } }),
      redis('b', { failover: { pool: 'c' } }),
      redis('c'),
      redis('d', { failover: { pool: 'c' } }),
    ]
    expect(poolLinkFault(pools)).toBeUndefined()
  })

  it.each([
    [
      'a pool that does not exist',
      [redis('a', { failover: { pool: 'x' } }), redis('b')],
      'failover',
      'found "x", which is no pool; allowed: a pool of protocol redis: b',
    ],
    [
      'itself',
      [redis('a', { shadow: { pool: 'a' } })],
      'shadow',
      'found "a", which is the pool itself; allowed: a pool of protocol redis, of which there is no other',
    ],
    [
      'another protocol',
      [redis('a', { failover: { pool: 'm' } }), { name: 'm', protocol: 'memcached' }, redis('b')],
      'failover',
      'found "m", which has protocol memcached; allowed: a pool of protocol redis: b',
    ],
    [
      'a circle of failovers',
      [
        redis('a', { failover: { pool: 'b' } }),
        redis('b', { failover: { pool: 'c' } }),
        redis('c', { failover: { pool: 'a' } }),
      ],
      'failover',
      'found "b", which leads back (a → b → c → a); allowed: no circle over failover and shadow',
    ],
    [
      'a circle over a shadow',
      [redis('a', { shadow: { pool: 'b' } }), redis('b', { failover: { pool: 'a' } })],
      'shadow',
      'found "b", which leads back (a → b → a); allowed: no circle over shadow and failover',
    ],
    [
      'a pool of HTTP servers',
      [
        { name: 'w', protocol: 'http', failover: { pool: 'v' } },
        { name: 'v', protocol: 'http' },
      ],
      'failover',
      'found in a pool with protocol http; allowed: only with protocol redis or memcached',
    ],
  ] as const)('may not lead to %s', (_what, pools, key, text) => {
    expect(poolLinkFault(pools)).toEqual({ pool: pools[0].name, key, text })
  })
})
