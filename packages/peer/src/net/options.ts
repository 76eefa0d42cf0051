import { encodeHello } from '../wire/hello.ts'
import { isInstance } from '../wire/instance.ts'
import { FRAME_BYTES_MAX, NAME_BYTES_MAX, PROTOCOL_MAX, PROTOCOL_MIN } from '../wire/limits.ts'
import { PeerError } from '../wire/peer-error.ts'
import { encodeText } from '../wire/text.ts'

/** An address to dial or to bind. */
export interface PeerAddress {
  readonly host: string
  /** 0 … 65535; 0 only to bind, and means any free port. */
  readonly port: number
}

/** A link that {@link PeerHub.setPeers} asks for. */
export interface PeerTarget extends PeerAddress {
  readonly name: string
  /** The instance that is expected there, 16 hexadecimal digits; without it any is right. */
  readonly instance?: string
}

/** Where the hub reports what a person may want to know. A pino logger fits. */
export interface PeerLog {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** Bounds and periods of a hub; every one has a default in {@link PEER_LIMITS}. */
export interface PeerLimits {
  /** How long the member with the larger name waits for the other's dial before it dials itself. */
  readonly dialGraceMs: number
  /** The first and the longest pause between two dials; the pause between doubles and is jittered down to its half. */
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** How long a TCP connection, with its TLS handshake, may take. */
  readonly connectTimeoutMs: number
  /** How long a connection may take from accepted (or connected) to both hellos exchanged. */
  readonly helloTimeoutMs: number
  /** A side that has sent nothing for this long sends a ping. */
  readonly heartbeatMs: number
  /** A link without a single received byte for this long is down. */
  readonly silenceMs: number
  /** How long {@link PeerHub.close} and goodbyes wait for bytes in flight. */
  readonly closeTimeoutMs: number
  /** How long an inbound link of a member that setPeers does not list is kept. */
  readonly unlistedGraceMs: number
  /** Bytes that may wait for one peer, here and in its socket. */
  readonly queueBytesMax: number
  /** Requests that may wait for one peer's reply. */
  readonly requestsMax: number
  /** Requests of one peer that may wait for our reply; further ones are answered with failure `BUSY`. */
  readonly inboundRequestsMax: number
  /** Accepted connections that have not exchanged hellos yet; further ones are closed at once. */
  readonly pendingConnectionsMax: number
  /** Names in one {@link PeerHub.setPeers}, and links in all; further inbound links are refused with `BUSY`. */
  readonly peersMax: number
}

/** The defaults of {@link PeerLimits}. */
export const PEER_LIMITS: PeerLimits = Object.freeze({
  dialGraceMs: 100,
  backoffMinMs: 25,
  backoffMaxMs: 500,
  connectTimeoutMs: 1_000,
  helloTimeoutMs: 2_000,
  heartbeatMs: 250,
  silenceMs: 1_500,
  closeTimeoutMs: 1_000,
  unlistedGraceMs: 10_000,
  queueBytesMax: 2 * FRAME_BYTES_MAX,
  requestsMax: 65_536,
  inboundRequestsMax: 65_536,
  pendingConnectionsMax: 128,
  peersMax: 1_024,
})

/** Options of {@link createPeerHub}. */
export interface PeerHubOptions {
  /** This member's name and instance (16 hexadecimal digits, drawn at each start). */
  readonly self: { readonly name: string; readonly instance: string }
  /** Identity of the cluster; hellos of another are refused. 1 to 255 bytes. */
  readonly cluster: string
  readonly bind: PeerAddress
  /** The gossip keys, 16, 24 or 32 bytes each, the primary first. With keys every link is TLS 1.3 with a pre-shared key. */
  readonly keys?: readonly Uint8Array[]
  /** Allows a bind beyond loopback without keys. @defaultValue false */
  readonly insecure?: boolean
  /** The application's part of the hello, at most 32 entries; the other side gets it with `onUp`. */
  readonly fields?: Readonly<Record<string, string>>
  readonly limits?: Partial<PeerLimits>
  readonly log?: PeerLog
  /** A monotonic clock in milliseconds. @defaultValue performance.now */
  readonly now?: () => number
  /** Uniform in [0, 1): the jitter of pauses. @defaultValue Math.random */
  readonly random?: () => number
}

/** {@link PeerHubOptions} with everything filled in and checked. */
export interface ResolvedOptions {
  readonly self: { readonly name: string; readonly instance: string }
  readonly cluster: string
  readonly bind: PeerAddress
  readonly fields: Readonly<Record<string, string>>
  readonly limits: PeerLimits
  readonly log: PeerLog
  readonly now: () => number
  readonly random: () => number
}

const ignore = (): void => {}
const SILENT: PeerLog = { debug: ignore, info: ignore, warn: ignore, error: ignore }

const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/

/** @throws PeerError `OPTIONS_INVALID`, `INSECURE_BIND`. */
export const resolveOptions = (options: PeerHubOptions): ResolvedOptions => {
  const { self, cluster, bind } = options
  const fields = { ...options.fields }
  checkPort(bind.port, 0, 'bind.port')
  const secure = options.keys !== undefined && options.keys.length > 0
  if (!secure && options.insecure !== true && !LOOPBACK.test(bind.host))
    throw new PeerError(
      'INSECURE_BIND',
      `peer links would listen on ${bind.host} in clear text: set a cluster key (gossip.encrypt, --encrypt), bind to 127.0.0.1, or allow it with --insecure`,
      { host: bind.host },
    )
  // The largest hello that this member will ever send, so that no dial fails over its size later.
  encodeHello({
    protocolMin: PROTOCOL_MIN,
    protocolMax: PROTOCOL_MAX,
    cluster,
    name: self.name,
    instance: self.instance,
    targetName: 'x'.repeat(NAME_BYTES_MAX),
    targetInstance: '0000000000000000',
    fields,
  })
  return {
    self: { name: self.name, instance: self.instance },
    cluster,
    bind,
    fields,
    limits: resolveLimits(options.limits),
    log: options.log ?? SILENT,
    now: options.now ?? (() => performance.now()),
    random: options.random ?? Math.random,
  }
}

const resolveLimits = (given: Partial<PeerLimits> | undefined): PeerLimits => {
  const limits: PeerLimits = { ...PEER_LIMITS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isFinite(value) || value < 0)
      throw new PeerError(
        'OPTIONS_INVALID',
        `limits.${name} is ${value}; a number from 0 on is allowed`,
      )
  }
  if (limits.silenceMs <= limits.heartbeatMs)
    throw new PeerError(
      'OPTIONS_INVALID',
      `limits.silenceMs (${limits.silenceMs}) must be above limits.heartbeatMs (${limits.heartbeatMs})`,
    )
  return limits
}

