import type { Backend } from '../backend.ts'
import type { CopyPolicy } from './policy.ts'

/** Which of the owners that have a key answers a read. */
export class ReadChoice {
  readonly #zone: string | undefined
  #turn = 0

  /** @param zone where this router is */
  constructor(zone: string | undefined) {
    this.#zone = zone
  }

  /** O(owners). */
  choose(owners: readonly Backend[], policy: CopyPolicy['read']): Backend | undefined {
    switch (policy) {
      case 'primary':
        return owners[0]
      case 'any':
        this.#turn = (this.#turn + 1) % Math.max(1, owners.length)
        return owners[this.#turn]
      case 'nearest':
        return this.#nearest(owners)
      default:
        return policy satisfies never
    }
  }

  /** An owner in our zone, else the one that answers fastest as measured; the first when nothing is known. */
  #nearest(owners: readonly Backend[]): Backend | undefined {
    let best = owners[0]
    for (const owner of owners) if (best !== undefined && this.#isNearer(owner, best)) best = owner
    return best
  }

  #isNearer(a: Backend, b: Backend): boolean {
    const near = a.zone === this.#zone
    if (this.#zone !== undefined && near !== (b.zone === this.#zone)) return near
    return a.latencyMs < b.latencyMs
  }
}
