import type { NodeConfig, StorePoolConfig } from '../config/config.ts'
import type { ListenerEntry, NodeOptions, PoolOptions } from '../config/options.ts'
import { DEFAULT_POOLS } from '../config/resolve.ts'

/** A configuration in both forms: as it was written, and as it was checked. */
export interface Configuration {
  readonly options: NodeOptions
  readonly config: NodeConfig
}

/** What can be taken while the node runs, and the keys of what cannot. */
export interface TakenOptions {
  /** The wanted options, with those that are fixed as they run. */
  readonly options: NodeOptions
  readonly needsRestart: readonly string[]
}

/** Options that a running member keeps: who it is, where it is found, and how it talks to the others. */
const FIXED_SECTIONS = [
  'name',
  'zone',
  'weight',
  'profile',
  'insecure',
  'gossip',
  'peer',
  'http',
] as const satisfies readonly (keyof NodeOptions)[]

/** The same by key, with what two configurations are compared by. */
const FIXED_KEYS: Readonly<Record<string, (config: NodeConfig) => unknown>> = {
  name: ({ name }) => name,
  zone: ({ zone }) => zone,
  weight: ({ weight }) => weight,
  profile: ({ profile }) => profile,
  insecure: ({ insecure }) => insecure,
  'gossip.bind': ({ gossip }) => gossip.bind,
  'gossip.advertise': ({ gossip }) => gossip.advertise,
  'gossip.join': ({ gossip }) => gossip.join,
  'gossip.snapshot': ({ gossip }) => gossip.snapshot,
  'gossip.encrypt': ({ gossip }) => gossip.keys.map((key) => Buffer.from(key).toString('base64')),
  'gossip.label': ({ gossip }) => gossip.label,
  'gossip.delegate': ({ gossip }) => gossip.delegate,
  'peer.bind': ({ peer }) => peer.bind,
  http: ({ http }) => http,
  'admin.bind': ({ admin }) => admin?.bind,
}

const STORE_KEYS = ['replicas', 'minCopies', 'maxMemoryBytes', 'maxMemoryPolicy'] as const

/** Puts what is fixed back to what runs. Both configurations are checked already. Pure. */
export function keepFixed(running: Configuration, wanted: Configuration): TakenOptions {
  const needsRestart = Object.entries(FIXED_KEYS)
    .filter(([, fact]) => !isSame(fact(running.config), fact(wanted.config)))
    .map(([key]) => key)
  const pools = keepStore(running, wanted, needsRestart)
  const listeners = keepListeners(running, wanted, pools, needsRestart)
  const admin = running.options.admin && {
    ...wanted.options.admin,
    bind: running.options.admin.bind,
  }
  const written = {
    ...wanted.options,
    ...Object.fromEntries(FIXED_SECTIONS.map((key) => [key, running.options[key]])),
    pools,
    listeners,
    admin,
  }
  return { options: withoutAbsent(written), needsRestart }
}

/** A migration that began goes on until the end that it had: `until: 12h` counts from the start. Pure. */
export function keepDeadlines(running: NodeConfig, next: NodeConfig): NodeConfig {
  const before = new Map(running.pools.map((pool) => [pool.name, pool]))
  const pools = next.pools.map((pool) => {
    const old = before.get(pool.name)
    if (pool.protocol === 'store' || old?.protocol !== pool.protocol) return pool
    const { migration } = pool
    const begun = old.migration
    if (migration === undefined || begun === undefined) return pool
    return isSame({ ...migration, untilMs: 0 }, { ...begun, untilMs: 0 })
      ? { ...pool, migration: begun }
      : pool
  })
  return { ...next, pools }
}

/** The pools as wanted, but for the store pool, which stays what it is, or stays absent. */
function keepStore(
  running: Configuration,
  wanted: Configuration,
  needsRestart: string[],
): Readonly<Record<string, PoolOptions>> {
  const ours = storeOf(running.config)
  const theirs = storeOf(wanted.config)
  if (ours !== undefined && theirs?.name === ours.name)
    for (const key of STORE_KEYS)
      if (ours[key] !== theirs[key])
        needsRestart.push(`pools.${ours.name}.${key === 'maxMemoryBytes' ? 'maxMemory' : key}`)
  if (ours?.name !== theirs?.name)
    for (const pool of [ours, theirs]) if (pool) needsRestart.push(`pools.${pool.name}`)
  const pools = { ...(wanted.options.pools ?? DEFAULT_POOLS) }
  if (theirs !== undefined && theirs.name !== ours?.name) delete pools[theirs.name]
  const kept = ours && (running.options.pools ?? DEFAULT_POOLS)[ours.name]
  return ours && kept ? { ...pools, [ours.name]: kept } : pools
}

/** Listeners for a pool that is not there before a restart stay what they are, or closed. */
function keepListeners(
  running: Configuration,
  wanted: Configuration,
  pools: Readonly<Record<string, PoolOptions>>,
  needsRestart: string[],
): readonly ListenerEntry[] {
  return (wanted.options.listeners ?? []).flatMap((entry, index) => {
    if (poolsOf(entry).every((pool) => Object.hasOwn(pools, pool))) return [entry]
    needsRestart.push(`listeners.${index}`)
    return (running.options.listeners ?? []).filter(
      ({ protocol, bind }) => protocol === entry.protocol && bind === entry.bind,
    )
  })
}

function poolsOf({ pool, routes = [] }: ListenerEntry): readonly string[] {
  const routed = routes.map((route) => route.pool)
  return pool === undefined ? routed : [pool, ...routed]
}

function storeOf({ pools }: NodeConfig): StorePoolConfig | undefined {
  return pools.find((pool) => pool.protocol === 'store')
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function withoutAbsent(options: Readonly<Record<string, unknown>>): NodeOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
