import { type BalancedBackend, type Balancer, canTake, compareLoads } from './balanced-backend.ts'

/**
 * Smooth weighted round robin, in nginx's order (ngx_http_upstream_round_robin.c): every choice raises each backend's
 * credit by its weight, takes the one with the most credit (of equal ones the first), and lowers that one's by the sum.
 *
 *   weights 5, 1, 1 → a a b a c a a, and never a a a a a b c
 */
export class RoundRobin implements Balancer {
  /** Kept with the backend, so that a list that changes does not start the order anew. */
  readonly #credits = new WeakMap<BalancedBackend, number>()

  pick(backends: readonly BalancedBackend[], tried: readonly BalancedBackend[]): number {
    return this.pickLike(undefined, backends, tried)
  }

  /** As `pick`, only of those that carry as much as `like`: for balancers whose best ones tie. */
  pickLike(
    like: BalancedBackend | undefined,
    backends: readonly BalancedBackend[],
    tried: readonly BalancedBackend[],
  ): number {
    let best = -1
    let bestCredit = Number.NEGATIVE_INFINITY
    let sum = 0
    for (let index = 0; index < backends.length; index++) {
      const backend = backends[index] as BalancedBackend
      if (!canTake(backend, tried)) continue
      if (like !== undefined && compareLoads(backend, like) !== 0) continue
      const credit = (this.#credits.get(backend) ?? 0) + backend.weight
      this.#credits.set(backend, credit)
      sum += backend.weight
      if (credit <= bestCredit) continue
      best = index
      bestCredit = credit
    }
    if (best !== -1) this.#credits.set(backends[best] as BalancedBackend, bestCredit - sum)
    return best
  }
}
