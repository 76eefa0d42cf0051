import { describe, expect, test } from 'vitest'
import {
  detectionBoundMs,
  minutes,
  type Simulation,
  seconds,
  settleMs,
} from '../../src/testing/index.ts'
import { seed as chosen, play, seeds } from './replay.ts'

const SEED = chosen(0x5eed)

/** A cluster that has found itself. */
function settled(nodes: number, seed = SEED, more = {}): Simulation {
  const sim = play({ seed, nodes, ...more })
  sim.advanceUntil('all see all', () => sim.isConverged, seconds(30))
  return sim.advance(seconds(5))
}

const everybodyElse = (sim: Simulation, id: string) => sim.ids.filter((other) => other !== id)

const everybodySees = (sim: Simulation, subject: string, state: string) =>
  everybodyElse(sim, subject).every((id) => sim.view(id).state(subject) === state)

describe('a cluster finds itself', () => {
  test.each([
    [1, seconds(1)],
    [2, seconds(1)],
    [3, seconds(1)],
    [10, seconds(3)],
    [50, seconds(60)],
  ])('%i members see each other', (nodes, withinMs) => {
    const sim = play({ seed: SEED, nodes })
    sim.advanceUntil('all see all', () => sim.isConverged, withinMs)
    sim.advance(minutes(1))
    expect(sim.counts.events.suspect, sim.label).toBe(0)
    expect(sim.counts.events.refused, sim.label).toBe(0)
  })

  test('200 members see each other, and one more joins', () => {
    const sim = play({ seed: SEED, nodes: 200, checked: false })
    sim.advanceUntil('all see all', () => sim.isConverged, settleMs(sim.config, 200), 500)
    sim.add('late').start('late').join('late')
    sim.advanceUntil('all see the late one', () => sim.isConverged, seconds(10), 250)
    expect(sim.counts.falseDeaths, sim.label).toBe(0)
  })

  test('an idle cluster gossips nothing', () => {
    const sim = settled(5).advance(seconds(10))
    const before = sim.counts.packets
    sim.advance(seconds(10))
    // One ping and one ack per member and second, and nothing else.
    expect(sim.counts.packets - before, sim.label).toBe(5 * 10 * 2)
  })

  test('members learn the round trip to each other', () => {
    const sim = settled(3, SEED, { network: { delayMinMs: 20, delayMaxMs: 20 } })
    sim.advance(seconds(10))
    expect(sim.view('n0').member('n1')?.rttMs).toBe(40)
    expect(sim.view('n0').member('n0')?.rttMs).toBeUndefined()
  })
})

describe('a killed member', () => {
  test.each([
    [2, 'lan'],
    [3, 'lan'],
    [10, 'lan'],
    [50, 'lan'],
    [3, 'wan'],
    [3, 'local'],
    [10, 'local'],
  ] as const)(
    'is dead for all others within the bound: %i members, profile %s',
    (nodes, profile) => {
      const sim = settled(nodes, SEED, { profile }).kill('n1')
      const bound = detectionBoundMs(sim.config, nodes)
      sim.advanceUntil('dead for all', () => everybodySees(sim, 'n1', 'dead'), bound)
      expect(sim.counts.events.fail, sim.label).toBe(nodes - 1)
      expect(sim.counts.falseDeaths, sim.label).toBe(0)
    },
  )

  test('is forgotten, and found again when it returns much later', () => {
    const sim = settled(3).kill('n1').advance(minutes(2))
    expect(sim.view('n0').state('n1')).toBe('unknown')
    sim.restart('n1')
    sim.advanceUntil('back', () => sim.isConverged, seconds(5))
  })

  test('that restarts while it is dead climbs over its own death', () => {
    const sim = settled(5).kill('n1')
    sim.advanceUntil('dead', () => everybodySees(sim, 'n1', 'dead'), seconds(60))
    sim.restart('n1')
    sim.advanceUntil('back', () => sim.isConverged, seconds(3))
    expect(sim.view('n1').incarnation, sim.label).toBeGreaterThan(1)
    expect(sim.view('n1').events.map((event) => event.type)).toContain('evicted')
  })

  test.each([50, 100, 300, 1_000])('that is back after %i ms is never declared dead', (downMs) => {
    for (const seed of seeds(10)) {
      const sim = settled(5, seed)
      sim.kill('n1').advance(downMs).restart('n1')
      const tookMs = sim.advanceUntil('new metadata for all', () => sim.isConverged, seconds(3))
      expect(tookMs, sim.label).toBeLessThanOrEqual(seconds(2))
      sim.advance(minutes(1))
      expect(sim.counts.events.fail, sim.label).toBe(0)
      for (const id of everybodyElse(sim, 'n1')) {
        const updates = sim.view(id).events.filter((event) => event.type === 'update')
        expect(updates, sim.label).toHaveLength(1)
      }
    }
  })

  test('that restarts many times keeps climbing', () => {
    const sim = settled(3)
    for (let turn = 0; turn < 20; turn++) {
      sim.restart('n2').advanceUntil('known again', () => sim.isConverged, seconds(3))
    }
    expect(sim.view('n2').incarnation, sim.label).toBe(21)
    expect(sim.counts.events.fail, sim.label).toBe(0)
  })
})

