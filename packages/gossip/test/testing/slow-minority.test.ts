import { expect, test } from 'vitest'
import { type SlowMinorityResult, seconds, slowMinority } from '../../src/testing/index.ts'
import { replayOf, seeds } from './replay.ts'

/*
 * The Lifeguard paper's harness, one of its troubles; `npm run bench -- gossip-lifeguard` plays more. The paper
 * has 1.9 % of plain SWIM's false positives at healthy members left, at equal detection.
 */

const TROUBLE = { slow: 4, blockedMs: 16_384, openMs: 64, forMs: seconds(50) }

const totalOf = (results: readonly SlowMinorityResult[]): number =>
  results.reduce((sum, { falsePositivesAtHealthy }) => sum + falsePositivesAtHealthy, 0)

test('a slow minority of 128 gets 2 % of the healthy members killed that it kills without Lifeguard', () => {
  const played = seeds(1)
  const run = (mode: 'plain' | 'lifeguard') =>
    played.map((seed) => slowMinority({ ...TROUBLE, mode, seed, replay: replayOf(seed) }))
  const plain = run('plain')
  const lifeguard = run('lifeguard')
  const label = JSON.stringify({ plain, lifeguard })
  process.stdout.write(`slow minority: ${label}\n`)
  expect(totalOf(plain), label).toBeGreaterThan(100)
  expect(totalOf(lifeguard), label).toBeLessThanOrEqual(0.02 * totalOf(plain))
  plain.forEach(({ quietDetectionMs = Number.NaN }, index) => {
    // Equal but for the chance of who probes whom when: two probe intervals.
    const ours = lifeguard[index]?.quietDetectionMs ?? Number.NaN
    expect(Math.abs(ours - quietDetectionMs), label).toBeLessThanOrEqual(seconds(2))
  })
})
