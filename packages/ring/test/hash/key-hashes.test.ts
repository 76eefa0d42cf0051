import { createHash } from 'node:crypto'
import { crc32 as zlibCrc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ch3, weightedCh3 } from '../../src/hash/ch3.ts'
import { crc32Middle, crc32OfBytes } from '../../src/hash/crc32.ts'
import { fullHash } from '../../src/hash/haproxy.ts'
import { jump } from '../../src/hash/jump.ts'
import {
  ENVOY_HASHES,
  HAPROXY_HASHES,
  type HashBytes,
  TWEMPROXY_HASHES,
} from '../../src/hash/key-hashes.ts'
import { md5Into, md5Words } from '../../src/hash/md5.ts'
import { murmur64Into } from '../../src/hash/murmur64.ts'
import { spooky32 } from '../../src/hash/spooky.ts'
import { hash64 } from '../../src/hash/word64.ts'
import { hold, sequence } from '../arbitraries.ts'
import { VECTORS } from '../vectors/placements.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const word64 = (): string =>
  String((BigInt((hash64[0] as number) >>> 0) << 32n) | BigInt((hash64[1] as number) >>> 0))

/** Every table of the vectors, and the function that it describes. */
const FUNCTIONS: Readonly<Record<string, (input: Uint8Array) => number | string>> = {
  ...Object.fromEntries(
    Object.entries(TWEMPROXY_HASHES).map(([name, hash]: [string, HashBytes]) => [
      `twemproxy_${name}`,
      (input: Uint8Array) => hash(input, 0, input.length) >>> 0,
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(HAPROXY_HASHES).map(([name, hash]: [string, HashBytes]) => [
      `haproxy_${name}`,
      (input: Uint8Array) => hash(input, 0, input.length) >>> 0,
    ]),
  ),
  haproxy_sdbm_avalanche: (input) => fullHash(HAPROXY_HASHES.sdbm(input, 0, input.length)) >>> 0,
  haproxy_full_hash_u32: (input) => fullHash(Number(new TextDecoder().decode(input))) >>> 0,
  envoy_xxh64: (input) => {
    ENVOY_HASHES.xxh64(input, 0, input.length)
    return word64()
  },
  envoy_murmurHash2_std: (input) => {
    ENVOY_HASHES.murmur2(input, 0, input.length)
    return word64()
  },
  mcrouter_murmur64A_seed4193360111: (input) => {
    murmur64Into(input, 0, input.length, 4193360111)
    return word64()
  },
  mcrouter_murmur64A_seed2718281828: (input) => {
    murmur64Into(input, 0, input.length, 2718281828)
    return word64()
  },
  mcrouter_spookyV2_32_seed_0xface2014: (input) =>
    spooky32(input, 0, input.length, 0xface2014) >>> 0,
  nginx_crc32: (input) => crc32OfBytes(input, 0, input.length) >>> 0,
  nginx_legacy_crc32_shift: (input) => crc32Middle(input, 0, input.length),
}

describe('the hashes of other programs', () => {
  test('are all in the vectors', () => {
    expect(Object.keys(FUNCTIONS).sort()).toEqual(Object.keys(VECTORS.hash_functions).sort())
  })

  for (const [name, expected] of Object.entries(VECTORS.hash_functions)) {
    test(name, () => {
      for (const [key, value] of Object.entries(expected)) {
        expect([key, FUNCTIONS[name]?.(bytes(key))]).toEqual([key, value])
      }
    })
  }

  test('read only the part that they are given', () => {
    const all: HashBytes[] = [
      ...Object.values<HashBytes>(TWEMPROXY_HASHES),
      ...Object.values<HashBytes>(HAPROXY_HASHES),
      (input, start, end) => spooky32(input, start, end, 7),
    ]
    hold(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 9 }),
        fc.uint8Array({ maxLength: 9 }),
        (middle, before, after) => {
          const whole = Uint8Array.of(...before, ...middle, ...after)
          for (const hash of all) {
            expect(hash(whole, before.length, before.length + middle.length)).toBe(
              hash(middle, 0, middle.length),
            )
          }
        },
      ),
      100,
    )
  })
})

describe('md5 and crc32', () => {
  test('agree with OpenSSL and zlib for every length around the blocks and for any bytes', () => {
    const check = (input: Uint8Array) => {
      md5Into(input, 0, input.length)
      expect(Buffer.from(md5Words.buffer).toString('hex')).toBe(
        createHash('md5').update(input).digest('hex'),
      )
      if (zlibCrc32) expect(crc32OfBytes(input, 0, input.length) >>> 0).toBe(zlibCrc32(input))
    }
    for (let length = 0; length <= 130; length++) {
      check(Uint8Array.from(sequence(length), (value) => value >>> 24))
    }
    hold(fc.property(fc.uint8Array({ maxLength: 400 }), check), 200)
  })
})