describe('a false suspicion', () => {
  test('is refuted in time by the accused', () => {
    const sim = settled(10)
    sim.act('n0', (swim, now, out) => {
      const from = { host: '10.0.0.9', port: 7946 }
      swim.receive(from, { type: 'suspect', incarnation: 1, node: 'n3', from: 'n9' }, now, out)
    })
    expect(sim.view('n0').suspects()).toEqual(['n3'])
    sim.advanceUntil(
      'refuted',
      () => sim.isConverged && sim.view('n3').incarnation === 2,
      seconds(3),
    )
    sim.advance(minutes(1))
    expect(sim.counts.events.fail, sim.label).toBe(0)
  })

  test('does not come from a member whose own inbound packets are lost', () => {
    for (const seed of seeds(5)) {
      const sim = settled(5, seed)
      const others = everybodyElse(sim, 'n0')
      // Deaf for three probe intervals: it suspects others, which they hear of and deny.
      sim.cut(others, ['n0']).advance(seconds(3)).heal().advance(minutes(2))
      const about = others.flatMap((id) => sim.view(id).events)
      const deaths = about.filter((event) => event.type === 'fail' && event.member.name !== 'n0')
      expect(deaths, sim.label).toEqual([])
    }
  })
})

describe('a bad network', () => {
  test('with 20 % loss kills nobody', () => {
    let suspicions = 0
    for (const seed of seeds(10)) {
      const network = { loss: 0.2, delayMinMs: 1, delayMaxMs: 50, duplicate: 0.05, reorder: 0.1 }
      const sim = play({ seed, nodes: 10, network })
      sim.advance(minutes(3))
      expect(sim.counts.falseDeaths, sim.label).toBe(0)
      expect(sim.counts.packetsLost, sim.label).toBeGreaterThan(100)
      expect(sim.counts.packetsDoubled, sim.label).toBeGreaterThan(50)
      suspicions += sim.counts.events.suspect
    }
    expect(suspicions).toBeGreaterThan(0)
  })

  test('with 30 % loss kills nobody of two, who have nobody else to ask', () => {
    for (const seed of seeds(10)) {
      const sim = play({ seed, nodes: 2, network: { loss: 0.3 } })
      sim.advance(minutes(5))
      expect(sim.counts.events.suspect, sim.label).toBeGreaterThan(5)
      expect(sim.counts.streamPings, sim.label).toBeGreaterThan(10)
      expect(sim.counts.falseDeaths, sim.label).toBe(0)
    }
  })
})

describe('a partition', () => {
  test('splits the view, and heals by itself when it ends', () => {
    const sim = play({ seed: SEED, nodes: ['a', 'b', 'c'] })
    sim.advance(seconds(5)).partition(['a'], ['b', 'c']).advance(seconds(30))
    expect(sim.view('b').alive()).toEqual(['b', 'c'])
    expect(sim.view('a').alive()).toEqual(['a'])
    sim.heal()
    sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 3))
  })

  test('of half an hour heals as well, long after the dead were forgotten', () => {
    for (const seed of seeds(5)) {
      const sim = settled(6, seed)
      sim.partition(['n0', 'n1'], ['n2', 'n3', 'n4', 'n5']).advance(minutes(30)).heal()
      expect(sim.view('n0').state('n5'), sim.label).toBe('unknown')
      sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 6))
    }
  })

  test('heals without killing anybody once more', () => {
    for (const seed of seeds(5)) {
      const sim = settled(8, seed).partition(['n0', 'n1', 'n2'], ['n3', 'n4', 'n5', 'n6', 'n7'])
      sim.advance(minutes(1)).heal()
      const before = sim.counts.falseDeaths
      sim.advance(minutes(3))
      expect(sim.isConverged, sim.label).toBe(true)
      expect(sim.counts.falseDeaths - before, sim.label).toBe(0)
    }
  })

  test('in one direction only ends in agreement', () => {
    for (const seed of seeds(5)) {
      const sim = settled(5, seed).cut(['n0'], ['n1', 'n2']).advance(minutes(1)).heal()
      sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 5))
    }
  })

  test('tells the lonely member that it was evicted before it is back', () => {
    const sim = settled(5).partition(['n0'], ['n1', 'n2', 'n3', 'n4']).advance(minutes(1)).heal()
    sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 5))
    expect(sim.view('n0').events.map((event) => event.type)).toContain('evicted')
  })
})

