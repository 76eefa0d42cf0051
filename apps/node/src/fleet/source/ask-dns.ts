import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { formatHostPort, type HostPort } from '../../config/address.ts'
import type { FoundServer } from './found-server.ts'

const TIMEOUT_MS = 2_000
const TRIES = 2
/** Answers that say that there is no such record; a name may still have the other kind. */
const NO_RECORD = new Set(['ENODATA', 'ENOTFOUND'])
/** A weight in DNS goes to 65,535, and a ring cannot have as many points as that: above it all are halved until they fit. */
const SRV_WEIGHT_MAX = 64

/** Every A and AAAA record of a name. Without a server of its own, what the machine's files say counts too. */
export async function askDns(
  name: string,
  port: number,
  server: HostPort | undefined,
  signal: AbortSignal,
): Promise<readonly FoundServer[]> {
  if (isIP(name) !== 0) return [{ address: { host: name, port } }]
  const hosts = server
    ? await withResolver(server, signal, (resolver) => addresses(resolver, name))
    : (await withDeadline(lookup(name, { all: true }), signal)).map(({ address }) => address)
  return hosts.map((host) => ({ address: { host, port } }))
}

/** The SRV records of the best priority, reached by their names. */
export async function askSrv(
  name: string,
  server: HostPort | undefined,
  signal: AbortSignal,
): Promise<readonly FoundServer[]> {
  const records = await withResolver(server, signal, (resolver) => resolver.resolveSrv(name))
  const best = Math.min(...records.map(({ priority }) => priority))
  const usable = records.filter(
    ({ priority, name: target }) => priority === best && target !== '' && target !== '.',
  )
  const scale = srvScale(usable.map(({ weight }) => weight))
  return usable.map(({ name: target, port, weight }) => ({
    address: { host: target.replace(/\.$/, '').toLowerCase(), port },
    // 0 stands for "hardly any" in DNS; all of one service have it where nobody thought about weights.
    weight: Math.max(weight, 1) * scale,
  }))
}

/** A power of two, so that one record more seldom changes the weights of the others, which would move keys between them. */
function srvScale(weights: readonly number[]): number {
  let scale = 1
  while (Math.max(...weights, 1) * scale > SRV_WEIGHT_MAX) scale /= 2
  return scale
}

async function addresses(resolver: Resolver, name: string): Promise<readonly string[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const hosts: string[] = []
  for (const answer of answers) {
    if (answer.status === 'fulfilled') hosts.push(...answer.value)
    // Half an answer would look like backends that went away.
    else if (!NO_RECORD.has((answer.reason as { code?: string }).code ?? '')) throw answer.reason
  }
  if (hosts.length === 0) throw new Error(`${name} has no address in DNS`)
  return hosts
}

async function withResolver<T>(
  server: HostPort | undefined,
  signal: AbortSignal,
  ask: (resolver: Resolver) => Promise<T>,
): Promise<T> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (server) resolver.setServers([formatHostPort(server)])
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await withDeadline(ask(resolver), signal)
  } finally {
    signal.removeEventListener('abort', cancel)
    resolver.cancel()
  }
}

/** The machine's own look-up has no deadline. */
function withDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS * TRIES + 1_000)])
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error('DNS did not answer in time'))
    deadline.addEventListener('abort', late, { once: true })
    work.then(resolve, reject).finally(() => deadline.removeEventListener('abort', late))
  })
}
