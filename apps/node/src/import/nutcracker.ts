import type { TwemproxyHash } from '@ringway/ring'
import { parseHostPort } from '../config/address.ts'
import type { BackendOptions, NodeOptions, PlacementEntry, PoolOptions } from '../config/options.ts'
import { NodeError } from '../errors.ts'
import type { Imported } from './imported.ts'
import { type NutcrackerPool, type NutcrackerServer, readNutcracker } from './nutcracker-file.ts'
import { twemproxyOwners } from './twemproxy-owners.ts'

const DISTRIBUTIONS = ['ketama', 'modula', 'random']

/** Settings without an equivalent, and what Ringway does instead. */
const WITHOUT_EQUIVALENT: Readonly<Record<string, string>> = {
  timeout: 'a backend that does not answer for 5 s is left for the next one',
  backlog: 'the listener takes what the system allows',
  client_connections: 'a router takes 10,000 clients',
  server_connections: 'each backend has one pipelined connection per protocol version',
  preconnect: 'connections open with the first command',
  tcpkeepalive: 'not set',
  reuse_port: 'not set',
  server_retry_timeout: 'a lost backend is probed, after 50 ms at first and every 2 s at most',
  server_failure_limit: 'one failed connection is enough to go on to the next backend',
}

/**
 * Turns a nutcracker file into a configuration.
 * @throws NodeError IMPORT_INVALID for what nutcracker would refuse too, IMPORT_UNSUPPORTED for servers that have no equivalent
 */
export function importNutcracker(text: string, file: string): Imported {
  const pools = readNutcracker(text, file)
  const untranslated = pools.flatMap((pool) =>
    notesOn(pool).map((note) => `pool ${pool.name}: ${note}`),
  )
  const owners = new Map(
    pools.flatMap((pool) => {
      const owner = twemproxyOwners(pool)
      return owner === undefined ? [] : [[pool.name, owner] as const]
    }),
  )
  const options: NodeOptions = {
    pools: Object.fromEntries(pools.map((pool) => [pool.name, poolOptions(pool, file)])),
    listeners: pools.flatMap((pool) => {
      const bind = listenAddress(pool)
      return bind === undefined ? [] : [{ protocol: protocolOf(pool), bind, pool: pool.name }]
    }),
  }
  return { program: 'nutcracker', options, untranslated, owners }
}

function poolOptions(pool: NutcrackerPool, file: string): PoolOptions {
  if (!DISTRIBUTIONS.includes(pool.distribution))
    throw new NodeError(
      'IMPORT_INVALID',
      `${file}: ${pool.name}.distribution: found ${pool.distribution}; allowed: ${DISTRIBUTIONS.join(', ')}`,
    )
  const placement = placementOf(pool)
  return {
    protocol: protocolOf(pool),
    ...(placement === undefined ? {} : { placement }),
    backends: pool.servers.map((server) => backendOf(server, pool, file)),
  }
}

function protocolOf({ redis }: NutcrackerPool): 'redis' | 'memcached' {
  return redis ? 'redis' : 'memcached'
}

function placementOf(pool: NutcrackerPool): PlacementEntry | undefined {
  const shared = {
    keyHash: pool.hash as TwemproxyHash,
    ...(pool.hashTag === '{}' ? { hashTags: true } : {}),
  }
  if (pool.distribution === 'modula') return { type: 'modula', ...shared }
  if (pool.distribution === 'random') return undefined
  // Ids are the names as twemproxy has them: nothing is left to be cut off.
  const cut = pool.servers.some(({ ringName }) => ringName.endsWith(':11211'))
  return { type: 'ketama', ...shared, ...(cut ? { defaultPort: 0 } : {}) }
}

function backendOf(
  { host, port, path, weight, ringName }: NutcrackerServer,
  pool: NutcrackerPool,
  file: string,
): BackendOptions {
  const scheme = pool.redis ? 'redis' : 'memcached'
  const database = Number(pool.settings['redis_db'] ?? 0)
  const [behindHost, behindPath] = database > 0 ? [`/${database}`, `?db=${database}`] : ['', '']
  const url =
    path === undefined ? `${scheme}://${host}:${port}${behindHost}` : `unix:${path}${behindPath}`
  if (path !== undefined && !pool.redis)
    throw new NodeError(
      'IMPORT_UNSUPPORTED',
      `${file}: ${pool.name}: server ${path} has no equivalent; allowed in a memcached pool: host:port`,
    )
  const ownId = `${host}:${port}`.toLowerCase()
  return {
    url,
    ...(path === undefined && ringName === ownId ? {} : { id: ringName }),
    ...(weight === 1 ? {} : { weight }),
    ...(typeof pool.settings['redis_auth'] === 'string'
      ? { password: pool.settings['redis_auth'] }
      : {}),
  }
}

/** Unix sockets and the mode behind them have no equivalent. */
function listenAddress({ listen }: NutcrackerPool): string | undefined {
  return parseHostPort(listen) === undefined ? undefined : listen
}

function notesOn(pool: NutcrackerPool): readonly string[] {
  const { settings } = pool
  const notes = Object.entries(WITHOUT_EQUIVALENT)
    .filter(([key]) => settings[key] !== undefined)
    .map(
      ([key, instead]) => `${key}: ${JSON.stringify(settings[key])} is not translated: ${instead}`,
    )
  if (listenAddress(pool) === undefined)
    notes.push(
      `listen: ${JSON.stringify(pool.listen)} is not translated: a listener needs HOST:PORT, add one`,
    )
  if (pool.hashTag !== undefined && pool.hashTag !== '{}')
    notes.push(
      `hash_tag: ${JSON.stringify(pool.hashTag)} is not translated: hash tags are {…}; keys with this tag move`,
    )
  if (settings['redis_auth'] !== undefined)
    notes.push(
      'redis_auth is now the password of every backend: keep the file to yourself. Clients of nutcracker have to send it too, those of Ringway do not',
    )
  if (pool.distribution === 'random')
    notes.push(
      'distribution: random is not translated: each key gets an owner of its own, by the placement ringway',
    )
  notes.push(
    settings['auto_eject_hosts'] === true
      ? 'auto_eject_hosts: the keys of a lost server go to the next one of each on the ring; nutcracker counts all points anew, and some more move'
      : 'without auto_eject_hosts nutcracker answers errors for a lost server; Ringway gives its keys to the next one meanwhile',
  )
  const known = new Set([...Object.keys(WITHOUT_EQUIVALENT), ...TRANSLATED])
  for (const key of Object.keys(settings))
    if (!known.has(key)) notes.push(`${key} is not a setting of nutcracker 0.5`)
  return notes
}

const TRANSLATED = [
  'listen',
  'hash',
  'hash_tag',
  'distribution',
  'redis',
  'redis_auth',
  'redis_db',
  'servers',
  'auto_eject_hosts',
]
