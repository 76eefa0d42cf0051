// xxHash, 64 bits (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), without BigInt: a 64-bit number is a
// pair of signed 32-bit halves in a small register file, high half first. BigInt allocates on every operation.

import { utf8Room, writeUtf8 } from '../utf8.ts'
import { hash64, multiplyUpper, wordAt } from './word64.ts'

const STRIPE_BYTES = 32

const P1_HI = 0x9e3779b1 | 0
const P1_LO = 0x85ebca87 | 0
const P2_HI = 0xc2b2ae3d | 0
const P2_LO = 0x27d4eb4f | 0
const P3_HI = 0x165667b1 | 0
const P3_LO = 0x9e3779f9 | 0
const P4_HI = 0x85ebca77 | 0
const P4_LO = 0xc2b2ae63 | 0
const P5_HI = 0x27d4eb2f | 0
const P5_LO = 0x165667c5 | 0

// Registers: the index of the high half; the low half follows.
const HASH = 0
const WORD = 2
const LANE_1 = 4
const LANE_2 = 6
const LANE_3 = 8
const LANE_4 = 10

const registers = new Int32Array(12)

function hi(register: number): number {
  return registers[register] as number
}

function lo(register: number): number {
  return registers[register + 1] as number
}

function load(register: number, high: number, low: number): void {
  registers[register] = high
  registers[register + 1] = low
}

function add(register: number, high: number, low: number): void {
  const sum = (lo(register) + low) | 0
  const carry = sum >>> 0 < low >>> 0 ? 1 : 0
  load(register, (hi(register) + high + carry) | 0, sum)
}

function xor(register: number, high: number, low: number): void {
  load(register, hi(register) ^ high, lo(register) ^ low)
}

function multiply(register: number, high: number, low: number): void {
  const ownHigh = hi(register)
  const ownLow = lo(register)
  load(register, multiplyUpper(ownHigh, ownLow, high, low), Math.imul(ownLow, low))
}

/** Rotates left by 1 to 31 bits; xxh64 needs no more. */
function rotate(register: number, bits: number): void {
  const high = hi(register)
  const low = lo(register)
  const rest = 32 - bits
  load(register, (high << bits) | (low >>> rest), (low << bits) | (high >>> rest))
}

/** One round of a lane over the 8 bytes at `at`. */
function roundLane(lane: number, bytes: Uint8Array, at: number): void {
  load(WORD, wordAt(bytes, at + 4), wordAt(bytes, at))
  multiply(WORD, P2_HI, P2_LO)
  add(lane, hi(WORD), lo(WORD))
  rotate(lane, 31)
  multiply(lane, P1_HI, P1_LO)
}

function scrambleWord(): void {
  multiply(WORD, P2_HI, P2_LO)
  rotate(WORD, 31)
  multiply(WORD, P1_HI, P1_LO)
  xor(HASH, hi(WORD), lo(WORD))
}

function addRotated(lane: number, bits: number): void {
  load(WORD, hi(lane), lo(lane))
  rotate(WORD, bits)
  add(HASH, hi(WORD), lo(WORD))
}

function mergeLane(lane: number): void {
  load(WORD, hi(lane), lo(lane))
  scrambleWord()
  multiply(HASH, P1_HI, P1_LO)
  add(HASH, P4_HI, P4_LO)
}

/** Hashes all whole stripes into HASH and returns the position after them. */
function hashStripes(
  bytes: Uint8Array,
  start: number,
  end: number,
  seedHigh: number,
  seedLow: number,
): number {
  load(LANE_1, seedHigh, seedLow)
  add(LANE_1, P1_HI, P1_LO)
  add(LANE_1, P2_HI, P2_LO)
  load(LANE_2, seedHigh, seedLow)
  add(LANE_2, P2_HI, P2_LO)
  load(LANE_3, seedHigh, seedLow)
  // 2^64 - P1, because the fourth lane starts at seed - P1 and there is no subtraction.
  load(LANE_4, seedHigh, seedLow)
  add(LANE_4, ~P1_HI, -P1_LO | 0)
  let at = start
  for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
    roundLane(LANE_1, bytes, at)
    roundLane(LANE_2, bytes, at + 8)
    roundLane(LANE_3, bytes, at + 16)
    roundLane(LANE_4, bytes, at + 24)
  }
  load(HASH, 0, 0)
  addRotated(LANE_1, 1)
  addRotated(LANE_2, 7)
  addRotated(LANE_3, 12)
  addRotated(LANE_4, 18)
  mergeLane(LANE_1)
  mergeLane(LANE_2)
  mergeLane(LANE_3)
  mergeLane(LANE_4)
  return at
}

