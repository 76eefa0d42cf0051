import { readFileSync } from 'node:fs'
import {
  checkHttpListener,
  checkListenerTls,
  cookieFault,
  type HttpListenerOptions,
  type HttpPoolTopology,
  type HttpRoute,
  type ListenerTls,
  PANIC_PERCENT,
  parseSessionSource,
  SESSION_PRESETS,
  SESSION_SOURCE_ALLOWED,
} from '@ringway/router'
import { NodeError } from '../errors.ts'
import type {
  HttpListenerEntry,
  HttpRouteEntry,
  ListenerTlsOptions,
  PoolOptions,
} from './options.ts'

/** What an HTTP listener of the configuration says beyond its address. */
export type HttpListenerConfig = Omit<HttpListenerOptions, 'protocol' | 'host' | 'port'>

const HTTP_ONLY = [
  'balance',
  'loadFactor',
  'allowSpill',
  'panicPercent',
  'drainTimeoutMs',
  'cookieMaxAgeMs',
] as const
/** What only pools with servers have. */
const SERVERS_ONLY = ['slowStartMs', 'outliers'] as const

/** Options that only an http pool has. */
export function resolveHttpPool(
  name: string,
  pool: PoolOptions,
  zone: string | undefined,
  source: string,
): HttpPoolTopology | undefined {
  if (pool.protocol !== 'http') {
    const isSet = (key: keyof typeof DEFAULTS) =>
      pool[key] !== undefined && pool[key] !== DEFAULTS[key]
    const found = HTTP_ONLY.find(isSet) ?? checkOfHttp(pool.check)
    const served = pool.protocol === 'store' ? SERVERS_ONLY.find(isSet) : undefined
    if (served !== undefined)
      throw new NodeError(
        'CONFIG_INVALID',
        `${source}: pools.${name}.${served}: found in a pool with protocol store; allowed: only with backends`,
      )
    if (found === undefined) return undefined
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: pools.${name}.${found}: found in a pool with protocol ${pool.protocol}; allowed: only with protocol http`,
    )
  }
  const { balance, loadFactor, allowSpill, slowStartMs, panicPercent, outliers, check } = pool
  const { drainTimeoutMs, cookieMaxAgeMs } = pool
  return {
    ...(balance === undefined ? {} : { balance }),
    ...(loadFactor === undefined ? {} : { loadFactor }),
    ...(allowSpill === undefined ? {} : { allowSpill }),
    ...(slowStartMs === undefined ? {} : { slowStartMs }),
    ...(panicPercent === undefined ? {} : { panicPercent }),
    ...(outliers === undefined ? {} : { outliers }),
    ...(drainTimeoutMs === undefined ? {} : { drainTimeoutMs }),
    ...(cookieMaxAgeMs === undefined ? {} : { cookieMaxAgeMs }),
    ...(zone === undefined ? {} : { zone }),
    ...(check === undefined ? {} : { check: checkOf(check) }),
  }
}

/** The validation fills these in, also where they say nothing. */
const DEFAULTS = {
  balance: 'hash',
  loadFactor: 1.25,
  allowSpill: false,
  slowStartMs: 0,
  panicPercent: PANIC_PERCENT,
  outliers: undefined,
  drainTimeoutMs: undefined,
  cookieMaxAgeMs: undefined,
} as const
const STATUS_DEFAULT = '200-399'

/** The first key of a check that only an HTTP server understands. */
function checkOfHttp(check: PoolOptions['check']): string | undefined {
  if (check?.path !== undefined) return 'check.path'
  if (check?.host !== undefined) return 'check.host'
  return (check?.status ?? STATUS_DEFAULT) === STATUS_DEFAULT ? undefined : 'check.status'
}

function checkOf(check: NonNullable<PoolOptions['check']>): NonNullable<HttpPoolTopology['check']> {
  const { path, host, intervalMs = 2_000, timeoutMs = 1_000, rise = 2, fall = 3 } = check
  const times = { intervalMs, timeoutMs, rise, fall }
  if (path === undefined) return { type: 'tcp', ...times }
  const [from = '', to = from] = String(check.status ?? STATUS_DEFAULT).split('-')
  const authority = host === undefined ? {} : { authority: host }
  return {
    type: 'http',
    path,
    ...authority,
    statusMin: Number(from),
    statusMax: Number(to),
    ...times,
  }
}

/**
 * Routes, trust and TLS of one HTTP listener.
 * @throws NodeError CONFIG_INVALID
 */
export function resolveHttpListener(
  entry: HttpListenerEntry,
  key: string,
  source: string,
): HttpListenerConfig {
  const routes = entry.routes ?? (entry.pool === undefined ? [] : [{ pool: entry.pool }])
  if (routes.length === 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}.routes is missing; allowed for http clients: routes, or a pool for all of them`,
    )
  const prefixed = routes.findIndex((route) => 'prefix' in route && route.prefix !== undefined)
  if (prefixed >= 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}.routes.${prefixed}.prefix: found with protocol http; allowed: host and path`,
    )
  const { trustedProxies, proxyProtocol, forwarded } = entry
  const resolved = {
    routes: routes.map((route, index) => resolveRoute(route, `${key}.routes.${index}`, source)),
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    ...(forwarded === undefined ? {} : { forwarding: { forwarded } }),
    ...(entry.tls === undefined ? {} : { tls: readListenerTls(entry.tls, `${key}.tls`, source) }),
  }
  refusing(key, source, () => checkHttpListener(resolved))
  return resolved
}

function resolveRoute(route: HttpRouteEntry, key: string, source: string): HttpRoute {
  const preset = route.preset === undefined ? undefined : SESSION_PRESETS[route.preset]
  const sources = route.key ?? preset?.key
  for (const [index, text] of (sources ?? []).entries())
    if (parseSessionSource(text) === undefined)
      throw new NodeError(
        'CONFIG_INVALID',
        `${source}: ${key}.key.${index}: found ${JSON.stringify(text)}; allowed: ${SESSION_SOURCE_ALLOWED}`,
      )
  const fromCookie = sources?.[0]?.startsWith('cookie:') === true
  const { pool, host, path } = route
  const cookie = resolveCookie(route.cookie, `${key}.cookie`, source)
  return {
    pool,
    ...(host === undefined ? {} : { host: host.toLowerCase() }),
    ...(path === undefined ? {} : { path }),
    ...(sources === undefined ? {} : { key: sources }),
    sticky: route.sticky ?? preset?.sticky ?? (fromCookie ? 'pinned' : 'hash'),
    ...(cookie === undefined ? {} : { cookie }),
  }
}

function resolveCookie(cookie: HttpRouteEntry['cookie'], key: string, source: string) {
  if (cookie === undefined) return undefined
  const fault = cookieFault({
    name: 'ringway',
    secure: 'auto',
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    ...cookie,
  })
  if (fault === undefined) return cookie
  throw new NodeError('CONFIG_INVALID', `${source}: ${key}.${fault}`)
}

/**
 * Certificates of a listener, read now: at the start, and again when the configuration is reloaded.
 * @throws NodeError CONFIG_INVALID, naming the file, or the certificate that does not fit its key
 */
export function readListenerTls(
  { certificates, clientCa, clientCertRequired, http2 }: ListenerTlsOptions,
  key: string,
  source: string,
): ListenerTls {
  const tls = {
    certificates: certificates.map((certificate, index) => ({
      cert: readPem(certificate.cert, `${key}.certificates.${index}.cert`, source),
      key: readPem(certificate.key, `${key}.certificates.${index}.key`, source),
    })),
    ...(clientCa === undefined ? {} : { clientCa: readPem(clientCa, `${key}.clientCa`, source) }),
    ...(clientCertRequired === undefined ? {} : { clientCertRequired }),
    ...(http2 === undefined ? {} : { http2 }),
  }
  refusing(key, source, () => checkListenerTls(tls))
  return tls
}

/** What the router would refuse when it opens the listener is wrong already when the configuration is read. */
function refusing(key: string, source: string, check: () => void): void {
  try {
    check()
  } catch (cause) {
    const { message } = cause as Error
    throw new NodeError('CONFIG_INVALID', `${source}: ${key}: ${message}`, {}, { cause })
  }
}

function readPem(file: string, key: string, source: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}: cannot read ${file} (${reason}); allowed: a PEM file`,
    )
  }
}
