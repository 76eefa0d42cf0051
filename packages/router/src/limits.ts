import { RouterError } from './errors.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Every bound of the data plane. Bytes, milliseconds and counts are positive whole numbers. */
export interface RouterLimits {
  /** Clients served at once; one more gets Redis's `-ERR max number of clients reached`. */
  readonly clientsMax: number
  /** How long the TLS handshake of a Redis or memcached client may take; it counts as a client meanwhile. */
  readonly tlsHandshakeTimeoutMs: number
  /** Bytes of one command that is not complete yet, with what follows it in the same read. */
  readonly clientInputBytesMax: number
  /** Replies that wait for a client to read them; above it, the router stops reading its requests. */
  readonly clientOutputBytesMax: number
  /** Replies that wait for a client to read them; above it, the client is closed. */
  readonly clientOutputBytesHardMax: number
  /** Commands of one client that wait for their replies; above it, the router stops reading its requests. */
  readonly clientPipelineMax: number
  /** Arguments of one command, its name included (Redis: 1024 × 1024). */
  readonly argumentsMax: number
  /** Bytes of one argument (Redis's `proto-max-bulk-len`, 512 MB). */
  readonly bulkBytesMax: number
  /** Bytes of one inline command (Redis: 64 KB). */
  readonly inlineBytesMax: number
  /** Bytes of one value that a memcached client may store; memcached's own `-I` is 1 MB. */
  readonly itemBytesMax: number
  /** Bytes of one line of a memcached client that names many keys. */
  readonly keysLineBytesMax: number
  /** Aggregates inside aggregates in one reply of a backend. */
  readonly replyDepthMax: number
  /** Bytes of one line (simple string, error, number) in a reply of a backend. */
  readonly replyLineBytesMax: number
  /** Bytes of one reply of a backend. */
  readonly replyBytesMax: number
  /** Commands that wait at one backend, sent or not. */
  readonly backendQueueMax: number
  /** Bytes of commands that wait at one backend; a single larger command passes when nothing else waits. */
  readonly backendQueueBytesMax: number
  /** Connections of single clients (transactions, blocking commands) that are open to one backend. */
  readonly privateConnectionsMax: number
  /** Of these, connections that nobody uses and that are kept for the next client. */
  readonly privateIdleMax: number
  /** Keys of one transaction, WATCH included. */
  readonly transactionKeysMax: number
  /** Bytes of commands that wait for the first key of their transaction. */
  readonly transactionBytesMax: number
  /** Bytes that a client may send while a blocking command waits; above it, the router stops reading. */
  readonly blockedInputBytesMax: number
  /** Channels and patterns of one client. */
  readonly subscriptionsMax: number
  /** Messages that wait for a subscriber to read them (Redis: 32 MB); above it, the subscriber is closed. */
  readonly subscriberOutputBytesMax: number
  /** Scripts that are remembered, to load them where they are missing; the oldest is forgotten. */
  readonly scriptsMax: number
  readonly scriptBytesMax: number
  /** How long a connection to a backend may take. */
  readonly connectTimeoutMs: number
  /** How long a backend may take to answer a command, its time in the queue included. */
  readonly replyTimeoutMs: number
  /** The first wait before a lost backend is probed; it doubles, with jitter, up to `probeDelayMaxMs`. */
  readonly probeDelayMinMs: number
  readonly probeDelayMaxMs: number
  /** Backends that one command is given to after its first one failed. */
  readonly failoverAttemptsMax: number
  /** Commands of one pool that wait for old owners of their keys, while it migrates. */
  readonly migrationQueueMax: number
  /** Keys of one pool that unreachable old owners have to delete when they return; one more, and they are not asked again. */
  readonly migrationPendingKeysMax: number
  /** Copies of commands that wait at one shadow pool; one more is left out. */
  readonly shadowQueueMax: number
  /** Bytes of copies that wait at one shadow pool; a single larger one passes when nothing else waits. */
  readonly shadowQueueBytesMax: number
  /** Reads of one pool on their way whose reply others may share; one more goes alone. */
  readonly coalesceFlightsMax: number
  /** Reads that wait for the reply to another one; after that many a new one is sent. */
  readonly coalesceRidersMax: number
  /** Bytes of a read that may be shared; a longer one goes alone. */
  readonly coalesceBytesMax: number
  /** Commands of one pool that wait for the routers which order their keys (`orderWrites`). */
  readonly forwardQueueMax: number
  /** Bytes of these commands. */
  readonly forwardQueueBytesMax: number
  /** Bytes of one command, or of one reply, that goes from router to router. */
  readonly forwardBytesMax: number
  /** How long a command may wait for another router, its reply included. */
  readonly forwardTimeoutMs: number
  /** How long the keys that have a new home wait for the old one to be done with them. */
  readonly homeChangeWaitMs: number
  /** Keys of one pool that another router may hold at once, to copy them. */
  readonly homeLocksMax: number
  /** How long `close` waits for requests in flight. */
  readonly drainTimeoutMs: number
}

/** The limits of a router that was given none. */
export const DEFAULT_LIMITS: RouterLimits = {
  clientsMax: 10_000,
  tlsHandshakeTimeoutMs: 10_000,
  clientInputBytesMax: 1024 * MIB,
  clientOutputBytesMax: MIB,
  clientOutputBytesHardMax: 1024 * MIB,
  clientPipelineMax: 16_384,
  argumentsMax: 1_048_576,
  bulkBytesMax: 512 * MIB,
  inlineBytesMax: 64 * KIB,
  itemBytesMax: MIB,
  keysLineBytesMax: MIB,
  replyDepthMax: 128,
  replyLineBytesMax: 64 * KIB,
  replyBytesMax: 1024 * MIB,
  backendQueueMax: 65_536,
  backendQueueBytesMax: 256 * MIB,
  privateConnectionsMax: 4_096,
  privateIdleMax: 16,
  transactionKeysMax: 65_536,
  transactionBytesMax: MIB,
  blockedInputBytesMax: 64 * KIB,
  subscriptionsMax: 16_384,
  subscriberOutputBytesMax: 32 * MIB,
  scriptsMax: 1_024,
  scriptBytesMax: 8 * MIB,
  connectTimeoutMs: 1_000,
  replyTimeoutMs: 5_000,
  probeDelayMinMs: 50,
  probeDelayMaxMs: 2_000,
  failoverAttemptsMax: 3,
  migrationQueueMax: 65_536,
  migrationPendingKeysMax: 100_000,
  shadowQueueMax: 1_024,
  shadowQueueBytesMax: 16 * MIB,
  coalesceFlightsMax: 16_384,
  coalesceRidersMax: 16_384,
  coalesceBytesMax: KIB,
  forwardQueueMax: 65_536,
  forwardQueueBytesMax: 64 * MIB,
  forwardBytesMax: 8 * MIB,
  forwardTimeoutMs: 10_000,
  homeChangeWaitMs: 2_000,
  homeLocksMax: 4_096,
  drainTimeoutMs: 5_000,
}

/**
 * The given limits over the defaults.
 * @throws RouterError LIMIT_INVALID, naming the limit
 */
export function resolveLimits(limits: Partial<RouterLimits> = {}): RouterLimits {
  const resolved = { ...DEFAULT_LIMITS, ...limits }
  for (const [name, value] of Object.entries(resolved)) {
    if (Number.isSafeInteger(value) && value > 0) continue
    throw new RouterError(
      'LIMIT_INVALID',
      `limit ${name} is ${String(value)}; it must be a whole number above 0`,
      { name, value },
    )
  }
  return resolved
}
