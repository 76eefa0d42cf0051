import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplyScanner, SCANNED } from '../../../src/codec/resp/reply-scanner.ts'

const LIMITS = { bulkBytesMax: 1024, replyDepthMax: 8, replyLineBytesMax: 64 }

/** The complete replies in the bytes, and the error that ended them. */
function scanAll(text: string, pieces: 'whole' | 'byte by byte', limits = LIMITS): string[] {
  const bytes = Buffer.from(text, 'latin1')
  const scanner = new ReplyScanner(limits)
  const found: string[] = []
  let start = 0
  for (let end = pieces === 'whole' ? bytes.length : 1; end <= bytes.length; end++) {
    for (;;) {
      const moved = Buffer.concat([Buffer.alloc(2), bytes.subarray(start, end)])
      const scanned = scanner.scan(moved, 2, moved.length)
      if (scanned === SCANNED.needMore) break
      if (scanned === SCANNED.error) return [...found, `error: ${scanner.error}`]
      found.push(moved.toString('latin1', 2, scanner.end))
      start += scanner.end - 2
    }
  }
  return found
}

const WHOLE = [
  '+OK\r\n',
  '-ERR no\r\n',
  ':-12\r\n',
  '$0\r\n\r\n',
  '$3\r\na\r\n\r\n',
  '$-1\r\n',
  '*-1\r\n',
  '*0\r\n',
  '*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n',
  '_\r\n',
  '#t\r\n',
  ',3.14\r\n',
  '(123456789012345678901234567890\r\n',
  '!5\r\nERR x\r\n',
  '=7\r\ntxt:abc\r\n',
  '%1\r\n+a\r\n*1\r\n:1\r\n',
  '~2\r\n:1\r\n:2\r\n',
  '>2\r\n+message\r\n+x\r\n',
  '|1\r\n+ttl\r\n:3600\r\n$1\r\na\r\n',
  '*2\r\n|1\r\n+a\r\n:1\r\n:7\r\n:8\r\n',
  '|0\r\n:1\r\n',
]

describe('ReplyScanner', () => {
  for (const pieces of ['whole', 'byte by byte'] as const) {
    for (const reply of WHOLE)
      it(`finds the end of ${JSON.stringify(reply)}, ${pieces}`, () => {
        expect(scanAll(`${reply}+NEXT\r\n`, pieces)).toEqual([reply, '+NEXT\r\n'])
      })

    it(`refuses what is no reply, ${pieces}`, () => {
      const bad: readonly (readonly [string, string])[] = [
        ['?\r\n', 'unknown reply type 0x3f'],
        ['$x\r\n', 'invalid reply length'],
        ['$-2\r\n', 'invalid reply length'],
        ['*12345678901\r\n', 'reply length is too long'],
        ['$1\r\nabc', 'bulk reply without line end'],
        ['+a\rb\r\n', 'carriage return inside a reply line'],
        ['$1025\r\n', 'bulk reply is too long'],
      ]
      for (const [bytes, reason] of bad)
        expect(scanAll(bytes, pieces)).toEqual([`error: ${reason}`])
    })
  }

  it('takes aggregates as deep as allowed and not one deeper', () => {
    expect(scanAll(`${'*1\r\n'.repeat(8)}:1\r\n`, 'whole')).toHaveLength(1)
    expect(scanAll(`${'*1\r\n'.repeat(9)}:1\r\n`, 'whole')).toEqual([
      'error: reply is nested too deep',
    ])
  })

  it('neither recurses nor grows at a depth of 10,000', () => {
    expect(scanAll('*1\r\n'.repeat(10_000), 'whole')).toEqual(['error: reply is nested too deep'])
  })

  it('takes lines as long as allowed and not one byte longer', () => {
    for (const pieces of ['whole', 'byte by byte'] as const) {
      expect(scanAll(`+${'a'.repeat(63)}\r\n`, pieces)).toHaveLength(1)
      expect(scanAll(`+${'a'.repeat(66)}\r\n`, pieces)).toEqual(['error: reply line is too long'])
    }
  })

  it('answers the same for random bytes, whole or byte by byte', () => {
    const noise = fc.array(fc.constantFrom(...'+-:$*%|~>_#', '1', '2', '0', '\r\n', 'a'))
    fc.assert(
      fc.property(noise, (parts) => {
        const text = parts.join('')
        expect(scanAll(text, 'byte by byte')).toEqual(scanAll(text, 'whole'))
      }),
      { numRuns: 400 },
    )
  })
})
