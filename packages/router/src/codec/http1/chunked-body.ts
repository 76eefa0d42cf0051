import { FAULTS, type Fault } from './fault.ts'
import { NOT_IN_TRAILERS } from './field.ts'
import { COLON, CR, LF, OCTET, OCTETS, SPACE, TAB } from './octets.ts'

/** What {@link ChunkedBody.next} has found. */
export const CHUNKED = { needMore: 0, range: 1, end: 2, fault: 3 } as const

export interface ChunkedLimits {
  /** Bytes of one chunk extension. */
  readonly chunkExtensionBytesMax: number
  /** Bytes of all trailer lines together. */
  readonly trailerBytesMax: number
}

/** Hexadecimal digits that a chunk size may have: 52 bits, so that sums stay exact numbers. */
const SIZE_DIGITS_MAX = 13
const NAME_BYTES_MAX = 32
const SEMICOLON = 0x3b

type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-start'
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'end-lf'
  | 'done'

/**
 * Finds the end of a chunked body, however its bytes are cut (RFC 9112 §7.1). It hands out ranges to pass on: `raw` ones
 * with the framing as it came, less the chunk extensions, or the data alone.
 *
 *   5;ext␍␊ hello ␍␊ 0␍␊ Trailer: x␍␊ ␍␊
 *   └ raw ranges: "5", "␍␊hello␍␊0␍␊Trailer: x␍␊␍␊"          data ranges: "hello"
 */
export class ChunkedBody {
  /** The range that was found. */
  from = 0
  to = 0
  /** Where to go on. */
  at = 0
  fault: Fault = FAULTS.chunkSize
  /** Bytes of data announced so far. */
  bytes = 0
  /** Lines of the trailers, each with its end; only kept where the framing is not passed on. */
  trailers = ''

  readonly #limits: ChunkedLimits
  #raw = true
  #state: State = 'size'
  #digits = 0
  #size = 0
  #left = 0
  #extensionBytes = 0
  #trailerBytes = 0
  #name = ''

  constructor(limits: ChunkedLimits) {
    this.#limits = limits
  }

  /** @param raw true to pass the framing on with the data */
  reset(raw: boolean): void {
    this.#raw = raw
    this.#state = 'size'
    this.#digits = 0
    this.#size = 0
    this.#left = 0
    this.#trailerBytes = 0
    this.bytes = 0
    this.trailers = ''
  }

  /**
   * Goes on at `start`; sets `at`, and for {@link CHUNKED}.range also `from` and `to`. A raw range may be empty.
   * `end` comes after the last range.
   */
  next(bytes: Uint8Array, start: number, end: number): number {
    this.at = start
    if (this.#state === 'done') return CHUNKED.end
    if (start >= end) return CHUNKED.needMore
    return this.#raw ? this.#nextRaw(bytes, start, end) : this.#nextData(bytes, start, end)
  }

  #nextRaw(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    // An extension is left out: the range before it has been given, the next one begins with the CR that ends it.
    for (; this.#skipping; at++) {
      if (at >= end) {
        this.at = end
        return CHUNKED.needMore
      }
      if (!this.#step(bytes[at] as number)) return CHUNKED.fault
    }
    this.from = at > start ? at - 1 : start
    while (at < end && !this.#done) {
      if (this.#state === 'data') at += this.#takeData(end - at)
      else if (this.#step(bytes[at] as number)) at++
      else return CHUNKED.fault
      if (!this.#skipping) continue
      this.to = at - 1
      this.at = at
      return CHUNKED.range
    }
    this.to = at
    this.at = at
    return CHUNKED.range
  }

  #nextData(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && !this.#done) {
      if (this.#state === 'data') {
        this.from = at
        at += this.#takeData(end - at)
        this.to = at
        this.at = at
        return CHUNKED.range
      }
      if (!this.#step(bytes[at] as number)) return CHUNKED.fault
      at++
    }
    this.at = at
    return this.#done ? CHUNKED.end : CHUNKED.needMore
  }

  get #skipping(): boolean {
    return this.#state === 'extension'
  }

  get #done(): boolean {
    return this.#state === 'done'
  }

  #takeData(available: number): number {
    const taken = Math.min(this.#left, available)
    this.#left -= taken
    if (this.#left === 0) this.#state = 'data-cr'
    return taken
  }

  /** Takes one octet of the framing; false is a fault. */
  #step(octet: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#sizeOctet(octet)
      case 'extension':
        return this.#extensionOctet(octet)
      case 'size-lf':
        return octet === LF ? this.#sizeEnd() : this.#refuse(FAULTS.chunkSize)
      case 'data-cr':
        this.#state = 'data-lf'
        return octet === CR || this.#refuse(FAULTS.chunkEnd)
      case 'data-lf':
        this.#state = 'size'
        this.#digits = 0
        this.#size = 0
        return octet === LF || this.#refuse(FAULTS.chunkEnd)
      case 'trailer-start':
      case 'trailer-name':
      case 'trailer-value':
      case 'trailer-lf':
        return this.#trailerOctet(octet)
      case 'end-lf':
        this.#state = 'done'
        return octet === LF || this.#refuse(FAULTS.trailer)
      case 'data':
      case 'done':
        return this.#refuse(FAULTS.chunkEnd)
      default:
        return this.#state satisfies never
    }
  }

