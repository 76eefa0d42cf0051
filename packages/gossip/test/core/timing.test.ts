import { describe, expect, test } from 'vitest'
import {
  pushPullIntervalMs,
  remainingSuspicionMs,
  retransmitLimit,
  suspicionConfirmations,
  suspicionTimeoutMs,
} from '../../src/core/timing.ts'

describe('the suspicion timeout', () => {
  test.each([
    [5, 1000],
    [10, 1000],
    [50, 1698],
    [100, 2000],
    [500, 2698],
    [1000, 3000],
  ])('of %i members is 3 × %i ms', (members, third) => {
    expect(suspicionTimeoutMs(3, members, 1000)).toBe(3 * third)
  })

  test('is never below its minimum for small clusters', () => {
    for (let members = 0; members <= 10; members++) {
      expect(suspicionTimeoutMs(4, members, 1000)).toBe(4000)
    }
  })
})

describe('the time left of a suspicion', () => {
  test.each([
    [0, 3, 0, 2, 30, 30_000],
    [1, 3, 2, 2, 30, 14_000],
    [2, 3, 3, 2, 30, 4_810],
    [3, 3, 4, 2, 30, -2_000],
    [4, 3, 5, 2, 30, -3_000],
    [5, 3, 10, 2, 30, -8_000],
  ])('%i of %i confirmations after %i s', (count, wanted, elapsed, min, max, remaining) => {
    expect(remainingSuspicionMs(count, wanted, elapsed * 1000, min * 1000, max * 1000)).toBe(
      remaining,
    )
  })

  test('is the minimum where nobody could confirm', () => {
    expect(remainingSuspicionMs(0, 0, 0, 4000, 24_000)).toBe(4000)
  })
})

test('confirmations are only awaited where enough others exist', () => {
  const of = (members: number) => suspicionConfirmations(4, members)
  expect([1, 2, 3, 4, 100].map(of)).toEqual([0, 0, 0, 2, 2])
  expect(suspicionConfirmations(1, 100)).toBe(0)
})

test.each([
  [0, 0],
  [1, 3],
  [9, 3],
  [10, 6],
  [99, 6],
  [100, 9],
])('the retransmit limit of %i members is %i with multiplier 3', (members, limit) => {
  expect(retransmitLimit(3, members)).toBe(limit)
})

test.each([
  [0, 1],
  [32, 1],
  [33, 2],
  [64, 2],
  [65, 3],
  [128, 3],
  [129, 4],
])('the push/pull interval of %i members is stretched %i times', (members, times) => {
  expect(pushPullIntervalMs(30_000, members)).toBe(times * 30_000)
})
