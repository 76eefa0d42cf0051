import type { RequestFrame } from '../resp/request-frame.ts'

const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
const DIGITS_MAX = 20
const UINT64_MAX = '18446744073709551615'
const NOREPLY = 'noreply'

/**
 * Word `at` as a whole number in [0, max], -1 when it is none. With `signed` it may be in [-max - 1, max], and
 * `-Infinity` says that it is no number. O(length), no allocation.
 */
export function numberAt(frame: RequestFrame, at: number, max: number, signed = false): number {
  const none = signed ? Number.NEGATIVE_INFINITY : -1
  const { bytes } = frame
  const to = frame.to(at)
  let from = frame.from(at)
  const negative = signed && bytes[from] === MINUS
  if (negative) from++
  if (from === to || to - from > DIGITS_MAX) return none
  let value = 0
  for (; from < to; from++) {
    const byte = bytes[from] as number
    if (byte < ZERO || byte > NINE) return none
    value = value * 10 + (byte - ZERO)
  }
  if (value > (negative ? max + 1 : max)) return none
  return negative ? -value : value
}

/** True when word `at` is a whole number below 2^64: more than a number of JavaScript tells apart. */
export function isUint64(frame: RequestFrame, at: number): boolean {
  if (numberAt(frame, at, Number.MAX_VALUE) < 0) return false
  return frame.to(at) - frame.from(at) < DIGITS_MAX || frame.text(at) <= UINT64_MAX
}

/** True when word `at` is `noreply`. */
export function isNoreply(frame: RequestFrame, at: number): boolean {
  const from = frame.from(at)
  if (frame.to(at) - from !== NOREPLY.length) return false
  for (let i = 0; i < NOREPLY.length; i++)
    if (frame.bytes[from + i] !== NOREPLY.charCodeAt(i)) return false
  return true
}

/** The first byte of word `at`: what names a meta flag. */
export function flagAt(frame: RequestFrame, at: number): number {
  return frame.bytes[frame.from(at)] as number
}
