/**
 * A place of a key on a listener with several pools, in one number: which pool, and where there.
 *
 *   number of the pool × 2^44 + place in the pool
 *
 * Places in a pool are below 2^44 as long as it has fewer than 4096 backends (pool/key-ring.ts).
 */
const PLACES = 2 ** 44
/** Numbers of owners in a pool are below this one; -1 is for none. */
const OWNERS = 2 ** 32

/** Pools behind one listener: more would not fit into the number of a place. */
export const ROUTED_POOLS_MAX = 256

export function routedPlace(pool: number, place: number): number {
  return pool * PLACES + (place % PLACES)
}

export function poolOfPlace(routed: number): number {
  return Math.floor(routed / PLACES)
}

/** The place in its pool; of a place that belongs to no listener with several pools, itself. */
export function placeInPool(routed: number): number {
  return routed % PLACES
}

/** The owner of a place, as a number that no other owner of any pool has. */
export function routedOwner(pool: number, owner: number): number {
  return pool * OWNERS + owner
}
