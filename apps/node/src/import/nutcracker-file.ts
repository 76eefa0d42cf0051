import { parse } from 'yaml'
import { NodeError } from '../errors.ts'

/** One server line of a nutcracker file: `host:port:weight name`, or `/path:weight name`. */
export interface NutcrackerServer {
  /** Absent for a Unix socket. */
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly weight: number
  /** What twemproxy hashes and sorts by: the name, else `host:port`, else `host` on port 11211, else the path. */
  readonly ringName: string
}

/** One pool of a nutcracker file. */
export interface NutcrackerPool {
  readonly name: string
  readonly listen: string
  readonly hash: string
  readonly hashTag: string | undefined
  readonly distribution: string
  readonly redis: boolean
  readonly servers: readonly NutcrackerServer[]
  /** All settings, as they are in the file. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** twemproxy leaves memcached's port out of names. */
const PORT_LEFT_OUT = 11211
const SERVER = /^(?<where>\/[^:]+|.+:\d{1,5}):(?<weight>\d{1,9})(?:\s+(?<name>\S+))?$/

/**
 * Reads a nutcracker file. Values stay as they are written; what is wrong for nutcracker itself is refused.
 * @throws NodeError IMPORT_INVALID with file, pool and what was found
 */
export function readNutcracker(text: string, file: string): readonly NutcrackerPool[] {
  let document: unknown
  try {
    document = parse(text)
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n')
    throw new NodeError('IMPORT_INVALID', `${file}: ${reason}`, { file }, { cause })
  }
  if (!isMapping(document) || Object.keys(document).length === 0)
    throw invalid(file, 'found no pools; allowed: a mapping of pool names, as nutcracker reads it')
  return Object.entries(document).map(([name, pool]) => readPool(name, pool, file))
}

function readPool(name: string, pool: unknown, file: string): NutcrackerPool {
  if (!isMapping(pool)) throw invalid(file, `${name}: found no settings; allowed: a mapping`)
  const { servers } = pool
  if (!Array.isArray(servers) || servers.length === 0)
    throw invalid(file, `${name}.servers is missing; allowed: a list of host:port:weight [name]`)
  const read = servers.map((line, index) =>
    readServer(String(line).trim(), `${name}.servers[${index}]`, file),
  )
  const names = read.map(({ ringName }) => ringName)
  const twice = names.find((each, index) => names.indexOf(each) !== index)
  if (twice !== undefined) throw invalid(file, `${name}.servers: ${twice} is named twice`)
  return {
    name,
    listen: String(pool['listen'] ?? ''),
    hash: String(pool['hash'] ?? 'fnv1a_64'),
    hashTag: pool['hash_tag'] === undefined ? undefined : String(pool['hash_tag']),
    distribution: String(pool['distribution'] ?? 'ketama'),
    redis: pool['redis'] === true,
    servers: read,
    settings: pool,
  }
}

function readServer(line: string, key: string, file: string): NutcrackerServer {
  const { where = '', weight: digits = '', name } = SERVER.exec(line)?.groups ?? {}
  const weight = Number(digits)
  if (where === '' || weight === 0)
    throw invalid(
      file,
      `${key}: found ${JSON.stringify(line)}; allowed: host:port:weight [name] or /path:weight [name], with a weight above 0`,
    )
  if (where.startsWith('/')) return { path: where, weight, ringName: name ?? where }
  const at = where.lastIndexOf(':')
  const [host, port] = [where.slice(0, at), Number(where.slice(at + 1))]
  return { host, port, weight, ringName: name ?? (port === PORT_LEFT_OUT ? host : where) }
}

function invalid(file: string, what: string): NodeError {
  return new NodeError('IMPORT_INVALID', `${file}: ${what}`, { file })
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
