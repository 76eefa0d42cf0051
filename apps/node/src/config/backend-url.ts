import { parseHostPort } from './address.ts'

/** What the URL of a server says. */
export interface BackendUrl {
  /** Absent for a bare `HOST:PORT`. */
  readonly scheme: 'redis' | 'rediss' | 'memcached' | 'http' | 'https' | 'unix' | undefined
  readonly address: { readonly host: string; readonly port: number }
  readonly path?: string
  readonly user?: string
  readonly password?: string
  readonly database?: number
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  redis: 6379,
  rediss: 6379,
  memcached: 11211,
  http: 80,
  https: 443,
}
const URL_FORM =
  /^(?:(redis|rediss|memcached|https?):\/\/)?(?:([^:@/\s]*)(?::([^@/\s]*))?@)?([^/@\s]*)(?:\/(\d{0,5}))?$/
const UNIX_FORM = /^unix:(?:\/\/)?(\/[^\s?]+?)(?:\?db=(\d{1,5}))?$/

/**
 * Reads `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]` (`rediss://` in TLS), `unix:/PATH[?db=DATABASE]`,
 * `memcached://HOST[:PORT]`, `http://HOST[:PORT]` (`https://` in TLS), or a bare `HOST:PORT`; undefined when it is none. Names and passwords may be percent-encoded.
 */
export function parseBackendUrl(value: string): BackendUrl | undefined {
  const unix = UNIX_FORM.exec(value)
  if (unix !== null) {
    const [, path = '', digits] = unix
    return { scheme: 'unix', address: { host: 'unix', port: 1 }, path, ...databaseOf(digits) }
  }
  const [whole, scheme, user, password, place = '', digits] = URL_FORM.exec(value) ?? []
  if (whole === undefined) return undefined
  const address = parseHostPort(place, scheme === undefined ? undefined : DEFAULT_PORTS[scheme])
  if (address === undefined || address.host === '0.0.0.0' || address.port === 0) return undefined
  const plain = user === undefined && password === undefined && (digits ?? '') === ''
  if (!plain && !scheme?.startsWith('redis')) return undefined
  // A name without a password opens nothing.
  if (user !== undefined && password === undefined) return undefined
  const names = credentials(user, password)
  if (names === undefined) return undefined
  return { scheme: scheme as BackendUrl['scheme'], address, ...names, ...databaseOf(digits) }
}

function databaseOf(digits: string | undefined): { readonly database?: number } {
  return digits === undefined || digits === '' ? {} : { database: Number(digits) }
}

function credentials(user: string | undefined, password: string | undefined) {
  try {
    return {
      ...(user === undefined || user === '' ? {} : { user: decodeURIComponent(user) }),
      ...(password === undefined ? {} : { password: decodeURIComponent(password) }),
    }
  } catch {
    // A `%` that begins no code.
    return undefined
  }
}

/** The URL with its secrets covered, for errors. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^@]*@/, '//[secret]@')
}
