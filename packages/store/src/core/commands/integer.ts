import { ascii, asciiText, CODES } from './reply.ts'

/**
 * A 64-bit signed integer: a number when it is a safe integer, a bigint otherwise. Commands compare and add the
 * two kinds with the operators' own rules, and pay for bigints only out there.
 */
export type Int64 = number | bigint

/** The largest 64-bit signed integer. */
export const INT64_MAX = 2n ** 63n - 1n
/** The smallest 64-bit signed integer. */
export const INT64_MIN = -(2n ** 63n)

/** Digits that always fit into a safe integer. */
const SAFE_DIGITS = 15
/** "-9223372036854775808" */
const INT64_CHARACTERS_MAX = 20

const normal = (n: bigint): Int64 =>
  n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER ? Number(n) : n

/** An integer as Redis accepts it: decimal, no spaces, no `+`, no leading zeros, no `-0`, within 64 bits. */
export function parseInteger(bytes: Uint8Array): Int64 | undefined {
  const { length } = bytes
  const negative = bytes[0] === CODES.minus
  const first = negative ? 1 : 0
  const digits = length - first
  if (digits < 1 || length > INT64_CHARACTERS_MAX) return undefined
  if (bytes[first] === CODES.zero) return length === 1 ? 0 : undefined
  let n = 0
  for (let i = first; i < length; i++) {
    const digit = (bytes[i] as number) - CODES.zero
    if (digit < 0 || digit > 9) return undefined
    n = n * 10 + digit
  }
  if (digits <= SAFE_DIGITS) return negative ? -n : n
  return within(BigInt(asciiText(bytes)))
}

/** The sum, or nothing when it leaves 64 bits. */
export function addIntegers(a: Int64, b: Int64): Int64 | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return within(BigInt(a) + BigInt(b))
}

/** The product, or nothing when it leaves 64 bits. */
export function multiplyIntegers(a: Int64, b: Int64): Int64 | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    if (Number.isSafeInteger(product)) return product
  }
  return within(BigInt(a) * BigInt(b))
}

/** The decimal text, as Redis stores it. */
export function formatInteger(n: Int64): Uint8Array {
  return ascii(`${n}`)
}

function within(n: bigint): Int64 | undefined {
  return n < INT64_MIN || n > INT64_MAX ? undefined : normal(n)
}
