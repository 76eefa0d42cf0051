import { describe, expect, test } from 'vitest'
import {
  detectionBoundMs,
  minutes,
  PLANTED_BUGS,
  type PlantedBug,
  type Simulation,
  SimulationError,
  seconds,
  settleMs,
} from '../../src/testing/index.ts'
import { play, seeds } from './replay.ts'

/*
 * A checker that never fails proves nothing. Each mistake that a machine may be told to make must be
 * found by one of these stories within a few seeds; without a mistake all of them pass.
 */

type Story = (seed: number, planted: PlantedBug | undefined) => void

const SEEDS = 3

const withBug = (planted: PlantedBug | undefined) => (planted === undefined ? {} : { planted })

function begin(seed: number, planted: PlantedBug | undefined, more = {}) {
  const sim = play({ seed, nodes: 6, ...withBug(planted), ...more })
  sim.advanceUntil('all see all', () => sim.isConverged, seconds(30))
  return sim.advance(seconds(5))
}

const SOURCE = { host: '10.0.0.1', port: 7946 }

/** n1 tells the first that it suspects the second. */
const accuse = (sim: Simulation, id: string, node: string): Simulation =>
  sim.act(id, (swim, now, out) =>
    swim.receive(SOURCE, { type: 'suspect', incarnation: 1, node, from: 'n1' }, now, out),
  )

