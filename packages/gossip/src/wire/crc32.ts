// CRC-32 (IEEE 802.3), reflected: one table entry per byte value.
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb8_8320 : remainder >>> 1
  }
  return remainder
})

/** The IEEE checksum of `bytes[from, end)` as an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, from = 0, end = bytes.length): number {
  let crc = 0xffff_ffff
  for (let at = from; at < end; at += 1) {
    crc = (TABLE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
