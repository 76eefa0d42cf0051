/** What {@link ReplyScanner.scan} found. */
export const SCANNED = { needMore: 0, reply: 1, error: 2 } as const
export type Scanned = (typeof SCANNED)[keyof typeof SCANNED]

export interface ReplyScannerLimits {
  readonly bulkBytesMax: number
  readonly replyDepthMax: number
  readonly replyLineBytesMax: number
}

const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
const LENGTH_DIGITS_MAX = 10

/** How the bytes after a type byte are to be read. */
const LINE = 1
const BULK = 2
const ARRAY = 3
const MAP = 4
const ATTRIBUTE = 5

/** Type byte → form, RESP2 and RESP3 (https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md). */
const FORMS = new Uint8Array(256)
for (const mark of '+-:_#,(') FORMS[mark.charCodeAt(0)] = LINE
for (const mark of '$!=') FORMS[mark.charCodeAt(0)] = BULK
for (const mark of '*~>') FORMS[mark.charCodeAt(0)] = ARRAY
FORMS['%'.charCodeAt(0)] = MAP
FORMS['|'.charCodeAt(0)] = ATTRIBUTE

/**
 * Finds where one complete reply ends, at any nesting, without building its value and without recursion: `#open` holds,
 * per open aggregate, how many values it still needs.
 *
 *   *2\r\n  $1\r\na\r\n  *1\r\n  :1\r\n
 *   open=2  2→1          1→0,1   1→0 → pop, pop → end
 *
 * As long as `scan` answers `needMore` it must be called again with the same reply at `start`.
 */
export class ReplyScanner {
  /** Where the last reply ends. */
  end = 0
  /** Why the last bytes are no reply. */
  error = ''

  readonly #limits: ReplyScannerLimits
  readonly #open: number[] = []
  #cursor = 0
  /** Bytes of an incomplete line that were looked at. */
  #lineSeen = 0
  #value = 0
  #after = 0

  constructor(limits: ReplyScannerLimits) {
    this.#limits = limits
  }

  /** Forgets a reply that was begun. */
  reset(): void {
    this.#open.length = 0
    this.#cursor = 0
    this.#lineSeen = 0
  }

  /** Looks for the end of the reply that begins at `start`; amortised O(values). */
  scan(bytes: Uint8Array, start: number, end: number): Scanned {
    const open = this.#open
    let at = start + this.#cursor
    for (;;) {
      const next = this.#step(bytes, at, end)
      if (next < 0) {
        this.#cursor = at - start
        return next === STEP_SHORT ? SCANNED.needMore : SCANNED.error
      }
      if (next !== at) this.#lineSeen = 0
      at = next
      while (open.length > 0 && open[open.length - 1] === 0) open.pop()
      if (open.length === 0) {
        this.#cursor = 0
        this.end = at
        return SCANNED.reply
      }
    }
  }

  /** Reads one value or one aggregate's head; the position after it, or why there is none. */
  #step(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return STEP_SHORT
    const form = FORMS[bytes[at] as number]
    if (form === LINE) {
      const next = this.#line(bytes, at, end)
      if (next >= 0) this.#count()
      return next
    }
    if (form === 0) return this.#fail(`unknown reply type 0x${byteHex(bytes[at] as number)}`)
    const status = this.#length(bytes, at, end)
    if (status < 0) return status
    if (form === BULK) return this.#bulk(bytes, end)
    return this.#aggregate(form as number)
  }

  #bulk(bytes: Uint8Array, end: number): number {
    const length = this.#value
    if (length < 0) {
      this.#count()
      return this.#after
    }
    if (length > this.#limits.bulkBytesMax) return this.#fail('bulk reply is too long')
    const next = this.#after + length + 2
    if (next > end) return STEP_SHORT
    if (bytes[next - 2] !== CR || bytes[next - 1] !== LF)
      return this.#fail('bulk reply without line end')
    this.#count()
    return next
  }

  #aggregate(form: number): number {
    const count = Math.max(this.#value, 0)
    const values = form === ARRAY ? count : count * 2
    // An attribute precedes the value it describes: it does not count as that value.
    if (form !== ATTRIBUTE) this.#count()
    if (values > 0 || form === ATTRIBUTE) {
      if (this.#open.length >= this.#limits.replyDepthMax)
        return this.#fail('reply is nested too deep')
      // At the top, one more level waits for the value that follows the attribute.
      if (form === ATTRIBUTE && this.#open.length === 0) this.#open.push(1)
      if (values > 0) this.#open.push(values)
    }
    return this.#after
  }

  /** One value of the innermost open aggregate is there. */
  #count(): void {
    const top = this.#open.length - 1
    if (top >= 0) this.#open[top] = (this.#open[top] as number) - 1
  }

  #line(bytes: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#limits.replyLineBytesMax + 1)
    let byteAt = at + 1 + this.#lineSeen
    while (byteAt < stop && bytes[byteAt] !== CR) byteAt++
    if (byteAt >= stop) {
      if (stop < end || byteAt - at > this.#limits.replyLineBytesMax)
        return this.#fail('reply line is too long')
      this.#lineSeen = Math.max(0, byteAt - at - 1)
      return STEP_SHORT
    }
    this.#lineSeen = byteAt - at - 1
    if (byteAt + 1 >= end) return STEP_SHORT
    if (bytes[byteAt + 1] !== LF) return this.#fail('carriage return inside a reply line')
    this.#lineSeen = 0
    return byteAt + 2
  }

  #length(bytes: Uint8Array, from: number, end: number): number {
    let at = from + 1
    const negative = at < end && bytes[at] === MINUS
    if (negative) at++
    const digits = at
    let value = 0
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte < ZERO || byte > NINE) break
      if (at - digits >= LENGTH_DIGITS_MAX) return this.#fail('reply length is too long')
      value = value * 10 + (byte - ZERO)
    }
    if (at >= end) return STEP_SHORT
    if (bytes[at] !== CR || at === digits || (negative && value !== 1))
      return this.#fail('invalid reply length')
    if (at + 1 >= end) return STEP_SHORT
    if (bytes[at + 1] !== LF) return this.#fail('invalid reply length')
    this.#value = negative ? -1 : value
    this.#after = at + 2
    return 0
  }

  #fail(reason: string): number {
    this.error = reason
    this.reset()
    return STEP_BAD
  }
}

const STEP_SHORT = -1
const STEP_BAD = -2

function byteHex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
