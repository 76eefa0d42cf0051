import type { BodyPacker } from './body.ts'
import { readU16, readU32, writeU16, writeU32 } from './byte-order.ts'
import { CODE_BYTES_MAX, FRAME_BYTES_MAX, REASON_BYTES_MAX } from './limits.ts'
import { PeerError } from './peer-error.ts'
import { decodeLenient, encodeCut } from './text.ts'

// A frame: u32be length of all that follows │ u8 kind │ payload. All numbers are big-endian.
//
//   hello, helloRefused   see hello.ts and refusal.ts
//   message               msgpack
//   request               u32 id │ u32 timeoutMs │ msgpack      timeoutMs tells the other side when nobody waits any more
//   reply                 u32 id │ msgpack
//   failure               u32 id │ u8 length, code │ u16 length, text
//   ping, pong            u32 nonce
//   goodbye               text
//
// Bytes after the last known part of a payload without msgpack are ignored, so that a later release may add some.

/** The kind bytes on the wire. */
export const FRAME_KINDS = {
  hello: 1,
  helloRefused: 2,
  message: 3,
  request: 4,
  reply: 5,
  failure: 6,
  ping: 7,
  pong: 8,
  goodbye: 9,
} as const

/** One frame; bodies are still msgpack or hello bytes, and views of the received ones. */
export type Frame =
  | { readonly type: 'hello'; readonly body: Uint8Array }
  | { readonly type: 'helloRefused'; readonly body: Uint8Array }
  | { readonly type: 'message'; readonly body: Uint8Array }
  | {
      readonly type: 'request'
      readonly id: number
      readonly timeoutMs: number
      readonly body: Uint8Array
    }
  | { readonly type: 'reply'; readonly id: number; readonly body: Uint8Array }
  | { readonly type: 'failure'; readonly id: number; readonly code: string; readonly text: string }
  | { readonly type: 'ping'; readonly nonce: number }
  | { readonly type: 'pong'; readonly nonce: number }
  | { readonly type: 'goodbye'; readonly text: string }

/** Length and kind. */
export const FRAME_HEADER_BYTES = 5
const LENGTH_BYTES = 4
const MESSAGE_HEADER_BYTES = FRAME_HEADER_BYTES
const REQUEST_HEADER_BYTES = FRAME_HEADER_BYTES + 8
const REPLY_HEADER_BYTES = FRAME_HEADER_BYTES + 4

const writeHeader = (frame: Uint8Array, kind: number): void => {
  writeU32(frame, 0, frame.length - LENGTH_BYTES)
  frame[LENGTH_BYTES] = kind
}

/** A frame of `kind` around `payload`. */
export const encodeFrame = (kind: number, payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length)
  frame.set(payload, FRAME_HEADER_BYTES)
  writeHeader(frame, kind)
  return frame
}

/** @throws PeerError as {@link BodyPacker} does. */
export const encodeMessage = (pack: BodyPacker, message: unknown): Uint8Array => {
  const frame = pack(message, MESSAGE_HEADER_BYTES)
  writeHeader(frame, FRAME_KINDS.message)
  return frame
}

/** `id` and `timeoutMs` are u32. @throws PeerError as {@link BodyPacker} does. */
export const encodeRequest = (
  pack: BodyPacker,
  id: number,
  timeoutMs: number,
  message: unknown,
): Uint8Array => {
  const frame = pack(message, REQUEST_HEADER_BYTES)
  writeHeader(frame, FRAME_KINDS.request)
  writeU32(frame, FRAME_HEADER_BYTES, id)
  writeU32(frame, FRAME_HEADER_BYTES + 4, timeoutMs)
  return frame
}

/** @throws PeerError as {@link BodyPacker} does. */
export const encodeReply = (pack: BodyPacker, id: number, reply: unknown): Uint8Array => {
  const frame = pack(reply, REPLY_HEADER_BYTES)
  writeHeader(frame, FRAME_KINDS.reply)
  writeU32(frame, FRAME_HEADER_BYTES, id)
  return frame
}

