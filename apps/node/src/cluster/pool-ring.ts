import { type AnyRing, createRing, RING_PLACEMENTS, type RingOptions } from '@ringway/ring'
import type { PoolConfig } from '../config/config.ts'
import { ringNode } from '../config/resolve-placement.ts'
import type { FleetBackend } from '../fleet/pool-backends.ts'
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
  #backends: readonly FleetBackend[] = []

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

  /** Of a pool of servers: those on the ring, with their states. */
  get backends(): readonly FleetBackend[] {
    return this.#backends
  }

  /**
   * Follows the backends of a pool of servers. Draining ones and those that are out stay on the ring, so that a key whose owner
   * is passed over goes to the next one, and to the same one on all members.
   */
  followBackends(backends: readonly FleetBackend[]): void {
    const { options } = this.#ring
    const inOrder = RING_PLACEMENTS[options.placement ?? 'ringway'].order !== 'ids'
    let ring = this.#ring
    if (inOrder) ring = createRing(backends.map(ringNode), options)
    else {
      const wanted = new Map(backends.map((backend) => [backend.id, ringNode(backend)]))
      for (const { id } of ring.nodes) if (!wanted.has(id)) ring = ring.without(id)
      // Many at once are cheaper to build than to add one by one.
      if (ring.nodes.length === 0) ring = createRing([...wanted.values()], options)
      else for (const node of wanted.values()) ring = ring.with(node)
    }
    this.#ring = ring
    this.#backends = backends
  }

  /** Follows the members of a store pool. Draining members own nothing any more. True if the ring changed. */
  followMembers(members: readonly ClusterMember[]): boolean {
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
