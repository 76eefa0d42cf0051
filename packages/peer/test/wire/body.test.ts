import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unpackBody } from '../../src/wire/body.ts'
import { BODY_BYTES_MAX, encodeMessage } from '../../src/wire/frame.ts'
import { BODY_DEPTH_MAX, BODY_VALUES_MAX, FRAME_BYTES_MAX } from '../../src/wire/limits.ts'
import { PeerError } from '../../src/wire/peer-error.ts'
import { messageValue, pack } from './frames.ts'

const roundTrip = (value: unknown): unknown => unpackBody(Uint8Array.from(pack(value, 0)))
const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}
const invalid = expect.objectContaining({ name: 'PeerError', code: 'FRAME_INVALID' })

describe('message bodies', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(messageValue, (value) => {
        expect(roundTrip(value)).toEqual(value)
      }),
    )
  })

  it('carry undefined, dates and 64-bit integers', () => {
    const value = {
      a: undefined,
      b: new Date(-5),
      c: new Date(1e12),
      d: 2n ** 63n,
      e: -(2n ** 62n),
    }
    expect(roundTrip(value)).toEqual(value)
    expect(roundTrip(new Date(Number.NaN))).toEqual(new Date(Number.NaN))
  })

  it('cost nothing of a later message after a large one', () => {
    const large = pack({ text: 'x'.repeat(200_000) }, 5)
    const copy = Buffer.from(large)
    const small = pack({ text: 'é' }, 5)
    expect(unpackBody(small.subarray(5))).toEqual({ text: 'é' })
    expect(small.buffer.byteLength).toBeLessThanOrEqual(8192)
    expect(copy.equals(large)).toBe(true)
  })

  it('are never anything but a value or a PeerError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          unpackBody(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('nest as deep as the limit and not one deeper, in both directions', () => {
    expect(roundTrip(nested(BODY_DEPTH_MAX))).toEqual(nested(BODY_DEPTH_MAX))
    expect(() => pack(nested(BODY_DEPTH_MAX + 1), 0)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID' }),
    )
    const bytes = new Uint8Array(BODY_DEPTH_MAX + 2).fill(0x91)
    bytes[bytes.length - 1] = 1
    expect(() => unpackBody(bytes)).toThrow(invalid)
    expect(unpackBody(bytes.subarray(1))).toEqual(nested(BODY_DEPTH_MAX))
  })

  it('hold as many values as the limit and not one more', () => {
    const most = new Array(BODY_VALUES_MAX - 1).fill(0)
    expect((roundTrip(most) as unknown[]).length).toBe(BODY_VALUES_MAX - 1)
    most.push(0)
    expect(() => pack(most, 0)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })

  it('fill a frame to the last byte and not one further', () => {
    const binHeader = 5
    const largest = new Uint8Array(BODY_BYTES_MAX - binHeader)
    expect(encodeMessage(pack, largest)).toHaveLength(FRAME_BYTES_MAX)
    expect(() => encodeMessage(pack, new Uint8Array(largest.length + 1))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
    )
  })

  it('refuse what msgpack cannot carry', () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    for (const value of [cyclic, Symbol('s'), 2n ** 70n, new Map([[[1], 2]])])
      expect(() => pack(value, 0)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
    expect(roundTrip({ after: 1 })).toEqual({ after: 1 })
  })

  it.each([
    ['nothing', []],
    ['two values', [1, 2]],
    ['an array that announces more than the frame holds', [0xdd, 0xff, 0xff, 0xff, 0xff, 1]],
    ['a map that announces more than the frame holds', [0xdf, 0x00, 0xff, 0xff, 0xff, 1]],
    ['a text that is cut', [0xd9, 5, 65]],
    ['bytes that are cut', [0xc6, 0, 0, 1]],
    ['a number that is cut', [0xcb, 1, 2, 3]],
    ['the reserved token', [0xc1]],
    ['a map key that is a map', [0x81, 0x80, 1]],
    ['a map key that is nil', [0x81, 0xc0, 1]],
    ['a record definition', [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1]],
    ['a regular expression', [0xd4, 0x78, 0, 0x92, 0xa1, 0x2e, 0xa0]],
    ['an error', [0xd4, 0x65, 0, 0x92, 0xa1, 0x45, 0xa0]],
    ['a reference', [0xd6, 0x70, 0, 0, 0, 1]],
    ['a bundle', [0xd6, 0x62, 0, 0, 0, 9, 1]],
    ['a long extension', [0xc9, 0, 0, 0, 1, 0x42, 1]],
    ['a date of a wrong length', [0xc7, 11, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('refuse %s', (_what, bytes) => {
    expect(() => unpackBody(Uint8Array.from(bytes))).toThrow(invalid)
  })

  it('do not let a key reach the prototype', () => {
    const key = new TextEncoder().encode('__proto__')
    const value = unpackBody(Uint8Array.of(0x81, 0xa9, ...key, 0x81, 0xa1, 0x78, 1))
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect((value as { x?: unknown }).x).toBeUndefined()
  })
})
