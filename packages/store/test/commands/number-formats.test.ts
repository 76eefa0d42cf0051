import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addIntegers,
  INT64_MAX,
  INT64_MIN,
  multiplyIntegers,
  parseInteger,
} from '../../src/core/commands/integer.ts'
import {
  addLongDoubles,
  FLOAT_CHARACTERS_MAX,
  formatLongDouble,
  parseLongDouble,
} from '../../src/core/commands/long-double.ts'
import { bytes } from './command-kit.ts'

const int64 = fc.bigInt({ min: INT64_MIN, max: INT64_MAX })
const within = (n: bigint): bigint | undefined => (n >= INT64_MIN && n <= INT64_MAX ? n : undefined)

function parsedFloat(text: string): { readonly mantissa: bigint; readonly exponent: number } {
  const value = parseLongDouble(bytes(text))
  if (value === undefined || value === 'infinite') throw new Error(`no float: ${text}`)
  return value
}

describe('64-bit integers', () => {
  it('are read as exactly as they are written', () => {
    fc.assert(
      fc.property(int64, (n) => {
        const parsed = parseInteger(bytes(`${n}`))
        expect(parsed === undefined ? undefined : BigInt(parsed)).toBe(n)
        expect(typeof parsed === 'number').toBe(Number.isSafeInteger(Number(n)))
      }),
    )
  })

  it('end at their limits', () => {
    expect(parseInteger(bytes(`${INT64_MAX}`))).toBe(INT64_MAX)
    expect(parseInteger(bytes(`${INT64_MIN}`))).toBe(INT64_MIN)
    expect(parseInteger(bytes(`${INT64_MAX + 1n}`))).toBeUndefined()
    expect(parseInteger(bytes(`${INT64_MIN - 1n}`))).toBeUndefined()
    expect(parseInteger(bytes('1'.repeat(21)))).toBeUndefined()
  })

  it('add and multiply like bigints, or overflow', () => {
    const small = fc.oneof(int64, fc.bigInt({ min: -5_000_000_000n, max: 5_000_000_000n }))
    fc.assert(
      fc.property(small, small, (a, b) => {
        const [x, y] = [parseInteger(bytes(`${a}`)) ?? 0, parseInteger(bytes(`${b}`)) ?? 0]
        const sum = addIntegers(x, y)
        const product = multiplyIntegers(x, y)
        expect(sum === undefined ? undefined : BigInt(sum)).toBe(within(a + b))
        expect(product === undefined ? undefined : BigInt(product)).toBe(within(a * b))
      }),
    )
  })
})

describe('80-bit floats', () => {
  it('keep every 64-bit integer, and 17 decimals of small numbers', () => {
    fc.assert(
      fc.property(int64, (n) => {
        expect(formatLongDouble(parsedFloat(`${n}`))).toBe(`${n}`)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), (n) => {
        const text = `0.${String(n).padStart(6, '0')}1`
        expect(formatLongDouble(parsedFloat(text))).toBe(text)
      }),
    )
  })

  it('round once, half to even', () => {
    const sum = addLongDoubles(parsedFloat('18446744073709551615'), parsedFloat('0.5'))
    expect(sum === 'infinite' ? sum : formatLongDouble(sum)).toBe('18446744073709551616')
    const even = addLongDoubles(parsedFloat('18446744073709551614'), parsedFloat('0.5'))
    expect(even === 'infinite' ? even : formatLongDouble(even)).toBe('18446744073709551614')
  })

  it('are read from texts up to the length that Redis reads', () => {
    const longest = `0.${'1'.repeat(FLOAT_CHARACTERS_MAX - 2)}`
    expect(formatLongDouble(parsedFloat(longest))).toBe('0.11111111111111111')
    expect(parseLongDouble(bytes(`${longest}1`))).toBeUndefined()
  })

  it('reach from the smallest denormal to the largest finite number', () => {
    expect(parsedFloat('3.6451995318824746025e-4951').mantissa).toBe(1n)
    expect(parseLongDouble(bytes('1e-4951'))).toBeUndefined()
    expect(parsedFloat('1.18973149535723176502e+4932').mantissa).toBe(2n ** 64n - 1n)
    expect(parseLongDouble(bytes('1.1897314953572317651e+4932'))).toBeUndefined()
  })
})
