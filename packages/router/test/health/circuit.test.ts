import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beginProbe, CLOSED, openCircuit, probeDelayMs } from '../../src/health/circuit.ts'

const LIMITS = { probeDelayMinMs: 50, probeDelayMaxMs: 2_000 }

describe('the circuit of a backend', () => {
  it('opens at the first loss, and further losses do not put the probe off', () => {
    const open = openCircuit(CLOSED, 1_000, 0.5, LIMITS)
    expect(open).toEqual({ type: 'open', failures: 1, probeAt: 1_050 })
    expect(openCircuit(open, 1_040, 0.9, LIMITS)).toBe(open)
  })

  it('waits longer after each probe that fails', () => {
    let circuit = openCircuit(CLOSED, 0, 0.999, LIMITS)
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      circuit = openCircuit(beginProbe(circuit), 0, 1, LIMITS)
      waits.push(circuit.type === 'open' ? circuit.probeAt : -1)
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000])
  })

  it('never waits less than the minimum or more than the maximum', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, r) => {
          const delay = probeDelayMs(n, r, LIMITS)
          expect(delay).toBeGreaterThanOrEqual(50)
          expect(delay).toBeLessThanOrEqual(2_000)
        },
      ),
    )
  })
})
