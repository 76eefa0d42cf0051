import { expect, test } from 'vitest'
import type { Effects } from '../../src/core/effects.ts'
import type { Swim } from '../../src/core/swim.ts'
import { pcg32, type Simulation, settleMs } from '../../src/testing/index.ts'
import { limitMs, play, seeds } from './replay.ts'

/*
 * Random faults, one after the other, then peace: afterwards the settled invariants must hold. Every
 * run is its seed; a failure prints it.
 */

const NODES = 7
const FAULTS = 12

const shout = (swim: Swim, now: number, out: Effects) =>
  swim.broadcast(Uint8Array.of(1, 2, 3), now, out)

/** Another process of a name that is taken comes and goes. */
function impersonate(sim: Simulation): void {
  sim.add('impostor', 'n1').start('impostor').join('impostor', 'n0').advance(10_000)
  sim.kill('impostor')
}

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
    () => sim.restartFromSnapshot(pick()),
    () => sim.block(pick()),
    () => sim.slow(pick(), { blockedMs: 1 + random.below(4_000), openMs: 1 + random.below(500) }),
    () => sim.skew(pick(), { rate: 0.9 + random.below(200) / 1_000, jumpMs: random.below(3_000) }),
    () => {
      for (const id of sim.ids) sim.slow(id, undefined)
    },
    () => sim.isRunning('n4') && sim.act('n4', shout),
  ]
  verbs[random.below(verbs.length)]?.()
}

function calm(sim: Simulation): void {
  sim.heal()
  for (const id of sim.ids) {
    sim.resume(id).slow(id, undefined).skew(id, {})
    if (id === 'impostor') continue
    // Whoever is leaving may finish; then it comes back like the others.
    sim.advance(2_000)
    if (!sim.isRunning(id)) sim.restart(id)
  }
}

function live(seed: number): Record<string, number> {
  const network = seed % 2 === 0 ? {} : { loss: 0.1, duplicate: 0.1, reorder: 0.1, delayMaxMs: 60 }
  const sim = play({ seed, nodes: NODES, profile: seed % 3 === 0 ? 'local' : 'lan', network })
  const random = pcg32(seed, 0xc4a05)
  if (seed % 5 === 0) impersonate(sim.advance(3_000))
  for (let fault = 0; fault < FAULTS; fault++) {
    sim.advance(random.below(20_000))
    disturb(sim, random)
  }
  calm(sim)
  sim.advanceUntil('peace', () => sim.isConverged, settleMs(sim.config, NODES))
  // The settled invariants are checked every second from here on.
  sim.advance(settleMs(sim.config, NODES) + 10_000)
  return sim.coverage()
}

const SEEDS = 60

/** Nothing here is malformed, and calm networks with decoded messages count no bytes. */
const NEVER_MET = ['event:refused', 'packetBytes', 'streamBytes', 'packetsDropped']

test(
  'after any faults all agree again, and nothing impossible was seen meanwhile',
  () => {
    const total: Record<string, number> = {}
    const played = seeds(SEEDS)
    for (const seed of played) {
      for (const [name, count] of Object.entries(live(seed))) {
        total[name] = (total[name] ?? 0) + count
      }
    }
    process.stdout.write(`${played.length} runs met ${JSON.stringify(total, null, 1)}\n`)
    if (played.length < SEEDS) return
    // A run that never met a case proves nothing about it.
    for (const [name, count] of Object.entries(total)) {
      if (NEVER_MET.includes(name)) expect(count, name).toBe(0)
      else expect(count, name).toBeGreaterThan(0)
    }
  },
  limitMs(SEEDS),
)
