// xxHash, 32 bits (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). Results inside the package are signed
// 32-bit integers: V8 keeps those unboxed across calls, where an unsigned one above 2^31 would be a heap allocation.
//
//   input  | 16-byte stripes: four lanes of rounds | words of 4 | bytes | avalanche

import { tagEnd, tagStart } from '../hash-tag.ts'
import { utf8Room, writeUtf8 } from '../utf8.ts'
import { wordAt } from './word64.ts'

const PRIME_1 = 0x9e3779b1 | 0
const PRIME_2 = 0x85ebca77 | 0
const PRIME_3 = 0xc2b2ae3d | 0
const PRIME_4 = 0x27d4eb2f | 0
const PRIME_5 = 0x165667b1 | 0

const STRIPE_BYTES = 16
const INDEX_BYTES = 4
const ASCII_MAX = 0x7f

function round(lane: number, word: number): number {
  const mixed = (lane + Math.imul(word, PRIME_2)) | 0
  return Math.imul((mixed << 13) | (mixed >>> 19), PRIME_1)
}

function converge(lane1: number, lane2: number, lane3: number, lane4: number): number {
  return (
    (((lane1 << 1) | (lane1 >>> 31)) +
      ((lane2 << 7) | (lane2 >>> 25)) +
      ((lane3 << 12) | (lane3 >>> 20)) +
      ((lane4 << 18) | (lane4 >>> 14))) |
    0
  )
}

function mixWord(hash: number, word: number): number {
  const mixed = (hash + Math.imul(word, PRIME_3)) | 0
  return Math.imul((mixed << 17) | (mixed >>> 15), PRIME_4)
}

function mixByte(hash: number, byte: number): number {
  const mixed = (hash + Math.imul(byte, PRIME_5)) | 0
  return Math.imul((mixed << 11) | (mixed >>> 21), PRIME_1)
}

function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  mixed = Math.imul(mixed ^ (mixed >>> 13), PRIME_3)
  return mixed ^ (mixed >>> 16)
}

/** The words, bytes and avalanche after the stripes. */
function finish(hash: number, bytes: Uint8Array, start: number, end: number): number {
  let mixed = hash
  let at = start
  for (; at + 4 <= end; at += 4) mixed = mixWord(mixed, wordAt(bytes, at))
  for (; at < end; at++) mixed = mixByte(mixed, bytes[at] as number)
  return avalanche(mixed)
}

/** The signed xxh32 of `bytes[start, end)`. O(length), no allocation. */
export function xxh32OfBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const length = end - start
  let at = start
  let hash = (seed + PRIME_5) | 0
  if (length >= STRIPE_BYTES) {
    let lane1 = (seed + PRIME_1 + PRIME_2) | 0
    let lane2 = (seed + PRIME_2) | 0
    let lane3 = seed | 0
    let lane4 = (seed - PRIME_1) | 0
    for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
      lane1 = round(lane1, wordAt(bytes, at))
      lane2 = round(lane2, wordAt(bytes, at + 4))
      lane3 = round(lane3, wordAt(bytes, at + 8))
      lane4 = round(lane4, wordAt(bytes, at + 12))
    }
    hash = converge(lane1, lane2, lane3, lane4)
  }
  return finish((hash + length) | 0, bytes, at, end)
}

/**
 * The signed xxh32 of the UTF-8 form of `text[start, end)`, or of its hash tag if `hashTags`. Character codes are read
 * in place as if all were ASCII without a `{`, and two accumulators tell at the end whether that was so; this is the
 * inner loop of every look-up, so it is written out. O(length), no allocation up to 1365 units.
 */
