import { describe, expect, test } from 'vitest'
import { pcg32, sample, shuffle } from '../../src/core/random.ts'

describe('pcg32', () => {
  test('draws what the reference implementation draws (seed 42, stream 54)', () => {
    const random = pcg32(42, 54)
    const drawn = Array.from({ length: 6 }, () => random.next().toString(16))
    expect(drawn).toEqual(['a15c02b7', '7b47f409', 'ba1d3330', '83d2f293', 'bfa4784b', 'cbed606e'])
  })

  test('stays below its bound and reaches all of it', () => {
    const random = pcg32(1)
    const seen = new Set(Array.from({ length: 200 }, () => random.below(7)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(random.below(1)).toBe(0)
    expect(random.below(0x1_0000_0000)).toBeLessThan(0x1_0000_0000)
  })

  test('gives independent streams of one seed', () => {
    expect(pcg32(1, 1).next()).not.toBe(pcg32(1, 2).next())
  })
})

describe('choosing', () => {
  const items = Array.from({ length: 100 }, (_, index) => index)

  test('a shuffle keeps everything', () => {
    const shuffled = [...items]
    shuffle(shuffled, pcg32(3))
    expect(shuffled).not.toEqual(items)
    expect(shuffled.sort((a, b) => a - b)).toEqual(items)
  })

  test('a sample excludes what is not wanted and repeats nothing', () => {
    for (let seed = 0; seed < 50; seed++) {
      const found = sample(items, 5, (item) => item % 2 === 0, pcg32(seed))
      expect(new Set(found).size).toBe(5)
      expect(found.every((item) => item % 2 === 0)).toBe(true)
    }
  })

  test('a sample of few finds all that exist', () => {
    for (let seed = 0; seed < 50; seed++) {
      expect(sample([1, 2, 3, 4], 3, (item) => item > 2, pcg32(seed)).sort()).toEqual([3, 4])
    }
  })

  test('a sample of nothing ends', () => {
    expect(sample(items, 3, () => false, pcg32(1))).toEqual([])
    expect(sample([], 3, () => true, pcg32(1))).toEqual([])
    expect(sample(items, 0, () => true, pcg32(1))).toEqual([])
  })
})
