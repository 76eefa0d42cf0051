import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc16 } from '../../src/index.ts'
import { hold, text } from '../arbitraries.ts'

describe('crc16', () => {
  test('gives the check value of the Redis Cluster specification', () => {
    expect(crc16('123456789')).toBe(0x31c3)
    expect(crc16('')).toBe(0)
  })

  test('hashes a string as its UTF-8 bytes', () => {
    hold(
      fc.property(text, (input) => {
        expect(crc16(input)).toBe(crc16(new TextEncoder().encode(input)))
      }),
      1000,
    )
  })
})
