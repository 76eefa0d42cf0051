import type { Ack, Ping, StateExchange } from '../core/messages.ts'
import { compressIfSmaller } from './compression.ts'
import { envelopeSize, sealEnvelope } from './encryption.ts'
import { WireError } from './errors.ts'
import { ENCRYPTED_FRAME_BYTES_MAX, STATE_ROWS_MAX } from './limits.ts'
import {
  ERROR_CODEC,
  encodeMessage,
  encodeRecord,
  MESSAGE_TYPE,
  STATE_HEADER_CODEC,
  STATE_ROW_CODEC,
  stateRowFields,
  USER_HEADER_CODEC,
} from './message-codec.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { sealingKey, type WireContext } from './wire-context.ts'

/** A row of a push/pull that was left out, and why. */
export interface RefusedRow {
  /** Index of the row in the exchange. */
  readonly index: number
  readonly error: WireError
}

/** What travels over a stream: one request and at most one response per connection. */
export type StreamMessage =
  | {
      readonly type: 'push-pull'
      readonly state: StateExchange
      /** How many rows were left out; only the first few are in `refused`. */
      readonly refusedCount: number
      readonly refused: readonly RefusedRow[]
    }
  | Ping
  | Ack
  | { readonly type: 'user'; readonly payload: Uint8Array }
  | { readonly type: 'error'; readonly text: string }

/** What we may send over a stream. */
export type OutgoingStreamMessage =
  | { readonly type: 'push-pull'; readonly state: StateExchange }
  | Exclude<StreamMessage, { type: 'push-pull' }>

/** The plain form of a stream message, type byte included. */
export function encodeStreamBody(message: OutgoingStreamMessage): Uint8Array {
  switch (message.type) {
    case 'push-pull':
      return encodePushPull(message.state)
    case 'user':
      return encodeUser(message.payload)
    case 'error':
      return encodeRecord(MESSAGE_TYPE.error, ERROR_CODEC, { Error: message.text })
    case 'ping':
    case 'ack':
      return encodeMessage(message)
  }
}

function encodePushPull({ join, nodes, userState }: StateExchange): Uint8Array {
  if (nodes.length > STATE_ROWS_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', { rows: nodes.length, max: STATE_ROWS_MAX })
  }
  const header = { Join: join, Nodes: nodes.length, UserStateLen: userState.length }
  const rows = nodes.map(stateRowFields)
  let size = 1 + STATE_HEADER_CODEC.size(header) + userState.length
  for (const row of rows) size += STATE_ROW_CODEC.size(row)
  const writer = new MsgpackWriter(size)
  writer.byte(MESSAGE_TYPE.pushPull)
  STATE_HEADER_CODEC.write(header, writer)
  for (const row of rows) STATE_ROW_CODEC.write(row, writer)
  writer.copy(userState)
  return writer.bytes
}

function encodeUser(payload: Uint8Array): Uint8Array {
  const header = { UserMsgLen: payload.length }
  const writer = new MsgpackWriter(1 + USER_HEADER_CODEC.size(header) + payload.length)
  writer.byte(MESSAGE_TYPE.user)
  USER_HEADER_CODEC.write(header, writer)
  writer.copy(payload)
  return writer.bytes
}

/**
 * A stream message as it goes out, without the label header (the dialer writes that once, before everything):
 * compressed if that is smaller, in an encrypted frame if there is a key.
 * @throws WireError WIRE_LENGTH_EXCEEDED for an encrypted frame beyond 20 MiB
 */
export function encodeStream(message: OutgoingStreamMessage, context: WireContext): Uint8Array {
  const body = encodeStreamBody(message)
  const plain = context.compression ? compressIfSmaller(body) : body
  const key = sealingKey(context)
  return key === undefined ? plain : sealFrame(plain, key, context)
}

function sealFrame(plain: Uint8Array, key: Uint8Array, context: WireContext): Uint8Array {
  const { aead, encryptionVersion, label, nonce } = context
  const length = envelopeSize(encryptionVersion, plain.length)
  if (length > ENCRYPTED_FRAME_BYTES_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', { frame: length, max: ENCRYPTED_FRAME_BYTES_MAX })
  }
  const header = frameHeader(length)
  const aad = frameAad(header, label)
  const frame = new Uint8Array(header.length + length)
  frame.set(header)
  frame.set(sealEnvelope(aead, encryptionVersion, key, nonce(), plain, aad), header.length)
  return frame
}

/** Type byte and length of an encrypted frame. */
export const FRAME_HEADER_BYTES = 5

function frameHeader(length: number): Uint8Array {
  return Uint8Array.of(
    MESSAGE_TYPE.encrypt,
    length >>> 24,
    (length >>> 16) & 0xff,
    (length >>> 8) & 0xff,
    length & 0xff,
  )
}

/** Streams authenticate the frame's header and the label, which only the dialer has written. */
export function frameAad(header: Uint8Array, label: Uint8Array): Uint8Array {
  const aad = new Uint8Array(header.length + label.length)
  aad.set(header)
  aad.set(label, header.length)
  return aad
}
