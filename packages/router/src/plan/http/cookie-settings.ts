/** Attributes of a cookie that the router sets. */
export interface CookieSettings {
  readonly name: string
  /** `auto`: on connections with TLS. */
  readonly secure: boolean | 'auto'
  readonly httpOnly: boolean
  readonly sameSite: 'strict' | 'lax' | 'none'
  readonly path: string
  /** Without it the cookie is for the exact host that set it. */
  readonly domain?: string
  /** How long the browser keeps it, in seconds; without it, until the browser is closed. */
  readonly maxAgeSeconds?: number
}

export const COOKIE_SETTINGS: CookieSettings = {
  name: 'ringway',
  secure: 'auto',
  httpOnly: true,
  sameSite: 'lax',
  path: '/',
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/
/** Characters of an attribute's value: no semicolon, no control character (RFC 6265 §4.1.1). */
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]{1,256}$/
const DOMAIN = /^\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const

/** What browsers would refuse, in words; undefined when they take it. */
export function cookieFault(settings: CookieSettings): string | undefined {
  const { name, secure, sameSite, path, domain, maxAgeSeconds } = settings
  if (!TOKEN.test(name)) return 'name: allowed: 1 to 128 characters of an HTTP token'
  if (!path.startsWith('/') || !ATTRIBUTE.test(path))
    return 'path: allowed: a path that begins with / and has no semicolon'
  if (domain !== undefined && !DOMAIN.test(domain)) return 'domain: allowed: a host name'
  if (maxAgeSeconds !== undefined && !(Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds > 0))
    return 'maxAge: allowed: whole seconds above 0'
  if (sameSite === 'none' && secure === false)
    return 'sameSite: none: browsers take it with secure only'
  if (name.startsWith('__Host-') && (secure === false || path !== '/' || domain !== undefined))
    return 'name: __Host- wants secure, path / and no domain'
  if (name.startsWith('__Secure-') && secure === false) return 'name: __Secure- wants secure'
  return undefined
}

/**
 * The value of a Set-Cookie header.
 * @param overTls whether the client's connection has TLS, for `secure: auto`
 */
export function formatSetCookie(settings: CookieSettings, value: string, overTls: boolean): string {
  const { name, secure, httpOnly, sameSite, path, domain, maxAgeSeconds } = settings
  const parts = [`${name}=${value}`, `Path=${path}`]
  if (domain !== undefined) parts.push(`Domain=${domain}`)
  if (maxAgeSeconds !== undefined) parts.push(`Max-Age=${maxAgeSeconds}`)
  if (httpOnly) parts.push('HttpOnly')
  if (secure === true || (secure === 'auto' && overTls)) parts.push('Secure')
  parts.push(`SameSite=${SAME_SITE[sameSite]}`)
  return parts.join('; ')
}
