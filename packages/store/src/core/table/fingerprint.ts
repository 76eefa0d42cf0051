/** Fingerprints are below this bound, so that the sum of two is still exact as a double. */
export const FINGERPRINT_BOUND = 2 ** 52

const finish = (lane: number): number => {
  let h = lane
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/**
 * A 52-bit fingerprint of what a replica must agree on: the key, and which write of it is the newest.
 * It has no seed, because members compare the sums of their fingerprints. O(key length), no allocation.
 */
export function entryFingerprint(key: Uint8Array, version: number, writer: number): number {
  let a = 0x9e3779b9 ^ key.length
  let b = 0x7f4a7c15 ^ key.length
  for (let i = 0; i < key.length; i++) {
    const byte = key[i] as number
    a = Math.imul(a ^ byte, 0xcc9e2d51)
    a = (a << 15) | (a >>> 17)
    b = Math.imul(b ^ byte, 0x9e3779b1)
    b = (b << 13) | (b >>> 19)
  }
  const low = version | 0
  const high = Math.floor(version / 2 ** 32) | 0
  a = finish(Math.imul(finish(a) ^ low, 0x1b873593) ^ high)
  b = finish(Math.imul(finish(b) ^ high, 0x2c1b3c6d) ^ low)
  a = finish(a ^ writer ^ b)
  b = finish(Math.imul(b, 5) ^ writer ^ a)
  return (b & 0xfffff) * 2 ** 32 + (a >>> 0)
}

/** The digest of a set with one more entry. Addition, so the order of changes does not matter. */
export function addFingerprint(digest: number, fingerprint: number): number {
  return (digest + fingerprint) % FINGERPRINT_BOUND
}

/** The digest of a set with one entry less. */
export function removeFingerprint(digest: number, fingerprint: number): number {
  return digest >= fingerprint ? digest - fingerprint : digest - fingerprint + FINGERPRINT_BOUND
}
