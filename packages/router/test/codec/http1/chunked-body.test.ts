import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkedBody } from '../../../src/codec/http1/chunked-body.ts'
import { LIMITS, readChunked } from './read-requests.ts'

const read = (text: string, raw = false) => readChunked([Buffer.from(text, 'latin1')], raw)

/** The text cut at the given places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].sort(
    (a, b) => a - b,
  )
  return [...sorted, text.length].map((to, i) =>
    Buffer.from(text.slice(i === 0 ? 0 : sorted[i - 1], to), 'latin1'),
  )
}

describe('a chunked body', () => {
  test('gives its data alone, or its framing as it came', () => {
    const text = '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'
    expect(read(text)).toEqual({ fault: undefined, body: 'hello world', to: text.length })
    expect(read(text, true)).toEqual({ fault: undefined, body: text, to: text.length })
  })

  test('ends where it ends: what follows is not touched', () => {
    const text = '1\r\na\r\n0\r\n\r\n'
    expect(read(`${text}GET / HTTP/1.1`, true)).toEqual({
      fault: undefined,
      body: text,
      to: text.length,
    })
  })

  test('passes trailers on and leaves extensions out', () => {
    const text = '5;a="b;c";d\r\nhello\r\n0;x\r\nExpires: 1\r\nX-Sum: 2\r\n\r\n'
    expect(read(text, true).body).toBe('5\r\nhello\r\n0\r\nExpires: 1\r\nX-Sum: 2\r\n\r\n')
    expect(read(text).body).toBe('hello')
  })

  test('is the same however its bytes are cut', () => {
    const piece = fc.record({
      data: fc.string({ minLength: 1, maxLength: 40 }),
      extension: fc.constantFrom('', ';a', ';a=b', ';q="x;y"'),
      upper: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 6 }),
        fc.constantFrom('', 'A: b\r\n', 'A: b\r\nC:\r\n'),
        fc.array(fc.nat(), { maxLength: 30 }),
        (pieces, trailers, places) => {
          const latin = pieces.map(({ data }) => data.replace(/[^\x20-\x7e]/g, '?'))
          const size = (length: number, upper: boolean) =>
            upper ? length.toString(16).toUpperCase() : `0${length.toString(16)}`
          const frame = (withExtensions: boolean) =>
            `${pieces.map(({ extension, upper }, i) => `${size(latin[i]?.length ?? 0, upper)}${withExtensions ? extension : ''}\r\n${latin[i]}\r\n`).join('')}0\r\n${trailers}\r\n`
          const text = frame(true)
          expect(readChunked(cut(text, places), false)).toEqual({
            fault: undefined,
            body: latin.join(''),
            to: text.length,
          })
          expect(readChunked(cut(text, places), true)).toEqual({
            fault: undefined,
            body: frame(false),
            to: text.length,
          })
        },
      ),
    )
  })
})

describe('a chunked body is refused with', () => {
  test.each([
    ['a size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a blank after the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['a size that wraps around', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare CR after the size', '5\rhello\r\n0\r\n\r\n'],
    ['a bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n'],
    ['a quoted line end in an extension', '5;a="\n"\r\nhello\r\n0\r\n\r\n'],
    ['a NUL in an extension', '5;\0\r\nhello\r\n0\r\n\r\n'],
    ['data that is longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
    ['data that is shorter than its size', '6\r\nhello\r\n0\r\n\r\n'],
    ['data that ends with a bare LF', '5\r\nhello\n0\r\n\r\n'],
    ['a trailer that frames the message', '0\r\nContent-Length: 5\r\n\r\n'],
    ['a trailer that names a host', '0\r\nHOST: b\r\n\r\n'],
    ['a trailer with a blank before its colon', '0\r\nA : b\r\n\r\n'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer with a bare LF', '0\r\nA: b\nC: d\r\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
  ])('%s', (_name, text) => {
    expect(read(text).fault?.status).toBe(400)
    expect(read(text, true).fault?.status).toBe(400)
  })

  test('an extension of one byte above its limit', () => {
    const body = (bytes: number) => `5;${'a'.repeat(bytes)}\r\nhello\r\n0\r\n\r\n`
    expect(read(body(LIMITS.chunkExtensionBytesMax)).fault).toBeUndefined()
    expect(read(body(LIMITS.chunkExtensionBytesMax + 1)).fault?.status).toBe(400)
  })

  test('trailers of one byte above their limit', () => {
    const chunked = () => new ChunkedBody({ ...LIMITS, trailerBytesMax: 20 })
    const body = (bytes: number) => [Buffer.from(`0\r\nA: ${'b'.repeat(bytes)}\r\n\r\n`)]
    expect(readChunked(body(14), false, chunked()).fault).toBeUndefined()
    expect(readChunked(body(15), false, chunked()).fault?.status).toBe(431)
  })
})
