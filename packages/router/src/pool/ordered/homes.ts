import { type AnyRing, createRing } from '@ringway/ring'
import type { OrderedByTopology } from '../../topology.ts'

/** Places of whole-key placements carry their owner above these bits, which is no part of where a key is at home. */
const PLACE = 2 ** 32
const PLACE_BYTES = 8

/**
 * Which router orders the writes of a key: the key's owner on the ring of the routers that can be reached.
 *
 *   ring changes ─► a key that comes to us waits until its old home has settled ─► it is ours
 *
 * A router has settled when it goes by the new ring and nothing that it ordered before is under way. For a router that is gone
 * nobody waits, and for one that does not settle not longer than `waitMs`.
 */
export class Homes {
  #self = ''
  #topology: OrderedByTopology | undefined
  #ring: AnyRing = createRing([])
  #before: AnyRing = createRing([])
  /** Routers whose links are down: nobody is told, and nobody waited for. */
  readonly #down = new Set<string>()
  /** Routers that close: they are homes no more, but what they ordered may be under way. */
  readonly #leaving = new Set<string>()
  #left = false
  /** The ring that each router went by when it settled last. */
  readonly #settled = new Map<string, string>()
  readonly #waiting = new Set<string>()
  #waitUntil = 0
  readonly #waitMs: number
  readonly #scratch = Buffer.alloc(PLACE_BYTES)

  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  /** Names the ring to the other routers. */
  get digest(): string {
    return this.#ring.digest
  }

  /** Other routers of this ring and of the one before, but for those that cannot be reached. */
  get others(): readonly string[] {
    const names = new Set([...this.#before.nodes, ...this.#ring.nodes].map(({ id }) => id))
    names.delete(this.#self)
    return [...names].filter((name) => !this.#down.has(name))
  }

  /** Old homes that have not settled. */
  get unsettled(): readonly string[] {
    return [...this.#waiting]
  }

  /** The place of a key as far as its home goes. */
  static placeOf(position: number): number {
    return position % PLACE
  }

  /** Takes the routers of a newer topology; true when the ring is another one. */
  follow(topology: OrderedByTopology | undefined, now: number): boolean {
    this.#topology = topology
    this.#self = topology?.self ?? ''
    const routers = topology?.routers ?? []
    for (const name of routers) this.#down.delete(name)
    for (const name of this.#leaving) if (!routers.includes(name)) this.#leaving.delete(name)
    return this.#rebuild(now)
  }

  /** The link to a router is down; true when the ring is another one. */
  down(name: string, now: number): boolean {
    this.#down.add(name)
    this.#settled.delete(name)
    this.#waiting.delete(name)
    return this.#rebuild(now)
  }

  /** Another router closes; true when the ring is another one. */
  leaving(name: string, now: number): boolean {
    this.#leaving.add(name)
    return this.#rebuild(now)
  }

  /** This router closes: from now on others are the homes of its keys. */
  leave(now: number): boolean {
    this.#left = true
    return this.#rebuild(now)
  }

  settled(name: string, ring: string): void {
    this.#settled.set(name, ring)
    if (ring === this.digest) this.#waiting.delete(name)
  }

  /** The router that orders writes at a place; `undefined` when that is this one. O(log routers). */
  homeOf(place: number): string | undefined {
    const home = this.#owner(this.#ring, place)
    return home === this.#self ? undefined : home
  }

  /** Whether this router, being the home, may order writes at a place already. */
  isReady(place: number, now: number): boolean {
    if (this.#waiting.size === 0 || now >= this.#waitUntil) return true
    return !this.#wasAlone && this.#owner(this.#before, place) === this.#self
  }

  /** True once, when the time is over in which old homes should have settled. */
  isOverdue(now: number): boolean {
    if (this.#waiting.size === 0 || now < this.#waitUntil) return false
    this.#waiting.clear()
    return true
  }

  #isHome(name: string): boolean {
    if (name === this.#self) return !this.#left
    return !this.#down.has(name) && !this.#leaving.has(name)
  }

  /** Alone there was nobody to ask, and others may have been alone likewise: then all keys have a new home. */
  get #wasAlone(): boolean {
    return this.#before.nodes.length < 2
  }

  #owner(ring: AnyRing, place: number): string {
    this.#scratch.writeDoubleBE(place)
    return ring.nodes[ring.ownerIndex(this.#scratch)]?.id ?? this.#self
  }

  #rebuild(now: number): boolean {
    const names = this.#topology?.routers.filter((name) => this.#isHome(name)) ?? []
    const ring = createRing(
      names.map((id) => ({ id, weight: 1 })),
      { placement: 'ringway', hashTags: false },
    )
    if (ring.digest === this.#ring.digest) return false
    this.#before = this.#ring
    this.#ring = ring
    this.#waiting.clear()
    const others = this.others
    // Who comes anew has ordered nothing, but for those that each were alone.
    const olds = new Set((this.#wasAlone ? ring : this.#before).nodes.map(({ id }) => id))
    for (const name of others)
      if (olds.has(name) && this.#settled.get(name) !== ring.digest) this.#waiting.add(name)
    this.#waitUntil = now + this.#waitMs
    return true
  }
}
