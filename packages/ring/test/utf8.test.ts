import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareUtf8, isWellFormed, utf8Bytes } from '../src/utf8.ts'
import { hold, text } from './arbitraries.ts'

describe('UTF-8', () => {
  test('is written as TextEncoder writes it', () => {
    hold(
      fc.property(text, (input) => {
        expect(utf8Bytes(input)).toEqual(new TextEncoder().encode(input))
      }),
      2000,
    )
  })

  test('order is byte order, not the order of UTF-16 units', () => {
    expect(compareUtf8('\uffff', '\u{10000}')).toBeLessThan(0)
    const wellFormed = text.filter(isWellFormed)
    hold(
      fc.property(wellFormed, wellFormed, (a, b) => {
        const encoder = new TextEncoder()
        const order = Buffer.compare(encoder.encode(a), encoder.encode(b))
        expect(Math.sign(compareUtf8(a, b))).toBe(order)
      }),
      2000,
    )
  })

  test('is not well-formed where a surrogate stands alone', () => {
    expect(isWellFormed('a😀é')).toBe(true)
    for (const broken of ['\ud800', 'a\udc00', '\ud800\ud800\udc00', '\udc00\ud800']) {
      expect(isWellFormed(broken)).toBe(false)
    }
    // A pair that means U+1FFFD must not be taken for the replacement character.
    expect(isWellFormed('\u{1fffd}\ufffd')).toBe(true)
  })
})
