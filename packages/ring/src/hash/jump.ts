// Jump consistent hash (Lamping and Veach, https://arxiv.org/abs/1406.2294), on halves instead of 64-bit integers.

import { multiplyUpper } from './word64.ts'

// 2862933555777941757
const M_HIGH = 0x27bb2ee6
const M_LOW = 0x87b0b0fd | 0
const TWO_31 = 2 ** 31

/** The bucket, 0 to `buckets - 1`, of a 64-bit key given in halves. O(log buckets), no allocation. */
export function jump(keyHigh: number, keyLow: number, buckets: number): number {
  let high = keyHigh
  let low = keyLow
  let bucket = 0
  for (let next = 0; next < buckets; ) {
    bucket = next
    high = multiplyUpper(high, low, M_HIGH, M_LOW)
    low = (Math.imul(low, M_LOW) + 1) | 0
    if (low === 0) high = (high + 1) | 0
    next = Math.floor((bucket + 1) * (TWO_31 / ((high >>> 1) + 1)))
  }
  return bucket
}
