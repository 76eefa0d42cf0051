import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BALANCES, createBalancer } from '../../src/balance/balance.ts'
import { type Balancer, NONE_TRIED } from '../../src/balance/balanced-backend.ts'
import { LeastConnections } from '../../src/balance/least-connections.ts'
import { PowerOfTwo } from '../../src/balance/power-of-two.ts'
import { RoundRobin } from '../../src/balance/round-robin.ts'
import { backend, type TestBackend } from '../testing/balanced.ts'

const picks = (balancer: Balancer, backends: readonly TestBackend[], count: number) =>
  Array.from(
    { length: count },
    () => backends[balancer.pick(backends, NONE_TRIED)]?.id ?? '-',
  ).join('')

/** A random function that goes through these values. */
const cycle = (...values: readonly number[]) => {
  let at = 0
  return () => values[at++ % values.length] ?? 0
}

describe('every balancer', () => {
  it('chooses among those that can take it and were not tried, or says that there is none', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...BALANCES),
        fc.array(
          fc.record({
            weight: fc.constantFrom(0.1, 1, 2, 64),
            usable: fc.boolean(),
            tried: fc.boolean(),
            inFlight: fc.nat(100),
            latencyMs: fc.constantFrom(0, 1, 250),
          }),
          { maxLength: 8 },
        ),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (balance, facts, random) => {
          const backends = facts.map((fact, index) => backend(`${index}`, fact))
          const tried = backends.filter((_, index) => facts[index]?.tried)
          const picked = createBalancer(balance, () => random).pick(backends, tried)
          const possible = facts.flatMap(({ usable, tried: was }, i) => (usable && !was ? [i] : []))
          expect(possible.length === 0 ? [-1] : possible).toContain(picked)
        },
      ),
    )
  })
})

describe('round robin', () => {
  it('is smooth: nginx’s example of weights 5, 1, 1', () => {
    const backends = [
      backend('a', { weight: 5 }),
      backend('b', { weight: 1 }),
      backend('c', { weight: 1 }),
    ]
    expect(picks(new RoundRobin(), backends, 14)).toBe('aabacaaaabacaa')
  })

  it('gives each exactly its weight in one round of whole weights', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }),
        (weights) => {
          const backends = weights.map((weight, index) => backend(String(index), { weight }))
          const sum = weights.reduce((total, weight) => total + weight, 0)
          const seen = picks(new RoundRobin(), backends, sum)
          expect(backends.map(({ id }) => seen.split(id).length - 1)).toEqual(weights)
        },
      ),
    )
  })

  it('goes on where it was when a backend joins', () => {
    const robin = new RoundRobin()
    const [a, b, c] = [backend('a'), backend('b'), backend('c')]
    expect(picks(robin, [a, b], 3)).toBe('aba')
    expect(picks(robin, [a, b, c], 3)).toBe('bca')
  })
})

describe('least connections', () => {
  it('takes the one with the fewest in flight for its weight', () => {
    const backends = [
      backend('a', { inFlight: 3 }),
      backend('b', { inFlight: 5, weight: 2 }),
      backend('c', { inFlight: 4 }),
    ]
    expect(picks(new LeastConnections(), backends, 3)).toBe('bbb')
  })

  it('lets equal ones take turns', () => {
    const backends = [backend('a'), backend('b'), backend('c', { inFlight: 1 })]
    expect(picks(new LeastConnections(), backends, 4)).toBe('abab')
  })
})

describe('the power of two', () => {
  it('takes the one that would be done sooner', () => {
    const backends = [
      backend('a', { inFlight: 1, latencyMs: 10 }),
      backend('b', { inFlight: 0, latencyMs: 50 }),
    ]
    expect(picks(new PowerOfTwo(cycle(0.1, 0.1)), backends, 1)).toBe('a')
    expect(picks(new PowerOfTwo(cycle(0.9, 0.1)), backends, 1)).toBe('a')
  })

  it('lets what is in flight decide while one of the two has not answered yet', () => {
    const backends = [
      backend('a', { inFlight: 1, latencyMs: 1 }),
      backend('b', { inFlight: 0, latencyMs: 0 }),
    ]
    expect(picks(new PowerOfTwo(cycle(0.1)), backends, 1)).toBe('b')
  })

  it('sends about its share to each of equally good ones of different weight', () => {
    let state = 7
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const backends = [backend('a', { weight: 3 }), backend('b'), backend('c')]
    const balancer = new PowerOfTwo(random)
    for (let i = 0; i < 3_000; i++) {
      const picked = backends[balancer.pick(backends, NONE_TRIED)]
      if (picked) picked.inFlight++
    }
    const shares = backends.map(({ inFlight }) => inFlight / 3_000)
    expect(shares[0]).toBeCloseTo(0.6, 1)
    expect(shares[1]).toBeCloseTo(0.2, 1)
  })
})
