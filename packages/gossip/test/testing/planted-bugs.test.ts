import { describe, expect, test } from 'vitest'
import {
  detectionBoundMs,
  minutes,
  PLANTED_BUGS,
  type PlantedBug,
  SimulationError,
  seconds,
  settleMs,
  simulate,
} from '../../src/testing/index.ts'

/*
 * A checker that never fails proves nothing. Each mistake that a machine may be told to make must be
 * found by one of these stories within a few seeds; without a mistake all of them pass.
 */

type Story = (seed: number, planted: PlantedBug | undefined) => void

const withBug = (planted: PlantedBug | undefined) => (planted === undefined ? {} : { planted })

function begin(seed: number, planted: PlantedBug | undefined, more = {}) {
  const sim = simulate({ seed, nodes: 6, ...withBug(planted), ...more })
  sim.advanceUntil('all see all', () => sim.isConverged, seconds(30))
  return sim.advance(seconds(5))
}

const STORIES: Record<string, Story> = {
  'a member dies': (seed, planted) => {
    const sim = begin(seed, planted).kill('n1')
    const dead = () => sim.ids.every((id) => id === 'n1' || sim.view(id).state('n1') === 'dead')
    sim.advanceUntil('dead for all', dead, detectionBoundMs(sim.config, 6))
    sim.advance(settleMs(sim.config, 6) + seconds(5))
  },
  'news of a death travels': (seed, planted) => {
    const sim = begin(seed, planted)
    const source = { host: '10.0.0.1', port: 7946 }
    sim.kill('n5').act('n0', (swim, now, out) => {
      swim.receive(source, { type: 'dead', incarnation: 1, node: 'n5', from: 'n1' }, now, out)
    })
    const dead = () => sim.ids.every((id) => id === 'n5' || sim.view(id).state('n5') === 'dead')
    sim.advanceUntil('told to all', dead, seconds(2))
  },
  'a member is accused falsely': (seed, planted) => {
    const sim = begin(seed, planted)
    const source = { host: '10.0.0.1', port: 7946 }
    sim.act('n0', (swim, now, out) => {
      swim.receive(source, { type: 'suspect', incarnation: 1, node: 'n3', from: 'n1' }, now, out)
    })
    sim.advance(minutes(3))
    expect(sim.counts.falseDeaths, sim.label).toBe(0)
  },
  'a member returns from death': (seed, planted) => {
    const sim = begin(seed, planted).kill('n1')
    sim.advance(detectionBoundMs(sim.config, 6))
    sim.restart('n1').advanceUntil('back', () => sim.isConverged, seconds(5))
  },
  'a partition heals without new deaths': (seed, planted) => {
    const sim = begin(seed, planted).partition(['n0', 'n1', 'n2'], ['n3', 'n4', 'n5'])
    sim.advance(seconds(45)).heal()
    const before = sim.counts.falseDeaths
    sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 6))
    expect(sim.counts.falseDeaths - before, sim.label).toBe(0)
  },
  'a long partition heals, and who was cut off hears of it': (seed, planted) => {
    const sim = begin(seed, planted).partition(['n0'], ['n1', 'n2', 'n3', 'n4', 'n5'])
    sim.advance(minutes(5)).heal()
    sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 6))
    sim.advance(seconds(1))
    expect(sim.view('n0').events.map((event) => event.type)).toContain('evicted')
  },
  'a short partition heals by gossip alone': (seed, planted) => {
    const config = { healForMs: 0, pushPullIntervalMs: 0, gossipToTheDeadMs: 600_000 }
    const sim = begin(seed, planted, { config })
    sim.partition(['n0'], ['n1', 'n2', 'n3', 'n4', 'n5'])
    sim.advance(minutes(2)).heal()
    expect(sim.view('n0').alive(), sim.label).toEqual(['n0'])
    for (const [id, mark] of [
      ['n0', 1],
      ['n5', 2],
    ] as const)
      sim.setMeta(id, Uint8Array.of(mark))
    // The news goes to the dead too; that is how both sides learn what was said about them.
    const known = () => sim.view('n1').state('n0') === 'alive'
    sim.advanceUntil('known again', known, seconds(10))
  },
}

/** The first story and seed that notice; undefined when nothing does. */
function hunt(planted: PlantedBug): { story: string; seed: number; found: unknown } | undefined {
  for (let seed = 1; seed <= 3; seed++) {
    for (const [story, play] of Object.entries(STORIES)) {
      try {
        play(seed, planted)
      } catch (found) {
        return { story, seed, found }
      }
    }
  }
  return undefined
}

describe('without a mistake', () => {
  test.each(Object.keys(STORIES))('%s', (story) => {
    for (let seed = 1; seed <= 3; seed++) STORIES[story]?.(seed, undefined)
  })
})

describe('a planted mistake is found', () => {
  test.each(PLANTED_BUGS)('%s', (planted) => {
    const hit = hunt(planted)
    expect(hit, 'no story noticed').toBeDefined()
    if (hit?.found instanceof SimulationError) {
      expect(hit.found.message).toContain(`seed 0x${hit.seed.toString(16)}`)
    }
  })
})
