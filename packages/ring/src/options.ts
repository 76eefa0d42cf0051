import { RING_LIMITS } from './limits.ts'
import { refuse } from './placement/check.ts'
import type { PlacementOptions } from './placement/placements.ts'

/**
 * How a key becomes a position on the ring:
 * - `xxh32`: xxHash 32 with seed 0;
 * - `xxh64`: the upper 32 bits of xxHash 64 with seed 0;
 * - `crc16-slot`: the key's Redis Cluster slot times 2^18, so that all keys of a slot have the same owners.
 */
export type KeyHash = 'xxh32' | 'xxh64' | 'crc16-slot'

const KEY_HASHES: readonly string[] = ['xxh32', 'xxh64', 'crc16-slot'] satisfies readonly KeyHash[]

/** The options of our own placement. Absent means default. */
export interface RingwayOptions {
  /** How nodes become points; `RING_PLACEMENTS` lists the others. */
  readonly placement?: 'ringway'
  /** How keys become positions: `xxh32` by default. */
  readonly keyHash?: KeyHash
  /** Points of a node of weight 1: an integer from 1 to 16,777,216, 4096 by default. More points: better balance, more memory. */
  readonly pointsPerWeight?: number
  /** Hash only what stands between `{` and `}`, as Redis Cluster does: true by default. */
  readonly hashTags?: boolean
}

/** What all who route by a ring must agree on, besides the nodes; `placement` tells them apart. */
export type RingOptions = RingwayOptions | PlacementOptions

const DEFAULTS: Required<RingwayOptions> = {
  placement: 'ringway',
  keyHash: 'xxh32',
  pointsPerWeight: 4096,
  hashTags: true,
}

/** Checks options and fills in the defaults. Values come from configuration files, so types alone are no proof. */
export function resolveOptions(options: RingwayOptions): Required<RingwayOptions> {
  const resolved = {
    placement: DEFAULTS.placement,
    keyHash: options.keyHash ?? DEFAULTS.keyHash,
    pointsPerWeight: options.pointsPerWeight ?? DEFAULTS.pointsPerWeight,
    hashTags: options.hashTags ?? DEFAULTS.hashTags,
  }
  const { keyHash, pointsPerWeight, hashTags } = resolved
  if (!KEY_HASHES.includes(keyHash)) refuse('keyHash', keyHash, KEY_HASHES)
  if (typeof hashTags !== 'boolean') refuse('hashTags', hashTags, [true, false])
  if (
    !Number.isInteger(pointsPerWeight) ||
    pointsPerWeight < 1 ||
    pointsPerWeight > RING_LIMITS.pointsMax
  ) {
    refuse('pointsPerWeight', pointsPerWeight, `an integer from 1 to ${RING_LIMITS.pointsMax}`)
  }
  return Object.freeze(resolved)
}
