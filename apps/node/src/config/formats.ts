import { RING_PLACEMENTS } from '@ringway/ring'
import { type HostPort, parseHostPort } from './address.ts'
import { parseBackendUrl } from './backend-url.ts'
import { parseBytes } from './bytes.ts'

/** A check behind an `x-format`, with the words for what is allowed. */
interface Format {
  readonly allowed: string
  readonly accepts: (value: string) => boolean
}

const KEY_BYTES = [16, 24, 32]

export const FORMATS = {
  'host-port': {
    allowed: 'HOST:PORT, such as 127.0.0.1:7946 or [::1]:7946',
    accepts: (value) => parseHostPort(value) !== undefined,
  },
  advertise: {
    allowed: 'HOST or HOST:PORT',
    accepts: (value) => parseHostPort(value, 0) !== undefined,
  },
  seed: {
    allowed:
      'HOST:PORT, dns:NAME:PORT, srv:_SERVICE._PROTO.NAME, file:PATH or swarm:TOPIC[@HOST:PORT]',
    accepts: (value) =>
      /^file:./.test(value) ||
      parseSwarmSeed(value) !== undefined ||
      /^dns:[^\s:]+(:\d{1,5})?$/.test(value) ||
      /^srv:\S+$/.test(value) ||
      parseHostPort(value.replace(/^[^/\s]+\//, ''), 7946) !== undefined,
  },
  bytes: {
    allowed: 'a size above 0, such as 512mb',
    accepts: (value) => (parseBytes(value) ?? 0) > 0,
  },
  key: {
    allowed: 'base64 of 16, 24 or 32 bytes (ringway keygen prints one)',
    accepts: (value) =>
      /^[A-Za-z0-9+/]+={0,2}$/.test(value) &&
      KEY_BYTES.includes(Buffer.from(value, 'base64').length),
  },
  placement: {
    allowed: Object.keys(RING_PLACEMENTS).join(', '),
    accepts: (value) => Object.hasOwn(RING_PLACEMENTS, value),
  },
  until: {
    allowed: 'a time such as 2030-01-31T12:00:00Z, or 1s to 365d (s, m, h, d)',
    accepts: (value) => parseUntil(value, 0) !== undefined,
  },
  'backend-url': {
    allowed:
      'redis://HOST:PORT, rediss://HOST:PORT, unix:/PATH, memcached://HOST:PORT, http://HOST:PORT or https://HOST:PORT',
    accepts: (value) =>
      parseBackendUrl(expandBackendUrl(value, { host: '127.0.0.1', port: 1 })) !== undefined,
  },
  'dns-name-port': {
    allowed: 'NAME:PORT, such as cache.internal:6379',
    accepts: isDnsNamePort,
  },
} as const satisfies Record<string, Format>

/** What `swarm:TOPIC` or `swarm:TOPIC@HOST:PORT` says, the address being a bootstrap node of a DHT of one's own. */
export function parseSwarmSeed(value: string) {
  const [, topic, own] = /^swarm:([^@\s]+)(?:@(\S+))?$/.exec(value) ?? []
  if (topic === undefined) return undefined
  if (own === undefined) return { topic }
  const bootstrap = parseHostPort(own)
  return bootstrap && { topic, bootstrap }
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const DURATION_MS_MAX = 365 * 86_400_000

/** A point in time, in milliseconds since 1970: as written, or so long after now. */
export function parseUntil(value: string, nowMs: number): number | undefined {
  const duration = /^(\d{1,9})([smhd])$/.exec(value)
  if (duration) {
    const ms = Number(duration[1]) * (UNITS_MS[duration[2] ?? ''] ?? 0)
    return ms > 0 && ms <= DURATION_MS_MAX ? nowMs + ms : undefined
  }
  // Without a zone, members on machines in other zones would disagree.
  if (!/^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/.test(value)) return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

const ADDRESS_MARK = `\${address}`
const PORT_MARK = `\${port}`

/** Whether a URL is a template for the addresses that a source finds. */
export function isUrlTemplate(url: string): boolean {
  return url.includes(ADDRESS_MARK)
}

/** The template of a source that was given none. */
export function defaultUrlTemplate(protocol: string): string {
  return `${protocol}://${ADDRESS_MARK}:${PORT_MARK}`
}

/** How the address that a source found is reached. */
export function expandBackendUrl(template: string, { host, port }: HostPort): string {
  return template
    .replaceAll(ADDRESS_MARK, host.includes(':') ? `[${host}]` : host)
    .replaceAll(PORT_MARK, String(port))
}

/** True for `NAME:PORT` with a name that DNS may know. */
function isDnsNamePort(text: string): boolean {
  const address = parseHostPort(text)
  return address !== undefined && address.port > 0 && /^[a-z0-9_.-]{1,253}$/.test(address.host)
}
