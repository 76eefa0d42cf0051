import { type BalancedBackend, type Balancer, canTake } from './balanced-backend.ts'

/**
 * The better of two that were drawn by weight: the one whose requests in flight would take less time. Two are enough
 * (https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf), and a view that is a little old does no harm,
 * where the best of all would draw every router to the same backend at once.
 */
export class PowerOfTwo implements Balancer {
  readonly #random: () => number

  /** @param random in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
  }

  pick(backends: readonly BalancedBackend[], tried: readonly BalancedBackend[]): number {
    const first = this.#draw(backends, tried, -1)
    if (first === -1) return -1
    const second = this.#draw(backends, tried, first)
    if (second === -1) return first
    const one = backends[first] as BalancedBackend
    const other = backends[second] as BalancedBackend
    return compareCosts(one, other) <= 0 ? first : second
  }

  /** One of those that can take it, by weight, without the one at `except`; -1 for none. */
  #draw(
    backends: readonly BalancedBackend[],
    tried: readonly BalancedBackend[],
    except: number,
  ): number {
    let sum = 0
    for (let index = 0; index < backends.length; index++) {
      const backend = backends[index] as BalancedBackend
      if (index !== except && canTake(backend, tried)) sum += backend.weight
    }
    let left = this.#random() * sum
    let last = -1
    for (let index = 0; index < backends.length; index++) {
      const backend = backends[index] as BalancedBackend
      if (index === except || !canTake(backend, tried)) continue
      last = index
      left -= backend.weight
      if (left < 0) return index
    }
    return last
  }
}

/**
 * Below 0 when the first would be done sooner. Where one of them has not answered yet, what is in flight decides alone: a new
 * backend gets its share, and no more than that before its first answer.
 */
function compareCosts(one: BalancedBackend, other: BalancedBackend): number {
  const measured = one.latencyMs > 0 && other.latencyMs > 0
  return cost(one, measured) - cost(other, measured)
}

function cost(backend: BalancedBackend, measured: boolean): number {
  return ((backend.inFlight + 1) * (measured ? backend.latencyMs : 1)) / backend.weight
}
