// Checks that several placements share. Values come from configuration files, so types alone are no proof.

import { RingError } from '../errors.ts'
import { RING_LIMITS } from '../limits.ts'
import type { CheckedNode } from '../node.ts'

/** Refuses an option's value and says what is allowed. */
export function refuse(option: string, got: unknown, allowed: unknown): never {
  throw new RingError('RING_OPTION_INVALID', { option, got: String(got).slice(0, 80), allowed })
}

/** A value out of a list, or the default. */
export function oneOf<T extends string>(
  option: string,
  value: T | undefined,
  allowed: readonly T[],
  fallback: T,
): T {
  if (value === undefined) return fallback
  if (!allowed.includes(value)) refuse(option, value, allowed)
  return value
}

/** True, false, or the default. */
export function flag(option: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value !== 'boolean') refuse(option, value, [true, false])
  return value
}

/** An integer in a range, or the default. */
export function integer(
  option: string,
  value: number | undefined,
  min: number,
  max: number,
  fallback: number,
): number {
  if (value === undefined) return fallback
  if (!Number.isInteger(value) || value < min || value > max) {
    refuse(option, value, `an integer from ${min} to ${max}`)
  }
  return value
}

/** Refuses weights that the program of this placement would not read. */
export function checkIntegerWeights(nodes: readonly CheckedNode[], max: number): void {
  for (const { id, weight } of nodes) {
    if (Number.isInteger(weight) && weight <= max) continue
    throw new RingError('RING_NODE_WEIGHT_INVALID', {
      id,
      weight,
      allowed: `an integer up to ${max}`,
    })
  }
}

/** Refuses more points than a ring may have. */
export function checkPoints(points: number): void {
  if (points > RING_LIMITS.pointsMax) {
    throw new RingError('RING_POINTS_EXCEEDED', { got: points, pointsMax: RING_LIMITS.pointsMax })
  }
}

/** The keys of a table of hashes, typed. */
export function namesOf<T extends object>(table: T): readonly (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[]
}
