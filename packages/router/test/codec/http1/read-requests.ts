import { CHUNKED, ChunkedBody } from '../../../src/codec/http1/chunked-body.ts'
import type { Fault } from '../../../src/codec/http1/fault.ts'
import { RequestHead } from '../../../src/codec/http1/request-head.ts'

export const LIMITS = {
  headBytesMax: 16_384,
  targetBytesMax: 8_192,
  fieldsMax: 100,
  chunkExtensionBytesMax: 256,
  trailerBytesMax: 8_192,
}

export interface ReadMessage {
  readonly method: string
  readonly target: string
  readonly minor: number
  readonly fields: readonly string[]
  readonly body: string
  readonly persistent: boolean
}

export interface Reading {
  readonly fault: Fault | undefined
  readonly messages: readonly ReadMessage[]
}

/** The classes under test; a planted bug replaces one. */
export interface Codec {
  readonly RequestHead: typeof RequestHead
  readonly ChunkedBody: typeof ChunkedBody
}

/** Reads requests with the codec under test, all bytes at once. */
export function readWithCodec(bytes: Buffer, codec: Codec = { RequestHead, ChunkedBody }): Reading {
  const messages: ReadMessage[] = []
  let at = 0
  while (at < bytes.length) {
    const head = new codec.RequestHead(LIMITS)
    const headTo = head.parse(bytes, at, bytes.length)
    if (headTo < 0) return { fault: headTo === -2 ? head.fault : undefined, messages }
    const text = (from: number, to: number) => bytes.toString('latin1', from, to)
    const fields: string[] = []
    for (let i = 0; i < head.fields.count; i++)
      fields.push(
        text(head.fields.nameFrom(i), head.fields.nameTo(i)),
        text(head.fields.valueFrom(i), head.fields.valueTo(i)),
      )
    const message = {
      method: text(head.start, head.methodTo),
      target: text(head.absolute ? head.authorityFrom : head.targetFrom, head.targetTo),
      minor: head.minor,
      fields,
      persistent: head.persistent,
    }
    if (head.chunked) {
      const { fault, body, to } = readChunked(
        [bytes.subarray(headTo)],
        false,
        new codec.ChunkedBody(LIMITS),
      )
      if (fault !== undefined || to < 0) return { fault, messages }
      messages.push({ ...message, body })
      at = headTo + to
    } else {
      const to = headTo + Math.max(0, head.contentLength)
      if (to > bytes.length) return { fault: undefined, messages }
      messages.push({ ...message, body: text(headTo, to) })
      at = to
    }
    // What follows is of another protocol, or, after h2c, of a connection that is closed.
    if (head.upgrade || head.h2c) break
  }
  return { fault: undefined, messages }
}

/** Reads one chunked body that arrives in these pieces; `to` is its length in bytes, or -1 while it goes on. */
export function readChunked(
  pieces: readonly Buffer[],
  raw: boolean,
  chunked = new ChunkedBody(LIMITS),
): { readonly fault: Fault | undefined; readonly body: string; readonly to: number } {
  chunked.reset(raw)
  let body = ''
  let before = 0
  for (const piece of pieces) {
    let at = 0
    for (;;) {
      const found = chunked.next(piece, at, piece.length)
      at = chunked.at
      if (found === CHUNKED.range) body += piece.toString('latin1', chunked.from, chunked.to)
      else if (found === CHUNKED.fault) return { fault: chunked.fault, body, to: -1 }
      else if (found === CHUNKED.end) return { fault: undefined, body, to: before + at }
      else break
    }
    before += piece.length
  }
  return { fault: undefined, body, to: -1 }
}
