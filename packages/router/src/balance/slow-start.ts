/**
 * A backend that returns gets its weight back in steps, not at once: its caches are cold. Scaling a ring weight up only
 * adds points of that backend, so keys move to it and between no others; fewer steps mean fewer rings.
 */
export const SLOW_START_STEPS = 10

/**
 * The share of its weight that a backend has, from `1 / SLOW_START_STEPS` to 1, in steps.
 * @param elapsedMs since it returned
 * @param slowStartMs 0 means no slow start
 */
export function slowStartFactor(elapsedMs: number, slowStartMs: number): number {
  if (elapsedMs >= slowStartMs) return 1
  const step = Math.floor((Math.max(0, elapsedMs) / slowStartMs) * SLOW_START_STEPS) + 1
  return Math.min(step, SLOW_START_STEPS) / SLOW_START_STEPS
}

/** 2^32 divided by the golden ratio: spreads neighbours far apart. */
const SPREAD = 0x9e3779b1

/**
 * True when a backend with this share serves the key at a place of its ring. Keys only come as the share grows, and none goes:
 * as with points that are added to the ring, while the ring and the order of all other owners stay.
 */
export function isInShare(place: number, share: number): boolean {
  return share >= 1 || (Math.imul(place, SPREAD) >>> 0) / 2 ** 32 < share
}

const ALL_WHOLE: ReadonlyMap<string, number> = new Map()

/** Which backends of a pool start slowly, and what share of their weight each has meanwhile. */
export class SlowStarts {
  /** 0 means no slow start. */
  durationMs = 0
  readonly #since = new Map<string, number>()

  /** True while somebody starts slowly. */
  get active(): boolean {
    return this.#since.size > 0
  }

  /** A backend is new, or returned. */
  begin(id: string, now: number): void {
    if (this.durationMs > 0) this.#since.set(id, now)
  }

  /** Forgets backends that are not in the pool any more. */
  follow(ids: ReadonlySet<string>): void {
    for (const id of this.#since.keys()) if (!ids.has(id)) this.#since.delete(id)
  }

  /**
   * Shares below 1, by id; those whose time is over are forgotten. Shares are relative to the largest: backends that start
   * together, after an outage of all of them, have nobody to hold back for.
   * @param usable ids that can take work now
   */
  shares(usable: readonly string[], now: number): ReadonlyMap<string, number> {
    for (const [id, since] of this.#since)
      if (now - since >= this.durationMs) this.#since.delete(id)
    if (this.#since.size === 0) return ALL_WHOLE
    const factorOf = (id: string) => {
      const since = this.#since.get(id)
      return since === undefined ? 1 : slowStartFactor(now - since, this.durationMs)
    }
    const largest = usable.reduce((most, id) => Math.max(most, factorOf(id)), 0)
    if (largest === 0) return ALL_WHOLE
    const shares = new Map<string, number>()
    for (const id of this.#since.keys()) {
      const share = Math.min(1, factorOf(id) / largest)
      if (share < 1) shares.set(id, share)
    }
    return shares
  }
}
