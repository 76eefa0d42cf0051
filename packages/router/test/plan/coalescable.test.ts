import { describe, expect, it } from 'vitest'
import { isCoalescable } from '../../src/plan/coalescable.ts'
import { MEMCACHED_COMMANDS } from '../../src/plan/memcached/commands.ts'
import { REDIS_COMMANDS } from '../../src/plan/redis-commands.ts'

const redis = REDIS_COMMANDS.filter(isCoalescable).map(({ name }) => name)

describe('commands that may share a reply', () => {
  it('are reads of one key', () => {
    expect(redis).toEqual(
      expect.arrayContaining([
        'get',
        'strlen',
        'hget',
        'hgetall',
        'lrange',
        'zscore',
        'ttl',
        'type',
        'xrange',
      ]),
    )
    for (const { name, access, keys } of REDIS_COMMANDS.filter(isCoalescable))
      expect([name, access, keys.type]).toEqual([name, 'read', 'range'])
  })

  it('are none that write, name several keys, wait, run scripts or are random', () => {
    const others = [
      'set',
      'getex',
      'getdel',
      'mget',
      'exists',
      'touch',
      'sunion',
      'xread',
      'blpop',
      'eval_ro',
      'srandmember',
      'hrandfield',
      'zrandmember',
      'randomkey',
      'ping',
      'subscribe',
    ]
    expect(others.filter((name) => redis.includes(name))).toEqual([])
  })

  it('of memcached are get and gets: a meta command may change what it reads', () => {
    expect(MEMCACHED_COMMANDS.filter(isCoalescable).map(({ name }) => name)).toEqual([
      'get',
      'gets',
    ])
  })
})
