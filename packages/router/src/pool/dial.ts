import { connect, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { BackendAccess } from '../topology.ts'

/** Where a backend is, and how it is spoken to there. */
export interface DialTarget {
  readonly host: string
  readonly port: number
  readonly access: BackendAccess
}

/** A connection being made. */
export interface Dialled {
  readonly socket: Socket
  /** The event after which commands may be written. */
  readonly ready: 'connect' | 'secureConnect'
}

/** Begins a connection: over TCP or a Unix socket, in TLS when the backend wants it. */
export function dial({ host, port, access }: DialTarget, onread?: OnReadOpts): Dialled {
  const { path, tls } = access
  const place = path === undefined ? { host, port, noDelay: true, keepAlive: true } : { path }
  const read = onread === undefined ? {} : { onread }
  if (tls === undefined) return { socket: connect({ ...place, ...read }), ready: 'connect' }
  const { ca, cert, key, verify } = tls
  // A name is checked against the certificate; RFC 6066 allows no addresses here.
  const servername = tls.servername ?? (isAddress(host) ? '' : host)
  const socket = connectTls({
    ...place,
    ...read,
    servername,
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  })
  return { socket, ready: 'secureConnect' }
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host)
}
