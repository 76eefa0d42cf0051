import { type PoolRoute, poolLinkFault, ROUTED_POOLS_MAX } from '@ringway/router'
import { NodeError } from '../errors.ts'
import type { CacheRoutingConfig, PoolConfig } from './config.ts'
import type { ListenerEntry, PoolOptions } from './options.ts'
import { FAILOVER_TTL_MS } from './schema/cache-routing.ts'

const KEYS = ['failover', 'failoverTtlMs', 'shadow', 'coalesce'] as const

/** Where commands of a pool go besides the owners of their keys. */
export function resolveCacheRouting(
  name: string,
  pool: PoolOptions,
  source: string,
): CacheRoutingConfig {
  const { failover, failoverTtlMs, shadow, coalesce } = pool
  const found = KEYS.find((key) => pool[key] !== undefined)
  if (found !== undefined && pool.protocol !== 'redis' && pool.protocol !== 'memcached')
    throw invalid(
      `${source}: pools.${name}.${found}: found in a pool with protocol ${pool.protocol}; allowed: only with protocol redis or memcached`,
    )
  if (failoverTtlMs !== undefined && failover === undefined)
    throw invalid(
      `${source}: pools.${name}.failoverTtlMs: found without failover; allowed: only in a pool that fails over to another one`,
    )
  return {
    ...(failover === undefined
      ? {}
      : { failover: { pool: failover, ttlMs: failoverTtlMs ?? FAILOVER_TTL_MS } }),
    ...(shadow === undefined ? {} : { shadow: { percent: 100, writes: true, ...shadow } }),
    ...(coalesce === true ? { coalesce } : {}),
  }
}

/** Failover and shadow pools exist, speak the same protocol and lead nowhere back. */
export function checkPoolLinks(pools: readonly PoolConfig[], source: string): void {
  const fault = poolLinkFault(pools)
  if (fault === undefined) return
  const { pool, key, text } = fault
  throw invalid(`${source}: pools.${pool}.${key}${key === 'shadow' ? '.pool' : ''}: ${text}`)
}

/** What routes of a `redis` or `memcached` listener may say. */
const ROUTE_KEYS = new Set(['pool', 'prefix'])

/** The prefixes of a `redis` or `memcached` listener. */
export function resolvePrefixes(
  { protocol, routes = [], pool }: ListenerEntry,
  key: string,
  source: string,
): readonly PoolRoute[] {
  const prefixes = new Map<string, number>()
  for (const [index, route] of routes.entries()) {
    const at = `${source}: ${key}.routes.${index}`
    const other = Object.keys(route).find((each) => !ROUTE_KEYS.has(each))
    if (other !== undefined)
      throw invalid(`${at}.${other}: found with protocol ${protocol}; allowed: prefix and pool`)
    const { prefix } = route
    if (prefix === undefined)
      throw invalid(`${at}.prefix is missing; allowed with protocol ${protocol}: how keys begin`)
    const twin = prefixes.get(prefix)
    if (twin !== undefined)
      throw invalid(
        `${at}.prefix: found ${JSON.stringify(prefix)}, which is the prefix of routes.${twin} already; allowed: each prefix once`,
      )
    prefixes.set(prefix, index)
  }
  const count = new Set([pool, ...routes.map((route) => route.pool)]).size
  if (count > ROUTED_POOLS_MAX)
    throw invalid(
      `${source}: ${key}.routes: found ${count} pools; allowed: at most ${ROUTED_POOLS_MAX}`,
    )
  return routes.map((route) => ({ prefix: route.prefix ?? '', pool: route.pool }))
}

/** The embedded store answers as a whole: it cannot be one of several pools. */
export function checkRouted(routed: boolean, { name, protocol }: PoolConfig, key: string): void {
  if (routed && protocol === 'store')
    throw invalid(
      `${key}: found routes with pool ${name}, which has protocol store; allowed with routes: pools with protocol redis`,
    )
}

function invalid(message: string): NodeError {
  return new NodeError('CONFIG_INVALID', message)
}
