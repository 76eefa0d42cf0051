// mcrouter's Ch3, also called furc: a consistent hash without a ring. It reads an endless string of bits that the key
// defines: block 0 is MurmurHash64A of the key, block j that of the eight bytes of block j - 1.

import { murmur64Into } from './murmur64.ts'
import { spooky32 } from './spooky.ts'
import { hash64 } from './word64.ts'

/** mcrouter's `kHashSeed`. */
const SEED = 4193360111 | 0
const TRIES = 32
/** The distance between two bits of one number: the largest number of servers is 2^23. */
const STRIDE = 23
/** More servers are refused by mcrouter. */
export const CH3_SERVERS_MAX = 2 ** STRIDE

/** The block being read, as bytes for the hash of the next. */
const block = new Uint8Array(8)
/** Words of the blocks so far, low before high. A key reads at most 32 tries of 23 bits, 23 apart: 265 blocks. */
const words = new Int32Array(2 * 280)
let blocks = 0

function nextBlock(): void {
  murmur64Into(block, 0, block.length, SEED)
  keepBlock()
}

function keepBlock(): void {
  const high = hash64[0] as number
  const low = hash64[1] as number
  for (let i = 0; i < 4; i++) {
    block[i] = low >>> (8 * i)
    block[4 + i] = high >>> (8 * i)
  }
  words[2 * blocks] = low
  words[2 * blocks + 1] = high
  blocks++
}

function bit(index: number): number {
  while (index >> 6 >= blocks) nextBlock()
  return ((words[index >> 5] as number) >>> (index & 31)) & 1
}

/** The server of a key among `servers`, 0 to `servers - 1`. O(length) and about 2 log2(servers) bits. */
export function ch3(bytes: Uint8Array, start: number, end: number, servers: number): number {
  if (servers <= 1) return 0
  blocks = 0
  murmur64Into(bytes, start, end, SEED)
  keepBlock()
  let depth = 32 - Math.clz32(servers - 1)
  let at = depth
  for (let tries = 0; tries < TRIES; tries++) {
    while (bit(at) === 0) {
      depth--
      if (depth === 0) return 0
      at = depth
    }
    at += STRIDE
    let number = 1
    for (let i = 0; i < depth - 1; i++) {
      number = number * 2 + bit(at)
      at += STRIDE
    }
    if (number < servers) return number
  }
  return 0
}

/** Where WeightedCh3 draws whether a server takes a key. */
const WEIGHT_SEED = 0xface2014 | 0
const ROUNDS = 32
const SALT_BYTES_MAX = 2
const ZERO = 0x30

/**
 * The server of a key where server i takes part of the keys that fall to it: `weights[i]`, 0 to 1. A key that is not
 * taken is hashed again with a salt behind it: 0, 1, … in decimal digits, the last one first.
 * @param room holds the key from 0 to `length - 1` and has two bytes more, which are overwritten
 */
export function weightedCh3(room: Uint8Array, length: number, weights: ArrayLike<number>): number {
  let server = 0
  let end = length
  for (let round = 0; round < ROUNDS; round++) {
    server = ch3(room, 0, end, weights.length)
    const drawn = spooky32(room, 0, end, WEIGHT_SEED) >>> 0
    if (drawn < Math.trunc((weights[server] as number) * 0xffffffff)) return server
    end = length + writeSalt(room, length, round)
  }
  return server
}

function writeSalt(room: Uint8Array, at: number, salt: number): number {
  room[at] = ZERO + (salt % 10)
  if (salt < 10) return SALT_BYTES_MAX - 1
  room[at + 1] = ZERO + Math.floor(salt / 10)
  return SALT_BYTES_MAX
}
