import { createRing, type McrouterFunction } from '@ringway/ring'
import type { BackendOptions, NodeOptions, PlacementEntry } from '../config/options.ts'
import { NodeError } from '../errors.ts'
import type { ForeignOwner, Imported } from './imported.ts'
import { mcrouterRouting } from './mcrouter-routing.ts'

const FUNCTIONS = ['Ch3', 'WeightedCh3', 'Crc32', 'ConstShard']
/** mcrouter's weight of a server that has none. */
const WEIGHT_ABSENT = 0.5

/** Where a listener is that has to be written because prefixes are its own. */
const BIND = '127.0.0.1:11311'

type Mapping = Readonly<Record<string, unknown>>

/** A pool together with how a route hashes over it. */
interface Route {
  readonly pool: string
  readonly hash: Mapping
}

/**
 * Turns a JSON file of mcrouter into a configuration: pools that are reached by a `PoolRoute` or `HashRoute`, alone or as a
 * default policy, and prefixes, failover and shadows where they mean the same here. Everything else about its routes is named
 * as untranslated.
 *
 * @throws NodeError IMPORT_INVALID, IMPORT_UNSUPPORTED
 */
export function importMcrouter(text: string, file: string): Imported {
  const document = readJson(text, file)
  const pools = document['pools']
  if (!isMapping(pools)) throw invalid(file, 'pools is missing; allowed: a mapping of pools')
  const untranslated: string[] = []
  const root = document['route'] ?? document['routes']
  const routing = mcrouterRouting(root)
  const routes = routesOf(root, untranslated, routing.translated)
  const owners = new Map<string, ForeignOwner>()
  const written: Record<string, NonNullable<NodeOptions['pools']>[string]> = {}
  for (const [name, pool] of Object.entries(pools)) {
    const servers = isMapping(pool) ? pool['servers'] : undefined
    if (!Array.isArray(servers) || servers.length === 0)
      throw invalid(file, `pools.${name}.servers is missing; allowed: a list of host:port`)
    const route = routes.find((each) => each.pool === name)
    if (route === undefined) untranslated.push(`pool ${name}: no route hashes over it; Ch3 is used`)
    const hash = route?.hash ?? {}
    const backends = backendsOf(servers.map(String), hash, name, file)
    const placement = placementOf(hash, name, file)
    written[name] = { protocol: 'memcached', placement, backends, ...routing.pools.get(name) }
    owners.set(name, byIndex(placement, backends))
    for (const key of Object.keys(pool as Mapping))
      if (key !== 'servers') untranslated.push(`pool ${name}: ${key} is not translated`)
  }
  for (const key of Object.keys(document))
    if (!['pools', 'route', 'routes'].includes(key)) untranslated.push(`${key} is not translated`)
  const { prefixes } = routing
  untranslated.push(
    prefixes === undefined
      ? 'listeners are not in the file of mcrouter: add them'
      : `the address of the listener is not in the file of mcrouter: ${BIND} is written`,
  )
  const listeners = prefixes && [{ protocol: 'memcached' as const, bind: BIND, ...prefixes }]
  const options = { pools: written, ...(listeners && { listeners }) }
  return { program: 'mcrouter', options, untranslated, owners }
}

