import { formatHostPort } from '../config/address.ts'
import type {
  BackendConfig,
  ListenerConfig,
  NodeConfig,
  PoolConfig,
  StaticPoolConfig,
} from '../config/config.ts'
import { listenerKeys } from '../listeners/listener-keys.ts'

/** What is different about a pool beyond its backends: words for people, and the facts that are compared. */
const POOL_FACTS: Readonly<Record<string, (pool: StaticPoolConfig) => unknown>> = {
  protocol: ({ protocol }) => protocol,
  placement: ({ placement }) => placement,
  replicas: ({ replicas }) => replicas,
  copies: ({ copies }) => copies,
  check: ({ check, http }) => check ?? http?.check,
  balance: ({ http }) => http && { ...http, check: undefined },
  multiKey: ({ multiKey }) => multiKey,
  sources: ({ sources }) => sources,
  tls: ({ tls }) => tls,
  migrateFrom: ({ migration }) => migration,
  failover: ({ failover }) => failover,
  shadow: ({ shadow }) => shadow,
  coalesce: ({ coalesce }) => coalesce,
}

/** The same of listeners. */
const LISTENER_FACTS: Readonly<Record<string, (listener: ListenerConfig) => unknown>> = {
  pool: ({ pool }) => pool,
  auth: ({ auth }) => auth,
  routes: ({ http, routes }) => http?.routes ?? routes,
  trustedProxies: ({ http }) => http?.trustedProxies,
  proxyProtocol: ({ http }) => http?.proxyProtocol,
  forwarded: ({ http }) => http?.forwarding,
  certificates: ({ tls, http }) => tls ?? http?.tls,
}

/** What a reload changes, one sentence each, without any secret. Pure. */
export function describeChanges(before: NodeConfig, after: NodeConfig): readonly string[] {
  return [
    ...poolChanges(before, after),
    ...listenerChanges(before, after),
    ...(isSame(keysOf(before), keysOf(after)) ? [] : ['cookie.secrets']),
    ...(before.admin?.token === after.admin?.token ? [] : ['admin.token']),
    ...plain('logLevel', before.logLevel, after.logLevel),
    ...plain('drainTimeoutMs', before.drainTimeoutMs, after.drainTimeoutMs),
  ]
}

function poolChanges(before: NodeConfig, after: NodeConfig): readonly string[] {
  const old = new Map(before.pools.map((pool) => [pool.name, pool]))
  const kept = new Set(after.pools.map(({ name }) => name))
  const gone = before.pools.filter(({ name }) => !kept.has(name))
  return [
    ...after.pools.flatMap((pool) => poolChange(old.get(pool.name), pool)),
    ...gone.map(({ name }) => `pool ${name} is gone`),
  ]
}

function poolChange(before: PoolConfig | undefined, after: PoolConfig): readonly string[] {
  if (before === undefined) return [`pool ${after.name} is new`]
  // A store pool does not change while its member runs.
  if (before.protocol === 'store' || after.protocol === 'store') return []
  const changes = [
    ...backendChanges(before.backends, after.backends),
    ...differing(POOL_FACTS, before, after),
  ]
  return changes.length === 0 ? [] : [`pool ${after.name}: ${changes.join(', ')}`]
}

function backendChanges(
  before: readonly BackendConfig[],
  after: readonly BackendConfig[],
): readonly string[] {
  const old = new Map(before.map((backend) => [backend.id, backend]))
  const kept = new Set(after.map(({ id }) => id))
  return [
    ...after.flatMap((backend) => backendChange(old.get(backend.id), backend)),
    ...before.filter(({ id }) => !kept.has(id)).map(({ id }) => `-${id}`),
  ]
}

function backendChange(before: BackendConfig | undefined, after: BackendConfig): readonly string[] {
  if (before === undefined) return [`+${after.id}`]
  if (before.weight !== after.weight)
    return [`weight of ${after.id} ${before.weight} -> ${after.weight}`]
  return isSame(before, after) ? [] : [`access to ${after.id}`]
}

function listenerChanges(before: NodeConfig, after: NodeConfig): readonly string[] {
  const old = listenerKeys(before.listeners)
  const now = listenerKeys(after.listeners)
  const gone = [...old].filter(([key]) => !now.has(key)).map(([, listener]) => listener)
  return [
    ...Array.from(now, ([key, listener]) => listenerChange(old.get(key), listener)).flat(),
    ...gone.map((listener) => `listener ${nameOf(listener)} is gone`),
  ]
}

function listenerChange(
  before: ListenerConfig | undefined,
  after: ListenerConfig,
): readonly string[] {
  if (before === undefined) return [`listener ${nameOf(after)} is new`]
  const changes = differing(LISTENER_FACTS, before, after)
  return changes.length === 0 ? [] : [`listener ${nameOf(after)}: ${changes.join(', ')}`]
}

function differing<T>(
  facts: Readonly<Record<string, (from: T) => unknown>>,
  before: T,
  after: T,
): readonly string[] {
  return Object.entries(facts)
    .filter(([, fact]) => !isSame(fact(before), fact(after)))
    .map(([name]) => name)
}

function plain(name: string, before: string | number, after: string | number): readonly string[] {
  return before === after ? [] : [`${name} ${before} -> ${after}`]
}

function nameOf({ protocol, bind }: ListenerConfig): string {
  return `${protocol} ${formatHostPort(bind)}`
}

function keysOf({ stickyKeys }: NodeConfig): readonly string[] {
  return stickyKeys.map((key) => Buffer.from(key).toString('base64'))
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
