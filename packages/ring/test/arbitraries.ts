import * as fc from 'fast-check'
import type { KeyHash, RingNode } from '../src/index.ts'

/** Shown by fast-check when a property fails; fixed so that a failure in CI is a failure here. */
export const SEED = 0x5eed

/** Checks a synchronous property with the fixed seed. */
export function hold<T>(property: fc.IProperty<T>, numRuns: number): void {
  void fc.assert(property, { seed: SEED, numRuns })
}

/** Few points per node keep the properties fast; one property of each kind runs with the default too. */
export const POINTS = 64

export const keyHash = fc.constantFrom<KeyHash>('xxh32', 'xxh64', 'crc16-slot')

const weight = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(0.001, 0.25, 0.5, 1, 2, 3),
  fc.double({ min: 0.01, max: 4, noNaN: true }),
)

const zone = fc.constantFrom(undefined, '', 'a', 'b', 'c')

const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
  fc.constantFrom('10.0.0.1:6379', '10.0.0.2:6379', 'é', '\u{10000}', '\uffff', 'n', 'n1', 'n11'),
)

export const node: fc.Arbitrary<RingNode> = fc.record({ id, weight, zone }).map((drawn) => ({
  id: drawn.id,
  ...(drawn.weight !== undefined && { weight: drawn.weight }),
  ...(drawn.zone !== undefined && { zone: drawn.zone }),
}))

export const nodes = (limits: { minLength?: number; maxLength?: number } = {}) =>
  fc.uniqueArray(node, { maxLength: 12, ...limits, selector: (drawn) => drawn.id })

export const position = fc.integer({ min: 0, max: 2 ** 32 - 1 })

/** Text of any kind, lone surrogates included. */
export const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ maxLength: 60, unit: 'grapheme' }),
  fc.string({ maxLength: 60, unit: 'binary' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
)

/** Keys with braces in every arrangement. */
export const key = fc.oneof(
  text,
  fc
    .array(fc.constantFrom('{', '}', 'a', 'user:', 'é', '\ud800', '12345678'), { maxLength: 12 })
    .map((parts) => parts.join('')),
)

/** Reproducible positions and keys for statistics: a linear congruential sequence. */
export function sequence(count: number, seed = SEED): readonly number[] {
  let state = seed >>> 0
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  })
}
