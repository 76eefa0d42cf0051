import { NodeError } from '../errors.ts'

/** A place to bind to or to dial: numeric host or name, and a port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

export const PORT_MAX = 65_535

/**
 * Reads `HOST:PORT`, `[V6]:PORT`, `:PORT` and, where a default port is given, `HOST`.
 * Returns undefined when the text is none of these.
 */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*))(?::(\d{1,5}))?$/.exec(text)
  if (!match) return undefined
  const [, v6, name = '', digits] = match
  const port = digits === undefined ? defaultPort : Number(digits)
  if (port === undefined || port > PORT_MAX) return undefined
  const host = v6 ?? (name === '' ? '0.0.0.0' : name)
  return { host: host.toLowerCase(), port }
}

/**
 * As {@link parseHostPort}, for text that a check has let through before.
 * @throws NodeError CONFIG_INVALID
 */
export function requireHostPort(text: string, defaultPort?: number): HostPort {
  const address = parseHostPort(text, defaultPort)
  if (!address)
    throw new NodeError('CONFIG_INVALID', `found ${JSON.stringify(text)}; allowed: HOST:PORT`)
  return address
}

/** `host:port`, with brackets around an IPv6 host: what logs, ids and flags use. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** True for "every interface", which cannot be told to others as an address. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