const STORIES = {
  'a member dies': (seed, planted) => {
    const sim = begin(seed, planted).kill('n1')
    const dead = () => sim.ids.every((id) => id === 'n1' || sim.view(id).state('n1') === 'dead')
    sim.advanceUntil('dead for all', dead, detectionBoundMs(sim.config, 6))
    sim.advance(settleMs(sim.config, 6) + seconds(5))
  },
  'news of a death travels': (seed, planted) => {
    const sim = begin(seed, planted)
    sim.kill('n5').act('n0', (swim, now, out) => {
      swim.receive(SOURCE, { type: 'dead', incarnation: 1, node: 'n5', from: 'n1' }, now, out)
    })
    const dead = () => sim.ids.every((id) => id === 'n5' || sim.view(id).state('n5') === 'dead')
    sim.advanceUntil('told to all', dead, seconds(2))
  },
  'a member is accused falsely': (seed, planted) => {
    const sim = begin(seed, planted)
    accuse(sim, 'n0', 'n3').advance(minutes(3))
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
  'helpers that answer say that the network is well': (seed, planted) => {
    const sim = begin(seed, planted)
    const before = sim.counts.events.health
    sim.kill('n1').advance(detectionBoundMs(sim.config, 6))
    expect(sim.counts.events.health - before, sim.label).toBe(0)
  },
  'a death that several confirm is believed soon': (seed, planted) => {
    const sim = begin(seed, planted).kill('n1')
    const dead = () => sim.ids.every((id) => id === 'n1' || sim.view(id).state('n1') === 'dead')
    sim.advanceUntil('dead for all', dead, seconds(18))
  },
  'a lonely accuser takes its time': (seed, planted) => {
    const sim = begin(seed, planted).partition(['n0'], ['n1', 'n2', 'n3', 'n4', 'n5'])
    sim.advance(seconds(20))
    const deaths = sim.view('n0').events.filter((event) => event.type === 'fail')
    expect(deaths, sim.label).toEqual([])
  },
  'who wakes up late blames nobody': (seed, planted) => {
    const sim = begin(seed, planted)
    accuse(sim, 'n2', 'n3').pause('n2').advance(minutes(1)).resume('n2').advance(seconds(1))
    const deaths = sim.view('n2').events.filter((event) => event.type === 'fail')
    expect(deaths, sim.label).toEqual([])
  },
  'who slept through a death does not undo it': (seed, planted) => {
    const sim = begin(seed, planted).pause('n2').kill('n1').advance(minutes(3))
    expect(sim.view('n0').state('n1'), sim.label).toBe('unknown')
    sim.resume('n2').advance(minutes(2))
    const told = ['n0', 'n3', 'n4', 'n5'].flatMap((id) => sim.view(id).events)
    const revivals = told.filter((event) => event.type === 'fail' && event.member.name === 'n1')
    expect(revivals.length, sim.label).toBe(4)
  },
  'a death is not taken on hearsay': (seed, planted) => {
    const sim = begin(seed, planted)
    const [row] = sim
      .swim('n1')
      .localState(false)
      .nodes.filter(({ name }) => name === 'n3')
    const nodes = row === undefined ? [] : [{ ...row, state: 'dead' as const }]
    sim.act('n0', (swim, now, out) =>
      swim.mergeState(SOURCE, { join: false, nodes, userState: new Uint8Array(0) }, now, out),
    )
    sim.advance(minutes(1))
    expect(sim.counts.falseDeaths, sim.label).toBe(0)
  },
  'who was deaf hears of its suspicion with the next ping': (seed, planted) => {
    const sim = begin(seed, planted, { config: { suspicionMult: 8, pushPullIntervalMs: 0 } })
    sim.cut(['n0', 'n1', 'n2', 'n4', 'n5'], ['n3']).advance(seconds(5)).heal()
    sim.advance(minutes(1))
    expect(sim.counts.events.suspect, sim.label).toBeGreaterThan(0)
    const told = sim.ids.flatMap((id) => sim.view(id).events)
    const deaths = told.filter((event) => event.type === 'fail' && event.member.name === 'n3')
    expect(deaths, sim.label).toEqual([])
  },
  'a name stays with its owner': (seed, planted) => {
    const sim = begin(seed, planted).add('impostor', 'n1').start('impostor')
    sim.join('impostor', 'n0').advance(seconds(10))
    expect(sim.view('n0').member('n1')?.address.host, sim.label).toBe('10.0.0.1')
  },
} satisfies Record<string, Story>

/** Which story finds which mistake. */
const FOUND_BY: Record<PlantedBug, keyof typeof STORIES> = {
  'skip-refutation': 'a member is accused falsely',
  'suspicion-never-ends': 'a member dies',
  'stale-alive-revives': 'a member returns from death',
  'revive-the-forgotten': 'who slept through a death does not undo it',
  'dead-by-hearsay': 'a death is not taken on hearsay',
  'no-gossip-of-deaths': 'news of a death travels',
  'no-healing': 'a long partition heals, and who was cut off hears of it',
  'no-gossip-to-the-dead': 'a short partition heals by gossip alone',
  'skip-reminder': 'a long partition heals, and who was cut off hears of it',
  'unbounded-retransmit': 'a member dies',
  'refute-before-eviction': 'a member returns from death',
  'refute-at-the-same-incarnation': 'a member is accused falsely',
  'forget-nacks': 'helpers that answer say that the network is well',
  'ignore-confirmations': 'a death that several confirm is believed soon',
  'count-the-first-accuser-twice': 'a lonely accuser takes its time',
  'blame-peers-for-lag': 'who wakes up late blames nobody',
  'keep-suspicion-secret': 'who was deaf hears of its suspicion with the next ping',
  'steal-name': 'a name stays with its owner',
}

/** What the story said about the mistake, and with which seed; undefined when it noticed nothing. */
function hunt(planted: PlantedBug): { seed: number; found: unknown } | undefined {
  for (const seed of seeds(SEEDS)) {
    try {
      STORIES[FOUND_BY[planted]](seed, planted)
    } catch (found) {
      return { seed, found }
    }
  }
  return undefined
}

describe('without a mistake', () => {
  test.each(Object.entries<Story>(STORIES))('%s', (_, tell) => {
    for (const seed of seeds(SEEDS)) tell(seed, undefined)
  })
})

describe('a planted mistake is found', () => {
  test.each(PLANTED_BUGS)('%s', (planted) => {
    const hit = hunt(planted)
    expect(hit, `"${FOUND_BY[planted]}" did not notice`).toBeDefined()
    if (hit?.found instanceof SimulationError) {
      expect(hit.found.message).toContain(`seed 0x${hit.seed.toString(16)}`)
    }
  })
})