/** mcrouter knows servers by their place alone: the same ring over bare numbers. */
function byIndex(placement: PlacementEntry, backends: readonly BackendOptions[]): ForeignOwner {
  const { type, ...options } = placement
  const ring = createRing(
    backends.map(({ weight = 1 }, index) => ({ id: `#${index}`, weight })),
    { placement: type, ...options } as Parameters<typeof createRing>[1] & object,
  )
  return (key) => {
    const backend = backends[Number(ring.owner(key)?.slice(1))]
    return backend && (backend.id ?? backend.url.replace(/^\w+:\/\//, '').toLowerCase())
  }
}

function placementOf(hash: Mapping, pool: string, file: string): PlacementEntry {
  const name = String(hash['hash_func'] ?? 'Ch3')
  if (!FUNCTIONS.includes(name))
    throw new NodeError(
      'IMPORT_UNSUPPORTED',
      `${file}: pool ${pool}: hash_func ${name} has no equivalent; allowed: ${FUNCTIONS.join(', ')}`,
    )
  const hashFunction = name as McrouterFunction
  const salt = hash['salt']
  return { type: 'mcrouter', hashFunction, ...(salt === undefined ? {} : { salt: String(salt) }) }
}

function backendsOf(
  servers: readonly string[],
  hash: Mapping,
  pool: string,
  file: string,
): readonly BackendOptions[] {
  const weights = Array.isArray(hash['weights']) ? hash['weights'].map(Number) : []
  const weighted = hash['hash_func'] === 'WeightedCh3'
  return servers.map((server, index) => {
    // `host:port`, and behind it what mcrouter adds: `host:port:ascii:plain`.
    const address = /^(\[[^\]]+\]|[^:]+):(\d{1,5})/.exec(server)?.[0]
    if (address === undefined)
      throw invalid(file, `pools.${pool}.servers[${index}]: found ${server}; allowed: host:port`)
    const weight = weighted ? (weights[index] ?? WEIGHT_ABSENT) : 1
    if (!(weight > 0))
      throw new NodeError(
        'IMPORT_UNSUPPORTED',
        `${file}: pool ${pool}: server ${address} has weight ${weight}, which has no equivalent; allowed: a weight above 0`,
      )
    return { url: `memcached://${address}`, ...(weight === 1 ? {} : { weight }) }
  })
}

/** All pools that a route reaches by hashing; what is around them is named. */
function routesOf(
  route: unknown,
  notes: string[],
  translated: ReadonlySet<unknown>,
): readonly Route[] {
  if (typeof route === 'string') {
    const [type, pool = '', hash] = route.split('|')
    if (type === 'PoolRoute') return [{ pool, hash: hash === undefined ? {} : { hash_func: hash } }]
    notes.push(`route ${JSON.stringify(route)} is not translated`)
    return []
  }
  if (Array.isArray(route)) return route.flatMap((each) => routesOf(each, notes, translated))
  if (!isMapping(route)) return []
  const { type, hash } = route
  const target = route['pool'] ?? poolOfChildren(route['children'])
  if ((type === 'PoolRoute' || type === 'HashRoute') && typeof target === 'string')
    return [
      { pool: target, hash: isMapping(hash) ? hash : hash ? { hash_func: hash } : flat(route) },
      ...shadowsOf(route, notes, translated),
    ]
  if (isMapping(route['policies']) && translated.has(route))
    return [route['wildcard'], ...Object.values(route['policies'])].flatMap((each) =>
      routesOf(each, notes, translated),
    )
  if (!translated.has(route))
    notes.push(
      `${type === undefined ? 'a route' : String(type)} is not translated, only pools within`,
    )
  return Object.values(route).flatMap((each) =>
    typeof each === 'string' && !each.startsWith('PoolRoute|')
      ? []
      : routesOf(each, notes, translated),
  )
}

/** Pools that shadows name; a list that is not translated is named itself. */
function shadowsOf(
  route: Mapping,
  notes: string[],
  translated: ReadonlySet<unknown>,
): readonly Route[] {
  const { pool, shadows } = route
  if (!Array.isArray(shadows)) return []
  if (!translated.has(route)) notes.push(`pool ${pool}: shadows are not translated`)
  return shadows.flatMap((each) =>
    isMapping(each) && each['target'] !== undefined
      ? routesOf(each['target'], notes, translated)
      : [],
  )
}

/** HashRoute has its options beside `children`. */
function flat(route: Mapping): Mapping {
  const { hash_func, salt, weights } = route
  return {
    ...(hash_func === undefined ? {} : { hash_func }),
    ...(salt === undefined ? {} : { salt }),
    ...(weights === undefined ? {} : { weights }),
  }
}

function poolOfChildren(children: unknown): unknown {
  return typeof children === 'string' ? children.replace(/^Pool\|/, '') : undefined
}

/** JSON with comments, as mcrouter reads it. */
function readJson(text: string, file: string): Mapping {
  let document: unknown
  try {
    document = JSON.parse(
      text.replace(COMMENT_OR_STRING, (match) => (match.startsWith('"') ? match : ' ')),
    )
  } catch (cause) {
    throw new NodeError(
      'IMPORT_INVALID',
      `${file}: ${(cause as Error).message}`,
      { file },
      { cause },
    )
  }
  if (!isMapping(document)) throw invalid(file, 'found no mapping; allowed: a configuration')
  return document
}

const COMMENT_OR_STRING = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(file: string, what: string): NodeError {
  return new NodeError('IMPORT_INVALID', `${file}: ${what}`, { file })
}
