import { type BackendAccess, type CopyPolicy, DEFAULT_COPY_POLICY } from '@ringway/router'
import { NodeError } from '../errors.ts'
import type { BackendUrl } from './backend-url.ts'
import type { RedisPoolExtras } from './config.ts'
import type { PoolOptions } from './options.ts'
import { readUpstreamTls } from './upstream-tls.ts'

const COPIES = ['ack', 'read', 'onReturn', 'onOverflow', 'journalKeysMax', 'warmUp'] as const
const ONLY_WITH: readonly (readonly [
  keys: readonly (keyof PoolOptions)[],
  protocols: readonly PoolOptions['protocol'][],
])[] = [
  [COPIES, ['redis', 'memcached']],
  [['orderWrites'], ['redis']],
  [['check'], ['redis', 'memcached', 'http']],
  [['tls'], ['redis', 'http']],
  [['replicas'], ['store', 'redis', 'memcached']],
]

/** Options of pools that keep copies of keys at servers: redis and memcached ones. */
export function resolveRedisPool(
  name: string,
  pool: PoolOptions,
  backends: number,
  source: string,
): RedisPoolExtras {
  const { replicas = 1 } = pool
  refuseOthers(name, pool, source)
  if (pool.protocol !== 'redis' && pool.protocol !== 'memcached') return {}
  if (replicas > backends)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.replicas: found ${replicas}; allowed: at most the number of backends, which is ${backends}`,
    )
  if (pool.warmUp === true && replicas === 1)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.warmUp: found true with replicas 1; allowed with replicas of 2 and more: only then the next owner has no old keys`,
    )
  if (pool.orderWrites === true && replicas === 1)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.orderWrites: found true with replicas 1; allowed with replicas of 2 and more: one server has one order by itself`,
    )
  if (pool.protocol === 'redis' && pool.multiKey === 'owner' && replicas > 1)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.multiKey: found owner with replicas ${replicas}; allowed: slot, or replicas 1: keys with the same first owner have different further ones, so no other server could run the command`,
    )
  const { slowStartMs = 0, outliers } = pool
  return {
    replicas,
    copies: policyOf(pool),
    ...(slowStartMs === 0 ? {} : { slowStartMs }),
    ...(outliers === undefined ? {} : { outliers }),
    ...(pool.check ? { check: checkOf(pool.check) } : {}),
  }
}

function policyOf(pool: PoolOptions): CopyPolicy {
  const { ack, read, onReturn, onOverflow, journalKeysMax, warmUp, orderWrites } = pool
  return {
    ...DEFAULT_COPY_POLICY,
    ...(ack === undefined ? {} : { ack }),
    ...(read === undefined ? {} : { read }),
    ...(onReturn === undefined ? {} : { onReturn }),
    ...(onOverflow === undefined ? {} : { onOverflow }),
    ...(journalKeysMax === undefined ? {} : { journalKeysMax }),
    ...(warmUp === undefined ? {} : { warmUp }),
    ...(orderWrites === undefined ? {} : { orderWrites }),
  }
}

function checkOf(check: NonNullable<PoolOptions['check']>): NonNullable<RedisPoolExtras['check']> {
  const { intervalMs = 2_000, timeoutMs = 1_000, rise = 2, fall = 3 } = check
  return { intervalMs, timeoutMs, rise, fall }
}

/** Options that pools of some protocols do not have, and those that do. */
function refuseOthers(name: string, pool: PoolOptions, source: string): void {
  for (const [keys, protocols] of ONLY_WITH) {
    if (protocols.includes(pool.protocol)) continue
    const found = keys.find((key) => pool[key] !== undefined)
    if (found === undefined) continue
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.${found}: found in a pool with protocol ${pool.protocol}; allowed: only with protocol ${protocols.join(' or ')}`,
    )
  }
}

/** How one backend is reached and spoken to: what its URL and its own options say. */
export function resolveAccess(
  url: BackendUrl,
  backend: NonNullable<PoolOptions['backends']>[number],
  pool: Pick<PoolOptions, 'tls'>,
  key: string,
  source: string,
): BackendAccess | undefined {
  const user = backend.user ?? url.user
  const password = backend.password ?? url.password
  if (user !== undefined && password === undefined)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}.user: found a user without a password; allowed: both, or a password alone`,
    )
  const access: BackendAccess = {
    ...(url.path === undefined ? {} : { path: url.path }),
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(url.database === undefined || url.database === 0 ? {} : { database: url.database }),
    ...(url.scheme === 'rediss' || url.scheme === 'https'
      ? { tls: readUpstreamTls(pool.tls ?? {}, `${key.replace(/\.backends.*/, '')}.tls`, source) }
      : {}),
  }
  return Object.keys(access).length === 0 ? undefined : access
}
