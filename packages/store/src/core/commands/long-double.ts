import { asciiText } from './reply.ts'

/**
 * INCRBYFLOAT of Redis on x86 computes with 80-bit floats (64 bits of mantissa) and prints 17 decimals. A double
 * would answer 10.60000000000000053 to 10.5 + 0.1. So this is the same arithmetic, in integers:
 *
 *   value = mantissa × 2^exponent, |mantissa| < 2^64, rounded half to even, exponent ≥ -16445 (denormals)
 */
export interface LongDouble {
  readonly mantissa: bigint
  readonly exponent: number
}

const MANTISSA_BITS = 64
const EXPONENT_MIN = -16_445
/** The largest finite value is below 2^16384. */
const EXPONENT_MAX = 16_384 - MANTISSA_BITS
/** Longest text that is a float: Redis reads it into a buffer of 5 KiB, with a zero at its end. */
export const FLOAT_CHARACTERS_MAX = 5 * 1024 - 1
const DECIMALS = 17
const DECIMAL_SCALE = 10n ** BigInt(DECIMALS)
/** Decimal exponents beyond which every text of that length overflows, or is 0. */
const DECIMAL_EXPONENT_MAX = 20_000

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i
const INFINITY = /^[+-]?inf(?:inity)?$/i

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 }

/** What a text means: a finite value, `infinite`, or nothing where Redis says "not a valid float". */
export function parseLongDouble(bytes: Uint8Array): LongDouble | 'infinite' | undefined {
  if (bytes.length === 0 || bytes.length > FLOAT_CHARACTERS_MAX) return undefined
  const text = asciiText(bytes)
  if (INFINITY.test(text)) return 'infinite'
  const decimal = DECIMAL.exec(text)
  if (decimal !== null) return parsed(decimal, 10n)
  const hexadecimal = HEXADECIMAL.exec(text)
  return hexadecimal === null ? undefined : parsed(hexadecimal, 16n)
}

/** The sum, rounded once; `infinite` when it overflows. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | 'infinite' {
  const exponent = Math.min(a.exponent, b.exponent)
  const shifted = (n: LongDouble): bigint => n.mantissa << BigInt(n.exponent - exponent)
  return rounded(shifted(a) + shifted(b), 1n, exponent) ?? 'infinite'
}

/** As `%.17Lf` with the zeros at the end cut off, and no `-0`. */
export function formatLongDouble({ mantissa, exponent }: LongDouble): string {
  const size = mantissa < 0n ? -mantissa : mantissa
  const scaled =
    exponent >= 0
      ? (size << BigInt(exponent)) * DECIMAL_SCALE
      : divideToEven(size * DECIMAL_SCALE, 1n << BigInt(-exponent))
  const digits = scaled.toString().padStart(DECIMALS + 1, '0')
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '')
  const whole = digits.slice(0, -DECIMALS)
  const text = fraction === '' ? whole : `${whole}.${fraction}`
  return mantissa < 0n && text !== '0' ? `-${text}` : text
}

function parsed(match: RegExpExecArray, base: 10n | 16n): LongDouble | undefined {
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const prefix = base === 16n ? '0x' : ''
  const digits = BigInt(prefix + whole + fraction)
  if (digits === 0n) return ZERO
  const exponent = Number(power)
  const scale = exponent - fraction.length * (base === 16n ? 4 : 1)
  const value = base === 16n ? scaledByTwo(digits, scale) : scaledByTen(digits, scale)
  // Too large, or so small that it would be 0: both are range errors.
  if (value === undefined || value.mantissa === 0n) return undefined
  return sign === '-' ? { ...value, mantissa: -value.mantissa } : value
}

function scaledByTen(digits: bigint, exponent: number): LongDouble | undefined {
  if (Math.abs(exponent) > DECIMAL_EXPONENT_MAX) return undefined
  const power = 10n ** BigInt(Math.abs(exponent))
  return exponent >= 0 ? rounded(digits * power, 1n, 0) : rounded(digits, power, 0)
}

function scaledByTwo(digits: bigint, exponent: number): LongDouble | undefined {
  return Math.abs(exponent) > DECIMAL_EXPONENT_MAX * 4 ? undefined : rounded(digits, 1n, exponent)
}

/** The long double nearest to over / under × 2^exponent; nothing when that overflows. */
function rounded(over: bigint, under: bigint, exponent: number): LongDouble | undefined {
  if (over === 0n) return ZERO
  const negative = over < 0n
  const size = negative ? -over : over
  const excess = bitLength(size) - bitLength(under) - MANTISSA_BITS
  // The quotient has 64 or 65 bits after this shift; one more step makes it 64.
  let shift = Math.max(excess, EXPONENT_MIN - exponent)
  if (bitLength(quotient(size, under, shift)) > MANTISSA_BITS) shift++
  const divisor = shift > 0 ? under << BigInt(shift) : under
  const dividend = shift < 0 ? size << BigInt(-shift) : size
  let mantissa = divideToEven(dividend, divisor)
  let result = exponent + shift
  if (bitLength(mantissa) > MANTISSA_BITS) {
    mantissa >>= 1n
    result++
  }
  if (result > EXPONENT_MAX) return undefined
  return { mantissa: negative ? -mantissa : mantissa, exponent: result }
}

function quotient(size: bigint, under: bigint, shift: number): bigint {
  return shift > 0 ? size / (under << BigInt(shift)) : (size << BigInt(-shift)) / under
}

function divideToEven(dividend: bigint, divisor: bigint): bigint {
  const whole = dividend / divisor
  const twice = (dividend % divisor) * 2n
  const up = twice > divisor || (twice === divisor && (whole & 1n) === 1n)
  return up ? whole + 1n : whole
}

function bitLength(n: bigint): number {
  const hex = n.toString(16)
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0] ?? '0', 16)))
}
