import { describe, expect, test } from 'vitest'
import {
  detectionBoundMs,
  minutes,
  pcg32,
  type Simulation,
  seconds,
  settleMs,
} from '../../src/testing/index.ts'
import { play, seeds } from './replay.ts'

const settled = (seed: number, nodes: number, more = {}): Simulation => {
  const sim = play({ seed, nodes, ...more })
  sim.advanceUntil('all see all', () => sim.isConverged, seconds(30))
  return sim.advance(seconds(5))
}

describe('churn', () => {
  test('of a third of the members leaves the others in peace', () => {
    for (const seed of seeds(3)) {
      const sim = settled(seed, 30)
      const random = pcg32(seed, 0xc)
      const deaths = new Set<string>()
      sim.watch((_, event) => {
        if (event.type === 'fail') deaths.add(event.member.name)
      })
      // n20 … n29 come and go; n0 … n19 stay.
      for (let change = 0; change < 40; change++) {
        const id = `n${20 + random.below(10)}`
        if (sim.isRunning(id)) random.below(2) === 0 ? sim.kill(id) : sim.leave(id)
        else sim.restart(id)
        sim.advance(random.below(3_000))
      }
      for (let index = 20; index < 30; index++) {
        if (!sim.isRunning(`n${index}`)) sim.advance(seconds(12)).restart(`n${index}`)
      }
      sim.advanceUntil('peace', () => sim.isConverged, settleMs(sim.config, 30), 500)
      const stayed = sim.ids.slice(0, 20).filter((id) => deaths.has(id))
      expect(stayed, sim.label).toEqual([])
    }
  })
})

describe('a flapping member', () => {
  test('is believed each time, and ends with the highest incarnation', () => {
    for (const seed of seeds(5)) {
      const sim = settled(seed, 8)
      const deaths = new Set<string>()
      sim.watch((_, event) => {
        if (event.type === 'fail') deaths.add(event.member.name)
      })
      for (let flap = 0; flap < 15; flap++) {
        sim
          .kill('n3')
          .advance(500 + 700 * flap)
          .restart('n3')
          .advance(seconds(2))
      }
      sim.advanceUntil('peace', () => sim.isConverged, settleMs(sim.config, 8))
      expect(sim.view('n3').incarnation, sim.label).toBeGreaterThanOrEqual(15)
      expect(sim.counts.restartsInSuspicion, sim.label).toBeGreaterThan(0)
      expect(
        [...deaths].filter((name) => name !== 'n3'),
        sim.label,
      ).toEqual([])
    }
  })

  test('link does not spread deaths of third parties', () => {
    for (const seed of seeds(5)) {
      const sim = settled(seed, 8)
      const deaths = new Set<string>()
      sim.watch((_, event) => {
        if (event.type === 'fail') deaths.add(event.member.name)
      })
      for (let flap = 0; flap < 20; flap++) {
        sim.partition(['n0'], ['n1', 'n2']).advance(seconds(4)).heal().advance(seconds(3))
      }
      expect(
        [...deaths].filter((name) => !['n0', 'n1', 'n2'].includes(name)),
        sim.label,
      ).toEqual([])
      sim.advanceUntil('peace', () => sim.isConverged, settleMs(sim.config, 8))
    }
  })
})

describe('a restart of everybody at once', () => {
  test.each([2, 3, 5, 12])('without seeds is one cluster again: %i members', (nodes) => {
    for (const seed of seeds(4)) {
      const sim = settled(seed, nodes)
      for (const id of sim.ids) sim.kill(id)
      sim.advance(minutes(2))
      for (const id of sim.ids) sim.restartFromSnapshot(id).advance(30)
      sim.advanceUntil('one cluster', () => sim.isConverged, seconds(15))
    }
  })

  test('remembers the members of its own side after a partition, and finds the others by healing', () => {
    for (const seed of seeds(4)) {
      const sim = settled(seed, 6)
      const [left, right] = [sim.ids.slice(0, 3), sim.ids.slice(3)]
      sim.partition(left, right).advance(minutes(1))
      for (const id of left) sim.kill(id)
      sim.advance(seconds(1))
      for (const id of left) sim.restartFromSnapshot(id)
      sim.heal()
      sim.advanceUntil('one cluster', () => sim.isConverged, settleMs(sim.config, 6))
    }
  })

  test('without seeds and without a snapshot is nobody’s cluster', () => {
    const sim = settled(1, 3)
    for (const id of sim.ids) sim.kill(id)
    for (const id of sim.ids) sim.start(id)
    sim.advance(minutes(1))
    for (const id of sim.ids) expect(sim.view(id).alive()).toEqual([id])
  })
})

describe('a split', () => {
  test('in three parts heals to one, without new deaths', () => {
    for (const seed of seeds(4)) {
      const sim = settled(seed, 12)
      const parts = [sim.ids.slice(0, 4), sim.ids.slice(4, 8), sim.ids.slice(8)]
      for (const part of parts)
        sim.partition(
          part,
          sim.ids.filter((id) => !part.includes(id)),
        )
      sim.advance(minutes(2)).heal()
      const before = sim.counts.falseDeaths
      sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 12))
      expect(sim.counts.falseDeaths - before, sim.label).toBe(0)
      expect(sim.coverage()['swim:healsTried'], sim.label).toBeGreaterThan(0)
    }
  })

  test('in which half of the members restarted heals as well', () => {
    for (const seed of seeds(4)) {
      const sim = settled(seed, 8)
      sim.partition(sim.ids.slice(0, 4), sim.ids.slice(4)).advance(minutes(1))
      for (const id of ['n0', 'n1']) sim.restartFromSnapshot(id)
      sim.advance(seconds(20)).heal()
      sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 8))
    }
  })
})

describe('in bytes', () => {
  test('a cluster lives through deaths, restarts, splits and names that are taken', () => {
    for (const seed of seeds(3)) {
      const network = { loss: 0.05, duplicate: 0.05, reorder: 0.1 }
      const sim = settled(seed, 8, { wire: 'bytes', network })
      sim.kill('n1').advance(detectionBoundMs(sim.config, 8)).restart('n1').advance(seconds(5))
      sim.partition(['n0', 'n1'], ['n4', 'n5']).advance(minutes(1)).heal()
      sim.setMeta('n2', new Uint8Array(512).fill(7)).leave('n3').advance(seconds(20))
      sim.add('impostor', 'n2').start('impostor').join('impostor', 'n0').advance(seconds(5))
      sim.kill('impostor').restart('n3')
      sim.advanceUntil('peace', () => sim.isConverged, settleMs(sim.config, 8))
      expect(sim.counts.events.conflict, sim.label).toBeGreaterThan(0)
      expect(sim.counts.packetBytes, sim.label).toBeGreaterThan(0)
    }
  })
})
