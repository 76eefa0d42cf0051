import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { HereFacts } from './answer-here.ts'

/** The version of Redis whose command table this is, for clients that ask. */
export const REDIS_VERSION = '7.0.15'

/** What a backend's INFO says, as far as it is shown; absent when it did not answer. */
export interface BackendInfo {
  readonly id: string
  readonly fields: ReadonlyMap<string, string> | undefined
}

/** The fields of an INFO reply. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/** INFO: the router's own facts, and those of all backends where they add up. */
export function describeServer(
  frame: RequestFrame,
  facts: HereFacts,
  backends: readonly BackendInfo[] | undefined,
): string {
  const asked = askedSections(frame)
  const everything =
    asked.size === 0 || ['default', 'all', 'everything'].some((word) => asked.has(word))
  return sections(facts, backends)
    .filter(([name]) => everything || asked.has(name))
    .map(
      ([name, lines]) =>
        `# ${name[0]?.toUpperCase()}${name.slice(1)}\r\n${lines.map((line) => `${line}\r\n`).join('')}`,
    )
    .join('\r\n')
}

/** Whether the answer needs what backends know. */
export function needsBackends(frame: RequestFrame): boolean {
  const asked = askedSections(frame)
  return asked.size === 0 || [...asked].some((section) => !OWN_SECTIONS.has(section))
}

const OWN_SECTIONS = new Set([
  'server',
  'clients',
  'persistence',
  'stats',
  'replication',
  'cluster',
])

function askedSections(frame: RequestFrame): ReadonlySet<string> {
  const asked = new Set<string>()
  for (let at = 1; at < frame.argc; at++) asked.add(frame.text(at).toLowerCase())
  return asked
}

type Section = readonly [name: string, lines: readonly string[]]

function sections(
  facts: HereFacts,
  backends: readonly BackendInfo[] | undefined,
): readonly Section[] {
  const uptimeSeconds = Math.floor(facts.uptimeMs / 1_000)
  const all = backends ?? []
  const memory: Section = [
    'memory',
    ['used_memory', 'maxmemory'].map((field) => `${field}:${total(all, field)}`),
  ]
  const fleet: Section = ['backends', all.map((backend, i) => `backend${i}:${describe(backend)}`)]
  return [
    [
      'server',
      [
        `redis_version:${REDIS_VERSION}`,
        'redis_mode:standalone',
        `ringway_version:${facts.version}`,
        `ringway_pool:${facts.pool}`,
        `tcp_port:${facts.port}`,
        `uptime_in_seconds:${uptimeSeconds}`,
      ],
    ],
    ['clients', [`connected_clients:${facts.clients}`, `maxclients:${facts.clientsMax}`]],
    ...(backends === undefined ? [] : [memory]),
    ['persistence', ['loading:0']],
    ['stats', [`total_commands_processed:${facts.commands}`]],
    ['replication', ['role:master', 'connected_slaves:0']],
    ['cluster', ['cluster_enabled:0']],
    ...(backends === undefined ? [] : [fleet]),
    ['keyspace', keyspace(all)],
  ]
}

function describe({ id, fields }: BackendInfo): string {
  if (fields === undefined) return `id=${id},state=unreachable`
  const { keys } = databaseZero(fields)
  return `id=${id},state=up,version=${fields.get('redis_version') ?? ''},used_memory=${fields.get('used_memory') ?? 0},keys=${keys}`
}

function total(backends: readonly BackendInfo[], field: string): number {
  return backends.reduce((sum, { fields }) => sum + Number(fields?.get(field) ?? 0), 0)
}

function keyspace(backends: readonly BackendInfo[]): readonly string[] {
  const found = backends.map(({ fields }) => databaseZero(fields))
  const keys = found.reduce((sum, each) => sum + each.keys, 0)
  const expires = found.reduce((sum, each) => sum + each.expires, 0)
  return keys === 0 ? [] : [`db0:keys=${keys},expires=${expires},avg_ttl=0`]
}

function databaseZero(fields: ReadonlyMap<string, string> | undefined) {
  // A pool has one database, whichever number it has on its backends.
  const line = [...(fields ?? [])].find(([name]) => /^db\d+$/.test(name))?.[1] ?? ''
  const [, keys = 0, expires = 0] = /keys=(\d+),expires=(\d+)/.exec(line) ?? []
  return { keys: Number(keys), expires: Number(expires) }
}
