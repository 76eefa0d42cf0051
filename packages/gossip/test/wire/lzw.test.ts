import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../src/wire/errors.ts'
import { deflate, inflate } from '../../src/wire/lzw.ts'
import { hex } from './bytes.ts'

const inputs = fc.oneof(
  fc.uint8Array({ maxLength: 3_000 }),
  fc.uint8Array({ max: 3, maxLength: 9_000 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 900 }))
    .map(([run, times]) =>
      Uint8Array.from({ length: run.length * times }, (_, at) => run[at % run.length] ?? 0),
    ),
)

describe('LZW', () => {
  it('expands to what was compressed', () => {
    fc.assert(
      fc.property(inputs, (plain) => {
        expect(inflate(deflate(plain), plain.length)).toEqual(plain)
      }),
    )
  })

  it('crosses the point where the dictionary starts over', () => {
    for (const length of [3_837, 3_838, 3_839, 3_840, 7_700]) {
      let state = length
      const noise = Uint8Array.from({ length }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return state >>> 24
      })
      expect(inflate(deflate(noise), length)).toEqual(noise)
    }
  })

  it('bytes at random expand within the bound or are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        try {
          expect(inflate(bytes, 1_000).length).toBeLessThanOrEqual(1_000)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('expands to its bound and not one byte beyond', () => {
    const packed = deflate(new Uint8Array(5_000))
    expect(inflate(packed, 5_000)).toHaveLength(5_000)
    expect(() => inflate(packed, 4_999)).toThrow(WireError)
  })

  it('needs its end code, and ignores what follows it', () => {
    expect(() => inflate(hex('00c304'), 10)).toThrow(WireError)
    expect(inflate(hex('00c30404ffff'), 10)).toEqual(hex('61'))
  })

  it('the clear code at the start is optional', () => {
    // 'a' and the end code, nine bits each: 061 101.
    expect(inflate(Uint8Array.of(0x61, 0x02, 0x02), 10)).toEqual(hex('61'))
  })

  it('goes on without new entries when the dictionary is full', () => {
    // A writer that never clears: 4 000 literals in a row, each its own code.
    const codes = Array.from({ length: 6_000 }, (_, at) => at % 256)
    const bytes: number[] = []
    let bits = 0
    let count = 0
    let width = 9
    const put = (code: number) => {
      bits |= code << count
      count += width
      for (; count >= 8; count -= 8) {
        bytes.push(bits & 0xff)
        bits >>>= 8
      }
    }
    codes.forEach((code, at) => {
      put(code)
      if (width < 12 && 257 + at + 1 >= 1 << width) width += 1
    })
    put(257)
    bytes.push(bits & 0xff)
    expect([...inflate(Uint8Array.from(bytes), 10_000)]).toEqual(codes)
  })
})
