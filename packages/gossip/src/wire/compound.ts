import { WireError } from './errors.ts'
import { COMPOUND_PARTS_SENT_MAX } from './limits.ts'
import { MESSAGE_TYPE } from './message-codec.ts'

/** Type byte and count. */
export const COMPOUND_HEADER_BYTES = 2
/** Each part's length travels in two bytes. */
const COMPOUND_PART_BYTES = 2
const PART_BYTES_MAX = 0xffff

/**
 * One compound of 1 to 127 parts, each of 1 to 65535 bytes: 0.2.2 misreads more, and crashes on an empty part.
 * @throws WireError WIRE_LENGTH_EXCEEDED
 */
export function encodeCompound(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0 || parts.length > COMPOUND_PARTS_SENT_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', {
      parts: parts.length,
      max: COMPOUND_PARTS_SENT_MAX,
    })
  }
  let at = COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * parts.length
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, at))
  bytes[0] = MESSAGE_TYPE.compound
  bytes[1] = parts.length
  parts.forEach((part, index) => {
    if (part.length === 0 || part.length > PART_BYTES_MAX) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { part: part.length, max: PART_BYTES_MAX })
    }
    bytes[2 + 2 * index] = part.length >>> 8
    bytes[3 + 2 * index] = part.length & 0xff
    bytes.set(part, at)
    at += part.length
  })
  return bytes
}

/**
 * Visits the complete parts of the compound body in `bytes[from, end)` (behind the type byte).
 * A short length table drops everything; short data drops only the parts that it cuts.
 *
 * @returns how many parts the data cut off
 * @throws WireError WIRE_TRUNCATED when the length table is short
 */
export function eachPart(
  bytes: Uint8Array,
  from: number,
  end: number,
  visit: (from: number, end: number) => void,
): number {
  const count = from < end ? (bytes[from] ?? 0) : 0
  let at = from + 1 + COMPOUND_PART_BYTES * count
  if (from >= end || at > end) throw new WireError('WIRE_TRUNCATED', { what: 'compound lengths' })
  for (let index = 0; index < count; index += 1) {
    const entry = from + 1 + COMPOUND_PART_BYTES * index
    const length = ((bytes[entry] ?? 0) << 8) | (bytes[entry + 1] ?? 0)
    if (at + length > end) return count - index
    visit(at, at + length)
    at += length
  }
  return 0
}
