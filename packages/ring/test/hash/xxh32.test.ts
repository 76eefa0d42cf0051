import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import createXxhash, { type XXHashAPI } from 'xxhash-wasm'
import { xxh32Series } from '../../src/hash/xxh32.ts'
import { xxh32 } from '../../src/index.ts'
import { hold, text } from '../arbitraries.ts'

let oracle: XXHashAPI
beforeAll(async () => {
  oracle = await createXxhash()
})

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe('xxh32', () => {
  test('gives the published values', () => {
    expect(xxh32('')).toBe(0x02cc5d05)
    expect(xxh32('a')).toBe(0x550d7456)
    expect(xxh32('abc')).toBe(0x32d153ff)
    expect(xxh32('Nobody inspects the spammish repetition')).toBe(0xe2293b2f)
  })

  test('agrees with xxhash-wasm on every length up to 300 bytes', () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 151 + length) & 0xff)
      expect(xxh32(bytes, length)).toBe(oracle.h32Raw(bytes, length))
    }
  })

  test('agrees with xxhash-wasm on random bytes and seeds', () => {
    hold(
      fc.property(fc.uint8Array({ maxLength: 200 }), seed, (bytes, s) => {
        expect(xxh32(bytes, s)).toBe(oracle.h32Raw(bytes, s))
      }),
      1000,
    )
  })

  test('hashes a string as its UTF-8 bytes, lone surrogates as U+FFFD', () => {
    hold(
      fc.property(text, seed, (input, s) => {
        expect(xxh32(input, s)).toBe(xxh32(new TextEncoder().encode(input), s))
      }),
      2000,
    )
  })

  test('hashes strings beyond the shared buffer', () => {
    for (const length of [1365, 1366, 5000]) {
      const input = 'é€😀'.repeat(length).slice(0, length)
      expect(xxh32(input)).toBe(xxh32(new TextEncoder().encode(input)))
    }
  })

  test('reads only its part of a larger buffer', () => {
    const whole = Uint8Array.from({ length: 64 }, (_, i) => i)
    expect(xxh32(whole.subarray(7, 40))).toBe(xxh32(whole.slice(7, 40)))
  })

  test('a series equals the hash of the prefix and each index', () => {
    hold(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(2 ** 24), (prefix, first) => {
        const series = new Uint32Array(3)
        xxh32Series(prefix, first, series)
        const expected = [0, 1, 2].map((i) => {
          const bytes = new Uint8Array(prefix.length + 4)
          bytes.set(prefix)
          new DataView(bytes.buffer).setUint32(prefix.length, first + i, true)
          return xxh32(bytes)
        })
        expect([...series]).toEqual(expected)
      }),
      500,
    )
  })
})