describe('a paused member', () => {
  test('that wakes up accuses itself, not its peers', () => {
    for (const pauseMs of [seconds(3), seconds(20), minutes(2)]) {
      for (const seed of seeds(5)) {
        const sim = settled(5, seed).pause('n2').advance(pauseMs).resume('n2')
        sim.advanceUntil('whole again', () => sim.isConverged, settleMs(sim.config, 5))
        const told = everybodyElse(sim, 'n2').flatMap((id) => sim.view(id).events)
        const others = told.filter((event) => event.type === 'fail' && event.member.name !== 'n2')
        expect(others, sim.label).toEqual([])
        const own = sim.view('n2').events.filter((event) => event.type === 'fail')
        expect(own, sim.label).toEqual([])
      }
    }
  })
})

describe('a member that leaves', () => {
  test('has left for all, is dead for none, and is not retried', () => {
    const sim = settled(5).leave('n3')
    sim.advanceUntil('left', () => everybodySees(sim, 'n3', 'left'), seconds(2))
    sim.advanceUntil('told', () => sim.counts.events.left === 1, seconds(10))
    const failed = sim.counts.exchangesFailed
    sim.advance(minutes(3))
    expect(sim.counts.events.fail, sim.label).toBe(0)
    expect(sim.counts.exchangesFailed, sim.label).toBe(failed)
    expect(sim.view('n0').state('n3')).toBe('unknown')
  })

  test('may come back at once', () => {
    const sim = settled(3).leave('n1')
    sim.advanceUntil('gone', () => sim.counts.events.left === 1, seconds(10))
    sim.advance(seconds(2)).restart('n1')
    sim.advanceUntil('back', () => sim.isConverged, seconds(3))
  })

  test('alone has nobody to tell', () => {
    const sim = settled(1).leave('n0')
    expect(sim.counts.events.left).toBe(1)
  })

  test('together with all others ends too', () => {
    const sim = settled(3).leave('n0').leave('n1').leave('n2').advance(seconds(10))
    expect(sim.counts.events.left, sim.label).toBe(3)
  })
})

describe('a name', () => {
  test('that a second process claims stays with the first', () => {
    const sim = settled(3).add('impostor', 'n1').start('impostor').join('impostor', 'n0')
    sim.advance(seconds(10))
    expect(sim.view('n0').member('n1')?.address.host).toBe('10.0.0.1')
    expect(sim.counts.events.conflict, sim.label).toBeGreaterThan(0)
    expect(sim.view('n0').events.filter((event) => event.type === 'fail')).toEqual([])
  })

  test('moves to another address after the reclaim time', () => {
    const sim = settled(3, SEED, { config: { gossipToTheDeadMs: 300_000 } }).kill('n1')
    sim.advance(minutes(1)).add('heir', 'n1').start('heir').join('heir', 'n0').advance(seconds(3))
    expect(sim.view('n0').member('n1')).toMatchObject({
      state: 'alive',
      address: { host: '10.0.0.3' },
    })
    expect(sim.view('n2').member('n1')).toMatchObject({
      state: 'alive',
      address: { host: '10.0.0.3' },
    })
  })

  test('moves at once when its old address is known to be gone', () => {
    const sim = settled(3).kill('n1').add('heir', 'n1').start('heir').join('heir', 'n0')
    sim.advance(seconds(1))
    expect(sim.view('n0').member('n1')?.address.host).toBe('10.0.0.1')
    for (const id of ['n0', 'n2']) sim.act(id, (swim) => swim.releaseAddress('n1'))
    sim.join('heir', 'n0').advance(seconds(3))
    for (const id of ['n0', 'n2']) {
      expect(sim.view(id).member('n1')).toMatchObject({
        state: 'alive',
        address: { host: '10.0.0.3' },
      })
    }
  })
})

describe('metadata', () => {
  test('of a member reaches all others', () => {
    const sim = settled(10).setMeta('n4', Uint8Array.of(1, 2, 3))
    sim.advanceUntil('known to all', () => sim.isConverged, seconds(3))
    expect(sim.counts.events.update, sim.label).toBe(10)
  })
})

describe('a run', () => {
  const story = (seed: number) =>
    settled(7, seed, { network: { loss: 0.1, duplicate: 0.1, reorder: 0.2, delayMaxMs: 40 } })
      .kill('n3')
      .partition(['n0', 'n1'], ['n4', 'n5'])
      .advance(minutes(1))
      .heal()
      .restart('n3')
      .pause('n5')
      .advance(seconds(9))
      .resume('n5')
      .advance(minutes(1))
      .traceHash()

  test('is repeated exactly by its seed', () => {
    expect(story(7)).toBe(story(7))
    expect(story(7)).not.toBe(story(8))
  })
})
