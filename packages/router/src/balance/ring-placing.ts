import type { AnyRing } from '@ringway/ring'
import type { BalancedBackend } from './balanced-backend.ts'
import { canTake } from './balanced-backend.ts'

/** How far from its first owner a key may be placed. */
export interface PlacingOptions {
  /**
   * Times the fair share of what is in flight that a backend may carry before keys go to the next owner (bounded load).
   * 0 means that load moves no key: plain hash, without `allowSpill`.
   */
  readonly loadFactor: number
  /** Owners in this zone come first. Only for sessions that are bound afterwards: routers of other zones decide otherwise. */
  readonly zone?: string | undefined
}

export const LOAD_FACTOR = 1.25

/** Plain hash: the first owner that can take it, whatever it carries. */
export const PLAIN_PLACING: PlacingOptions = { loadFactor: 0 }

/** Owners asked for at first; most keys need no more. */
const OWNERS_FIRST = 2

/**
 * Finds the backend of a key: its first owner that can take it, in order of the ring. When a session is placed that is bound
 * afterwards, owners in our zone and with room come first.
 *
 *   zone and room → room → any that can take it, the one least full for its weight
 */
export class RingPlacing {
  #ring: AnyRing
  #backends: readonly BalancedBackend[] = []
  #indexes = new Map<string, number>()

  /** @param backends in the order of `ring.nodes` */
  constructor(ring: AnyRing, backends: readonly BalancedBackend[]) {
    this.#ring = ring
    this.follow(ring, backends)
  }

  /** Goes on with another ring. O(nodes). */
  follow(ring: AnyRing, backends: readonly BalancedBackend[]): void {
    this.#ring = ring
    this.#backends = backends
    this.#indexes = new Map(ring.nodes.map(({ id }, index) => [id, index]))
  }

  /** An index into the ring's nodes, or -1 when none can take it. O(owners asked), and O(backends) with a load factor. */
  place(
    key: string | Uint8Array,
    tried: readonly BalancedBackend[],
    options: PlacingOptions,
  ): number {
    const first = this.#ring.ownerIndex(key)
    if (first === -1) return -1
    if (options.loadFactor === 0 && this.#fits(first, tried, BOUNDLESS, options.zone)) return first
    const room =
      options.loadFactor === 0 ? BOUNDLESS : new Room(this.#backends, tried, options.loadFactor)
    if (this.#fits(first, tried, room, options.zone)) return first
    return this.#walk(key, tried, room, options.zone)
  }

  #walk(
    key: string | Uint8Array,
    tried: readonly BalancedBackend[],
    room: Bound,
    zone: string | undefined,
  ): number {
    const count = this.#ring.nodes.length
    // Without a zone the second owner is most often well; a zone may have its first owner anywhere.
    let asked = zone === undefined ? Math.min(OWNERS_FIRST, count) : count
    for (;;) {
      const owners = this.#ring.owners(key, asked)
      const found =
        this.#firstOf(owners, tried, room, zone) ?? this.#firstOf(owners, tried, room, undefined)
      if (found !== undefined) return found
      if (asked === count) return this.#leastFull(owners, tried)
      asked = Math.min(2 * asked, count)
    }
  }

  #firstOf(
    owners: readonly string[],
    tried: readonly BalancedBackend[],
    room: Bound,
    zone: string | undefined,
  ): number | undefined {
    for (const id of owners) {
      const index = this.#indexes.get(id) ?? -1
      if (index !== -1 && this.#fits(index, tried, room, zone)) return index
    }
    return undefined
  }

  #fits(
    index: number,
    tried: readonly BalancedBackend[],
    room: Bound,
    zone: string | undefined,
  ): boolean {
    const backend = this.#backends[index]
    if (backend === undefined || !canTake(backend, tried)) return false
    return (zone === undefined || backend.zone === zone) && room.has(backend)
  }

  #leastFull(owners: readonly string[], tried: readonly BalancedBackend[]): number {
    let least = -1
    let leastShare = Number.POSITIVE_INFINITY
    for (const id of owners) {
      const index = this.#indexes.get(id) ?? -1
      const backend = this.#backends[index]
      if (backend === undefined || !canTake(backend, tried)) continue
      const share = backend.inFlight / backend.weight
      if (share >= leastShare) continue
      least = index
      leastShare = share
    }
    return least
  }
}

/** Whether a backend has room for one more. */
interface Bound {
  has(backend: BalancedBackend): boolean
}

/** Load moves no key. */
const BOUNDLESS: Bound = { has: () => true }

/**
 * How much each backend may carry while one more is placed: `ceil(factor × weight share × (total + 1))`, at least 1
 * (https://arxiv.org/abs/1608.01350). Backends that take nothing have no share.
 */
export class Room implements Bound {
  readonly #perWeight: number

  constructor(
    backends: readonly BalancedBackend[],
    tried: readonly BalancedBackend[],
    factor: number,
  ) {
    let total = 0
    let weight = 0
    for (const backend of backends) {
      if (!canTake(backend, tried)) continue
      total += backend.inFlight
      weight += backend.weight
    }
    this.#perWeight = (factor * (total + 1)) / weight
  }

  has(backend: BalancedBackend): boolean {
    return backend.inFlight < Math.max(1, Math.ceil(this.#perWeight * backend.weight))
  }
}
