/** What one pool says about others, as far as they have to fit together. */
export interface LinkedPool {
  readonly name: string
  readonly protocol: string
  readonly failover?: { readonly pool: string }
  readonly shadow?: { readonly pool: string }
}

/** Why a pool cannot lead to another one. */
export interface PoolLinkFault {
  readonly pool: string
  readonly key: 'failover' | 'shadow'
  /** What was found, and what is allowed. */
  readonly text: string
}

const KEYS = ['failover', 'shadow'] as const
/** Protocols whose commands another pool can run. */
const LINKED_PROTOCOLS = new Set(['redis', 'memcached'])

/**
 * The first thing wrong about failover and shadow pools: one that does not exist, that speaks another protocol, or that leads
 * back, be it over others: a command would run in circles. O(pools).
 */
export function poolLinkFault(pools: readonly LinkedPool[]): PoolLinkFault | undefined {
  const byName = new Map(pools.map((pool) => [pool.name, pool]))
  for (const pool of pools)
    for (const key of KEYS) {
      const to = pool[key]?.pool
      const text = to === undefined ? undefined : whyNot(pool, key, to, byName)
      if (text !== undefined) return { pool: pool.name, key, text }
    }
  return undefined
}

function whyNot(
  pool: LinkedPool,
  key: PoolLinkFault['key'],
  to: string,
  byName: ReadonlyMap<string, LinkedPool>,
): string | undefined {
  const found = `found ${JSON.stringify(to)}`
  const allowed = Array.from(byName.values())
    .filter(({ name, protocol }) => name !== pool.name && protocol === pool.protocol)
    .map(({ name }) => name)
  const others = `a pool of protocol ${pool.protocol}${allowed.length === 0 ? ', of which there is no other' : `: ${allowed.join(', ')}`}`
  if (!LINKED_PROTOCOLS.has(pool.protocol))
    return `found in a pool with protocol ${pool.protocol}; allowed: only with protocol redis or memcached`
  const other = byName.get(to)
  if (other === undefined) return `${found}, which is no pool; allowed: ${others}`
  if (to === pool.name) return `${found}, which is the pool itself; allowed: ${others}`
  if (other.protocol !== pool.protocol)
    return `${found}, which has protocol ${other.protocol}; allowed: ${others}`
  const way = wayBack(pool.name, to, byName)
  return way === undefined
    ? undefined
    : `${found}, which leads back (${[pool.name, ...way].join(' → ')}); allowed: no circle over ${key === 'failover' ? 'failover and shadow' : 'shadow and failover'}`
}

/** The pools on the way from `at` to `home`; undefined where there is none. */
function wayBack(
  home: string,
  at: string,
  byName: ReadonlyMap<string, LinkedPool>,
  seen: ReadonlySet<string> = new Set(),
): readonly string[] | undefined {
  if (at === home) return [home]
  if (seen.has(at)) return undefined
  const pool = byName.get(at)
  for (const key of KEYS) {
    const to = pool?.[key]?.pool
    const way = to === undefined ? undefined : wayBack(home, to, byName, new Set([...seen, at]))
    if (way !== undefined) return [at, ...way]
  }
  return undefined
}
