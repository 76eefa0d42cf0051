// MurmurHash2, 32 bits, with the seed that libmemcached and twemproxy derive from the length.

import { wordAt } from './word64.ts'

const MULTIPLIER = 0x5bd1e995
const SEED_MULTIPLIER = 0xdeadbeef | 0

/** The hash of `bytes[start, end)`, signed. O(length), no allocation. */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  let hash = Math.imul(SEED_MULTIPLIER, length) ^ length
  let at = start
  for (; at + 4 <= end; at += 4) {
    let word = Math.imul(wordAt(bytes, at), MULTIPLIER)
    word ^= word >>> 24
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  if (at < end) {
    for (let shift = 0; at < end; at++, shift += 8) hash ^= (bytes[at] as number) << shift
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}
