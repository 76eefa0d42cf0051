import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemcachedReplyScanner } from '../../../src/codec/memcached/reply-scanner.ts'
import { SCANNED } from '../../../src/codec/resp/reply-scanner.ts'

const LIMITS = { bulkBytesMax: 1_000, replyLineBytesMax: 100 }

function scanAll(text: string, pieces: 'whole' | 'byte by byte'): readonly string[] {
  const scanner = new MemcachedReplyScanner(LIMITS)
  const bytes = Buffer.from(text, 'latin1')
  const found: string[] = []
  let start = 0
  for (let end = pieces === 'whole' ? bytes.length : 1; end <= bytes.length; end++)
    while (start < end) {
      const moved = Buffer.concat([Buffer.alloc(2), bytes.subarray(start, end)])
      const scanned = scanner.scan(moved, 2, moved.length)
      if (scanned === SCANNED.needMore) break
      if (scanned === SCANNED.error) return [...found, `error: ${scanner.error}`]
      found.push(moved.toString('latin1', 2, scanner.end))
      start += scanner.end - 2
    }
  return found
}

const REPLIES = [
  'STORED\r\n',
  'END\r\n',
  '42\r\n',
  'VALUE k 0 3\r\nabc\r\nEND\r\n',
  'VALUE k 0 5 77\r\nEND\r\n\r\nVALUE l 9 0\r\n\r\nEND\r\n',
  'VA 4 kfoo\r\n\r\n\r\n\r\n',
  'VA 0\r\n\r\n',
  'HD\r\n',
  'STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n',
  'VALUE k 0 3\r\nabc\r\nSERVER_ERROR out of memory\r\n',
]

describe('the scanner of memcached replies', () => {
  it.each(['whole', 'byte by byte'] as const)('finds every reply, %s', (pieces) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...REPLIES), { maxLength: 6 }), (replies) => {
        expect(scanAll(replies.join(''), pieces)).toEqual(replies)
      }),
    )
  })

  it('refuses values that do not end where they say', () => {
    expect(scanAll('VALUE k 0 2\r\nabc\r\nEND\r\n', 'whole')).toEqual([
      'error: a value without line end',
    ])
    expect(scanAll('VALUE k 0 x\r\n', 'whole')).toEqual(['error: a value without a length'])
    expect(scanAll('VALUE k\r\n', 'whole')).toEqual(['error: a value without a length'])
  })

  it('bounds values and lines', () => {
    const value = (bytes: number) => `VA ${bytes}\r\n${'x'.repeat(bytes)}\r\n`
    expect(scanAll(value(1_000), 'whole')).toEqual([value(1_000)])
    expect(scanAll(value(1_001), 'whole')).toEqual(['error: a value without a length'])
    expect(scanAll(`${'E'.repeat(98)}\r\n`, 'byte by byte')).toHaveLength(1)
    expect(scanAll('E'.repeat(101), 'byte by byte')).toEqual(['error: a line that is too long'])
  })
})
