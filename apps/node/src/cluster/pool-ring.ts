import { createRing, type Ring, type RingNode } from '@ringway/ring'
import type { PoolConfig } from '../config/config.ts'
import { PLACEMENT } from './definitions.ts'
import type { ClusterMember } from './member-tags.ts'

/** The ring of one pool, kept up to date in place of being rebuilt: a change of members costs what changed. */
export class PoolRing {
  readonly pool: PoolConfig
  #ring: Ring

  constructor(pool: PoolConfig) {
    this.pool = pool
    this.#ring = createRing(
      pool.protocol === 'store'
        ? []
        : pool.backends.map(({ id, weight, zone }) => ringNode(id, weight, zone)),
      {
        placement: PLACEMENT.name,
        pointsPerWeight: PLACEMENT.pointsPerWeight,
        hashTags: PLACEMENT.hashTags,
        // The store moves slots, so its keys sit on the ring by slot; a cache spreads single keys.
        keyHash: pool.protocol === 'store' ? 'crc16-slot' : 'xxh32',
      },
    )
  }

  get ring(): Ring {
    return this.#ring
  }

  /** Follows the members of a store pool. Draining members own nothing any more. True if the ring changed. */
  follow(members: readonly ClusterMember[]): boolean {
    if (this.pool.protocol !== 'store') return false
    const owners = members.filter(({ state }) => state !== 'draining')
    const wanted = new Map(
      owners.map(({ name, weight, zone }) => [name, ringNode(name, weight, zone)]),
    )
    let ring = this.#ring
    for (const { id } of ring.nodes) if (!wanted.has(id)) ring = ring.without(id)
    for (const node of wanted.values()) ring = ring.with(node)
    const changed = ring !== this.#ring
    this.#ring = ring
    return changed
  }
}

function ringNode(id: string, weight: number, zone: string | undefined): RingNode {
  return zone === undefined ? { id, weight } : { id, weight, zone }
}
