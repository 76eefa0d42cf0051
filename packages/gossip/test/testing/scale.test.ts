import { expect, test } from 'vitest'
import { detectionBoundMs, seconds, settleMs } from '../../src/testing/index.ts'
import { play, seed } from './replay.ts'

test('1,000 members lose one, and all of them know it within the bound', () => {
  const sim = play({ seed: seed(0x5eed), nodes: 1_000, begin: 'acquainted' })
  sim.advance(seconds(3)).kill('n500')
  const told = () => sim.counts.events.fail === 999
  sim.advanceUntil('all know', told, detectionBoundMs(sim.config, 1_000), 200)
  sim.advance(seconds(5)).checkSettled()
  expect(sim.counts.falseDeaths, sim.label).toBe(0)
})

test('300 members start at once, with one seed, and find each other', () => {
  const sim = play({ seed: seed(0x5eed), nodes: 300 })
  sim.advance(seconds(10))
  // News of a storm of joins is told to all but a few, who learn the rest by push/pull.
  const known = sim.ids.map((id) => sim.view(id).alive().length)
  expect(Math.min(...known), sim.label).toBeGreaterThan(290)
  sim.advanceUntil('all see all', () => sim.isConverged, settleMs(sim.config, 300), 2_000)
  expect(sim.counts.events.fail, sim.label).toBe(0)
})
