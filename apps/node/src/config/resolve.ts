import { hostname } from 'node:os'
import type { ListenerAuth } from '@ringway/router'
import { NodeError } from '../errors.ts'
import { stickyKeys } from '../sticky-keys.ts'
import { formatHostPort, type HostPort, isLoopback, PORT_MAX, requireHostPort } from './address.ts'
import type { ListenerConfig, NodeConfig, PoolConfig } from './config.ts'
import type { ListenerEntry, NodeOptions, PoolOptions } from './options.ts'
import { checkPoolLinks, checkRouted, resolvePrefixes } from './resolve-cache-routing.ts'
import { type FilledGossip, resolveGossip } from './resolve-gossip.ts'
import { readListenerTls, resolveHttpListener } from './resolve-http.ts'
import { resolvePool } from './resolve-pool.ts'
import { checkSharedServers } from './shared-servers.ts'
import { validateConfig } from './validate.ts'

/** The pool that a node serves when its configuration names none. */
export const DEFAULT_POOL = 'store'
/** All pools of a configuration that names none. */
export const DEFAULT_POOLS: Readonly<Record<string, PoolOptions>> = {
  [DEFAULT_POOL]: { protocol: 'store' },
}

/**
 * Checks options and turns them into the configuration that the node runs on.
 *
 * @param source - Named in errors: the file, or `options`.
 * @throws NodeError CONFIG_INVALID or INSECURE.
 */
export function resolveConfig(options: NodeOptions, source = 'options'): NodeConfig {
  const raw = structuredClone({
    ...options,
    gossip: options.gossip ?? {},
    pools: options.pools ?? DEFAULT_POOLS,
  })
  validateConfig(raw, source)

  const gossip = resolveGossip(raw.gossip as FilledGossip, source)
  const config: NodeConfig = {
    name: raw.name ?? hostname(),
    ...(raw.zone === undefined ? {} : { zone: raw.zone }),
    weight: raw.weight ?? 1,
    profile: raw.profile ?? 'lan',
    logLevel: raw.logLevel ?? 'info',
    insecure: raw.insecure ?? false,
    drainTimeoutMs: raw.drainTimeoutMs ?? 5_000,
    gossip,
    peer: { bind: resolvePeer(raw.peer?.bind, gossip.bind, source) },
    pools: Object.entries(raw.pools).map(([name, pool]) =>
      resolvePool(name, pool, source, raw.zone),
    ),
    listeners: (raw.listeners ?? []).map((listener, index) =>
      resolveListener(listener, `listeners.${index}`, source),
    ),
    http: raw.http ?? {},
    stickyKeys: stickyKeys(raw.cookie?.secrets ?? [], gossip.keys),
    ...(raw.admin ? { admin: resolveAdmin(raw.admin) } : {}),
  }
  checkReferences(config, source)
  checkPoolLinks(config.pools, source)
  checkSharedServers(config.pools, source)
  checkLearned(config, source)
  checkStickyKeys(config, source)
  checkAddresses(config, source)
  checkExposure(config, source)
  return Object.freeze(config)
}

/** Members link on the gossip host, one port up, unless told otherwise: 7946 and 7947 by default. */
function resolvePeer(bind: string | undefined, gossip: HostPort, source: string): HostPort {
  if (bind !== undefined) return requireHostPort(bind)
  if (gossip.port === PORT_MAX)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: peer.bind is missing, and there is no port above gossip.bind ${formatHostPort(gossip)}; allowed: HOST:PORT (--peer)`,
    )
  return { host: gossip.host, port: gossip.port === 0 ? 0 : gossip.port + 1 }
}

function resolveListener(
  listener: NonNullable<NodeOptions['listeners']>[number],
  key: string,
  source: string,
): ListenerConfig {
  const { protocol, bind, auth } = listener
  if (protocol === 'http') {
    const http = resolveHttpListener(listener, key, source)
    return { protocol, bind: requireHostPort(bind), pool: http.routes[0]?.pool ?? '', http }
  }
  const { pool } = listener
  const routes = resolvePrefixes(listener, key, source)
  if (pool === undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}.pool is missing; allowed: the name of a pool`,
    )
  return {
    protocol,
    bind: requireHostPort(bind),
    pool,
    ...(routes.length === 0 ? {} : { routes }),
    ...(auth === undefined ? {} : { auth: resolveAuth(auth, protocol, `${key}.auth`, source) }),
    ...(listener.tls === undefined
      ? {}
      : { tls: readListenerTls(listener.tls, `${key}.tls`, source) }),
  }
}

function resolveAuth(
  { user, password, users = [] }: NonNullable<ListenerEntry['auth']>,
  protocol: ListenerConfig['protocol'],
  key: string,
  source: string,
): readonly ListenerAuth[] {
  if (protocol !== 'redis')
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}: found with protocol ${protocol}; allowed: only with protocol redis; memcached clients can be told apart by tls.clientCa`,
    )
  const own = password === undefined ? [] : [{ ...(user === undefined ? {} : { user }), password }]
  if (own.length + users.length === 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}: found neither password nor users; allowed: one of both, or no auth`,
    )
  return [...own, ...users]
}

