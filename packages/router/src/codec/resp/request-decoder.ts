import { encodeCommand } from './encode.ts'
import { splitInline } from './inline.ts'
import { RequestFrame } from './request-frame.ts'

/** What {@link RequestDecoder.next} found. */
export const DECODED = { needMore: 0, frame: 1, empty: 2, error: 3 } as const
export type Decoded = (typeof DECODED)[keyof typeof DECODED]

export interface RequestDecoderLimits {
  readonly argumentsMax: number
  readonly bulkBytesMax: number
  readonly inlineBytesMax: number
}

const STAR = 0x2a
const DOLLAR = 0x24
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const CR = 0x0d
const LF = 0x0a

/** A length has at most ten digits: 512 MB and 1 M arguments need fewer, and longer ones are refused while they arrive. */
const LENGTH_DIGITS_MAX = 10
/** Offsets of a command with very many arguments are given back instead of kept for the next ones. */
const OFFSETS_KEPT_MAX = 4_096

const NUMBER_OK = 0
const NUMBER_SHORT = 1
const NUMBER_BAD = 2

/**
 * Finds commands in the bytes of a client, as Redis's `processMultibulkBuffer` and `processInlineBuffer` do, but strict
 * about line ends: a proxy that guesses where a command ends lets a client smuggle one past it.
 *
 * The caller keeps the bytes. As long as `next` answers `needMore` it must be called again with the same command at
 * `start` (the buffer and its position may change); what was parsed is remembered, so bytes are looked at once.
 */
export class RequestDecoder {
  readonly frame = new RequestFrame()
  /** Bytes taken by the last frame or empty command. */
  taken = 0
  /** The text of the last error, without `-` and line end. */
  error = ''

  readonly #limits: RequestDecoderLimits
  /** Arguments announced by the command's head; -1 until the head is complete. */
  #expected = -1
  /** Arguments found. */
  #found = 0
  /** Where to go on, relative to the start of the command. */
  #cursor = 0
  #value = 0
  #after = 0

  constructor(limits: RequestDecoderLimits) {
    this.#limits = limits
  }

  /** Looks for one command at `start`; amortised O(bytes). */
  next(bytes: Buffer, start: number, end: number): Decoded {
    if (this.#expected < 0) {
      if (start >= end) return DECODED.needMore
      if (bytes[start] !== STAR) return this.#inline(bytes, start, end)
      const status = this.#number(bytes, start + 1, end)
      if (status === NUMBER_SHORT) return DECODED.needMore
      if (status === NUMBER_BAD || this.#value > this.#limits.argumentsMax)
        return this.#fail('invalid multibulk length')
      this.#cursor = this.#after - start
      if (this.#value <= 0) return this.#empty(this.#cursor)
      this.#begin(this.#value)
    }
    return this.#arguments(bytes, start, end)
  }

  #begin(expected: number): void {
    this.#expected = expected
    this.#found = 0
    if (this.frame.argStart.length > OFFSETS_KEPT_MAX) {
      this.frame.argStart.length = 0
      this.frame.argEnd.length = 0
    }
  }

  // The hot loop of the decoder: kept in one piece.
  #arguments(bytes: Buffer, start: number, end: number): Decoded {
    const { argStart, argEnd } = this.frame
    const expected = this.#expected
    let found = this.#found
    let at = start + this.#cursor
    while (found < expected) {
      if (at >= end) return this.#pause(found, at - start)
      if (bytes[at] !== DOLLAR) return this.#fail(expectedDollar(bytes[at] as number))
      const status = this.#number(bytes, at + 1, end)
      if (status === NUMBER_SHORT) return this.#pause(found, at - start)
      if (status === NUMBER_BAD || this.#value < 0 || this.#value > this.#limits.bulkBytesMax)
        return this.#fail('invalid bulk length')
      const body = this.#after
      const bodyEnd = body + this.#value
      if (bodyEnd + 2 > end) return this.#pause(found, at - start)
      if (bytes[bodyEnd] !== CR || bytes[bodyEnd + 1] !== LF)
        return this.#fail('expected CRLF after bulk')
      argStart[found] = body - start
      argEnd[found] = bodyEnd - start
      found++
      at = bodyEnd + 2
    }
    const { frame } = this
    frame.bytes = bytes
    frame.start = start
    frame.end = at
    frame.argc = found
    this.taken = at - start
    this.#reset()
    return DECODED.frame
  }

  /** A canonical decimal number and CRLF. An early bad byte is an answer before the line is complete. */
  #number(bytes: Buffer, from: number, end: number): number {
    let at = from
    let sign = 1
    if (at < end && bytes[at] === MINUS) {
      sign = -1
      at++
    }
    const digits = at
    let value = 0
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte < ZERO || byte > NINE) break
      if (at - digits >= LENGTH_DIGITS_MAX) return NUMBER_BAD
      value = value * 10 + (byte - ZERO)
    }
    if (at >= end) return NUMBER_SHORT
    if (bytes[at] !== CR || at === digits) return NUMBER_BAD
    // `007` and `-0` are not numbers to Redis either (string2ll).
    if (bytes[digits] === ZERO && (at - digits > 1 || sign < 0)) return NUMBER_BAD
    if (at + 1 >= end) return NUMBER_SHORT
    if (bytes[at + 1] !== LF) return NUMBER_BAD
    this.#value = sign * value
    this.#after = at + 2
    return NUMBER_OK
  }

  #inline(bytes: Buffer, start: number, end: number): Decoded {
    const lineEnd = findByte(bytes, LF, start + this.#cursor, end)
    const length = (lineEnd < 0 ? end : lineEnd) - start
    if (length > this.#limits.inlineBytesMax) return this.#fail('too big inline request')
    if (lineEnd < 0) {
      this.#cursor = length
      return DECODED.needMore
    }
    const textEnd = lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd
    const args = splitInline(bytes.subarray(start, textEnd))
    if (args === undefined) return this.#fail('unbalanced quotes in request')
    if (args.length === 0) return this.#empty(lineEnd + 1 - start)
    // An inline command goes on as if the client had sent it as an array: the rest of the house knows one form only.
    const encoded = encodeCommand(args)
    this.#reset()
    const decoded = this.next(encoded, 0, encoded.length)
    this.taken = lineEnd + 1 - start
    return decoded
  }

  #pause(found: number, cursor: number): Decoded {
    this.#found = found
    this.#cursor = cursor
    return DECODED.needMore
  }

  #empty(taken: number): Decoded {
    this.taken = taken
    this.#reset()
    return DECODED.empty
  }

  #fail(reason: string): Decoded {
    this.error = `ERR Protocol error: ${reason}`
    this.#reset()
    return DECODED.error
  }

  #reset(): void {
    this.#expected = -1
    this.#found = 0
    this.#cursor = 0
  }
}

function expectedDollar(byte: number): string {
  const shown = byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ' '
  return `expected '$', got '${shown}'`
}

function findByte(bytes: Buffer, byte: number, from: number, end: number): number {
  for (let at = from; at < end; at++) if (bytes[at] === byte) return at
  return -1
}
