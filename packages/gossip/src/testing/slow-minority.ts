import type { SwimConfig } from '../core/config.ts'
import { pcg32 } from '../core/random.ts'
import { seconds } from './durations.ts'
import type { SimulationOptions } from './simulation-options.ts'
import { type Simulation, simulate } from './simulator.ts'

/** One trial of the experiment; equal options give equal trials. */
export interface SlowMinorityOptions {
  readonly seed: number
  /** `plain` is SWIM with suspicion; `lifeguard` adds the health score and shrinking suspicions. */
  readonly mode: 'plain' | 'lifeguard'
  /** @defaultValue 128 */
  readonly members?: number
  /** How many members are slow, all in one rhythm. */
  readonly slow: number
  readonly blockedMs: number
  readonly openMs: number
  /** How long they are slow. @defaultValue 120_000 */
  readonly forMs?: number
  /** The paper's α: a suspicion lasts at least α × log₁₀ n probe intervals. @defaultValue 5 */
  readonly suspicionMult?: number
  readonly replay?: string
}

/** What a trial counted. A detection is the time from the kill of a healthy member until a healthy one knew. */
export interface SlowMinorityResult {
  /** Healthy members declared dead, counted once per observer. */
  readonly falsePositives: number
  /** Of these, where the observer was healthy too. */
  readonly falsePositivesAtHealthy: number
  /** Before any member was slow; undefined if it took more than two minutes. */
  readonly quietDetectionMs: number | undefined
  /** While the slow ones were slow; undefined if it took more than two minutes. */
  readonly troubledDetectionMs: number | undefined
}

const PLAIN = {
  suspicionMaxTimeoutMult: 1,
  awarenessMaxMultiplier: 1,
} satisfies Partial<SwimConfig>

/** Before anything happens, and between the first kill and the trouble. */
const QUIET_MS = seconds(15)
const DETECTION_MS_MAX = seconds(120)
/** To this a detection is known. */
const DETECTION_STEP_MS = 10

/**
 * The interval experiment of the Lifeguard paper (Dadgar, Phillips, Currey 2018, §V): a cluster in which
 * some members cannot send or receive for `blockedMs` again and again, while their timers run. One healthy
 * member is killed before the trouble, and one in it, to see how long a true death takes to be noticed.
 */
export function slowMinority(options: SlowMinorityOptions): SlowMinorityResult {
  const { forMs = seconds(120), members = 128, slow } = options
  const sim = simulate(simulationOf(options, members))
  const ids = shuffled(sim.ids, options.seed)
  const sick = ids.slice(0, slow)
  const healthy = new Set(ids.slice(slow))
  const count = countDeaths(sim, healthy)
  sim.advance(QUIET_MS)
  const quietDetectionMs = count.killOne(ids.at(-1) ?? '')
  sim.advance(QUIET_MS)
  for (const id of sick) sim.slow(id, options)
  sim.advance(forMs)
  const { falsePositives, falsePositivesAtHealthy } = count
  const troubledDetectionMs = count.killOne(ids.at(-2) ?? '')
  return { falsePositives, falsePositivesAtHealthy, quietDetectionMs, troubledDetectionMs }
}

function simulationOf(options: SlowMinorityOptions, members: number): SimulationOptions {
  const { mode, replay, seed, suspicionMult = 5 } = options
  return {
    seed,
    nodes: members,
    begin: 'acquainted',
    config: { suspicionMult, suspicionMaxTimeoutMult: 6, ...(mode === 'plain' && PLAIN) },
    ...(replay !== undefined && { replay }),
  }
}

function countDeaths(sim: Simulation, healthy: Set<string>) {
  let isNoticed = false
  const killed = new Set<string>()
  const count = {
    falsePositives: 0,
    falsePositivesAtHealthy: 0,
    /** Kills a healthy member; how long until a healthy one knows? */
    killOne(id: string): number | undefined {
      const killedAt = sim.now
      isNoticed = false
      killed.add(id)
      healthy.delete(id)
      sim.kill(id)
      while (!isNoticed && sim.now - killedAt < DETECTION_MS_MAX) sim.advance(DETECTION_STEP_MS)
      return isNoticed ? sim.now - killedAt : undefined
    },
  }
  sim.watch((observer, event) => {
    if (event.type !== 'fail') return
    const { name } = event.member
    if (killed.has(name) && healthy.has(observer)) isNoticed = true
    if (!healthy.has(name)) return
    count.falsePositives++
    if (healthy.has(observer)) count.falsePositivesAtHealthy++
  })
  return count
}

/** The members in an order that depends on the seed only: both modes meet the same slow ones. */
function shuffled(ids: readonly string[], seed: number): readonly string[] {
  const random = pcg32(seed, 0x51_0e)
  const keyed = ids.map((id) => ({ id, key: random.next() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ id }) => id)
}
