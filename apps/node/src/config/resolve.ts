import { hostname } from 'node:os'
import { RING_LIMITS } from '@ringway/ring'
import { PLACEMENT } from '../cluster/definitions.ts'
import { NodeError } from '../errors.ts'
import { formatHostPort, type HostPort, isLoopback, PORT_MAX, parseHostPort } from './address.ts'
import { parseBytes } from './bytes.ts'
import type {
  BackendConfig,
  GossipConfig,
  ListenerConfig,
  NodeConfig,
  PoolConfig,
} from './config.ts'
import { parseRedisUrl } from './formats.ts'
import type { NodeOptions, PoolOptions } from './options.ts'
import { validateConfig } from './validate.ts'

/** The pool that a node serves when its configuration names none. */
export const DEFAULT_POOL = 'store'
const DEFAULT_POOLS: Readonly<Record<string, PoolOptions>> = {
  [DEFAULT_POOL]: { protocol: 'store' },
}

/** Heavier backends together would have more points than a ring may have; 1 is left for what rounding up adds. */
const WEIGHT_SUM_MAX = Math.floor(RING_LIMITS.pointsMax / PLACEMENT.pointsPerWeight) - 1

type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }

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

  const gossip = resolveGossip(raw.gossip as Filled<NonNullable<NodeOptions['gossip']>>, source)
  const config: NodeConfig = {
    name: raw.name ?? hostname(),
    ...(raw.zone === undefined ? {} : { zone: raw.zone }),
    weight: raw.weight ?? 1,
    profile: raw.profile ?? 'lan',
    logLevel: raw.logLevel ?? 'info',
    insecure: raw.insecure ?? false,
    gossip,
    peer: { bind: resolvePeer(raw.peer?.bind, gossip.bind, source) },
    pools: Object.entries(raw.pools).map(([name, pool]) => resolvePool(name, pool, source)),
    listeners: (raw.listeners ?? []).map(resolveListener),
    ...(raw.admin ? { admin: resolveAdmin(raw.admin) } : {}),
  }
  checkReferences(config, source)
  checkAddresses(config, source)
  checkExposure(config, source)
  return Object.freeze(config)
}

function resolveGossip(
  gossip: Filled<NonNullable<NodeOptions['gossip']>> | { readonly advertise?: string },
  source: string,
): GossipConfig {
  const filled = gossip as Filled<NonNullable<NodeOptions['gossip']>>
  const bind = hostPort(filled.bind)
  return {
    bind,
    ...(gossip.advertise === undefined
      ? {}
      : { advertise: resolveAdvertise(gossip.advertise, bind, source) }),
    join: filled.join,
    keys: filled.encrypt.map((key) => new Uint8Array(Buffer.from(key, 'base64'))),
    label: filled.label,
    delegate: filled.delegate,
  }
}

function resolveAdvertise(text: string, bind: HostPort, source: string) {
  const { host, port } = hostPort(text, 0)
  if (isLoopback(host) && !isLoopback(bind.host))
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: gossip.advertise: found ${text}, which only this machine can reach, while gossip binds ${formatHostPort(bind)}; allowed: an address that the other members can reach`,
    )
  return port === 0 ? { host } : { host, port }
}

/** Members link on the gossip host, one port up, unless told otherwise: 7946 and 7947 by default. */
function resolvePeer(bind: string | undefined, gossip: HostPort, source: string): HostPort {
  if (bind !== undefined) return hostPort(bind)
  if (gossip.port === PORT_MAX)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: peer.bind is missing, and there is no port above gossip.bind ${formatHostPort(gossip)}; allowed: HOST:PORT (--peer)`,
    )
  return { host: gossip.host, port: gossip.port === 0 ? 0 : gossip.port + 1 }
}

function resolvePool(name: string, pool: PoolOptions, source: string): PoolConfig {
  if (pool.protocol === 'redis')
    return { protocol: 'redis', name, backends: resolveBackends(name, pool, source) }
  if (pool.backends !== undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.backends: a store pool lives on the members themselves; allowed: no backends, or protocol redis`,
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
  const backends = (pool.backends ?? []).map((backend) => {
    const address = parseRedisUrl(backend.url) ?? { host: '', port: 0 }
    return {
      id: backend.id ?? formatHostPort(address),
      address,
      weight: backend.weight ?? 1,
      ...(backend.zone === undefined ? {} : { zone: backend.zone }),
    }
  })
  if (backends.length === 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.backends is missing; allowed: a list of at least 1 server for a redis pool`,
    )
  const repeated = backends.find(
    ({ id }, index) => backends.findIndex((other) => other.id === id) !== index,
  )
  if (repeated)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.backends: ${repeated.id} is listed twice; allowed: every id once`,
    )
  const weight = backends.reduce((sum, backend) => sum + backend.weight, 0)
  if (weight > WEIGHT_SUM_MAX)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.backends: found weights of ${weight} together; allowed: up to ${WEIGHT_SUM_MAX}, only their ratios count`,
    )
  return backends
}

function resolveListener(listener: NonNullable<NodeOptions['listeners']>[number]): ListenerConfig {
  return { protocol: listener.protocol, bind: hostPort(listener.bind), pool: listener.pool }
}

function resolveAdmin(admin: NonNullable<NodeOptions['admin']>) {
  const bind = hostPort(admin.bind ?? '127.0.0.1:7900')
  return admin.token === undefined ? { bind } : { bind, token: admin.token }
}

function checkReferences(config: NodeConfig, source: string): void {
  const stores = config.pools.filter(({ protocol }) => protocol === 'store')
  if (stores.length > 1)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools: found the store pools ${stores.map(({ name }) => name).join(', ')}; allowed: one pool with protocol store`,
    )
  for (const [index, { pool }] of config.listeners.entries()) {
    if (config.pools.some(({ name }) => name === pool)) continue
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: listeners.${index}.pool: found ${JSON.stringify(pool)}; allowed: ${config.pools.map(({ name }) => name).join(', ')}`,
    )
  }
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

function hostPort(text: string, defaultPort?: number): HostPort {
  const address = parseHostPort(text, defaultPort)
  if (!address)
    throw new NodeError('CONFIG_INVALID', `found ${JSON.stringify(text)}; allowed: HOST:PORT`)
  return address
}
