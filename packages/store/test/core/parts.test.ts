import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchesGlob } from '../../src/core/glob.ts'
import { COUNTER_SPAN, HybridClock } from '../../src/core/hybrid-clock.ts'
import { packRanges, packRuns, unpackRanges, unpackRuns } from '../../src/core/runs.ts'
import { createMessageParser } from '../../src/index.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

describe('slot lists', () => {
  it('survive packing', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(999)), (unordered) => {
        const slots = unordered.sort((a, b) => a - b)
        expect(unpackRanges(packRanges(slots), 1_000)).toEqual(slots)
      }),
    )
  })

  it('and runs of numbers too', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3)), (values) => {
        expect(unpackRuns(packRuns(values), values.length)).toEqual(values)
      }),
    )
  })

  it('never grow beyond the number of slots, whatever comes in', () => {
    expect(unpackRanges([0, 1e9, 0, 1e9, -5, 1e9], 64)).toHaveLength(64)
    expect(unpackRanges([100, 5], 64)).toEqual([])
    expect(unpackRuns([1, 1e9], 64)).toHaveLength(64)
    expect(unpackRuns([1, -1], 64)).toEqual([])
  })
})

describe('the hybrid clock', () => {
  it('never repeats, follows time, and passes whatever it has seen', () => {
    const clock = new HybridClock(5_000)
    const first = clock.next(1_000)
    expect(clock.next(1_000)).toBe(first + 1)
    expect(clock.next(999)).toBe(first + 2)
    expect(clock.observe(1_500 * COUNTER_SPAN, 1_000)).toBe(true)
    expect(clock.next(1_001)).toBe(1_500 * COUNTER_SPAN + 1)
  })

  it('takes versions up to the drift limit, and refuses one past it', () => {
    const clock = new HybridClock(5_000)
    expect(clock.observe(6_001 * COUNTER_SPAN, 1_000)).toBe(true)
    expect(clock.observe(6_001 * COUNTER_SPAN + 1, 1_000)).toBe(false)
    expect(clock.highest).toBe(6_001 * COUNTER_SPAN)
  })
})

describe('glob patterns', () => {
  it.each([
    ['*', '', true],
    ['*', 'abc', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['[', '[', false],
    ['', '', true],
    ['', 'a', false],
    ['*a*b*c*', 'xxaxxbxxcxx', true],
  ])('%s against %s: %s', (pattern, text, expected) => {
    expect(matchesGlob(bytes(pattern), bytes(text))).toBe(expected)
  })
})

describe('messages of other members', () => {
  const parse = createMessageParser(16)
  it('of any other shape are refused', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parse(value)).toBeUndefined()
      }),
    )
    expect(parse({ t: 'a' })).toBeUndefined()
    expect(parse({ t: 'constructor', id: 1 })).toBeUndefined()
    expect(
      parse({ t: 'w', id: 1, e: 1, r: [16, bytes('k'), bytes('v'), 1, 1, 0, 0] }),
    ).toBeUndefined()
  })

  it('may carry fields that this release does not know', () => {
    const message = {
      t: 'w',
      id: 1,
      e: 1,
      r: [15, bytes('k'), bytes('v'), 1, 1, 0, 0],
      later: true,
    }
    expect(parse(message)).toBe(message)
  })
})