export function xxh32OfString(
  text: string,
  start: number,
  end: number,
  seed: number,
  hashTags: boolean,
): number {
  const length = end - start
  let at = start
  let seen = 0
  let braces = 0
  let hash = (seed + PRIME_5) | 0
  if (length >= STRIPE_BYTES) {
    let lane1 = (seed + PRIME_1 + PRIME_2) | 0
    let lane2 = (seed + PRIME_2) | 0
    let lane3 = seed | 0
    let lane4 = (seed - PRIME_1) | 0
    for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
      let a = text.charCodeAt(at)
      let b = text.charCodeAt(at + 1)
      let c = text.charCodeAt(at + 2)
      let d = text.charCodeAt(at + 3)
      let word = a | (b << 8) | (c << 16) | (d << 24)
      seen |= a | b | c | d
      braces |= braceMark(word)
      lane1 = round(lane1, word)
      a = text.charCodeAt(at + 4)
      b = text.charCodeAt(at + 5)
      c = text.charCodeAt(at + 6)
      d = text.charCodeAt(at + 7)
      word = a | (b << 8) | (c << 16) | (d << 24)
      seen |= a | b | c | d
      braces |= braceMark(word)
      lane2 = round(lane2, word)
      a = text.charCodeAt(at + 8)
      b = text.charCodeAt(at + 9)
      c = text.charCodeAt(at + 10)
      d = text.charCodeAt(at + 11)
      word = a | (b << 8) | (c << 16) | (d << 24)
      seen |= a | b | c | d
      braces |= braceMark(word)
      lane3 = round(lane3, word)
      a = text.charCodeAt(at + 12)
      b = text.charCodeAt(at + 13)
      c = text.charCodeAt(at + 14)
      d = text.charCodeAt(at + 15)
      word = a | (b << 8) | (c << 16) | (d << 24)
      seen |= a | b | c | d
      braces |= braceMark(word)
      lane4 = round(lane4, word)
    }
    hash = converge(lane1, lane2, lane3, lane4)
  }
  hash = (hash + length) | 0
  for (; at + 4 <= end; at += 4) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    const word = a | (b << 8) | (c << 16) | (d << 24)
    seen |= a | b | c | d
    braces |= braceMark(word)
    hash = mixWord(hash, word)
  }
  for (; at < end; at++) {
    const code = text.charCodeAt(at)
    seen |= code
    braces |= braceMark(code | NO_BRACES)
    hash = mixByte(hash, code)
  }
  if (seen > ASCII_MAX || (hashTags && (braces & HIGH_BITS) !== 0)) {
    return carefulXxh32(text, start, end, seed, hashTags)
  }
  return avalanche(hash)
}

const HIGH_BITS = 0x80808080 | 0
const LOW_BITS = 0x01010101
const BRACES = 0x7b7b7b7b
/** Fills a word up to four characters. */
const NO_BRACES = 0x20202000

/**
 * Has some of the high bits set if one of four ASCII characters is `{`: XOR makes that byte 0 and the others 1 to 127,
 * and subtracting 1 from each byte borrows only from a 0.
 */
function braceMark(word: number): number {
  return (word ^ BRACES) - LOW_BITS
}

/** The tag is looked for in the string, because it does not depend on the encoding. */
function carefulXxh32(
  text: string,
  start: number,
  end: number,
  seed: number,
  hashTags: boolean,
): number {
  if (hashTags) {
    const tag = tagStart(text)
    if (tag === -1) return xxh32OfString(text, start, end, seed, false)
    return xxh32OfString(text, tag, tagEnd(text, tag), seed, false)
  }
  const room = utf8Room(end - start)
  return xxh32OfBytes(room, 0, writeUtf8(text, start, end, room), seed)
}

/**
 * Fills `out` with the unsigned xxh32 (seed 0) of `prefix ‖ LE32(index)` for the indexes `first`, `first + 1`, ….
 * The prefix's whole stripes are hashed once; each index then costs at most one stripe or four words.
 */
export function xxh32Series(prefix: Uint8Array, first: number, out: Uint32Array): void {
  const striped = prefix.length - (prefix.length % STRIPE_BYTES)
  let lane1 = (PRIME_1 + PRIME_2) | 0
  let lane2 = PRIME_2
  let lane3 = 0
  let lane4 = -PRIME_1 | 0
  for (let at = 0; at < striped; at += STRIPE_BYTES) {
    lane1 = round(lane1, wordAt(prefix, at))
    lane2 = round(lane2, wordAt(prefix, at + 4))
    lane3 = round(lane3, wordAt(prefix, at + 8))
    lane4 = round(lane4, wordAt(prefix, at + 12))
  }
  const length = prefix.length + INDEX_BYTES
  const tail = new Uint8Array(length - striped)
  tail.set(prefix.subarray(striped))
  const begun = ((striped > 0 ? converge(lane1, lane2, lane3, lane4) : PRIME_5) + length) | 0
  const indexAt = tail.length - INDEX_BYTES
  for (let i = 0; i < out.length; i++) {
    const index = first + i
    tail[indexAt] = index
    tail[indexAt + 1] = index >>> 8
    tail[indexAt + 2] = index >>> 16
    tail[indexAt + 3] = index >>> 24
    if (tail.length < STRIPE_BYTES) {
      out[i] = finish(begun, tail, 0, tail.length)
      continue
    }
    const hash = converge(
      round(lane1, wordAt(tail, 0)),
      round(lane2, wordAt(tail, 4)),
      round(lane3, wordAt(tail, 8)),
      round(lane4, wordAt(tail, 12)),
    )
    out[i] = finish((hash + length) | 0, tail, STRIPE_BYTES, tail.length)
  }
}

/**
 * xxHash, 32 bits, of bytes or of the UTF-8 form of a string.
 * @param seed a 32-bit integer, 0 by default
 * @returns an unsigned 32-bit integer
 */
export function xxh32(input: string | Uint8Array, seed = 0): number {
  return (
    (typeof input === 'string'
      ? xxh32OfString(input, 0, input.length, seed, false)
      : xxh32OfBytes(input, 0, input.length, seed)) >>> 0
  )
}
