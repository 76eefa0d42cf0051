import { NodeError } from '../errors.ts'
import { formatHostPort } from './address.ts'
import { type BackendUrl, parseBackendUrl, withoutSecrets } from './backend-url.ts'
import { parseBytes } from './bytes.ts'
import type { BackendConfig, MigrationConfig, PoolConfig } from './config.ts'
import { parseUntil } from './formats.ts'
import type { PoolOptions } from './options.ts'
import { resolveHttpPool } from './resolve-http.ts'
import { resolvePlacement } from './resolve-placement.ts'
import { resolveAccess, resolveRedisPool } from './resolve-redis-pool.ts'

/** Checks what the schema cannot say about one pool. */
export function resolvePool(
  name: string,
  pool: PoolOptions,
  source: string,
  zone?: string,
): PoolConfig {
  const http = resolveHttpPool(name, pool, zone, source)
  if (pool.protocol !== 'store') {
    const key = `pools.${name}`
    const backends = resolveBackends(key, pool, pool.backends, source)
    const placement = resolvePlacement(pool.placement, backends, `${key}.placement`, source)
    const migration = resolveMigration(key, pool, { placement, backends }, source)
    const extras = resolveRedisPool(name, pool, backends.length, source)
    const resolved = {
      protocol: pool.protocol,
      name,
      placement,
      backends,
      ...(migration && { migration }),
      ...extras,
      ...(http && { http }),
    }
    return pool.multiKey === undefined ? resolved : { ...resolved, multiKey: pool.multiKey }
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
      `${source}: pools.${name}.migrateFrom: a store pool hands its slots over by itself; allowed: none, or protocol redis`,
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
  if (pool.protocol !== 'redis')
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${oldKey}: found in a pool with protocol ${pool.protocol}; allowed: protocol redis`,
    )
  const old = resolveBackends(oldKey, pool, migrateFrom.backends ?? pool.backends, source)
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
    untilMs: parseUntil(migrateFrom.until, Date.now()) ?? 0,
  }
}

function resolveBackends(
  key: string,
  pool: PoolOptions,
  given: PoolOptions['backends'],
  source: string,
): readonly BackendConfig[] {
  const backends = (given ?? []).map((backend, index) => {
    const url = urlOf(key, pool, backend.url, source)
    const { address, path } = url
    const access = resolveAccess(url, backend, pool, `${key}.backends.${index}`, source)
    return {
      id: backend.id ?? (path === undefined ? formatHostPort(address) : `unix:${path}`),
      address,
      ...(access === undefined ? {} : { access }),
      weight: backend.weight ?? 1,
      ...(backend.zone === undefined ? {} : { zone: backend.zone }),
    }
  })
  if (backends.length === 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}.backends is missing; allowed: a list of at least 1 server for a ${pool.protocol} pool`,
    )
  const repeated = backends.find(
    ({ id }, index) => backends.findIndex((other) => other.id === id) !== index,
  )
  if (repeated)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}.backends: ${repeated.id} is listed twice; allowed: every id once`,
    )
  return backends
}

/** What each protocol's servers are reached by. */
const SCHEMES: Readonly<Record<string, readonly string[]>> = {
  redis: ['redis', 'rediss', 'unix'],
  memcached: ['memcached'],
  http: ['http', 'https'],
}

function urlOf(key: string, { protocol }: PoolOptions, text: string, source: string): BackendUrl {
  const url = parseBackendUrl(text)
  if (url !== undefined && SCHEMES[protocol]?.includes(url.scheme ?? protocol)) return url
  throw new NodeError(
    'CONFIG_INVALID',
    `${source}: ${key}.backends: found ${withoutSecrets(text)} in a pool with protocol ${protocol}; allowed: ${protocol}://HOST:PORT`,
  )
}
