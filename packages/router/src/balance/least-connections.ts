import { type BalancedBackend, type Balancer, canTake, compareLoads } from './balanced-backend.ts'
import { RoundRobin } from './round-robin.ts'

/**
 * The backend with the fewest requests in flight for its weight; equal ones take turns by smooth weighted round robin, as in
 * nginx's `least_conn`, so that an idle pool is not served by its first backend alone.
 */
export class LeastConnections implements Balancer {
  readonly #turns = new RoundRobin()

  pick(backends: readonly BalancedBackend[], tried: readonly BalancedBackend[]): number {
    let best: BalancedBackend | undefined
    let bestIndex = -1
    let ties = 0
    for (let index = 0; index < backends.length; index++) {
      const backend = backends[index] as BalancedBackend
      if (!canTake(backend, tried)) continue
      const order = best === undefined ? -1 : compareLoads(backend, best)
      if (order > 0) continue
      ties = order === 0 ? ties + 1 : 0
      if (order === 0) continue
      best = backend
      bestIndex = index
    }
    return ties === 0 ? bestIndex : this.#turns.pickLike(best, backends, tried)
  }
}
