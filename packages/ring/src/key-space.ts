import { xxh32OfBytes, xxh32OfString } from './hash/xxh32.ts'
import { xxh64HighOfBytes, xxh64HighOfString } from './hash/xxh64.ts'
import { tagEnd, tagStart } from './hash-tag.ts'
import type { KeyHash } from './options.ts'
import { SLOT_COUNT, SLOT_SHIFT, slotOfPart } from './slot.ts'

const CIRCLE = 2 ** 32
const SEED = 0

/** The position of a key on the circle as a signed 32-bit integer. O(length), no allocation up to 1365 units. */
export function keyPosition(keyHash: KeyHash, hashTags: boolean, key: string | Uint8Array): number {
  if (keyHash === 'xxh32' && typeof key === 'string') {
    return xxh32OfString(key, 0, key.length, SEED, hashTags)
  }
  if (keyHash === 'crc16-slot') return slotOfPart(key, hashTags) << SLOT_SHIFT
  const tag = hashTags ? tagStart(key) : -1
  const start = tag === -1 ? 0 : tag
  const end = tag === -1 ? key.length : tagEnd(key, tag)
  if (typeof key === 'string') return xxh64HighOfString(key, start, end)
  return keyHash === 'xxh32'
    ? xxh32OfBytes(key, start, end, SEED)
    : xxh64HighOfBytes(key, start, end)
}

/**
 * The share of all keys whose position is in `(from, to]`; the whole circle when both are equal. Shares are multiples of
 * 2^-32, or of 2^-14 where keys lie on slot positions only, so sums of them are exact.
 */
export function keyShare(keyHash: KeyHash, from: number, to: number): number {
  if (keyHash !== 'crc16-slot') return arcShare(CIRCLE, from, to)
  const slots = (to >>> SLOT_SHIFT) - (from >>> SLOT_SHIFT)
  return (from < to ? slots : slots + SLOT_COUNT) / SLOT_COUNT
}

/** The share of `(from, to]` in a circle of `space` positions; all of it when both are equal. */
export function arcShare(space: number, from: number, to: number): number {
  return (from < to ? to - from : to - from + space) / space
}
