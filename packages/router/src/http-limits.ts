import { RouterError } from './errors.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const MINUTE_MS = 60_000

/** Every bound of HTTP listeners and pools. Bytes, milliseconds and counts are positive whole numbers. */
export interface HttpLimits {
  /** Bytes of a request's head; above it 431. */
  readonly headBytesMax: number
  /** Bytes of a request's target; above it 414. */
  readonly targetBytesMax: number
  /** Fields of a head; above it 431, of a response 502. */
  readonly fieldsMax: number
  /** Bytes of one chunk extension; above it 400. */
  readonly chunkExtensionBytesMax: number
  /** Bytes of all trailers of a message; above it 431. */
  readonly trailerBytesMax: number
  /** Bytes of a request's body; above it 413. */
  readonly requestBodyBytesMax: number
  /** Bytes of a response's head; above it 502. */
  readonly responseHeadBytesMax: number
  /** Bytes of a body that are kept so that the request can be sent to another backend. */
  readonly retryBodyBytesMax: number
  /** Bytes of later requests that are read while one is answered; above it the router stops reading. */
  readonly pipelineBytesMax: number
  /** Bytes of a response that wait for the client; above it the backend is not read. */
  readonly outputBytesMax: number
  /** Bytes of a request that wait for the backend; above it the client is not read. */
  readonly uploadBytesMax: number
  /** From the first byte of a head to its last one; then 408. */
  readonly headTimeoutMs: number
  /** How long a client may keep a connection without a request. */
  readonly keepAliveTimeoutMs: number
  /** Between two pieces of a request's body; then 408. */
  readonly bodyTimeoutMs: number
  /** How long a connection to a backend may take; then the next backend is asked. */
  readonly connectTimeoutMs: number
  /** From the end of the request to the first byte of the response; then 504. */
  readonly firstByteTimeoutMs: number
  /** Between two pieces of a response; then both connections are closed. */
  readonly responseIdleTimeoutMs: number
  /** For a request as a whole, switched protocols excepted. */
  readonly totalTimeoutMs: number
  /** Between two pieces of a switched connection, in either direction. */
  readonly tunnelIdleTimeoutMs: number
  /** How long a client that has ended its side still gets its response. */
  readonly halfClosedTimeoutMs: number
  /** How long a connection that is being closed is read, so that its client sees the last response. */
  readonly lingerTimeoutMs: number
  /** How long a connection without a request may still bring one while its listener closes. */
  readonly drainIdleTimeoutMs: number
  /** How long an idle connection to a backend is kept; less than the backend keeps it itself (Node.js: 5 s). */
  readonly upstreamIdleTimeoutMs: number
  /** Connections to one backend. */
  readonly upstreamConnectionsMax: number
  /** Requests that wait for a connection to one backend; above it 503. */
  readonly upstreamQueueMax: number
  /** How long a request may wait for a connection; then 503. */
  readonly queueTimeoutMs: number
  /** A request that must not be repeated takes a connection that was idle for less than this, or a new one. */
  readonly freshMs: number
  /** How long a refused connection to the backend of a bound session is tried again. */
  readonly pinnedRetryMs: number
  /** Backends that one request is given to after its first one failed. */
  readonly retryAttemptsMax: number
  /** Requests that one HTTP/2 connection may have open. */
  readonly streamsMax: number
  /** Streams that an HTTP/2 client may reset per second, on average over ten; then its connection is closed. */
  readonly streamResetsPerSecondMax: number
}

/** The limits of HTTP listeners and pools that were given none. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  headBytesMax: 16 * KIB,
  targetBytesMax: 8 * KIB,
  fieldsMax: 100,
  chunkExtensionBytesMax: 256,
  trailerBytesMax: 8 * KIB,
  requestBodyBytesMax: GIB,
  responseHeadBytesMax: 64 * KIB,
  retryBodyBytesMax: 64 * KIB,
  pipelineBytesMax: 64 * KIB,
  outputBytesMax: 256 * KIB,
  uploadBytesMax: 256 * KIB,
  headTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  bodyTimeoutMs: 30_000,
  connectTimeoutMs: 1_000,
  firstByteTimeoutMs: MINUTE_MS,
  responseIdleTimeoutMs: 5 * MINUTE_MS,
  totalTimeoutMs: 60 * MINUTE_MS,
  tunnelIdleTimeoutMs: 60 * MINUTE_MS,
  halfClosedTimeoutMs: 1_000,
  lingerTimeoutMs: 1_000,
  drainIdleTimeoutMs: 250,
  upstreamIdleTimeoutMs: 4_000,
  upstreamConnectionsMax: 1_024,
  upstreamQueueMax: 1_024,
  queueTimeoutMs: 5_000,
  freshMs: 1_000,
  pinnedRetryMs: 1_000,
  retryAttemptsMax: 3,
  streamsMax: 128,
  streamResetsPerSecondMax: 100,
}

/**
 * The given limits over the defaults.
 * @throws RouterError LIMIT_INVALID, naming the limit
 */
export function resolveHttpLimits(limits: Partial<HttpLimits> = {}): HttpLimits {
  const resolved = { ...DEFAULT_HTTP_LIMITS, ...limits }
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