  #sizeOctet(octet: number): boolean {
    const value = hexValue(octet)
    if (value >= 0) {
      if (++this.#digits > SIZE_DIGITS_MAX) return this.#refuse(FAULTS.chunkSize)
      this.#size = this.#size * 16 + value
      return true
    }
    if (this.#digits === 0) return this.#refuse(FAULTS.chunkSize)
    if (octet === CR) {
      this.#state = 'size-lf'
      return true
    }
    if (octet !== SEMICOLON) return this.#refuse(FAULTS.chunkSize)
    this.#state = 'extension'
    this.#extensionBytes = 0
    return true
  }

  #extensionOctet(octet: number): boolean {
    if (octet === CR) {
      this.#state = 'size-lf'
      return true
    }
    if (++this.#extensionBytes > this.#limits.chunkExtensionBytesMax)
      return this.#refuse(FAULTS.chunkExtension)
    if (((OCTETS[octet] as number) & OCTET.value) === 0) return this.#refuse(FAULTS.chunkExtension)
    return true
  }

  #sizeEnd(): boolean {
    this.bytes += this.#size
    this.#left = this.#size
    this.#state = this.#size === 0 ? 'trailer-start' : 'data'
    return true
  }

  #trailerOctet(octet: number): boolean {
    if (++this.#trailerBytes > this.#limits.trailerBytesMax)
      return this.#refuse(FAULTS.trailersTooLong)
    if (!this.#raw) this.trailers += String.fromCharCode(octet)
    switch (this.#state) {
      case 'trailer-start':
        if (octet === CR) {
          this.#state = 'end-lf'
          return true
        }
        this.#name = ''
        this.#state = 'trailer-name'
        return this.#trailerName(octet)
      case 'trailer-name':
        return this.#trailerName(octet)
      case 'trailer-value':
        if (octet === CR) this.#state = 'trailer-lf'
        else if (((OCTETS[octet] as number) & OCTET.value) === 0)
          return this.#refuse(FAULTS.trailer)
        return true
      default:
        this.#state = 'trailer-start'
        return octet === LF || this.#refuse(FAULTS.trailer)
    }
  }

  #trailerName(octet: number): boolean {
    if (octet === COLON) {
      if (this.#name === '' || NOT_IN_TRAILERS.includes(this.#name))
        return this.#refuse(FAULTS.trailer)
      this.#state = 'trailer-value'
      return true
    }
    if (octet === SPACE || octet === TAB || ((OCTETS[octet] as number) & OCTET.token) === 0)
      return this.#refuse(FAULTS.trailer)
    // Longer names are none of the forbidden ones.
    if (this.#name.length <= NAME_BYTES_MAX) this.#name += String.fromCharCode(octet).toLowerCase()
    return true
  }

  #refuse(fault: Fault): false {
    this.fault = fault
    return false
  }
}

function hexValue(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const letter = octet | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
