import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import createXxhash, { type XXHashAPI } from 'xxhash-wasm'
import { xxh64 } from '../../src/index.ts'
import { hold, text } from '../arbitraries.ts'

let oracle: XXHashAPI
beforeAll(async () => {
  oracle = await createXxhash()
})

const seed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

describe('xxh64', () => {
  test('gives the values that Envoy is known to use', () => {
    expect(xxh64('foo')).toBe(3728699739546630719n)
    expect(xxh64('user:12345:profile')).toBe(12707351548993597450n)
  })

  test('agrees with xxhash-wasm on every length up to 300 bytes', () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 151 + length) & 0xff)
      expect(xxh64(bytes, BigInt(length))).toBe(oracle.h64Raw(bytes, BigInt(length)))
    }
  })

  test('agrees with xxhash-wasm on random bytes and seeds', () => {
    hold(
      fc.property(fc.uint8Array({ maxLength: 200 }), seed, (bytes, s) => {
        expect(xxh64(bytes, s)).toBe(oracle.h64Raw(bytes, s))
      }),
      1000,
    )
  })

  test('hashes a string as its UTF-8 bytes, lone surrogates as U+FFFD', () => {
    hold(
      fc.property(text, (input) => {
        expect(xxh64(input)).toBe(xxh64(new TextEncoder().encode(input)))
      }),
      1000,
    )
  })
})
