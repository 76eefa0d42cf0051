import { createRing } from '@ringway/ring'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInShare, SLOW_START_STEPS, slowStartFactor } from '../../src/balance/slow-start.ts'

describe('slow start', () => {
  it('goes from a tenth to all of the weight in ten steps', () => {
    const factors = Array.from({ length: 11 }, (_, i) => slowStartFactor(i * 100, 1_000))
    expect(factors).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1])
  })

  it('is off when it takes no time', () => {
    expect(slowStartFactor(0, 0)).toBe(1)
  })

  it('never falls, and stays within its bounds', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.nat(20_000), fc.nat(10_000), (a, b, duration) => {
        const [early, late] = a < b ? [a, b] : [b, a]
        const first = slowStartFactor(early, duration)
        expect(first).toBeGreaterThanOrEqual(1 / SLOW_START_STEPS)
        expect(slowStartFactor(late, duration)).toBeGreaterThanOrEqual(first)
        expect(slowStartFactor(late, duration)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('moves keys to the returning backend only', () => {
    const nodes = ['a', 'b', 'c'].map((id) => ({ id, weight: 1 }))
    let ring = createRing(nodes).with({ id: 'b', weight: slowStartFactor(0, 1_000) })
    for (let elapsed = 100; elapsed <= 1_000; elapsed += 100) {
      const next = ring.with({ id: 'b', weight: slowStartFactor(elapsed, 1_000) })
      expect(ring.diff(next).transfers.every(({ after }) => after === 'b')).toBe(true)
      ring = next
    }
    expect(ring.digest).toBe(createRing(nodes).digest)
  })
})

describe('keys of a backend that starts slowly', () => {
  it('come as its share grows, and none goes', () => {
    const places = Array.from({ length: 10_000 }, (_, i) => Math.imul(i, 0x01000193) >>> 0)
    let before = new Set<number>()
    for (let step = 1; step <= SLOW_START_STEPS; step++) {
      const share = step / SLOW_START_STEPS
      const served = new Set(places.filter((place) => isInShare(place, share)))
      expect(Math.abs(served.size / places.length - share)).toBeLessThan(0.03)
      expect([...before].every((place) => served.has(place))).toBe(true)
      before = served
    }
    expect(before.size).toBe(places.length)
  })
})
