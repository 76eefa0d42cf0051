import { expect, test } from 'vitest'
import { Awareness } from '../../src/core/awareness.ts'

test('the health score stays within its limits and stretches durations', () => {
  const awareness = new Awareness(8)
  const steps = [0, -1, -10, 1, -1, 10, -1, -1, -1, -1, -1, -1, -1, -1]
  const scores = steps.map((delta) => {
    awareness.apply(delta)
    return awareness.score
  })
  expect(scores).toEqual([0, 0, 0, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0, 0])
  awareness.apply(3)
  expect(awareness.scale(1000)).toBe(4000)
})

test('it says whether it moved', () => {
  const awareness = new Awareness(2)
  expect(awareness.apply(1)).toBe(true)
  expect(awareness.apply(1)).toBe(false)
})
