// SpookyHash V2 (Bob Jenkins, http://burtleburtle.net/bob/hash/spooky.html), its 32-bit form, which decides in mcrouter's
// WeightedCh3 whether a server takes a key. Twelve 64-bit registers in halves: high at 2i, low at 2i + 1.

import { wordAt } from './word64.ts'

const FILLER = 0xdeadbeef | 0
const LONG_BYTES = 192
const BLOCK_BYTES = 96
const VARIABLES = 12

const MIX_ROTATIONS = [11, 32, 43, 31, 17, 28, 39, 57, 55, 54, 22, 46] as const
const END_ROTATIONS = [44, 15, 34, 21, 38, 33, 10, 13, 38, 53, 42, 54] as const
const SHORT_MIX_ROTATIONS = [50, 52, 30, 41, 54, 48, 38, 37, 62, 34, 5, 36] as const
const SHORT_END_ROTATIONS = [15, 52, 26, 51, 28, 9, 47, 54, 32, 25, 63] as const

const registers = new Int32Array(2 * VARIABLES)
const lastBlock = new Uint8Array(BLOCK_BYTES)

function load(to: number, high: number, low: number): void {
  registers[2 * to] = high
  registers[2 * to + 1] = low
}

function addWords(to: number, high: number, low: number): void {
  const sum = ((registers[2 * to + 1] as number) + low) | 0
  const carry = sum >>> 0 < low >>> 0 ? 1 : 0
  load(to, ((registers[2 * to] as number) + high + carry) | 0, sum)
}

function add(to: number, from: number): void {
  addWords(to, registers[2 * from] as number, registers[2 * from + 1] as number)
}

function xor(to: number, from: number): void {
  const high = (registers[2 * to] as number) ^ (registers[2 * from] as number)
  load(to, high, (registers[2 * to + 1] as number) ^ (registers[2 * from + 1] as number))
}

/** Rotates left by 1 to 63 bits. */
function rotate(register: number, bits: number): void {
  let high = registers[2 * register] as number
  let low = registers[2 * register + 1] as number
  if (bits >= 32) {
    const swapped = high
    high = low
    low = swapped
  }
  const shift = bits & 31
  if (shift === 0) load(register, high, low)
  else
    load(
      register,
      (high << shift) | (low >>> (32 - shift)),
      (low << shift) | (high >>> (32 - shift)),
    )
}

function addData(to: number, bytes: Uint8Array, at: number): void {
  addWords(to, wordAt(bytes, at + 4), wordAt(bytes, at))
}

const [A, B, C, D] = [0, 1, 2, 3] as const

function shortMix(): void {
  // The registers take turns: c, d, a, b, c, …
  for (let i = 0; i < SHORT_MIX_ROTATIONS.length; i++) {
    const turned = (C + i) & 3
    rotate(turned, SHORT_MIX_ROTATIONS[i] as number)
    add(turned, (turned + 1) & 3)
    xor((turned + 2) & 3, turned)
  }
}

function shortEnd(): void {
  for (let i = 0; i < SHORT_END_ROTATIONS.length; i++) {
    const turned = (C + i) & 3
    const next = (turned + 1) & 3
    xor(next, turned)
    rotate(turned, SHORT_END_ROTATIONS[i] as number)
    add(next, turned)
  }
}

/** Adds up to 15 bytes: eight to c, the others to d. */
function addRest(bytes: Uint8Array, at: number, rest: number): void {
  lastBlock.fill(0, 0, 16)
  for (let i = 0; i < rest; i++) lastBlock[i] = bytes[at + i] as number
  addData(C, lastBlock, 0)
  addData(D, lastBlock, 8)
}

function hashShort(bytes: Uint8Array, start: number, end: number, seed: number): number {
  load(A, 0, seed)
  load(B, 0, seed)
  load(C, FILLER, FILLER)
  load(D, FILLER, FILLER)
  const length = end - start
  let at = start
  for (; at + 32 <= end; at += 32) {
    addData(C, bytes, at)
    addData(D, bytes, at + 8)
    shortMix()
    addData(A, bytes, at + 16)
    addData(B, bytes, at + 24)
  }
  if (end - at >= 16) {
    addData(C, bytes, at)
    addData(D, bytes, at + 8)
    shortMix()
    at += 16
  }
  addWords(D, length << 24, 0)
  if (at < end) addRest(bytes, at, end - at)
  else {
    addWords(C, FILLER, FILLER)
    addWords(D, FILLER, FILLER)
  }
  shortEnd()
  return registers[1] as number
}

function mixBlock(bytes: Uint8Array, at: number): void {
  for (let i = 0; i < VARIABLES; i++) {
    const before = (i + 11) % VARIABLES
    addData(i, bytes, at + 8 * i)
    xor((i + 2) % VARIABLES, (i + 10) % VARIABLES)
    xor(before, i)
    rotate(i, MIX_ROTATIONS[i] as number)
    add(before, (i + 1) % VARIABLES)
  }
}

function endPartial(): void {
  for (let i = 0; i < VARIABLES; i++) {
    const before = (i + 11) % VARIABLES
    const next = (i + 1) % VARIABLES
    add(before, next)
    xor((i + 2) % VARIABLES, before)
    rotate(next, END_ROTATIONS[i] as number)
  }
}

function hashLong(bytes: Uint8Array, start: number, end: number, seed: number): number {
  for (let i = 0; i < VARIABLES; i++) {
    if (i % 3 === 2) load(i, FILLER, FILLER)
    else load(i, 0, seed)
  }
  let at = start
  for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) mixBlock(bytes, at)
  const rest = end - at
  lastBlock.fill(0)
  for (let i = 0; i < rest; i++) lastBlock[i] = bytes[at + i] as number
  lastBlock[BLOCK_BYTES - 1] = rest
  for (let i = 0; i < VARIABLES; i++) addData(i, lastBlock, 8 * i)
  endPartial()
  endPartial()
  endPartial()
  return registers[1] as number
}

/** SpookyV2 Hash32 of `bytes[start, end)`, signed. O(length), no allocation. */
export function spooky32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  return end - start < LONG_BYTES
    ? hashShort(bytes, start, end, seed)
    : hashLong(bytes, start, end, seed)
}