/** The words of 8 and 4 and the single bytes that follow the stripes. */
function hashTail(bytes: Uint8Array, start: number, end: number): void {
  let at = start
  for (; at + 8 <= end; at += 8) {
    load(WORD, wordAt(bytes, at + 4), wordAt(bytes, at))
    scrambleWord()
    rotate(HASH, 27)
    multiply(HASH, P1_HI, P1_LO)
    add(HASH, P4_HI, P4_LO)
  }
  if (at + 4 <= end) {
    load(WORD, 0, wordAt(bytes, at))
    multiply(WORD, P1_HI, P1_LO)
    xor(HASH, hi(WORD), lo(WORD))
    rotate(HASH, 23)
    multiply(HASH, P2_HI, P2_LO)
    add(HASH, P3_HI, P3_LO)
    at += 4
  }
  for (; at < end; at++) {
    load(WORD, 0, bytes[at] as number)
    multiply(WORD, P5_HI, P5_LO)
    xor(HASH, hi(WORD), lo(WORD))
    rotate(HASH, 11)
    multiply(HASH, P1_HI, P1_LO)
  }
}

function avalanche(): void {
  xor(HASH, 0, hi(HASH) >>> 1)
  multiply(HASH, P2_HI, P2_LO)
  xor(HASH, hi(HASH) >>> 29, (lo(HASH) >>> 29) | (hi(HASH) << 3))
  multiply(HASH, P3_HI, P3_LO)
  xor(HASH, 0, hi(HASH))
}

/** Leaves the hash of `bytes[start, end)` in HASH. O(length), no allocation. */
function hashBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  seedHigh: number,
  seedLow: number,
): void {
  let at = start
  if (end - start >= STRIPE_BYTES) {
    at = hashStripes(bytes, start, end, seedHigh, seedLow)
  } else {
    load(HASH, seedHigh, seedLow)
    add(HASH, P5_HI, P5_LO)
  }
  add(HASH, 0, (end - start) | 0)
  hashTail(bytes, at, end)
  avalanche()
}

/** Leaves the xxh64 of `bytes[start, end)` in `hash64`. O(length), no allocation. */
export function xxh64Into(bytes: Uint8Array, start: number, end: number, seed: number): void {
  hashBytes(bytes, start, end, 0, seed)
  hash64[0] = hi(HASH)
  hash64[1] = lo(HASH)
}

/** The upper 32 bits, signed, of the xxh64 (seed 0) of `bytes[start, end)`. */
export function xxh64HighOfBytes(bytes: Uint8Array, start: number, end: number): number {
  hashBytes(bytes, start, end, 0, 0)
  return hi(HASH)
}

/** The upper 32 bits, signed, of the xxh64 (seed 0) of the UTF-8 form of `text[start, end)`. */
export function xxh64HighOfString(text: string, start: number, end: number): number {
  const room = utf8Room(end - start)
  return xxh64HighOfBytes(room, 0, writeUtf8(text, start, end, room))
}

/**
 * xxHash, 64 bits, of bytes or of the UTF-8 form of a string.
 * @param seed 0 to 2^64 - 1, 0n by default
 * @returns 0 to 2^64 - 1
 */
export function xxh64(input: string | Uint8Array, seed = 0n): bigint {
  const seedHigh = Number((seed >> 32n) & 0xffffffffn) | 0
  const seedLow = Number(seed & 0xffffffffn) | 0
  if (typeof input === 'string') {
    const room = utf8Room(input.length)
    hashBytes(room, 0, writeUtf8(input, 0, input.length, room), seedHigh, seedLow)
  } else {
    hashBytes(input, 0, input.length, seedHigh, seedLow)
  }
  return (BigInt(hi(HASH) >>> 0) << 32n) | BigInt(lo(HASH) >>> 0)
}
