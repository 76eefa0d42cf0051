import { describe, expect, it } from 'vitest'
import { LINE, MemcachedDecoder } from '../../../src/codec/memcached/request-decoder.ts'
import { DEFAULT_LIMITS } from '../../../src/limits.ts'
import { capExpiry } from '../../../src/plan/memcached/cap-expiry.ts'

const NOW = 1_800_000_000

function capped(text: string): string | undefined {
  const bytes = Buffer.from(text, 'latin1')
  const decoder = new MemcachedDecoder(DEFAULT_LIMITS)
  expect(decoder.next(bytes, 0, bytes.length)).toBe(LINE.frame)
  return capExpiry(decoder, 60, NOW)?.toString('latin1')
}

describe('the expiry of a memcached command', () => {
  it.each([
    ['for ever', 'set k 5 0 2\r\nhi\r\n', 'set k 5 60 2\r\nhi\r\n'],
    ['too long', 'add k 5 3600 2\r\nhi\r\n', 'add k 5 60 2\r\nhi\r\n'],
    ['one second too long', 'replace k 0 61 2\r\nhi\r\n', 'replace k 0 60 2\r\nhi\r\n'],
    ['a time that is far', `cas k 0 ${NOW + 61} 2 9\r\nhi\r\n`, 'cas k 0 60 2 9\r\nhi\r\n'],
    ['of touch', 'touch k 0\r\n', 'touch k 60\r\n'],
    ['of gat', 'gat 500 a b\r\n', 'gat 60 a b\r\n'],
    ['of meta set', 'ms k 2 T0 c\r\nhi\r\n', 'ms k 2 T60 c\r\nhi\r\n'],
    ['of meta set, without one', 'ms k 2 c\r\nhi\r\n', 'ms k 2 c T60\r\nhi\r\n'],
    ['of meta arithmetic', 'ma k N0 J5 T90\r\n', 'ma k N60 J5 T60\r\n'],
    ['of meta get', 'mg k v T100 N100\r\n', 'mg k v T60 N60\r\n'],
    ['of a binary value', 'set k 0 0 4\r\n\r\n\xff \r\n', 'set k 0 60 4\r\n\r\n\xff \r\n'],
  ])('is capped: %s', (_what, sent, expected) => {
    expect(capped(sent)).toBe(expected)
  })

  it.each([
    ['as long as allowed', 'set k 5 60 2\r\nhi\r\n'],
    ['over at once', 'set k 5 -1 2\r\nhi\r\n'],
    ['a near time', `set k 5 ${NOW + 60} 2\r\nhi\r\n`],
    ['a time that is over', `set k 5 ${NOW - 10} 2\r\nhi\r\n`],
    ['of meta set, short', 'ms k 2 T10\r\nhi\r\n'],
    ['of nothing', 'get k\r\n'],
    ['of a delete', 'delete k\r\n'],
    ['of a counter', 'incr k 5\r\n'],
    ['that is no number', 'touch k soon\r\n'],
  ])('stays: %s', (_what, sent) => {
    expect(capped(sent)).toBeUndefined()
  })
})
