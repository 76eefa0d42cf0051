import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '@ringway/router'
import type { OptionSchema } from './option.ts'

const HOUR_MS = 3_600_000
const GIB = 1024 ** 3

/** What each limit of `http` says, in the order of the table in docs/http.md. */
const DESCRIPTIONS = {
  headBytesMax: 'Bytes of the head of a request; above it 431.',
  targetBytesMax: 'Bytes of its target; above it 414.',
  fieldsMax: 'Fields of a head; above it 431, of a response 502.',
  chunkExtensionBytesMax: 'Bytes of one chunk extension; above it 400.',
  trailerBytesMax: 'Bytes of the trailers of a message; above it 431, of a response 502.',
  requestBodyBytesMax: 'Bytes of the body of a request; above it 413.',
  responseHeadBytesMax: 'Bytes of the head of a response; above it 502.',
  retryBodyBytesMax: 'Bytes of a body up to which a request can be sent to another backend.',
  pipelineBytesMax:
    'Bytes of later requests that are read while one is answered; above it the client is not read.',
  outputBytesMax: 'Bytes that wait for a client; above it the backend is not read.',
  uploadBytesMax: 'Bytes that wait for a backend; above it the client is not read.',
  headTimeoutMs: 'From the first byte of a head to its last one; then 408.',
  keepAliveTimeoutMs: 'How long a client may keep a connection without a request.',
  bodyTimeoutMs: 'Between two pieces of the body of a request; then 408.',
  connectTimeoutMs: 'For a connection to a backend; then the next backend, or 504.',
  firstByteTimeoutMs: 'From the end of a request to the first byte of its response; then 504.',
  responseIdleTimeoutMs: 'Between two pieces of a response; then both connections are closed.',
  totalTimeoutMs: 'For a request as a whole, switched protocols excepted; then 504.',
  tunnelIdleTimeoutMs: 'Between two pieces of a switched connection, such as a WebSocket.',
  halfClosedTimeoutMs: 'How long a client that has ended its side still gets its response.',
  drainIdleTimeoutMs:
    'How long a client without a request may keep its connection once its listener is closing.',
  lingerTimeoutMs: 'How long a connection that is being closed is still read.',
  upstreamIdleTimeoutMs:
    'How long an idle connection to a backend is kept; less than the backend keeps it itself.',
  upstreamConnectionsMax: 'Connections to one backend.',
  upstreamQueueMax: 'Requests that wait for a connection to one backend; above it 503.',
  queueTimeoutMs: 'How long a request may wait for a connection; then 503.',
  freshMs:
    'A request that must not be repeated takes a connection that was idle for less than this, or a new one.',
  pinnedRetryMs:
    'How long a refused connection to the backend of a bound session is tried again, before another one serves it for once.',
  retryAttemptsMax: 'Backends that a request is given to after its first one failed.',
  streamsMax: 'Requests that one HTTP/2 connection may have open.',
  streamResetsPerSecondMax:
    'Streams that an HTTP/2 client may reset per second, on average over ten; then it is sent away.',
} as const satisfies Record<keyof HttpLimits, string>

/** The section `http`: bounds of all `http` listeners and pools. */
export const HTTP_LIMITS_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.entries(DESCRIPTIONS).map(([name, description]) => [
      name,
      {
        type: 'integer',
        description,
        minimum: 1,
        maximum: name.endsWith('Ms') ? 24 * HOUR_MS : name.endsWith('BytesMax') ? 64 * GIB : 65_536,
        default: DEFAULT_HTTP_LIMITS[name as keyof HttpLimits],
      } satisfies OptionSchema,
    ]),
  ),
}
