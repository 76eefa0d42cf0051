// MD5 (RFC 1321). Only placements of other programs use it: for the names of ketama points and for keys. It protects
// nothing.

import { wordAt } from './word64.ts'

const BLOCK_BYTES = 64
const LENGTH_BYTES = 8
/** The shifts of one round, which repeat every four steps. */
const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const

/** floor(2^32 × |sin(i + 1)|), as the RFC defines them. */
const SINES = Int32Array.from(
  { length: 64 },
  (_, i) => Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))) | 0,
)
/** Which word of the block step i adds. */
const WORDS = Uint8Array.from({ length: 64 }, (_, i) => {
  const word = [i, 5 * i + 1, 3 * i + 5, 7 * i][i >> 4] as number
  return word & 15
})
const ROTATIONS = Uint8Array.from(
  { length: 64 },
  (_, i) => (SHIFTS[i >> 4] as readonly number[])[i & 3] as number,
)

/** The digest of the last call as four signed little-endian words. */
export const md5Words = new Int32Array(4)

const block = new Int32Array(BLOCK_BYTES / 4)
/** The last bytes, 0x80, zeros and the length in bits take one block or two. */
const ending = new Uint8Array(2 * BLOCK_BYTES)

function mixBlock(bytes: Uint8Array, from: number): void {
  for (let i = 0; i < 16; i++) block[i] = wordAt(bytes, from + 4 * i)
  let a = md5Words[0] as number
  let b = md5Words[1] as number
  let c = md5Words[2] as number
  let d = md5Words[3] as number
  for (let i = 0; i < 64; i++) {
    const mixed =
      i < 16 ? (b & c) | (~b & d) : i < 32 ? (d & b) | (~d & c) : i < 48 ? b ^ c ^ d : c ^ (b | ~d)
    const sum = (a + mixed + (SINES[i] as number) + (block[WORDS[i] as number] as number)) | 0
    const shift = ROTATIONS[i] as number
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  md5Words[0] = (md5Words[0] as number) + a
  md5Words[1] = (md5Words[1] as number) + b
  md5Words[2] = (md5Words[2] as number) + c
  md5Words[3] = (md5Words[3] as number) + d
}

/** Leaves the digest of `bytes[start, end)` in `md5Words`. O(length), no allocation. */
export function md5Into(bytes: Uint8Array, start: number, end: number): void {
  md5Words[0] = 0x67452301
  md5Words[1] = 0xefcdab89 | 0
  md5Words[2] = 0x98badcfe | 0
  md5Words[3] = 0x10325476
  let at = start
  for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) mixBlock(bytes, at)
  const rest = end - at
  const padded = rest + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES
  ending.fill(0, rest, padded)
  for (let i = 0; i < rest; i++) ending[i] = bytes[at + i] as number
  ending[rest] = 0x80
  writeBits(end - start, padded - LENGTH_BYTES)
  mixBlock(ending, 0)
  if (padded > BLOCK_BYTES) mixBlock(ending, BLOCK_BYTES)
}

function writeBits(length: number, at: number): void {
  const low = length << 3
  const high = length >>> 29
  for (let i = 0; i < 4; i++) {
    ending[at + i] = low >>> (8 * i)
    ending[at + 4 + i] = high >>> (8 * i)
  }
}

/** The first word of the digest of `bytes[start, end)`, signed: libmemcached's and twemproxy's key hash `md5`. */
export function md5Word(bytes: Uint8Array, start: number, end: number): number {
  md5Into(bytes, start, end)
  return md5Words[0] as number
}
