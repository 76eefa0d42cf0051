const ROUNDS_AT_END = 3

/**
 * HalfSipHash-1-3 (Aumasson and Bernstein; the hash of Linux's own hash tables): 32 bits, keyed, so that a
 * client that cannot learn the seed cannot choose keys that pile up in one place of the index.
 *
 * One loop carries message words and closing rounds alike: word 0 … n-1, then the tail with the length,
 * then three rounds of nothing. O(length), no allocation.
 *
 * @param seedLow - the low 32 bits of the seed
 * @param seedHigh - the high 32 bits of the seed
 * @returns a signed 32-bit integer
 */
export function keyHash(key: Uint8Array, seedLow: number, seedHigh: number): number {
  const length = key.length
  const words = length >>> 2
  let v0 = seedLow
  let v1 = seedHigh
  let v2 = 0x6c796765 ^ seedLow
  let v3 = 0x74656462 ^ seedHigh
  for (let i = 0; i <= words + ROUNDS_AT_END; i++) {
    let m = 0
    if (i < words) m = wordAt(key, i << 2)
    else if (i === words) m = tailOf(key, words << 2)
    else if (i === words + 1) v2 ^= 0xff
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  return v1 ^ v3
}

function wordAt(key: Uint8Array, at: number): number {
  return (
    (key[at] as number) |
    ((key[at + 1] as number) << 8) |
    ((key[at + 2] as number) << 16) |
    ((key[at + 3] as number) << 24)
  )
}

function tailOf(key: Uint8Array, at: number): number {
  let word = key.length << 24
  for (let i = at; i < key.length; i++) word |= (key[i] as number) << ((i - at) << 3)
  return word
}
