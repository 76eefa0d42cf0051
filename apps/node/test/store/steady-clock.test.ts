import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSteadyClock } from '../../src/store/steady-clock.ts'

test('never goes back, whatever the wall clock does', () => {
  const step = fc.record({
    elapsed: fc.integer({ min: 0, max: 10_000 }),
    wallStep: fc.integer({ min: -100_000, max: 100_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      let wall = 1_000_000
      let monotonic = 0
      const clock = createSteadyClock(
        () => wall,
        () => monotonic,
      )
      let last = clock()
      for (const { elapsed, wallStep } of steps) {
        monotonic += elapsed
        wall += elapsed + wallStep
        const now = clock()
        expect(now).toBeGreaterThanOrEqual(last)
        last = now
      }
    }),
  )
})

test('follows the wall clock forwards at once, and meets it again at half speed after it was set back', () => {
  let wall = 1_000_000
  let monotonic = 0
  const clock = createSteadyClock(
    () => wall,
    () => monotonic,
  )
  wall += 5_000
  expect(clock()).toBe(1_005_000)
  wall -= 1_000
  expect(clock()).toBe(1_005_000)
  monotonic += 1_000
  wall += 1_000
  expect(clock()).toBe(1_005_500)
  monotonic += 1_000
  wall += 1_000
  expect(clock()).toBe(1_006_000)
  expect(wall).toBe(1_006_000)
})
