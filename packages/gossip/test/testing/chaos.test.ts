import { expect, test } from 'vitest'
import {
  pcg32,
  type Simulation,
  type SimulationCounts,
  settleMs,
  simulate,
} from '../../src/testing/index.ts'

/*
 * Random faults, one after the other, then peace: afterwards the settled invariants must hold. Every
 * run is its seed; a failure prints it.
 */

const NODES = 7
const FAULTS = 12

function disturb(sim: Simulation, random: ReturnType<typeof pcg32>): void {
  const pick = () => `n${random.below(NODES)}`
  const some = () => sim.ids.filter(() => random.below(2) === 0)
  const verbs: readonly (() => unknown)[] = [
    () => sim.kill(pick()),
    () => sim.restart(pick()),
    () => sim.kill('n3').advance(random.below(400)).restart('n3'),
    () => sim.pause(pick()),
    () => {
      for (const id of sim.ids) sim.resume(id)
    },
    () => sim.cut(some(), some()),
    () => sim.heal(),
    () => sim.isRunning('n5') && sim.setMeta('n5', Uint8Array.of(random.below(256))),
    () => sim.isRunning('n6') && sim.leave('n6'),
  ]
  verbs[random.below(verbs.length)]?.()
}

function calm(sim: Simulation): void {
  sim.heal()
  for (const id of sim.ids) {
    sim.resume(id)
    // Whoever is leaving may finish; then it comes back like the others.
    sim.advance(2_000)
    if (!sim.isRunning(id)) sim.restart(id)
  }
}

function play(seed: number): SimulationCounts {
  const network = seed % 2 === 0 ? {} : { loss: 0.1, duplicate: 0.1, reorder: 0.1, delayMaxMs: 60 }
  const sim = simulate({ seed, nodes: NODES, profile: seed % 3 === 0 ? 'local' : 'lan', network })
  const random = pcg32(seed, 0xc4a05)
  for (let fault = 0; fault < FAULTS; fault++) {
    sim.advance(random.below(20_000))
    disturb(sim, random)
  }
  calm(sim)
  sim.advanceUntil('peace', () => sim.isConverged, settleMs(sim.config, NODES))
  // The settled invariants are checked every second from here on.
  sim.advance(settleMs(sim.config, NODES) + 10_000)
  return sim.counts
}

test('after any faults all agree again, and nothing impossible was seen meanwhile', () => {
  const total: Record<string, number> = {}
  for (let seed = 1; seed <= 60; seed++) {
    const counts = play(seed)
    for (const [name, count] of Object.entries({ ...counts, ...counts.events })) {
      if (typeof count === 'number') total[name] = (total[name] ?? 0) + count
    }
  }
  // A run that never met a case proves nothing about it. Nothing here is malformed or misnamed.
  const { refused, conflict, ...met } = total
  expect(refused).toBe(0)
  expect(conflict).toBe(0)
  for (const [name, count] of Object.entries(met)) expect(count, name).toBeGreaterThan(0)
})
