/** What a balancer reads of a backend; a pool's own backend objects have these fields. */
export interface BalancedBackend {
  /** Share relative to the others, above 0; while it starts slowly, times its factor. */
  readonly weight: number
  readonly zone?: string | undefined
  /** True while new work may go there. */
  readonly usable: boolean
  /** Requests given to it and not finished. */
  readonly inFlight: number
  /** A decaying average of what it takes to answer; 0 until it has answered. */
  readonly latencyMs: number
}

/** Chooses a backend for work that no key binds to one. */
export interface Balancer {
  /**
   * An index into `backends`, or -1 when none can take it. O(backends), no allocation.
   * @param tried those that failed for this request already; passed over
   */
  pick(backends: readonly BalancedBackend[], tried: readonly BalancedBackend[]): number
}

/** The usual `tried`: nobody failed yet. */
export const NONE_TRIED: readonly BalancedBackend[] = []

/** Whether a backend can be chosen for a request. */
export function canTake(backend: BalancedBackend, tried: readonly BalancedBackend[]): boolean {
  return backend.usable && (tried.length === 0 || !tried.includes(backend))
}

/** Below 0 when the first carries less for its weight. Products instead of quotients, so that equal loads are equal. */
export function compareLoads(one: BalancedBackend, other: BalancedBackend): number {
  return one.inFlight * other.weight - other.inFlight * one.weight
}
