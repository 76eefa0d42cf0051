import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  KEY_BYTES_MAX,
  LINE,
  LINE_BYTES_MAX,
  MemcachedDecoder,
} from '../../../src/codec/memcached/request-decoder.ts'

const LIMITS = { itemBytesMax: 1_000, keysLineBytesMax: 10_000 }

/** One command as words and data, or what it was answered with. */
type Found = string

function decodeAll(bytes: Buffer, pieces: 'whole' | 'byte by byte'): readonly Found[] {
  const decoder = new MemcachedDecoder(LIMITS)
  const found: Found[] = []
  let start = 0
  for (let end = pieces === 'whole' ? bytes.length : 1; end <= bytes.length; end++)
    for (;;) {
      // The command may move between two calls: give it another buffer and offset each time.
      const moved = Buffer.concat([Buffer.alloc(3), bytes.subarray(start, end)])
      const line = decoder.next(moved, 3, moved.length)
      if (line === LINE.needMore) break
      if (line === LINE.broken) return [...found, `broken: ${decoder.error}`]
      if (line === LINE.frame) found.push(frameOf(decoder))
      if (line === LINE.rejected) found.push(`rejected: ${decoder.error}`)
      start += decoder.taken
      if (start === end) break
    }
  return found
}

function frameOf({ frame, noreply, dataStart }: MemcachedDecoder): string {
  const words = Array.from({ length: frame.argc }, (_, at) => frame.text(at))
  const data = frame.bytes.toString('latin1', dataStart, frame.end)
  return `${words.join('|')}${noreply ? ' (quiet)' : ''}${data === '' ? '' : ` = ${JSON.stringify(data)}`}`
}

const BAD = 'rejected: CLIENT_ERROR bad command line format'
const LONG = 'k'.repeat(KEY_BYTES_MAX + 1)

const CASES: readonly (readonly [name: string, bytes: string, found: readonly Found[]])[] = [
  ['a get', 'get a\r\n', ['get|a']],
  ['a line that ends in LF', 'get a\n', ['get|a']],
  ['many spaces', 'get  a   b \r\n', ['get|a|b']],
  ['a set', 'set k 1 0 2\r\nab\r\n', ['set|k|1|0|2 = "ab\\r\\n"']],
  ['a set of nothing', 'set k 0 0 0\r\n\r\nget k\r\n', ['set|k|0|0|0 = "\\r\\n"', 'get|k']],
  [
    'a value that looks like a command',
    'set k 0 0 7\r\nget a\r\n\r\n',
    ['set|k|0|0|7 = "get a\\r\\n\\r\\n"'],
  ],
  [
    'a cas',
    'cas k 0 0 1 18446744073709551615\r\nx\r\n',
    ['cas|k|0|0|1|18446744073709551615 = "x\\r\\n"'],
  ],
  [
    'noreply',
    'set k 0 0 1 noreply\r\nx\r\ndelete k noreply\r\n',
    ['set|k|0|0|1 (quiet) = "x\\r\\n"', 'delete|k (quiet)'],
  ],
  ['a key named noreply', 'delete noreply\r\nget noreply\r\n', ['delete|noreply', 'get|noreply']],
  ['a meta set', 'ms k 2 T0 q\r\nab\r\n', ['ms|k|2|T0|q = "ab\\r\\n"']],
  ['an unknown word', 'nonsense\r\nget a\r\n', ['rejected: ERROR', 'get|a']],
  ['a word in capitals', 'GET a\r\n', ['rejected: ERROR']],
  ['an empty line', '\r\n', ['rejected: ERROR']],
  ['too few words', 'set k 0 0\r\n', ['rejected: ERROR']],
  [
    'a block that is too long',
    'set k 0 0 1\r\nabc\r\n',
    ['rejected: CLIENT_ERROR bad data chunk', 'rejected: ERROR'],
  ],
  ['a block that ends in LF', 'set k 0 0 1\r\na\nx', ['rejected: CLIENT_ERROR bad data chunk']],
  ['a length of words', 'set k 0 0 x\r\nget a\r\n', [BAD, 'get|a']],
  ['a negative length', 'set k 0 0 -1\r\nget a\r\n', [BAD, 'get|a']],
  ['a NUL in a line', 'get a\0b\r\n', [BAD]],
  ['a CR in a line', 'get a\rb\r\n', [BAD]],
  [
    'a value at the limit',
    `set k 0 0 1000\r\n${'x'.repeat(1_000)}\r\n`,
    [`set|k|0|0|1000 = "${'x'.repeat(1_000)}\\r\\n"`],
  ],
]

