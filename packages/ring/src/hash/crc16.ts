// CRC16/XMODEM: polynomial 0x1021, initial value 0, not reflected; the checksum of Redis Cluster slots
// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, appendix A).

import { utf8Room, writeUtf8 } from '../utf8.ts'

const POLYNOMIAL = 0x1021
const ASCII_MAX = 0x7f

/** The remainder of each byte. */
export const CRC16_TABLE = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  CRC16_TABLE[byte] = crc
}

/** The CRC of `bytes[start, end)`. O(length), no allocation. */
export function crc16OfBytes(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0
  for (let at = start; at < end; at++) {
    crc = ((crc << 8) & 0xffff) ^ (CRC16_TABLE[(crc >>> 8) ^ (bytes[at] as number)] as number)
  }
  return crc
}

/** The CRC of the UTF-8 form of `text[start, end)`. O(length), no allocation up to 1365 units. */
export function crc16OfString(text: string, start: number, end: number): number {
  let crc = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code > ASCII_MAX) {
      const room = utf8Room(end - start)
      return crc16OfBytes(room, 0, writeUtf8(text, start, end, room))
    }
    crc = ((crc << 8) & 0xffff) ^ (CRC16_TABLE[(crc >>> 8) ^ code] as number)
  }
  return crc
}

/** CRC16/XMODEM of bytes or of the UTF-8 form of a string: 0 to 65535; `123456789` gives 0x31c3. */
export function crc16(input: string | Uint8Array): number {
  return typeof input === 'string'
    ? crc16OfString(input, 0, input.length)
    : crc16OfBytes(input, 0, input.length)
}
