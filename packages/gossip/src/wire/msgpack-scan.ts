import { WireError } from './errors.ts'

/** The value is not complete yet. */
export const INCOMPLETE = -1

export interface ScanLimits {
  /** Values at any depth, the outer one included. */
  readonly valuesMax: number
  readonly bytesMax: number
}

// Tags c0…df by their low five bits: width of the length field, bytes that follow it in any case,
// and what the length counts.
//                      nil      bin    ext    flt  uint     int      fixext           str    arr  map
const LENGTH_WIDTH = [
  0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4,
]
const FIXED_BYTES = [
  0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0,
]
const NEVER_USED = 0xc1
const ARRAY_16 = 0xdc
const MAP_16 = 0xde

/**
 * Finds the end of the msgpack value at `from` without decoding it.
 *
 * Nested values are only counted, so depth costs no stack: `valuesMax` bounds the work whatever the nesting.
 * A length beyond `bytesMax` is refused as soon as it is announced, before anyone waits for its bytes.
 *
 * @returns the offset behind the value, or `INCOMPLETE` when it goes on beyond `end`
 * @throws WireError WIRE_FORMAT | WIRE_LENGTH_EXCEEDED
 */
export function scanValue(
  bytes: Uint8Array,
  from: number,
  end: number,
  limits: ScanLimits,
): number {
  let at = from
  let pending = 1
  let seen = 0
  while (pending > 0) {
    seen += 1
    if (seen + pending - 1 > limits.valuesMax) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { what: 'values', max: limits.valuesMax })
    }
    if (at >= end) return INCOMPLETE
    const tag = bytes[at] ?? 0
    at += 1
    pending -= 1
    if (tag < 0x80 || tag >= 0xe0) continue
    if (tag < 0x90) pending += (tag & 0x0f) * 2
    else if (tag < 0xa0) pending += tag & 0x0f
    else if (tag < 0xc0) at += tag & 0x1f
    else {
      if (tag === NEVER_USED) throw new WireError('WIRE_FORMAT', { tag })
      const width = LENGTH_WIDTH[tag & 0x1f] ?? 0
      if (at + width > end) return INCOMPLETE
      const length = readLength(bytes, at, width)
      at += width + (FIXED_BYTES[tag & 0x1f] ?? 0)
      if (tag >= MAP_16) pending += length * 2
      else if (tag >= ARRAY_16) pending += length
      else at += length
    }
    if (at - from > limits.bytesMax) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { got: at - from, max: limits.bytesMax })
    }
  }
  return at > end ? INCOMPLETE : at
}

/** The big-endian unsigned number of `width` (0, 1, 2 or 4) bytes at `at`. */
export function readLength(bytes: Uint8Array, at: number, width: number): number {
  let length = 0
  for (let index = 0; index < width; index += 1) length = length * 256 + (bytes[at + index] ?? 0)
  return length
}
