import { expect, test } from 'vitest'
import { detectionBoundMs, seconds, simulate } from '../../src/testing/index.ts'

test('1,000 members lose one, and all of them know it within the bound', () => {
  const sim = simulate({ seed: 0x5eed, nodes: 1_000, begin: 'acquainted', checked: false })
  sim.advance(seconds(3)).kill('n500')
  const witnesses = ['n0', 'n499', 'n501', 'n999']
  const told = () => witnesses.every((id) => sim.view(id).state('n500') === 'dead')
  sim.advanceUntil('the first know', told, detectionBoundMs(sim.config, 1_000), 200)
  sim.advance(seconds(3))
  const dead = sim.ids.filter((id) => sim.view(id).state('n500') === 'dead')
  expect(dead, sim.label).toHaveLength(999)
  expect(sim.counts.events.fail, sim.label).toBe(999)
  expect(sim.counts.falseDeaths, sim.label).toBe(0)
})
