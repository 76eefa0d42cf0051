import { NodeError } from '../errors.ts'
import { parseBytes } from './bytes.ts'
import type { MigrationConfig, PoolConfig } from './config.ts'
import { parseUntil } from './formats.ts'
import type { PoolOptions } from './options.ts'
import { POOL_BACKENDS_MAX, resolveBackends } from './resolve-backends.ts'
import { resolveCacheRouting } from './resolve-cache-routing.ts'
import { resolveHttpPool } from './resolve-http.ts'
import { resolvePlacement } from './resolve-placement.ts'
import { resolveRedisPool } from './resolve-redis-pool.ts'

/** Checks what the schema cannot say about one pool. */
export function resolvePool(
  name: string,
  pool: PoolOptions,
  source: string,
  zone?: string,
): PoolConfig {
  const http = resolveHttpPool(name, pool, zone, source)
  const cacheRouting = resolveCacheRouting(name, pool, source)
  if (pool.protocol !== 'store') {
    const key = `pools.${name}`
    const { backends, sources } = resolveBackends(key, pool, pool.backends, source)
    const placement = resolvePlacement(pool.placement, backends, `${key}.placement`, source)
    const migration = resolveMigration(key, pool, { placement, backends }, source)
    // How many servers a source names is not known yet.
    const count = sources.length === 0 ? backends.length : POOL_BACKENDS_MAX
    const extras = resolveRedisPool(name, pool, count, source)
    const { tls, multiKey } = pool
    return {
      protocol: pool.protocol,
      name,
      placement,
      backends,
      sources,
      ...(tls === undefined ? {} : { tls }),
      ...(multiKey === undefined ? {} : { multiKey }),
      ...(migration && { migration }),
      ...extras,
      ...cacheRouting,
      ...(http && { http }),
    }
  }
  resolveRedisPool(name, pool, 0, source)
  if (pool.backends !== undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.backends: a store pool lives on the members themselves; allowed: no backends, or protocol redis or memcached`,
    )
  if (pool.migrateFrom !== undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.migrateFrom: a store pool hands its slots over by itself; allowed: none, or protocol redis or memcached`,
    )
  if (pool.placement !== undefined && pool.placement !== 'ringway')
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.placement: found ${JSON.stringify(pool.placement)}; allowed in a store pool: ringway, whose slots never move between two members that stay`,
    )
  const { replicas = 2, minCopies = 1 } = pool
  if (minCopies > replicas)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.minCopies: found ${minCopies}; allowed: at most replicas, which is ${replicas}`,
    )
  return {
    protocol: 'store',
    name,
    replicas,
    minCopies,
    maxMemoryBytes: parseBytes(pool.maxMemory ?? '256mb') ?? 0,
    maxMemoryPolicy: pool.maxMemoryPolicy ?? 'allkeys-lru',
  }
}

/** The old ring of a pool; it has to differ from the new one. */
function resolveMigration(
  key: string,
  pool: PoolOptions,
  now: Pick<MigrationConfig, 'placement' | 'backends'>,
  source: string,
): MigrationConfig | undefined {
  const { migrateFrom } = pool
  if (migrateFrom === undefined) return undefined
  const oldKey = `${key}.migrateFrom`
  if (pool.protocol !== 'redis' && pool.protocol !== 'memcached')
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${oldKey}: found in a pool with protocol ${pool.protocol}; allowed: protocol redis or memcached`,
    )
  const { backends: old, sources } = resolveBackends(
    oldKey,
    pool,
    migrateFrom.backends ?? pool.backends,
    source,
  )
  if (sources.length > 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${oldKey}.backends: found dns, srv or file; allowed: the servers that there were, with url`,
    )
  const oldPlacement = migrateFrom.placement ?? pool.placement
  const resolved = resolvePlacement(oldPlacement, old, `${oldKey}.placement`, source)
  if (JSON.stringify([resolved, old]) === JSON.stringify([now.placement, now.backends]))
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${oldKey}: found the placement and the backends that the pool has; allowed: those that it had before`,
    )
  return {
    placement: resolved,
    backends: old,
    until: migrateFrom.until,
    untilMs: parseUntil(migrateFrom.until, Date.now()) ?? 0,
  }
}
