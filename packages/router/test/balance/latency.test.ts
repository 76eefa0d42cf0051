import { describe, expect, it } from 'vitest'
import { Latency } from '../../src/balance/latency.ts'

describe('the latency of a backend', () => {
  it('is 0 until it has answered, and above 0 after that', () => {
    const latency = new Latency()
    expect(latency.valueMs).toBe(0)
    latency.add(0, 0)
    expect(latency.valueMs).toBeGreaterThan(0)
  })

  it('rises with the first slow answer', () => {
    const latency = new Latency(1_000)
    latency.add(2, 0)
    latency.add(500, 1)
    expect(latency.valueMs).toBe(500)
  })

  it('falls with faster answers, by time and not by their number', () => {
    const latency = new Latency(1_000)
    latency.add(100, 0)
    for (let i = 0; i < 1_000; i++) latency.add(1, 0)
    expect(latency.valueMs).toBe(100)
    latency.add(1, 1_000)
    expect(latency.valueMs).toBeCloseTo(1 + 99 / Math.E, 6)
    latency.add(1, 21_000)
    expect(latency.valueMs).toBeCloseTo(1, 3)
  })

  it('is not confused by a clock that stands still or goes back, and forgets on reset', () => {
    const latency = new Latency(1_000)
    latency.add(10, 5_000)
    latency.add(5, 4_000)
    expect(latency.valueMs).toBe(10)
    latency.reset()
    expect(latency.valueMs).toBe(0)
  })
})
