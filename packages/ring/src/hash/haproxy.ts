// The key hashes of HAProxy (src/hash.c) and its avalanche, which also makes the points of its circle.

/** `sdbm`, HAProxy's default; signed. O(length). */
export function sdbm(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0
  for (let at = start; at < end; at++) {
    hash = ((bytes[at] as number) + (hash << 6) + (hash << 16) - hash) | 0
  }
  return hash
}

/** `djb2`, signed. O(length). */
export function djb2(bytes: Uint8Array, start: number, end: number): number {
  let hash = 5381
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 33) + (bytes[at] as number)) | 0
  return hash
}

/** `wt6`, signed: two halves that rotate each other by distances drawn from the bytes. O(length). */
export function wt6(bytes: Uint8Array, start: number, end: number): number {
  let h0 = 0xa53c965a | 0
  let h1 = 0x5ca6953a
  let step0 = 6
  let step1 = 18
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    h0 = ~(h0 ^ byte)
    h1 = ~(h1 + byte)
    const turned = (h1 << step0) | (h1 >>> (32 - step0))
    h1 = (h0 << step1) | (h0 >>> (32 - step1))
    h0 = turned
    const steps = ((h0 >>> 16) ^ h1) & 0xffff
    step0 = steps & 0x1f
    step1 = steps >>> 11
  }
  return h0 ^ h1
}

/** HAProxy's `full_hash` of a 32-bit integer, signed. */
export function fullHash(value: number): number {
  let a = value | 0
  a = (a + 0x7ed55d16 + (a << 12)) | 0
  a = a ^ 0xc761c23c ^ (a >>> 19)
  a = (a + 0x165667b1 + (a << 5)) | 0
  a = ((a + 0xd3a2646c) | 0) ^ (a << 9)
  a = (a + 0xfd7046c5 + (a << 3)) | 0
  a = a ^ 0xb55a4f09 ^ (a >>> 16)
  return Math.imul(a, 3221225473)
}