/** Code and text are cut to their limits. */
export const encodeFailure = (id: number, code: string, text: string): Uint8Array => {
  const codeBytes = encodeCut(code, CODE_BYTES_MAX)
  const textBytes = encodeCut(text, REASON_BYTES_MAX)
  const payload = new Uint8Array(7 + codeBytes.length + textBytes.length)
  writeU32(payload, 0, id)
  payload[4] = codeBytes.length
  payload.set(codeBytes, 5)
  writeU16(payload, 5 + codeBytes.length, textBytes.length)
  payload.set(textBytes, 7 + codeBytes.length)
  return encodeFrame(FRAME_KINDS.failure, payload)
}

const encodeNonce = (kind: number, nonce: number): Uint8Array => {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + 4)
  writeHeader(frame, kind)
  writeU32(frame, FRAME_HEADER_BYTES, nonce)
  return frame
}

export const encodePing = (nonce: number): Uint8Array => encodeNonce(FRAME_KINDS.ping, nonce)
export const encodePong = (nonce: number): Uint8Array => encodeNonce(FRAME_KINDS.pong, nonce)

/** The text is cut to its limit. */
export const encodeGoodbye = (text: string): Uint8Array =>
  encodeFrame(FRAME_KINDS.goodbye, encodeCut(text, REASON_BYTES_MAX))

const tooShort = (kind: number): PeerError =>
  new PeerError('FRAME_INVALID', `the peer sent a frame of kind ${kind} that is too short`, {
    kind,
  })

/**
 * Reads the kind and payload at `start`…`end` of `bytes`, the length bytes already taken off; the caller grants `end > start`.
 * @throws PeerError `FRAME_INVALID` for an unknown kind or a payload that is too short.
 */
export const decodeFrame = (bytes: Uint8Array, start: number, end: number): Frame => {
  const kind = bytes[start] ?? 0
  const at = start + 1
  switch (kind) {
    case FRAME_KINDS.message:
      return { type: 'message', body: bytes.subarray(at, end) }
    case FRAME_KINDS.request:
      if (end - at < 8) throw tooShort(kind)
      return {
        type: 'request',
        id: readU32(bytes, at),
        timeoutMs: readU32(bytes, at + 4),
        body: bytes.subarray(at + 8, end),
      }
    case FRAME_KINDS.reply:
      if (end - at < 4) throw tooShort(kind)
      return { type: 'reply', id: readU32(bytes, at), body: bytes.subarray(at + 4, end) }
    case FRAME_KINDS.failure:
      return decodeFailure(bytes, at, end)
    case FRAME_KINDS.ping:
    case FRAME_KINDS.pong:
      if (end - at < 4) throw tooShort(kind)
      return { type: kind === FRAME_KINDS.ping ? 'ping' : 'pong', nonce: readU32(bytes, at) }
    case FRAME_KINDS.goodbye:
      return {
        type: 'goodbye',
        text: decodeLenient(bytes.subarray(at, Math.min(end, at + REASON_BYTES_MAX))),
      }
    case FRAME_KINDS.hello:
      return { type: 'hello', body: bytes.subarray(at, end) }
    case FRAME_KINDS.helloRefused:
      return { type: 'helloRefused', body: bytes.subarray(at, end) }
    default:
      throw new PeerError('FRAME_INVALID', `the peer sent a frame of unknown kind ${kind}`, {
        kind,
      })
  }
}

const decodeFailure = (bytes: Uint8Array, at: number, end: number): Frame => {
  if (end - at < 7) throw tooShort(FRAME_KINDS.failure)
  const codeAt = at + 5
  const codeEnd = codeAt + (bytes[at + 4] ?? 0)
  if (codeEnd + 2 > end) throw tooShort(FRAME_KINDS.failure)
  const textAt = codeEnd + 2
  const textEnd = textAt + readU16(bytes, codeEnd)
  if (textEnd > end) throw tooShort(FRAME_KINDS.failure)
  return {
    type: 'failure',
    id: readU32(bytes, at),
    code: decodeLenient(bytes.subarray(codeAt, Math.min(codeEnd, codeAt + CODE_BYTES_MAX))),
    text: decodeLenient(bytes.subarray(textAt, Math.min(textEnd, textAt + REASON_BYTES_MAX))),
  }
}

/** The largest body of a message: what is left of a frame. */
export const BODY_BYTES_MAX = FRAME_BYTES_MAX - MESSAGE_HEADER_BYTES
