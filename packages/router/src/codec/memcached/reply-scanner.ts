import { SCANNED, type Scanned } from '../resp/reply-scanner.ts'

export interface MemcachedScannerLimits {
  /** Bytes of one value in a reply. */
  readonly bulkBytesMax: number
  readonly replyLineBytesMax: number
}

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const ZERO = 0x30
const NINE = 0x39
const BLOCK_END_BYTES = 2

/**
 * Finds where one reply of a memcached server ends. Replies describe themselves, so the command need not be known:
 *
 *   VALUE <key> <flags> <bytes> [<cas>]  a data block, and the reply goes on       (get, gets, gat, gats)
 *   STAT … | ITEM … | PREFIX …           the reply goes on                         (stats)
 *   VA <size> <flags>*                   a data block, and the reply ends          (meta)
 *   anything else                        the reply ends                            (END, STORED, HD, ERROR, …)
 *
 * As long as `scan` answers `needMore` it must be called again with the same reply at `start`.
 */
export class MemcachedReplyScanner {
  /** Where the last reply ends. */
  end = 0
  /** Why the last bytes are no reply. */
  error = ''

  readonly #limits: MemcachedScannerLimits
  /** Where the line begins that is looked at, relative to the start of the reply. */
  #cursor = 0
  /** Bytes of an incomplete line that were looked at. */
  #lineSeen = 0
  #blockBytes = 0

  constructor(limits: MemcachedScannerLimits) {
    this.#limits = limits
  }

  /** Looks for the end of the reply that begins at `start`; amortised O(lines). */
  scan(bytes: Buffer, start: number, end: number): Scanned {
    for (;;) {
      const line = start + this.#cursor
      const lf = this.#lineEnd(bytes, line, end)
      if (lf < 0) return lf === SHORT ? SCANNED.needMore : SCANNED.error
      const kind = this.#classify(bytes, line, lf)
      if (kind === KIND_BAD) return this.#fail('a value without a length')
      const next = lf + 1 + this.#blockBytes
      if (this.#blockBytes > 0) {
        if (next > end) return SCANNED.needMore
        if (bytes[next - 2] !== CR || bytes[next - 1] !== LF)
          return this.#fail('a value without line end')
      }
      this.#lineSeen = 0
      this.#cursor = next - start
      if (kind === KIND_MORE) continue
      this.#cursor = 0
      this.end = next
      return SCANNED.reply
    }
  }

  #lineEnd(bytes: Buffer, line: number, end: number): number {
    const stop = Math.min(end, line + this.#limits.replyLineBytesMax)
    const found = bytes.subarray(line + this.#lineSeen, stop).indexOf(LF)
    if (found >= 0) {
      const lf = line + this.#lineSeen + found
      // Not yet known to be whole: the value behind it may still be on its way.
      this.#lineSeen += found
      return lf
    }
    if (stop - line >= this.#limits.replyLineBytesMax) {
      this.#fail('a line that is too long')
      return BAD
    }
    this.#lineSeen = stop - line
    return SHORT
  }

  #classify(bytes: Buffer, line: number, lf: number): number {
    this.#blockBytes = 0
    const first = bytes[line]
    if (first === 0x56 && startsWith(bytes, line, lf, 'VALUE ')) {
      return this.#value(bytes, wordAfter(bytes, line, lf, 3), lf) ? KIND_MORE : KIND_BAD
    }
    if (first === 0x56 && startsWith(bytes, line, lf, 'VA '))
      return this.#value(bytes, wordAfter(bytes, line, lf, 1), lf) ? KIND_LAST : KIND_BAD
    for (const word of LISTS) if (startsWith(bytes, line, lf, word)) return KIND_MORE
    return KIND_LAST
  }

  #value(bytes: Buffer, at: number, lf: number): boolean {
    let value = 0
    let here = at
    for (; here < lf; here++) {
      const byte = bytes[here] as number
      if (byte < ZERO || byte > NINE) break
      value = value * 10 + (byte - ZERO)
      if (value > this.#limits.bulkBytesMax) return false
    }
    if (here === at) return false
    this.#blockBytes = value + BLOCK_END_BYTES
    return bytes[here] === SPACE || bytes[here] === CR || bytes[here] === LF
  }

  #fail(reason: string): Scanned {
    this.error = reason
    this.#cursor = 0
    this.#lineSeen = 0
    return SCANNED.error
  }
}

const SHORT = -1
const BAD = -2
const KIND_LAST = 0
const KIND_MORE = 1
const KIND_BAD = 2
const LISTS = ['STAT ', 'ITEM ', 'PREFIX ']

function startsWith(bytes: Buffer, at: number, end: number, word: string): boolean {
  if (end - at < word.length) return false
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false
  return true
}

/** Where the word after `spaces` spaces begins. */
function wordAfter(bytes: Buffer, line: number, lf: number, spaces: number): number {
  let at = line
  for (let left = spaces; left > 0 && at < lf; at++) if (bytes[at] === SPACE) left--
  return at
}
