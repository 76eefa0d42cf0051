import { NodeError } from '../errors.ts'
import { formatHostPort, requireHostPort } from './address.ts'
import { type BackendUrl, parseBackendUrl, withoutSecrets } from './backend-url.ts'
import type { BackendConfig, BackendSource } from './config.ts'
import { defaultUrlTemplate, isUrlTemplate } from './formats.ts'
import type { BackendEntry, PoolOptions } from './options.ts'
import { resolveAccess } from './resolve-redis-pool.ts'

/** Backends of one pool, whatever names them; one more is left out, or refused where a person adds it. */
export const POOL_BACKENDS_MAX = 1_024

const SOURCE_KINDS = ['dns', 'srv', 'file'] as const

/**
 * Servers and sources of a pool.
 *
 * @param key - `pools.NAME`, for errors.
 * @throws NodeError CONFIG_INVALID
 */
export function resolveBackends(
  key: string,
  pool: PoolOptions,
  given: PoolOptions['backends'],
  source: string,
): { readonly backends: readonly BackendConfig[]; readonly sources: readonly BackendSource[] } {
  const entries = given ?? []
  const where = `${source}: ${key}.backends`
  if (entries.length === 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${where} is missing; allowed: a list of at least 1 server for a ${pool.protocol} pool`,
    )
  if (entries.length > POOL_BACKENDS_MAX)
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}: found ${entries.length}; allowed: up to ${POOL_BACKENDS_MAX}`,
    )
  const backends: BackendConfig[] = []
  const sources: BackendSource[] = []
  for (const [index, entry] of entries.entries()) {
    const found = resolveSource(entry, pool.protocol, `${where}.${index}`)
    if (found) sources.push(found)
    else backends.push(resolveBackend(entry, pool, `${key}.backends.${index}`, source))
  }
  const repeated = backends.find(
    ({ id }, index) => backends.findIndex((other) => other.id === id) !== index,
  )
  if (repeated)
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}: ${repeated.id} is listed twice; allowed: every id once`,
    )
  return { backends, sources }
}

/** What each protocol's servers are reached by. */
const SCHEMES: Readonly<Record<string, readonly string[]>> = {
  redis: ['redis', 'rediss', 'unix'],
  memcached: ['memcached'],
  http: ['http', 'https'],
}

/**
 * One server: of the file, of a source, or added by hand.
 *
 * @param key - Such as `pools.cache.backends.0`, for errors.
 * @throws NodeError CONFIG_INVALID
 */
export function resolveBackend(
  entry: BackendEntry,
  pool: Pick<PoolOptions, 'protocol' | 'tls'>,
  key: string,
  source: string,
): BackendConfig {
  const url = urlOf(entry.url ?? '', pool.protocol, `${source}: ${key}`)
  const { address, path } = url
  const access = resolveAccess(url, entry, pool, key, source)
  return {
    id: entry.id ?? (path === undefined ? formatHostPort(address) : `unix:${path}`),
    address,
    ...(access === undefined ? {} : { access }),
    weight: entry.weight ?? 1,
    ...(entry.zone === undefined ? {} : { zone: entry.zone }),
  }
}

function urlOf(text: string, protocol: string, where: string): BackendUrl {
  const url = parseBackendUrl(text)
  if (url !== undefined && SCHEMES[protocol]?.includes(url.scheme ?? protocol)) return url
  throw new NodeError(
    'CONFIG_INVALID',
    `${where}.url: found ${JSON.stringify(withoutSecrets(text))} in a pool with protocol ${protocol}; allowed: ${protocol}://HOST:PORT`,
  )
}

function resolveSource(
  entry: BackendEntry,
  protocol: PoolOptions['protocol'],
  where: string,
): BackendSource | undefined {
  const kinds = SOURCE_KINDS.filter((kind) => entry[kind] !== undefined)
  if (kinds.length === 0) return undefined
  if (kinds.length > 1 || (kinds[0] === 'file' && entry.url !== undefined))
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}: found ${[...kinds, ...(entry.url === undefined ? [] : ['url'])].join(' and ')}; allowed: one of url, dns, srv and file`,
    )
  if (entry.id !== undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}.id: many servers cannot share an id; allowed: none, the id of each is its host:port`,
    )
  if (entry.user !== undefined || entry.password !== undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}: user and password stand in the url of a source; allowed: url with them`,
    )
  const url = entry.url ?? defaultUrlTemplate(protocol)
  if (kinds[0] !== 'file' && !isUrlTemplate(url))
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}.url: found ${JSON.stringify(withoutSecrets(url))}; allowed with dns and srv: a URL with \${address}`,
    )
  const settings = {
    refreshMs: entry.refreshMs ?? 5_000,
    url,
    weight: entry.weight ?? 1,
    ...(entry.zone === undefined ? {} : { zone: entry.zone }),
    ...(entry.server === undefined ? {} : { server: requireHostPort(entry.server, 53) }),
  }
  if (entry.file !== undefined) return { type: 'file', path: entry.file, ...settings }
  if (entry.srv !== undefined) return { type: 'srv', name: entry.srv, ...settings }
  const { host: name, port } = requireHostPort(entry.dns ?? '')
  return { type: 'dns', name, port, ...settings }
}
