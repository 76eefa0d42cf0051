import { RingError } from './errors.ts'
import { crc16OfBytes, crc16OfString } from './hash/crc16.ts'
import { tagEnd, tagStart } from './hash-tag.ts'

/** The number of slots, as in Redis Cluster. */
export const SLOT_COUNT = 16_384

/** log2 of the distance between the positions of neighbouring slots. */
export const SLOT_SHIFT = 18

/**
 * The slot of a key, 0 to 16383, as Redis Cluster counts them: CRC16 of the key, or of its `{tag}`, modulo 16384.
 * O(length), no allocation.
 */
export function slotOf(key: string | Uint8Array): number {
  return slotOfPart(key, true)
}

/** The slot of a key, of its hash tag alone when `tagged`. */
export function slotOfPart(key: string | Uint8Array, tagged: boolean): number {
  const tag = tagged ? tagStart(key) : -1
  const start = tag === -1 ? 0 : tag
  const end = tag === -1 ? key.length : tagEnd(key, tag)
  const crc =
    typeof key === 'string' ? crc16OfString(key, start, end) : crc16OfBytes(key, start, end)
  return crc & (SLOT_COUNT - 1)
}

/**
 * Where a ring with the key hash `crc16-slot` puts a slot: `slot * 2^18`, so the slots are spread evenly over the ring
 * and `ring.ownersAt(slotPosition(slot), n)` are the owners of a slot.
 * @throws RingError `RING_SLOT_INVALID` outside 0 to 16383
 */
export function slotPosition(slot: number): number {
  if (!Number.isInteger(slot) || slot < 0 || slot >= SLOT_COUNT) {
    throw new RingError('RING_SLOT_INVALID', { slot: String(slot), slotMax: SLOT_COUNT - 1 })
  }
  return slot * 2 ** SLOT_SHIFT
}
