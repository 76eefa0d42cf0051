import { RequestFrame } from '../resp/request-frame.ts'
import { findMemcachedVerb, type MemcachedVerb } from './verbs.ts'
import { isNoreply, isUint64, numberAt } from './words.ts'

/** What {@link MemcachedDecoder.next} found. */
export const LINE = {
  needMore: 0,
  /** A command: `frame` and `verb` say which. */
  frame: 1,
  /** A line that is no command, or one that must not be passed on: `error` is the answer, unless it is empty. */
  rejected: 2,
  /** Part of a data block that nobody wants. */
  skipped: 3,
  /** Nothing after these bytes can be understood: `error` is the last answer. */
  broken: 4,
} as const
export type Line = (typeof LINE)[keyof typeof LINE]

export interface MemcachedDecoderLimits {
  /** Bytes of one value. */
  readonly itemBytesMax: number
  /** Bytes of a line that names many keys. */
  readonly keysLineBytesMax: number
}

/** The longest key (memcached's KEY_MAX_LENGTH). */
export const KEY_BYTES_MAX = 250
/** The longest line of commands that do not name many keys, as in memcached. */
export const LINE_BYTES_MAX = 2_048

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const NUL = 0
const BLOCK_END_BYTES = 2
const LENGTH_MAX = 2 ** 31 - 3
const UINT32_MAX = 2 ** 32 - 1
const INT32_MAX = 2 ** 31 - 1

const BAD_FORMAT = 'CLIENT_ERROR bad command line format'
const TOO_MANY_FLAGS = 'CLIENT_ERROR options flags are too long'
const BAD_CHUNK = 'CLIENT_ERROR bad data chunk'
const TOO_LARGE = 'SERVER_ERROR object too large for cache'
const TOO_LONG = 'CLIENT_ERROR line too long'

/**
 * Finds commands in the bytes of a memcached client, text and meta (memcached 1.6, doc/protocol.txt and proto_text.c).
 *
 *   set k 0 0 5\r\n hello \r\n
 *   └ words, args of the frame   └ data block: belongs to the frame's bytes
 *
 * Whatever would make a server read the data block as commands is refused here, and the block skipped, as new servers do it:
 * otherwise a client whose key comes from a stranger could be made to run the stranger's commands, and replies would be
 * given to the wrong clients. As long as `next` answers `needMore` it must be called again with the same command at `start`.
 */
export class MemcachedDecoder {
  /** Its arguments are the words of the line; its bytes reach to the end of the data block. */
  readonly frame = new RequestFrame()
  verb: MemcachedVerb | undefined
  /** True when the line's last word asks for silence; that word is not among the arguments then. */
  noreply = false
  /** Where the words end in the frame's bytes: the position of the line end. */
  lineEnd = 0
  /** Where the data block begins; the end of the line for commands without one. */
  dataStart = 0
  taken = 0
  /** True when a value above the limit was refused: `frame` has the words of its line. */
  oversized = false
  /** The answer to a rejected line, without line end. */
  error = ''

  readonly #limits: MemcachedDecoderLimits
  /** Bytes of the line that were looked at. */
  #seen = 0
  /** The line is complete: how many bytes it has, with its end. */
  #lineBytes = 0
  #dataBytes = 0
  /** Bytes of an unwanted data block that are still to come. */
  #unwanted = 0

  constructor(limits: MemcachedDecoderLimits) {
    this.#limits = limits
  }

  /** Looks for one command at `start`; amortised O(bytes). */
  next(bytes: Buffer, start: number, end: number): Line {
    if (this.#unwanted > 0) return this.#skip(end - start)
    if (this.#lineBytes === 0) {
      const lf = this.#findLineEnd(bytes, start, end)
      if (lf < 0) return this.#lineIsTooLong(bytes, start, end) ? this.#break() : LINE.needMore
      const read = this.#readLine(bytes, start, lf)
      if (read !== LINE.frame) return read
    }
    return this.#complete(bytes, start, end)
  }

  #skip(available: number): Line {
    if (available === 0) return LINE.needMore
    this.taken = Math.min(available, this.#unwanted)
    this.#unwanted -= this.taken
    return LINE.skipped
  }

  #findLineEnd(bytes: Buffer, start: number, end: number): number {
    const from = start + this.#seen
    const lf = bytes.subarray(from, end).indexOf(LF)
    if (lf >= 0) {
      this.#seen = 0
      return from + lf
    }
    this.#seen = end - start
    return -1
  }