const checkPort = (port: number, min: number, what: string): void => {
  if (!Number.isInteger(port) || port < min || port > 65_535)
    throw new PeerError('OPTIONS_INVALID', `${what} is ${port}; ${min} to 65535 are allowed`)
}

/** @throws PeerError `OPTIONS_INVALID` when the list is too long, names one member twice, or holds a wrong part. */
export const checkTargets = (targets: readonly PeerTarget[], peersMax: number): void => {
  if (targets.length > peersMax)
    throw new PeerError(
      'OPTIONS_INVALID',
      `${targets.length} peers; at most ${peersMax} are allowed`,
    )
  const names = new Set<string>()
  for (const { name, host, port, instance } of targets) {
    const bytes = encodeText(name).length
    if (bytes === 0 || bytes > NAME_BYTES_MAX)
      throw new PeerError(
        'OPTIONS_INVALID',
        `a peer's name takes ${bytes} bytes; 1 to ${NAME_BYTES_MAX} are allowed`,
      )
    if (names.has(name)) throw new PeerError('OPTIONS_INVALID', `peer ${name} is listed twice`)
    names.add(name)
    if (host === '') throw new PeerError('OPTIONS_INVALID', `peer ${name} has no host`)
    checkPort(port, 1, `the port of peer ${name}`)
    if (instance !== undefined && !isInstance(instance))
      throw new PeerError(
        'OPTIONS_INVALID',
        `the instance of peer ${name} is not 16 lower-case hexadecimal digits`,
      )
  }
}