/** Lines that a server could refuse without skipping the data block: the block must not become commands. */
const SWALLOWED: readonly (readonly [name: string, line: string, answer: string])[] = [
  ['a key that is too long', `set ${LONG} 0 0 10`, BAD],
  ['flags of words', 'set k x 0 10', BAD],
  ['flags above 32 bits', 'set k 4294967296 0 10', BAD],
  ['an expiry of words', 'set k 0 x 10', BAD],
  ['an expiry above 31 bits', 'set k 0 2147483648 10', BAD],
  ['a unique id of words', 'cas k 0 0 10 x', BAD],
  ['a unique id above 64 bits', 'cas k 0 0 10 18446744073709551616', BAD],
  ['too many words', 'set k 0 0 10 x y', 'rejected: ERROR'],
  ['a key that is too long, in a meta set', `ms ${LONG} 10`, BAD],
]

describe('the decoder of memcached commands', () => {
  for (const pieces of ['whole', 'byte by byte'] as const) {
    it.each(CASES)(`reads %s, ${pieces}`, (_name, bytes, found) => {
      expect(decodeAll(Buffer.from(bytes, 'latin1'), pieces)).toEqual(found)
    })

    it.each(SWALLOWED)(`runs nothing in the block behind %s, ${pieces}`, (_name, line, answer) => {
      const bytes = Buffer.from(`${line}\r\nflush_all \r\nget a\r\n`)
      expect(decodeAll(bytes, pieces)).toEqual([answer, 'get|a'])
    })

    it(`skips a value one byte above the limit without keeping it, ${pieces}`, () => {
      const bytes = Buffer.from(`set k 0 0 1001\r\n${'x'.repeat(1_001)}\r\nget k\r\n`)
      const answer = 'rejected: SERVER_ERROR object too large for cache'
      expect(decodeAll(bytes, pieces)).toEqual([answer, 'get|k'])
    })
  }

  it('takes a key of 250 bytes and refuses one of 251', () => {
    const key = 'k'.repeat(KEY_BYTES_MAX)
    expect(decodeAll(Buffer.from(`get ${key}\r\nget a ${LONG}\r\n`), 'whole')).toEqual([
      `get|${key}`,
      BAD,
    ])
  })

  it('goes on reading a line of keys beyond 2 KB, and ends at the limit', () => {
    const keys = (bytes: number) => `get ${'k '.repeat((bytes - 4) / 2)}`
    expect(decodeAll(Buffer.from(`${keys(10_000)}\r\n`), 'byte by byte')).toHaveLength(1)
    expect(decodeAll(Buffer.from(`${keys(10_002)}\r\n`), 'whole')).toEqual([
      'broken: CLIENT_ERROR line too long',
    ])
    expect(decodeAll(Buffer.from(keys(10_004)), 'byte by byte')).toEqual([
      'broken: CLIENT_ERROR line too long',
    ])
  })

  it('ends at any other line above 2 KB, complete or not', () => {
    const line = `delete ${'k'.repeat(LINE_BYTES_MAX)}`
    for (const bytes of [line, `${line}\r\n`])
      expect(decodeAll(Buffer.from(bytes), 'whole')).toEqual(['broken: CLIENT_ERROR line too long'])
  })

  it('finds the same commands wherever the bytes are cut', () => {
    const word = fc.constantFrom(
      'get',
      'set',
      'ms',
      'k',
      '0',
      '1',
      '3',
      'noreply',
      'q',
      '',
      '\0',
      'é',
    )
    const line = fc
      .tuple(fc.array(word, { maxLength: 7 }), fc.constantFrom('\r\n', '\n', '\r\nabc\r\n', ''))
      .map(([words, end]) => words.join(' ') + end)
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const bytes = Buffer.from(lines.join(''), 'latin1')
        const whole = decodeAll(bytes, 'whole')
        expect(decodeAll(bytes, 'byte by byte')).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })
})
