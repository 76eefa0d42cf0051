import { median } from '../harness.ts'

/** A median and the interval that holds it with a probability of 95 %. */
export interface Estimate {
  readonly median: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 4_000

/** Percentile bootstrap: the medians of samples drawn from the sample. Seeded, so that one set of figures has one answer. */
export function estimate(values: readonly number[]): Estimate {
  return interval(median(values), (draw) => median(resample(values, draw)))
}

/** The ratio of two medians. */
export function estimateRatio(ours: readonly number[], theirs: readonly number[]): Estimate {
  return interval(
    median(ours) / median(theirs),
    (draw) => median(resample(ours, draw)) / median(resample(theirs, draw)),
  )
}

type Draw = (bound: number) => number

function interval(middle: number, once: (draw: Draw) => number): Estimate {
  const draw = pseudoRandom(0x5eed)
  const medians = Array.from({ length: RESAMPLES }, () => once(draw)).sort((a, b) => a - b)
  const at = (share: number) => medians[Math.floor(share * RESAMPLES)] ?? Number.NaN
  return { median: middle, low: at(0.025), high: at(0.975) }
}

function resample(values: readonly number[], draw: Draw): number[] {
  return values.map(() => values[draw(values.length)] ?? Number.NaN)
}

/** Mulberry32: enough for resampling. */
function pseudoRandom(seed: number): Draw {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}
