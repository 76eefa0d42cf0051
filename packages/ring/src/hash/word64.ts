// 64-bit arithmetic without BigInt, which would allocate on every operation: a number is a pair of signed 32-bit halves.

/** Where 64-bit hashes leave their result: the high half, then the low half. Valid until the next hash of 64 bits. */
export const hash64 = new Int32Array(2)

/** The upper 32 bits of the unsigned product of two 32-bit numbers, from four products of halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const cross = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0
  const carry = (Math.imul(aLow, bHigh) + (cross & 0xffff)) | 0
  return (Math.imul(aHigh, bHigh) + (cross >>> 16) + (carry >>> 16)) | 0
}

/** The upper half of the low 64 bits of a product; the lower half is `Math.imul(aLow, bLow)`. */
export function multiplyUpper(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return (multiplyHigh(aLow, bLow) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0
}

/** The little-endian word at `at`, signed. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}