  /** As memcached: only a command that names keys may go on beyond {@link LINE_BYTES_MAX}. */
  #lineIsTooLong(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start
    if (length <= LINE_BYTES_MAX) return false
    return length > this.#limits.keysLineBytesMax || !namesKeys(bytes, start)
  }

  #readLine(bytes: Buffer, start: number, lf: number): Line {
    const lineEnd = lf > start && bytes[lf - 1] === CR ? lf - 1 : lf
    this.taken = lf + 1 - start
    this.noreply = false
    this.oversized = false
    this.lineEnd = lineEnd
    this.dataStart = lf + 1
    this.#dataBytes = 0
    if (lineEnd - start > this.#limits.keysLineBytesMax) return this.#break()
    if (!this.#split(bytes, start, lineEnd)) return this.#reject(BAD_FORMAT)
    const { frame } = this
    const verb =
      frame.argc === 0 || bytes[start] === SPACE
        ? undefined
        : findMemcachedVerb(bytes, frame.from(0), frame.to(0))
    this.verb = verb
    if (verb === undefined) return this.#reject('ERROR')
    if (lineEnd - start > LINE_BYTES_MAX && verb.form !== 'keys') return this.#break()
    return this.#check(verb, bytes)
  }

  /** Cuts the line into words; false when it holds a byte at which some servers would stop reading. */
  #split(bytes: Buffer, start: number, lineEnd: number): boolean {
    const { argStart, argEnd } = this.frame
    let words = 0
    let at = start
    while (at < lineEnd) {
      while (at < lineEnd && bytes[at] === SPACE) at++
      if (at === lineEnd) break
      argStart[words] = at - start
      for (; at < lineEnd && bytes[at] !== SPACE; at++)
        if (bytes[at] === NUL || bytes[at] === CR) return false
      argEnd[words++] = at - start
    }
    const { frame } = this
    frame.bytes = bytes
    frame.start = start
    frame.end = start + this.taken
    frame.argc = words
    return true
  }

  #check(verb: MemcachedVerb, bytes: Buffer): Line {
    const { frame } = this
    // Even where it stands for something else: a server that takes it for the wish to be left alone says nothing at all.
    if (verb.noreply && frame.argc > verb.keyAt + 1 && isNoreply(frame, frame.argc - 1)) {
      this.noreply = true
      frame.argc--
    }
    const length = verb.lengthAt > 0 && frame.argc > verb.lengthAt ? this.#length(verb) : -1
    if (frame.argc < verb.wordsMin)
      return this.#reject(verb.form === 'meta-storage' ? BAD_FORMAT : 'ERROR')
    if (frame.argc > verb.wordsMax)
      return this.#rejectBlock(verb.form.startsWith('meta') ? TOO_MANY_FLAGS : 'ERROR', length)
    if (verb.lengthAt > 0 && length < 0) return this.#reject(BAD_FORMAT)
    if (!this.#keysFit(verb) || !this.#storageFits(verb))
      return this.#rejectBlock(BAD_FORMAT, length)
    if (length > this.#limits.itemBytesMax) {
      this.oversized = true
      return this.#rejectBlock(TOO_LARGE, length)
    }
    this.#lineBytes = this.dataStart - frame.start
    this.#dataBytes = length < 0 ? 0 : length + BLOCK_END_BYTES
    frame.bytes = bytes
    return LINE.frame
  }

  #length(verb: MemcachedVerb): number {
    return numberAt(this.frame, verb.lengthAt, LENGTH_MAX)
  }

  #keysFit(verb: MemcachedVerb): boolean {
    if (verb.keyAt === 0) return true
    const { frame } = this
    const last = verb.form === 'keys' ? frame.argc : verb.keyAt + 1
    for (let at = verb.keyAt; at < last; at++)
      if (frame.to(at) - frame.from(at) > KEY_BYTES_MAX) return false
    return true
  }

  /** A server that refuses one of these numbers may not skip the data block. */
  #storageFits(verb: MemcachedVerb): boolean {
    if (verb.form !== 'storage') return true
    const { frame } = this
    if (numberAt(frame, 2, UINT32_MAX) < 0) return false
    if (numberAt(frame, 3, INT32_MAX, true) === Number.NEGATIVE_INFINITY) return false
    return frame.argc <= 5 || isUint64(frame, 5)
  }

  /** The line is right: waits for the data block. */
  #complete(bytes: Buffer, start: number, end: number): Line {
    const whole = this.#lineBytes + this.#dataBytes
    if (end - start < whole) return LINE.needMore
    const { frame } = this
    // The bytes may have moved while the block was on its way.
    const moved = start - frame.start
    frame.bytes = bytes
    frame.start = start
    frame.end = start + whole
    this.lineEnd += moved
    this.dataStart += moved
    this.taken = whole
    this.#lineBytes = 0
    const blockEnd = start + whole
    if (this.#dataBytes > 0 && (bytes[blockEnd - 2] !== CR || bytes[blockEnd - 1] !== LF))
      return this.#reject(BAD_CHUNK)
    return LINE.frame
  }

  #rejectBlock(error: string, length: number): Line {
    if (length >= 0) this.#unwanted = length + BLOCK_END_BYTES
    return this.#reject(error)
  }

  /** Who asked for silence does not hear of mistakes either, except in meta commands. */
  #reject(error: string): Line {
    this.error = this.noreply ? '' : error
    return LINE.rejected
  }

  #break(): Line {
    this.error = TOO_LONG
    return LINE.broken
  }
}

function namesKeys(bytes: Buffer, start: number): boolean {
  return /^g[ae]ts? /.test(bytes.toString('latin1', start, start + 5))
}
