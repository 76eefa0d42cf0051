// Bob Jenkins' lookup3 (`hashlittle`) with the initial value 13: what libmemcached and twemproxy call `jenkins`.

import { wordAt } from './word64.ts'

const INIT = 0xdeadbeef | 0
const INITIAL_VALUE = 13
const STEP_BYTES = 12

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** The word at `at`, with zeros for bytes from `end` on. */
function partAt(bytes: Uint8Array, at: number, end: number): number {
  let word = 0
  for (let i = 0; i < 4 && at + i < end; i++) word |= (bytes[at + i] as number) << (8 * i)
  return word
}

/** The hash of `bytes[start, end)`, signed. O(length), no allocation. */
export function lookup3(bytes: Uint8Array, start: number, end: number): number {
  let a = (INIT + (end - start) + INITIAL_VALUE) | 0
  let b = a
  let c = a
  let at = start
  for (; end - at > STEP_BYTES; at += STEP_BYTES) {
    a = (a + wordAt(bytes, at)) | 0
    b = (b + wordAt(bytes, at + 4)) | 0
    c = (c + wordAt(bytes, at + 8)) | 0
    a = ((a - c) | 0) ^ rotate(c, 4)
    c = (c + b) | 0
    b = ((b - a) | 0) ^ rotate(a, 6)
    a = (a + c) | 0
    c = ((c - b) | 0) ^ rotate(b, 8)
    b = (b + a) | 0
    a = ((a - c) | 0) ^ rotate(c, 16)
    c = (c + b) | 0
    b = ((b - a) | 0) ^ rotate(a, 19)
    a = (a + c) | 0
    c = ((c - b) | 0) ^ rotate(b, 4)
    b = (b + a) | 0
  }
  if (at === end) return c
  a = (a + partAt(bytes, at, end)) | 0
  b = (b + partAt(bytes, at + 4, end)) | 0
  c = (c + partAt(bytes, at + 8, end)) | 0
  c = ((c ^ b) - rotate(b, 14)) | 0
  a = ((a ^ c) - rotate(c, 11)) | 0
  b = ((b ^ a) - rotate(a, 25)) | 0
  c = ((c ^ b) - rotate(b, 16)) | 0
  a = ((a ^ c) - rotate(c, 4)) | 0
  b = ((b ^ a) - rotate(a, 14)) | 0
  return ((c ^ b) - rotate(b, 24)) | 0
}
