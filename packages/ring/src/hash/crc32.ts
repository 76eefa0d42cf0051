// CRC-32 (reflected polynomial 0xedb88320), as in zlib, nginx and HAProxy.

const POLYNOMIAL = 0xedb88320

const TABLE = new Int32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  TABLE[byte] = crc
}

/** The CRC of `bytes[start, end)`, signed. O(length), no allocation. */
export function crc32OfBytes(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  for (let at = start; at < end; at++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~crc
}

/** What libmemcached and twemproxy call `crc32`, and nginx's plain `hash`: 15 bits from the middle, 0 to 32767. */
export function crc32Middle(bytes: Uint8Array, start: number, end: number): number {
  return (crc32OfBytes(bytes, start, end) >>> 16) & 0x7fff
}
