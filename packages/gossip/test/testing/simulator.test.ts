import { describe, expect, test } from 'vitest'
import { pcg32 } from '../../src/core/random.ts'
import { EventHeap } from '../../src/testing/event-heap.ts'
import { SimulationError, seconds, simulate } from '../../src/testing/index.ts'

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
    expect(error.details).toEqual({ seed: 0xbeef, atMs: 6_000 })
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

describe('a simulation', () => {
  test('moves messages through a wire that the test gives it', () => {
    let packets = 0
    let exchanges = 0
    const plain = simulate({ seed: 9, nodes: 5 }).advance(seconds(20))
    const wired = simulate({
      seed: 9,
      nodes: 5,
      carry: (messages) => {
        packets++
        return structuredClone(messages)
      },
      carryState: (exchange) => {
        exchanges++
        return structuredClone(exchange)
      },
    }).advance(seconds(20))
    // Both yield the same trace for the same seed.
    expect(wired.traceHash()).toBe(plain.traceHash())
    expect(packets).toBe(wired.counts.packets)
    expect(exchanges).toBeGreaterThanOrEqual(2 * 4)
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