function resolveAdmin(admin: NonNullable<NodeOptions['admin']>) {
  const bind = requireHostPort(admin.bind ?? '127.0.0.1:7900')
  return admin.token === undefined ? { bind } : { bind, token: admin.token }
}

function checkReferences(config: NodeConfig, source: string): void {
  const stores = config.pools.filter(({ protocol }) => protocol === 'store')
  if (stores.length > 1)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools: found the store pools ${stores.map(({ name }) => name).join(', ')}; allowed: one pool with protocol store`,
    )
  for (const { index, pool, protocol, routed } of servedPools(config)) {
    const named = config.pools.find(({ name }) => name === pool)
    if (named !== undefined) {
      checkSpoken(protocol, named, `${source}: listeners.${index}`)
      checkRouted(routed, named, `${source}: listeners.${index}`)
      continue
    }
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: listeners.${index}.pool: found ${JSON.stringify(pool)}; allowed: ${config.pools.map(({ name }) => name).join(', ')}`,
    )
  }
}

function servedPools(config: NodeConfig) {
  return config.listeners.flatMap(({ protocol, pool, http, routes = [] }, index) =>
    (http?.routes ?? [{ pool }, ...routes]).map((route) => ({
      index,
      protocol,
      pool: route.pool,
      routed: routes.length > 0,
    })),
  )
}

/** Learned sessions are kept in the store, where the other routers find them. */
function checkLearned({ listeners, pools }: NodeConfig, source: string): void {
  if (pools.some(({ protocol }) => protocol === 'store')) return
  const index = listeners.findIndex(({ http }) =>
    http?.routes.some(({ sticky }) => sticky === 'learned'),
  )
  if (index < 0) return
  throw new NodeError(
    'CONFIG_INVALID',
    `${source}: listeners.${index}.routes: found sticky: learned and no pool that keeps sessions; allowed: with a pool of protocol store`,
  )
}

/** Without shared keys no other router could read the cookies of this one, nor could this one after a restart. */
function checkStickyKeys(
  { listeners, stickyKeys: keys, gossip }: NodeConfig,
  source: string,
): void {
  if (keys.length > 0) return
  for (const [index, { http, bind }] of listeners.entries()) {
    if (http?.routes.every(({ sticky }) => sticky !== 'pinned') ?? true) continue
    if (isLoopback(bind.host) && gossip.join.length === 0) continue
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: listeners.${index}.routes: found sticky: pinned and no secret to sign cookies with; allowed: set cookie.secrets, or gossip.encrypt (\`ringway keygen\` makes a key)`,
    )
  }
}

/** Which pools clients of a protocol can be served from. */
const SERVED_FROM: Readonly<Record<ListenerConfig['protocol'], readonly string[]>> = {
  redis: ['redis', 'store'],
  memcached: ['memcached'],
  http: ['http'],
}

function checkSpoken(protocol: ListenerConfig['protocol'], pool: PoolConfig, key: string): void {
  const allowed = SERVED_FROM[protocol]
  if (allowed.includes(pool.protocol)) return
  throw new NodeError(
    'CONFIG_INVALID',
    `${key}.pool: found ${pool.name}, which has protocol ${pool.protocol}; allowed for ${protocol} clients: a pool with protocol ${allowed.join(' or ')}`,
  )
}

function checkAddresses(config: NodeConfig, source: string): void {
  const used = new Map<string, string>()
  for (const [key, bind] of [
    ['gossip.bind', config.gossip.bind],
    ['peer.bind', config.peer.bind],
    ...(config.admin ? [['admin.bind', config.admin.bind] as const] : []),
    ...config.listeners.map(({ bind }, index) => [`listeners.${index}.bind`, bind] as const),
  ] as const) {
    const address = formatHostPort(bind)
    const other = used.get(address)
    if (bind.port !== 0 && other !== undefined)
      throw new NodeError(
        'CONFIG_INVALID',
        `${source}: ${key}: found ${address}, which is ${other} already; allowed: an address of its own`,
      )
    used.set(address, key)
  }
}

/** Plain gossip and peer links stay on this machine, unless the operator says otherwise. */
function checkExposure(config: NodeConfig, source: string): void {
  if (config.insecure || config.gossip.keys.length > 0) return
  for (const [key, bind] of [
    ['gossip.bind', config.gossip.bind],
    ['peer.bind', config.peer.bind],
  ] as const) {
    if (isLoopback(bind.host)) continue
    throw new NodeError(
      'INSECURE',
      `${source}: ${key}: ${formatHostPort(bind)} can be reached from other machines and there is no cluster key. Set gossip.encrypt (--encrypt; \`ringway keygen\` makes a key), or say insecure: true (--insecure) on a network you trust.`,
    )
  }
}
