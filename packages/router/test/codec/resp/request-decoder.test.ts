import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCommand } from '../../../src/codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../../../src/codec/resp/request-decoder.ts'

const LIMITS = { argumentsMax: 1_048_576, bulkBytesMax: 512 * 1024 * 1024, inlineBytesMax: 65_536 }

/** Everything found in the bytes: commands as arrays of strings, an error as one string. */
type Found = readonly (readonly string[] | string)[]

function decodeAll(bytes: Buffer, pieces: 'whole' | 'byte by byte', limits = LIMITS): Found {
  const decoder = new RequestDecoder(limits)
  const found: (string[] | string)[] = []
  let start = 0
  for (let end = pieces === 'whole' ? bytes.length : 1; end <= bytes.length; end++) {
    for (;;) {
      // The command may move between two calls: give it another buffer and offset each time.
      const moved = Buffer.concat([Buffer.alloc(3), bytes.subarray(start, end)])
      const decoded = decoder.next(moved, 3, moved.length)
      if (decoded === DECODED.needMore) break
      if (decoded === DECODED.error) return [...found, decoder.error]
      if (decoded === DECODED.frame) {
        const { frame } = decoder
        found.push(Array.from({ length: frame.argc }, (_, i) => frame.text(i)))
      }
      start += decoder.taken
    }
  }
  return found
}

const error = (reason: string) => [`ERR Protocol error: ${reason}`]

const CASES: readonly (readonly [name: string, bytes: string, found: Found])[] = [
  ['a command', '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', [['GET', 'k']]],
  ['two commands', '*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', [['PING'], ['ECHO', '']]],
  ['binary arguments', '*1\r\n$4\r\n\r\n\0*\r\n', [['\r\n\0*']]],
  ['an empty array', '*0\r\n*1\r\n$1\r\na\r\n', [['a']]],
  ['a null array', '*-1\r\n*1\r\n$1\r\na\r\n', [['a']]],
  ['half a command', '*2\r\n$3\r\nGET\r\n$1\r\n', []],
  ['a word for a count', '*x\r\n', error('invalid multibulk length')],
  ['no count', '*\r\n', error('invalid multibulk length')],
  ['a count with zeros before it', '*02\r\n', error('invalid multibulk length')],
  ['a count above a million', '*1048577\r\n', error('invalid multibulk length')],
  ['a count of many digits', `*${'9'.repeat(40)}`, error('invalid multibulk length')],
  ['a count without line feed', '*1\rx', error('invalid multibulk length')],
  ['a nested array', '*1\r\n*1\r\n', error("expected '$', got '*'")],
  ['an unprintable type', '*1\r\n\x01', error("expected '$', got ' '")],
  ['a negative bulk', '*1\r\n$-1\r\n', error('invalid bulk length')],
  ['a word for a bulk length', '*1\r\n$a\r\n', error('invalid bulk length')],
  ['a bulk of 2 GB', '*1\r\n$2147483648\r\n', error('invalid bulk length')],
  ['a bulk one byte above 512 MB', '*1\r\n$536870913\r\n', error('invalid bulk length')],
  ['a bulk of 512 MB that has not come', '*1\r\n$536870912\r\nabc', []],
  ['a bulk longer than it says', '*1\r\n$1\r\nabc', error('expected CRLF after bulk')],
  ['words in a line', 'SET k  v\r\n', [['SET', 'k', 'v']]],
  ['a line that ends in LF', 'PING\n', [['PING']]],
  ['empty lines', '\r\n\r\n  \r\nPING\r\n', [['PING']]],
  ['quotes', 'SET "a b" \'c d\'\r\n', [['SET', 'a b', 'c d']]],
  ['escapes', 'ECHO "\\x41\\n\\"\\q" \'\\\'\'\r\n', [['ECHO', 'A\n"q', "'"]]],
  ['an open quote', 'GET "a\r\n', error('unbalanced quotes in request')],
  ['text after a quote', 'GET "a"b\r\n', error('unbalanced quotes in request')],
  ['a line before an array', 'PING\r\n*1\r\n$4\r\nPING\r\n', [['PING'], ['PING']]],
  ['an HTTP request', 'GET / HTTP/1.1\r\n', [['GET', '/', 'HTTP/1.1']]],
]

