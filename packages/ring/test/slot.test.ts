import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, hashTag, SLOT_COUNT, slotOf, slotPosition } from '../src/index.ts'
import { hold, key } from './arbitraries.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('slots', () => {
  test.each([
    ['foo', 12182],
    ['bar', 5061],
    ['', 0],
    ['123456789', 0x31c3 & 16383],
    ['{foo}.bar', 12182],
    ['x{bar}y{foo}', 5061],
  ])('%j is in slot %i, as in Redis', (input, slot) => {
    expect(slotOf(input)).toBe(slot)
    expect(slotOf(bytes(input))).toBe(slot)
  })

  test('are the same for both forms of a key', () => {
    hold(
      fc.property(key, (input) => {
        expect(slotOf(input)).toBe(slotOf(bytes(input)))
      }),
      2000,
    )
  })

  test('lie evenly on the ring, and a slot ring hashes keys to them', () => {
    expect(slotPosition(0)).toBe(0)
    expect(slotPosition(SLOT_COUNT - 1)).toBe(2 ** 32 - 2 ** 18)
    const ring = createRing([{ id: 'a' }, { id: 'b' }], { keyHash: 'crc16-slot' })
    expect(ring.hash('foo')).toBe(slotPosition(12182))
    expect(ring.owners('foo', 2)).toEqual(ring.ownersAt(slotPosition(12182), 2))
  })

  test('outside 0 to 16383 are refused', () => {
    for (const slot of [-1, SLOT_COUNT, 1.5, Number.NaN]) {
      expect(() => slotPosition(slot)).toThrow(
        expect.objectContaining({ code: 'RING_SLOT_INVALID' }),
      )
    }
  })
})

describe('hash tags', () => {
  test.each([
    ['{user1000}.following', 'user1000'],
    ['foo{}{bar}', 'foo{}{bar}'],
    ['foo{{bar}}zap', '{bar'],
    ['foo{bar}{zap}', 'bar'],
    ['foo{bar', 'foo{bar'],
    ['}{', '}{'],
    ['}{a}', 'a'],
    ['', ''],
  ])('of %j is %j', (input, tag) => {
    expect(hashTag(input)).toBe(tag)
    expect(hashTag(bytes(input))).toEqual(bytes(tag))
  })

  test('decide the owner, unless they are switched off', () => {
    hold(
      fc.property(key, fc.constantFrom('xxh32', 'xxh64', 'crc16-slot'), (input, keyHash) => {
        const tagged = createRing([{ id: 'a' }], { keyHash })
        const whole = createRing([{ id: 'a' }], { keyHash, hashTags: false })
        expect(tagged.hash(input)).toBe(whole.hash(hashTag(input)))
        expect(tagged.hash(bytes(input))).toBe(tagged.hash(input))
        expect(whole.hash(bytes(input))).toBe(whole.hash(input))
      }),
      1000,
    )
  })
})