describe('SpookyV2', () => {
  // From the tables of its author: a buffer whose byte i is i + 128, and its first n bytes.
  test('gives the published values for short and for long input', () => {
    const input = Uint8Array.from({ length: 512 }, (_, i) => i + 128)
    const known: readonly (readonly [number, number])[] = [
      [0, 0x6bf50919],
      [1, 0x70de1d26],
      [2, 0xa2b37298],
      [3, 0x35bc5fbf],
      [4, 0x8223b279],
      [5, 0x5bcb315e],
      [6, 0x53fe88a1],
      [506, 0x07305776],
      [507, 0xc6be7503],
      [508, 0x918fa7c9],
      [509, 0xaf2e2cd9],
      [510, 0x82046f8e],
      [511, 0xcc1c8250],
    ]
    for (const [length, value] of known) {
      expect([length, spooky32(input, 0, length, 0) >>> 0]).toEqual([length, value])
    }
  })
})

const furc = (key: string, servers: number): number =>
  ch3(bytes(key), 0, bytes(key).length, servers)

describe('Ch3', () => {
  test('gives the values of mcrouter', () => {
    expect(furc('sample', 100)).toBe(97)
    expect(furc('', 100)).toBe(72)
    expect(furc('sample', 8388608)).toBe(5167780)
    expect(furc('', 8388608)).toBe(6173600)
    expect([2, 3, 5, 7, 10, 16, 50, 100].map((n) => furc('user:12345:profile', n))).toEqual([
      1, 1, 4, 4, 4, 10, 29, 77,
    ])
    const sizes = [4, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]
    expect(sizes.map((n) => furc('key0', n))).toEqual([
      0, 7, 22, 22, 115, 115, 413, 950, 1735, 3375, 3375,
    ])
  })

  test('moves keys only to the server that is added last', () => {
    for (let i = 0; i < 2000; i++) {
      let last = 0
      for (let servers = 2; servers < 40; servers++) {
        const now = furc(`key-${i}`, servers)
        expect(now === last || now === servers - 1).toBe(true)
        last = now
      }
    }
  })
})

describe('WeightedCh3', () => {
  const weighted = (key: string, weights: readonly number[]): number => {
    const room = new Uint8Array(bytes(key).length + 2)
    room.set(bytes(key))
    return weightedCh3(room, bytes(key).length, weights)
  }

  test('gives the values of mcrouter, where no server takes a key too', () => {
    const none = new Array<number>(100).fill(0)
    expect(weighted('sample', none)).toBe(59)
    expect(weighted('', none)).toBe(45)
    let sum = 0
    const halves = new Array<number>(10).fill(0.5)
    for (let i = 0; i < 10_000; i++) sum = (Math.imul(sum, 31) + weighted(`k${i}`, halves)) >>> 0
    expect(sum).toBe(547444706)
  })

  test('gives each server the number of keys that mcrouter gives it', () => {
    const weights = [0.429, 0.541, 0.117, 0.998, 0.283, 0.065, 0.109, 0.042, 0.676, 0.943]
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const server = weighted(String(i), weights)
      counts[server] = (counts[server] ?? 0) + 1
    }
    expect(counts).toEqual([1016, 1252, 288, 2354, 661, 195, 247, 122, 1668, 2197])
  })
})

describe('jump', () => {
  /** The function of the paper, with integers of any size. */
  const reference = (key: bigint, buckets: number): number => {
    let state = key
    let bucket = -1n
    let next = 0n
    while (next < buckets) {
      bucket = next
      state = BigInt.asUintN(64, state * 2862933555777941757n + 1n)
      next = BigInt(Math.floor(Number(bucket + 1n) * (2 ** 31 / Number((state >> 33n) + 1n))))
    }
    return Number(bucket)
  }

  test('is the function of the paper', () => {
    const published: readonly (readonly [bigint, number, number])[] = [
      [0n, 60, 0],
      [1n, 60, 55],
      [2n, 62, 46],
    ]
    for (const [key, buckets, bucket] of published) expect(reference(key, buckets)).toBe(bucket)
    hold(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.integer({ min: 1, max: 70_000 }),
        (key, n) => {
          expect(jump(Number(key >> 32n) | 0, Number(key & 0xffffffffn) | 0, n)).toBe(
            reference(key, n),
          )
        },
      ),
      500,
    )
  })
})
