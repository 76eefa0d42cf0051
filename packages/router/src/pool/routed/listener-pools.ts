import { RouterError } from '../../errors.ts'
import { ROUTED_POOLS_MAX } from './routed-place.ts'
import { type PoolRoute, RoutedPool, type RoutedPoolTools } from './routed-pool.ts'

/** What a listener says about its pools. */
export interface ListenerPoolSettings {
  readonly pool: string
  readonly routes?: readonly PoolRoute[]
}

/** The pools of one listener: the one that it names, or several behind routes, which may change while clients are served. */
export class ListenerPools {
  readonly #tools: RoutedPoolTools
  #routed: RoutedPool | undefined
  #made = ''

  /** @throws RouterError ROUTE_INVALID */
  constructor(settings: ListenerPoolSettings, tools: RoutedPoolTools) {
    this.#tools = tools
    this.prepare(settings)()
  }

  /** What stands for all of them; absent where there is one. */
  get routed(): RoutedPool | undefined {
    return this.#routed
  }

  /**
   * Nothing is different before the answer is called. Subscribers of routes that are no more are closed.
   * @throws RouterError ROUTE_INVALID
   */
  prepare({ pool, routes = [] }: ListenerPoolSettings): () => void {
    refuseWrongRoutes(pool, routes)
    const made = JSON.stringify([pool, routes])
    return () => {
      if (made === this.#made) return
      this.#made = made
      this.#routed?.close()
      this.#routed = routes.length === 0 ? undefined : new RoutedPool(pool, routes, this.#tools)
    }
  }

  /** The topology is another one. */
  follow(): void {
    this.#routed?.follow()
  }

  tick(now: number): void {
    this.#routed?.tick(now)
  }

  close(): void {
    this.#routed?.close()
  }
}

function refuseWrongRoutes(pool: string, routes: readonly PoolRoute[]): void {
  const prefixes = new Set<string>()
  for (const { prefix } of routes) {
    if (prefix === '')
      throw new RouterError(
        'ROUTE_INVALID',
        'a route has an empty prefix; all other keys are those of the pool of the listener',
      )
    if (prefixes.has(prefix))
      throw new RouterError(
        'ROUTE_INVALID',
        `two routes have the prefix ${JSON.stringify(prefix)}`,
        { prefix },
      )
    prefixes.add(prefix)
  }
  const pools = new Set([pool, ...routes.map((route) => route.pool)]).size
  if (pools > ROUTED_POOLS_MAX)
    throw new RouterError(
      'ROUTE_INVALID',
      `a listener has ${pools} pools; it may have ${ROUTED_POOLS_MAX}`,
      { pools },
    )
}
