/** Why a link, a request or the hub itself failed: closed list, each with a sentence for the person who reads it. */
export const PEER_ERRORS = {
  FRAME_INVALID: 'the peer sent bytes that are no frame of this protocol',
  FRAME_TOO_LARGE: 'the peer announced a frame above the limit',
  HELLO_INVALID: 'the peer opened the connection with something that is no hello',
  MESSAGE_INVALID:
    'the message cannot be sent: it holds something that msgpack cannot carry, or nests too deeply',
  MESSAGE_TOO_LARGE: 'the message is larger than one frame may be',
  LINK_DOWN: 'there is no link to this peer, or it went down before the reply came',
  QUEUE_FULL: 'too many bytes or requests wait for this peer',
  TIMEOUT: 'the peer did not reply within the deadline',
  REQUEST_FAILED: 'the peer answered with a failure; details.failure and the message are its words',
  CLOSED: 'the hub is closed',
  INSECURE_BIND: 'the hub would listen beyond this machine without a key',
  BIND_FAILED: 'the address of the hub cannot be bound',
  OPTIONS_INVALID:
    'an option of the hub is wrong; the message names it, what was found and what is allowed',
  HANDSHAKE_FAILED: 'the connection ended before both hellos were exchanged',
} as const

/** A key of {@link PEER_ERRORS}. */
export type PeerErrorCode = keyof typeof PEER_ERRORS

/** Every error that this package raises on purpose. `code` is one of {@link PEER_ERRORS}; `details` are the facts. */
export class PeerError extends Error {
  readonly code: PeerErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: PeerErrorCode,
    message?: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message ?? PEER_ERRORS[code], options)
    this.name = 'PeerError'
    this.code = code
    this.details = details
  }
}
