// twemproxy's `crc16`: the CRC of Redis Cluster, but its accumulator has 32 bits and is never cut to 16, so the upper half
// holds what has been shifted out.

import { CRC16_TABLE } from './crc16.ts'

/** The hash of `bytes[start, end)`, signed. O(length), no allocation. */
export function wideCrc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0
  for (let at = start; at < end; at++) {
    crc = (crc << 8) ^ (CRC16_TABLE[((crc >>> 8) ^ (bytes[at] as number)) & 0xff] as number)
  }
  return crc
}
