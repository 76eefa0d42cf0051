import type { PoolOptions } from '../config/options.ts'

type Mapping = Readonly<Record<string, unknown>>

/** What `failover` and `shadow` of a pool are. */
export type PoolRouting = Pick<PoolOptions, 'failover' | 'failoverTtlMs' | 'shadow'>

/** What routes of mcrouter are in Ringway's words, as far as they mean exactly that. */
export interface McrouterRouting {
  /** By the name of the pool. */
  readonly pools: ReadonlyMap<string, PoolRouting>
  /** The pool of all other keys, and those of prefixes. */
  readonly prefixes:
    | { readonly pool: string; readonly routes: readonly { prefix: string; pool: string }[] }
    | undefined
  /** The routes of mcrouter that this says all about. */
  readonly translated: ReadonlySet<unknown>
}

const NOTHING: McrouterRouting = { pools: new Map(), prefixes: undefined, translated: new Set() }
const FAILOVER_KEYS = new Set(['type', 'children', 'failover_exptime'])
const POOL_KEYS = new Set(['type', 'pool', 'hash', 'shadows'])
const PREFIX_KEYS = new Set(['type', 'policies', 'wildcard'])
const SHADOW_KEYS = new Set(['target', 'key_fraction_range'])
/** As mcrouter has it where nothing is said. */
const FAILOVER_SECONDS = 60
const FAILOVER_SECONDS_MAX = 2_592_000
const PREFIX_BYTES_MAX = 250
const PERCENT_MIN = 0.01

/**
 * Reads the outermost route: a PrefixSelectorRoute over pools, a FailoverRoute of two pools, shadows of a pool that get a share of its
 * keys. A route around which there is another one, and a pool that is routed in two ways, are left alone. Pure.
 */
export function mcrouterRouting(root: unknown): McrouterRouting {
  const reading = new Reading()
  const isSelector = isMapping(root) && root['type'] === 'PrefixSelectorRoute'
  const prefixes = isSelector ? reading.prefixes(root) : undefined
  const isRead = isSelector ? prefixes !== undefined : reading.pool(root) !== undefined
  if (!isRead || reading.isAmbiguous()) return NOTHING
  return { pools: reading.pools, prefixes, translated: reading.translated }
}

class Reading {
  readonly pools = new Map<string, PoolRouting>()
  readonly translated = new Set<unknown>()
  readonly #uses = new Map<string, Set<string>>()

  prefixes(route: Mapping): McrouterRouting['prefixes'] {
    const { policies, wildcard } = route
    if (!hasOnly(route, PREFIX_KEYS) || !isMapping(policies)) return undefined
    const pool = this.pool(wildcard)
    if (pool === undefined) return undefined
    const routes: { prefix: string; pool: string }[] = []
    for (const [prefix, policy] of Object.entries(policies)) {
      const target = this.pool(policy)
      const bytes = Buffer.byteLength(prefix)
      if (target === undefined || bytes === 0 || bytes > PREFIX_BYTES_MAX) return undefined
      routes.push({ prefix, pool: target })
    }
    this.translated.add(route)
    return routes.length === 0 ? undefined : { pool, routes }
  }

  /** The pool that a route asks first. */
  pool(route: unknown): string | undefined {
    if (!isMapping(route)) return this.#use(plainPool(route), {})
    return route['type'] === 'FailoverRoute' ? this.#failover(route) : this.#shadowed(route)
  }

  /** True when a pool has one meaning here and another one there, which a pool of ours cannot have. */
  isAmbiguous(): boolean {
    for (const uses of this.#uses.values()) if (uses.size > 1) return true
    for (const { failover = '', shadow } of this.pools.values()) {
      const targets = [failover, shadow?.pool ?? '']
      if (targets.some((target) => this.pools.has(target))) return true
    }
    return false
  }

  #failover(route: Mapping): string | undefined {
    const { children, failover_exptime: seconds = FAILOVER_SECONDS } = route
    if (!hasOnly(route, FAILOVER_KEYS) || !Array.isArray(children) || children.length !== 2)
      return undefined
    const [first, second] = children.map(plainPool)
    const isTime = Number.isInteger(seconds) && Number(seconds) >= 1
    if (first === undefined || second === undefined || first === second || !isTime) return undefined
    if (Number(seconds) > FAILOVER_SECONDS_MAX) return undefined
    this.translated.add(route)
    return this.#use(first, { failover: second, failoverTtlMs: Number(seconds) * 1_000 })
  }

  #shadowed(route: Mapping): string | undefined {
    const { shadows } = route
    if (shadows === undefined) return this.#use(plainPool(route), {})
    const { pool } = route
    const [shadow, ...more] = Array.isArray(shadows) ? shadows : []
    if (route['type'] !== 'PoolRoute' || typeof pool !== 'string' || more.length > 0)
      return undefined
    if (!isMapping(shadow) || !hasOnly(shadow, SHADOW_KEYS) || !hasOnly(route, POOL_KEYS))
      return undefined
    const target = plainPool(shadow['target'])
    const percent = percentOf(shadow['key_fraction_range'])
    if (target === undefined || target === pool || percent === undefined) return undefined
    this.translated.add(route)
    return this.#use(pool, { shadow: { pool: target, percent } })
  }

  #use(pool: string | undefined, routing: PoolRouting): string | undefined {
    if (pool === undefined) return undefined
    const uses = this.#uses.get(pool) ?? new Set()
    this.#uses.set(pool, uses.add(JSON.stringify(routing)))
    if (Object.keys(routing).length > 0) this.pools.set(pool, routing)
    return pool
  }
}

/** The pool of a PoolRoute that does nothing besides. */
function plainPool(route: unknown): string | undefined {
  if (typeof route === 'string') {
    const [type, pool] = route.split('|')
    return type === 'PoolRoute' ? pool : undefined
  }
  if (!isMapping(route) || route['type'] !== 'PoolRoute' || 'shadows' in route) return undefined
  return typeof route['pool'] === 'string' && hasOnly(route, POOL_KEYS) ? route['pool'] : undefined
}

/** The share of the keys in percent, of a range that begins at 0. */
function percentOf(range: unknown): number | undefined {
  if (range === undefined) return undefined
  const [from, to] = Array.isArray(range) ? range : []
  const percent = Number(to) * 100
  return from === 0 && percent >= PERCENT_MIN && percent <= 100 ? percent : undefined
}

function hasOnly(route: Mapping, keys: ReadonlySet<string>): boolean {
  return Object.keys(route).every((key) => keys.has(key))
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
