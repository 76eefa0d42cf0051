import { type AnyRing, createRing, type RingOptions } from '@ringway/ring'
import type { PoolConfig } from '../config/config.ts'
import { ringNode } from '../config/resolve-placement.ts'
import { PLACEMENT } from './definitions.ts'
import type { ClusterMember } from './member-tags.ts'

/** The store moves slots, so its keys sit on the ring by slot; a cache spreads single keys. */
const STORE_PLACEMENT: RingOptions = {
  placement: PLACEMENT.name,
  pointsPerWeight: PLACEMENT.pointsPerWeight,
  hashTags: PLACEMENT.hashTags,
  keyHash: 'crc16-slot',
}

/** The ring of one pool, kept up to date in place of being rebuilt: a change of members costs what changed. */
export class PoolRing {
  readonly pool: PoolConfig
  #ring: AnyRing

  constructor(pool: PoolConfig) {
    this.pool = pool
    this.#ring =
      pool.protocol === 'store'
        ? createRing([], STORE_PLACEMENT)
        : createRing(pool.backends.map(ringNode), pool.placement)
  }

  get ring(): AnyRing {
    return this.#ring
  }

  /** Follows the members of a store pool. Draining members own nothing any more. True if the ring changed. */
  follow(members: readonly ClusterMember[]): boolean {
    if (this.pool.protocol !== 'store') return false
    const owners = members.filter(({ state }) => state !== 'draining')
    const wanted = new Map(
      owners.map(({ name, weight, zone }) => [
        name,
        zone === undefined ? { id: name, weight } : { id: name, weight, zone },
      ]),
    )
    let ring = this.#ring
    for (const { id } of ring.nodes) if (!wanted.has(id)) ring = ring.without(id)
    for (const node of wanted.values()) ring = ring.with(node)
    const changed = ring !== this.#ring
    this.#ring = ring
    return changed
  }
}
