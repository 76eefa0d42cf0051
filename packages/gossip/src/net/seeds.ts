import { lookup, resolveSrv } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Address } from '../core/messages.ts'
import { plainHost } from './addresses.ts'
import { GossipError, systemCode } from './errors.ts'
import { RESOLVE_TIMEOUT_MS, SEED_ADDRESSES_MAX } from './limits.ts'
import { seedFilePath } from './seed-file.ts'

/** How names become addresses; tests bring their own. */
export interface Resolver {
  /** All addresses of a host, IPv4 and IPv6. */
  addresses(host: string): Promise<readonly string[]>
  srv(name: string): Promise<readonly { readonly host: string; readonly port: number }[]>
}

export const systemResolver: Resolver = {
  async addresses(host) {
    const found = await lookup(host, { all: true, order: 'verbatim' })
    return found.map(({ address }) => address)
  },
  async srv(name) {
    const found = await resolveSrv(name)
    return found.map(({ name: host, port }) => ({ host, port }))
  },
}

/** Where to look for the cluster. */
export type Seed =
  | { readonly type: 'host'; readonly host: string; readonly port: number; readonly name?: string }
  | { readonly type: 'srv'; readonly name: string }

/**
 * Understands `host:port`, `[v6]:port`, `name/host:port`, `dns:host:port` and `srv:_service._udp.domain`.
 * Without a port the default one is meant.
 * @throws GossipError GOSSIP_SEED_INVALID
 */
export function parseSeed(text: string, portDefault: number): Seed {
  // A file that named files could name itself.
  if (seedFilePath(text) !== undefined) throw invalid(text, 'no file within a file')
  if (text.startsWith('srv:')) {
    const name = text.slice('srv:'.length)
    if (!/^_[^.]+\._(udp|tcp)\..+$/.test(name)) throw invalid(text, 'srv:_service._udp.domain')
    return { type: 'srv', name }
  }
  if (text.startsWith('dns:')) return parseHost(text.slice('dns:'.length), text, portDefault)
  const slash = text.indexOf('/')
  if (slash < 0) return parseHost(text, text, portDefault)
  const name = text.slice(0, slash)
  if (name === '') throw invalid(text, 'name/host:port')
  return { ...parseHost(text.slice(slash + 1), text, portDefault), name }
}

function parseHost(part: string, text: string, portDefault: number) {
  const match =
    /^\[([^\]]+)\](?::(\d+))?$/.exec(part) ??
    // Two or more colons without brackets are a bare IPv6 address.
    (isIP(part) === 6 ? [part, part] : /^([^:/\s[\]]+)(?::(\d+))?$/.exec(part))
  const [, host = '', port] = match ?? []
  const number = port === undefined ? portDefault : Number(port)
  if (host === '' || number < 1 || number > 65_535) throw invalid(text, 'host:port')
  return { type: 'host' as const, host, port: number }
}

function invalid(seed: string, expected: string): GossipError {
  return new GossipError('GOSSIP_SEED_INVALID', { seed, expected })
}

/**
 * All addresses of a seed, at most 256.
 * @throws GossipError GOSSIP_SEED_UNRESOLVED naming the seed, GOSSIP_ABORTED
 */
export async function resolveSeed(
  seed: Seed,
  resolver: Resolver,
  signal?: AbortSignal,
): Promise<readonly Address[]> {
  const label = seed.type === 'srv' ? seed.name : seed.host
  try {
    const found = await withDeadline(lookUp(seed, resolver), signal)
    if (found.length > 0) return found.slice(0, SEED_ADDRESSES_MAX)
  } catch (error) {
    if (error instanceof GossipError) throw error
    throw new GossipError('GOSSIP_SEED_UNRESOLVED', { seed: label, system: systemCode(error) })
  }
  throw new GossipError('GOSSIP_SEED_UNRESOLVED', { seed: label, system: 'no addresses' })
}

async function lookUp(seed: Seed, resolver: Resolver): Promise<Address[]> {
  const targets = seed.type === 'host' ? [seed] : await resolver.srv(seed.name)
  const found = await Promise.all(
    targets.slice(0, SEED_ADDRESSES_MAX).map(async ({ host, port }) => {
      const hosts = isIP(host) > 0 ? [host] : await resolver.addresses(host)
      return hosts.map((address) => ({ host: plainHost(address), port }))
    }),
  )
  return found.flat()
}

/** The system's resolver cannot be interrupted, so its answer is given up on. */
function withDeadline<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const abort = () => {
      settle()
      reject(new GossipError('GOSSIP_ABORTED'))
    }
    const timer = setTimeout(() => {
      settle()
      reject(new Error(`no answer in ${RESOLVE_TIMEOUT_MS} ms`))
    }, RESOLVE_TIMEOUT_MS)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(settle)
  })
}
