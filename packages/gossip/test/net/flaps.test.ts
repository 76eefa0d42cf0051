import { expect, it } from 'vitest'
import { Flaps } from '../../src/net/flaps.ts'
import { FLAP_FAILURES, FLAP_WINDOW_MS, FLAPS_TRACKED_MAX } from '../../src/net/limits.ts'

/** Fails `times` times from `at` on, a millisecond apart; the last answer. */
function failTimes(flaps: Flaps, name: string, times: number, at = 0): number | undefined {
  let answer: number | undefined
  for (let index = 0; index < times; index += 1) answer = flaps.fail(name, at + index)
  return answer
}

it('tells a flap with the third failure within the window, and counts anew', () => {
  const flaps = new Flaps()
  expect(failTimes(flaps, 'a', FLAP_FAILURES - 1)).toBeUndefined()
  expect(flaps.fail('b', 3)).toBeUndefined()
  expect(flaps.fail('a', 4)).toBe(FLAP_FAILURES)
  expect(flaps.fail('a', 5)).toBeUndefined()
})

it('does not count a failure that is a whole window old', () => {
  const flaps = new Flaps()
  failTimes(flaps, 'a', FLAP_FAILURES - 1)
  expect(flaps.fail('a', FLAP_WINDOW_MS)).toBeUndefined()
  expect(flaps.fail('a', FLAP_WINDOW_MS)).toBe(FLAP_FAILURES)
})

it('counts for its maximum of members; one more pushes out who failed longest ago', () => {
  const flaps = new Flaps()
  const before = FLAP_FAILURES - 1
  for (let index = 0; index < FLAPS_TRACKED_MAX; index += 1) failTimes(flaps, `m${index}`, before)
  expect(flaps.fail('m0', 2)).toBe(FLAP_FAILURES)
  failTimes(flaps, 'another', before)
  failTimes(flaps, 'one more', before)
  expect(flaps.fail('m2', 2)).toBe(FLAP_FAILURES)
  expect(flaps.fail('m1', 2)).toBeUndefined()
})
