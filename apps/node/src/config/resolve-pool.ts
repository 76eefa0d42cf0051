import { NodeError } from '../errors.ts'
import { formatHostPort } from './address.ts'
import { type BackendUrl, parseBackendUrl, withoutSecrets } from './backend-url.ts'
import { parseBytes } from './bytes.ts'
import type { BackendConfig, PoolConfig } from './config.ts'

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
    const backends = resolveBackends(name, pool, source)
    const key = `pools.${name}.placement`
    const placement = resolvePlacement(pool.placement, backends, key, source)
    const extras = resolveRedisPool(name, pool, backends.length, source)
    const resolved = {
      protocol: pool.protocol,
      name,
      placement,
      backends,
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

function resolveBackends(
  name: string,
  pool: PoolOptions,
  source: string,
): readonly BackendConfig[] {
  const backends = (pool.backends ?? []).map((backend, index) => {
    const url = urlOf(name, pool, backend.url, source)
    const { address, path } = url
    const key = `pools.${name}.backends.${index}`
    const access = resolveAccess(url, backend, pool, key, source)
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
      `${source}: pools.${name}.backends is missing; allowed: a list of at least 1 server for a ${pool.protocol} pool`,
    )
  const repeated = backends.find(
    ({ id }, index) => backends.findIndex((other) => other.id === id) !== index,
  )
  if (repeated)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.backends: ${repeated.id} is listed twice; allowed: every id once`,
    )
  return backends
}

/** What each protocol's servers are reached by. */
const SCHEMES: Readonly<Record<string, readonly string[]>> = {
  redis: ['redis', 'rediss', 'unix'],
  memcached: ['memcached'],
  http: ['http', 'https'],
}

function urlOf(name: string, { protocol }: PoolOptions, text: string, source: string): BackendUrl {
  const url = parseBackendUrl(text)
  if (url !== undefined && SCHEMES[protocol]?.includes(url.scheme ?? protocol)) return url
  throw new NodeError(
    'CONFIG_INVALID',
    `${source}: pools.${name}.backends: found ${withoutSecrets(text)} in a pool with protocol ${protocol}; allowed: ${protocol}://HOST:PORT`,
  )
}
