// MurmurHash64A, which is also what libstdc++ and Envoy call Murmur2: mcrouter's hash of routing keys, and the key hash of
// Envoy's redis_proxy.

import { hash64, multiplyUpper, wordAt } from './word64.ts'

const M_HIGH = 0xc6a4a793 | 0
const M_LOW = 0x5bd1e995
/** 64 - 47 bits of the upper half move down when a number is shifted right by 47. */
const SHIFT_IN_HIGH = 15

/**
 * Leaves the hash of `bytes[start, end)` in `hash64`. O(length), no allocation.
 * @param seed an unsigned 32-bit integer
 */
export function murmur64Into(bytes: Uint8Array, start: number, end: number, seed: number): void {
  const length = end - start
  let high = multiplyUpper(0, length, M_HIGH, M_LOW)
  let low = Math.imul(length, M_LOW) ^ seed
  let at = start
  for (; at + 8 <= end; at += 8) {
    const wordLow = wordAt(bytes, at)
    let dataHigh = multiplyUpper(wordAt(bytes, at + 4), wordLow, M_HIGH, M_LOW)
    let dataLow = Math.imul(wordLow, M_LOW)
    dataLow ^= dataHigh >>> SHIFT_IN_HIGH
    dataHigh = multiplyUpper(dataHigh, dataLow, M_HIGH, M_LOW)
    dataLow = Math.imul(dataLow, M_LOW)
    high ^= dataHigh
    low ^= dataLow
    high = multiplyUpper(high, low, M_HIGH, M_LOW)
    low = Math.imul(low, M_LOW)
  }
  if (at < end) {
    for (let i = 0; at + i < end; i++) {
      const byte = bytes[at + i] as number
      if (i < 4) low ^= byte << (8 * i)
      else high ^= byte << (8 * (i - 4))
    }
    high = multiplyUpper(high, low, M_HIGH, M_LOW)
    low = Math.imul(low, M_LOW)
  }
  low ^= high >>> SHIFT_IN_HIGH
  high = multiplyUpper(high, low, M_HIGH, M_LOW)
  low = Math.imul(low, M_LOW)
  hash64[0] = high
  hash64[1] = low ^ (high >>> SHIFT_IN_HIGH)
}
