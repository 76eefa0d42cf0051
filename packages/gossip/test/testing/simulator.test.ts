import { describe, expect, test } from 'vitest'
import { pcg32 } from '../../src/core/random.ts'
import { EventHeap } from '../../src/testing/event-heap.ts'
import { minutes, SimulationError, seconds, simulate } from '../../src/testing/index.ts'
import { play, seeds } from './replay.ts'

const errorOf = (action: () => unknown): SimulationError => {
  try {
    action()
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('the event heap', () => {
  test('pops by time, and by insertion among equals', () => {
    const heap = new EventHeap()
    const random = pcg32(5)
    const wanted = Array.from({ length: 500 }, (_, order) => ({ at: random.below(50), order }))
    for (const { at } of wanted) heap.push(at, () => {})
    const popped: (readonly [number, number])[] = []
    for (let event = heap.pop(); event; event = heap.pop()) popped.push([event.at, event.order - 1])
    wanted.sort((a, b) => a.at - b.at || a.order - b.order)
    expect(popped).toEqual(wanted.map(({ at, order }) => [at, order]))
    expect(heap.size).toBe(0)
  })
})

describe('a failure of a simulation', () => {
  test('says the seed and the moment, and shows what happened last', () => {
    const sim = simulate({ seed: 0xbeef, nodes: 3 }).advance(seconds(5))
    const error = errorOf(() => sim.advanceUntil('pigs fly', () => false, seconds(1)))
    expect(error.code).toBe('NEVER_HAPPENED')
    expect(error.message).toContain('pigs fly')
    expect(error.message).toContain('seed 0xbeef, at 6000 ms')
    expect(error.message).toMatch(/n\d: join n\d 1/)
    expect(error.details).toEqual({ seed: 0xbeef, atMs: 6_000, replay: undefined })
  })

  test('says how to replay the run alone', () => {
    const sim = play({ seed: 0xbeef, nodes: 1 })
    const command =
      'RINGWAY_SEED=0xbeef npx vitest run --project gossip ' +
      "packages/gossip/test/testing/simulator.test.ts -t 'a failure of a simulation says how to replay the run alone'"
    expect(sim.label).toContain(`replay: ${command}`)
    expect(errorOf(() => sim.kill('ghost')).message).toContain(`replay: ${command}`)
  })

  test('names a node that does not exist', () => {
    expect(errorOf(() => simulate({ seed: 1, nodes: 1 }).kill('ghost')).code).toBe('UNKNOWN_NODE')
  })

  test('comes from the checkers while it runs', () => {
    const sim = simulate({ seed: 1, nodes: 4, planted: 'stale-alive-revives' }).advance(seconds(5))
    sim.kill('n1').advance(seconds(20))
    const error = errorOf(() => sim.restart('n1').advance(seconds(5)))
    expect(error.code).toBe('INVARIANT_BROKEN')
    expect(error.message).toContain('join of n1 at incarnation 1 after 1')
  })
})

describe('equal seeds', () => {
  const story = (seed: number, wire: 'decoded' | 'bytes' = 'decoded') =>
    play({ seed, nodes: 9, wire, network: { loss: 0.1, duplicate: 0.1, reorder: 0.2 } })
      .advance(seconds(10))
      .slow('n1', { blockedMs: 2_000, openMs: 300 })
      .skew('n2', { rate: 1.07, jumpMs: 1_500 })
      .cut(['n0'], ['n3'])
      .kill('n4')
      .advance(minutes(1))
      .heal()
      .slow('n1', undefined)
      .restartFromSnapshot('n4')
      .pause('n5')
      .advance(seconds(20))
      .resume('n5')
      .advance(minutes(1))

  test('give equal traces and equal counts, and others differ', () => {
    const hashes = seeds(6).map((seed) => {
      const first = story(seed)
      const second = story(seed)
      expect(second.traceHash(), first.label).toBe(first.traceHash())
      expect(second.coverage(), first.label).toEqual(first.coverage())
      return first.traceHash()
    })
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  test('give equal traces beside another simulation, and from any step of time', () => {
    const whole = play({ seed: 3, nodes: 5 }).advance(seconds(40))
    const other = play({ seed: 4, nodes: 8 })
    const steps = play({ seed: 3, nodes: 5 })
    for (let step = 0; step < 400; step++) {
      other.advance(70)
      steps.advance(100)
    }
    expect(steps.traceHash()).toBe(whole.traceHash())
  })

  test('give equal traces whatever the processes of the machine did before', () => {
    const ids = ['delta', 'alpha', 'charlie', 'bravo']
    const first = play({ seed: 5, nodes: ids }).advance(minutes(1)).traceHash()
    // Fills hash tables and the heap with other things.
    const clutter = new Map(Array.from({ length: 50_000 }, (_, index) => [`key-${index}`, index]))
    const second = play({ seed: 5, nodes: ids }).advance(minutes(1)).traceHash()
    expect(clutter.size).toBe(50_000)
    expect(second).toBe(first)
  })

  test('give equal traces however fast the messages are measured or kept', () => {
    expect(story(2, 'bytes').traceHash()).toBe(story(2).traceHash())
  })
})

describe('a clock', () => {
  test('may run fast or slow, and jump, without anybody dying of it', () => {
    for (const seed of seeds(5)) {
      const sim = play({ seed, nodes: 6 }).advance(seconds(10))
      sim.skew('n1', { rate: 1.2 }).skew('n2', { rate: 0.8 }).skew('n3', { jumpMs: 3_600_000 })
      sim.advance(minutes(5))
      expect(sim.counts.falseDeaths, sim.label).toBe(0)
      expect(sim.isConverged, sim.label).toBe(true)
    }
  })

  test('decides when timers fire', () => {
    const pings = (rate: number) => {
      const sim = play({ seed: 1, nodes: 2 }).advance(seconds(10))
      for (const id of sim.ids) sim.skew(id, { rate })
      const before = sim.counts.messages.ping
      sim.advance(seconds(100))
      return sim.counts.messages.ping - before
    }
    expect(pings(1)).toBe(200)
    expect(Math.abs(pings(2) - 400)).toBeLessThanOrEqual(4)
    expect(Math.abs(pings(0.5) - 100)).toBeLessThanOrEqual(2)
  })
})

describe('a blocked process', () => {
  test('hears and says nothing until it is unblocked, and then all that waited', () => {
    const sim = play({ seed: 1, nodes: ['a', 'b', 'c'] }).advance(seconds(5))
    sim.block('b').setMeta('a', Uint8Array.of(1)).setMeta('b', Uint8Array.of(2)).advance(seconds(2))
    expect(sim.view('b').member('a')?.meta).not.toEqual(Uint8Array.of(1))
    expect(sim.view('a').member('b')?.meta).not.toEqual(Uint8Array.of(2))
    sim.unblock('b').advance(100)
    expect(sim.view('b').member('a')?.meta).toEqual(Uint8Array.of(1))
    expect(sim.view('a').member('b')?.meta).toEqual(Uint8Array.of(2))
  })

  test('loses what its sockets do not hold', () => {
    const sim = play({ seed: 1, nodes: 60 }).advance(seconds(20)).block('n1')
    const before = sim.counts.packetsDropped
    sim.advance(minutes(10))
    expect(sim.counts.packetsDropped, sim.label).toBeGreaterThan(before)
  })
})

describe('a simulation', () => {
  test('in bytes gives the trace that it gives in objects, and counts them', () => {
    const options = { seed: 9, nodes: 6, network: { loss: 0.05, duplicate: 0.05 } } as const
    const live = (wire: 'decoded' | 'bytes') =>
      simulate({ ...options, wire })
        .advance(seconds(10))
        .kill('n2')
        .advance(seconds(30))
        .setMeta('n3', Uint8Array.of(1, 2, 3))
        .restart('n2')
        .advance(seconds(30))
    const decoded = live('decoded')
    const bytes = live('bytes')
    expect(bytes.traceHash()).toBe(decoded.traceHash())
    expect(bytes.counts.packets).toBe(decoded.counts.packets)
    expect(decoded.counts.packetBytes).toBe(0)
    expect(bytes.counts.packetBytes).toBeGreaterThan(10 * bytes.counts.packets)
    expect(bytes.counts.streamBytes).toBeGreaterThan(100 * bytes.counts.exchanges)
  })

  test('may begin with all acquainted', () => {
    const sim = simulate({ seed: 1, nodes: 30, begin: 'acquainted' })
    expect(sim.isConverged).toBe(true)
    sim.advance(seconds(30))
    expect(sim.isConverged).toBe(true)
    expect(sim.counts.events.suspect, sim.label).toBe(0)
  })

  test('may begin with nobody started', () => {
    const sim = simulate({ seed: 1, nodes: ['a', 'b'], begin: 'manual' }).advance(seconds(5))
    expect(sim.counts.starts).toBe(0)
    sim.start('a').start('b').join('b', 'a').advance(seconds(2))
    expect(sim.view('a').alive()).toEqual(['a', 'b'])
  })

  test('delivers nothing through a cut, and everything the other way', () => {
    const sim = simulate({ seed: 1, nodes: ['a', 'b'] })
      .advance(seconds(5))
      .cut(['a'], ['b'])
    sim.setMeta('a', Uint8Array.of(1)).setMeta('b', Uint8Array.of(2)).advance(seconds(2))
    expect(sim.view('b').member('a')?.meta).not.toEqual(Uint8Array.of(1))
    expect(sim.view('a').member('b')?.meta).toEqual(Uint8Array.of(2))
  })

  test('starts a restarted process with nothing of its past', () => {
    const sim = simulate({ seed: 1, nodes: 3 }).advance(seconds(5)).kill('n1').start('n1')
    expect(sim.view('n1').alive()).toEqual(['n1'])
    expect(sim.view('n1').incarnation).toBe(1)
  })
})