describe('RequestDecoder', () => {
  for (const pieces of ['whole', 'byte by byte'] as const)
    for (const [name, bytes, found] of CASES)
      it(`reads ${name}, ${pieces}`, () => {
        expect(decodeAll(Buffer.from(bytes, 'latin1'), pieces)).toEqual(found)
      })

  it('finds what was encoded, wherever the bytes are cut', () => {
    const args = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(args, { maxLength: 5 }), (commands) => {
        const bytes = Buffer.concat(commands.map(encodeCommand))
        const texts = commands.map((command) =>
          command.map((a) => Buffer.from(a).toString('latin1')),
        )
        expect(decodeAll(bytes, 'whole')).toEqual(texts)
        expect(decodeAll(bytes, 'byte by byte')).toEqual(texts)
      }),
      { numRuns: 60 },
    )
  })

  it('answers the same for random bytes, whole or byte by byte, and never throws', () => {
    const noise = fc.array(
      fc.constantFrom('*', '$', '1', '2', '0', '-', '\r\n', '\n', 'a', '"', ' '),
    )
    fc.assert(
      fc.property(noise, (parts) => {
        const bytes = Buffer.from(parts.join(''), 'latin1')
        expect(decodeAll(bytes, 'byte by byte')).toEqual(decodeAll(bytes, 'whole'))
      }),
      { numRuns: 400 },
    )
  })

  describe('at its limits', () => {
    const limits = { argumentsMax: 2, bulkBytesMax: 3, inlineBytesMax: 8 }

    it('takes as many arguments as allowed and not one more', () => {
      expect(decodeAll(Buffer.from('*2\r\n$1\r\na\r\n$1\r\nb\r\n'), 'whole', limits)).toEqual([
        ['a', 'b'],
      ])
      expect(decodeAll(Buffer.from('*3\r\n'), 'whole', limits)).toEqual(
        error('invalid multibulk length'),
      )
    })

    it('takes bulks as long as allowed and not one byte more', () => {
      expect(decodeAll(Buffer.from('*1\r\n$3\r\nabc\r\n'), 'whole', limits)).toEqual([['abc']])
      expect(decodeAll(Buffer.from('*1\r\n$4\r\n'), 'whole', limits)).toEqual(
        error('invalid bulk length'),
      )
    })

    it('takes lines as long as allowed and not one byte more, complete or not', () => {
      expect(decodeAll(Buffer.from('GET abc \n'), 'whole', limits)).toEqual([['GET', 'abc']])
      for (const text of ['GET a b c\n', 'GET a b c'])
        expect(decodeAll(Buffer.from(text), 'whole', limits)).toEqual(
          error('too big inline request'),
        )
    })
  })

  it('shows at most a kilobyte of an argument as text', () => {
    for (const [length, shown] of [
      [1_024, 1_024],
      [1_025, 1_024],
    ] as const) {
      const decoder = new RequestDecoder(LIMITS)
      const bytes = encodeCommand([Buffer.alloc(length, 'a')])
      decoder.next(bytes, 0, bytes.length)
      expect(decoder.frame.text(0)).toHaveLength(shown)
      expect(decoder.frame.arg(0)).toHaveLength(length)
    }
  })

  it('gives back the offsets of a very long command', () => {
    const decoder = new RequestDecoder(LIMITS)
    const long = encodeCommand(Array.from({ length: 10_000 }, () => Buffer.from('a')))
    expect(decoder.next(long, 0, long.length)).toBe(DECODED.frame)
    const short = encodeCommand([Buffer.from('PING')])
    decoder.next(short, 0, short.length)
    expect(decoder.frame.argStart.length).toBe(1)
  })
})
