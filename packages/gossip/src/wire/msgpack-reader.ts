import { copyBytes } from './copy-bytes.ts'
import { WireError } from './errors.ts'
import { INCOMPLETE, readLength, type ScanLimits, scanValue } from './msgpack-scan.ts'
import { decodeUtf8 } from './utf8.ts'

const NIL = 0xc0
const FALSE = 0xc2
const TRUE = 0xc3
const BIN_8 = 0xc4
const UINT_8 = 0xcc
const INT_8 = 0xd0
const STR_8 = 0xd9
const ARRAY_16 = 0xdc
const ARRAY_32 = 0xdd
const MAP_16 = 0xde
const MAP_32 = 0xdf

const NOT_A_RUN = -1

/**
 * Reads the msgpack that memberlist's peers write: any integer family, raw, str8 and bin for strings and
 * bytes, arrays of numbers for bytes, nil for zero. Every length is checked against the bytes at hand
 * and the caller's limit before anything is allocated. Byte values are copies, so packets are not pinned.
 */
export class MsgpackReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
  }

  get offset(): number {
    return this.#at
  }

  /** Entries of the map that starts here. */
  readMapLength(): number {
    const tag = this.#take()
    if (tag >= 0x80 && tag < 0x90) return tag & 0x0f
    if (tag === MAP_16) return this.#takeLength(2)
    if (tag === MAP_32) return this.#takeLength(4)
    throw new WireError('WIRE_FORMAT', { want: 'map', tag })
  }

  /** Entries of the array that starts here; nil counts as empty. */
  readArrayLength(): number {
    const tag = this.#take()
    if (tag === NIL) return 0
    if (tag >= 0x90 && tag < 0xa0) return tag & 0x0f
    if (tag === ARRAY_16) return this.#takeLength(2)
    if (tag === ARRAY_32) return this.#takeLength(4)
    throw new WireError('WIRE_FORMAT', { want: 'array', tag })
  }

  /** An integer in [0, max] of any family, signed or not; `max` is at most 2^53 − 1. */
  readUint(max: number): number {
    const tag = this.#take()
    const value = tag < 0x80 ? tag : this.#takeNumber(tag)
    if (value > max) throw new WireError('WIRE_FIELD', { got: value, max })
    return value
  }

  #takeNumber(tag: number): number {
    if (tag === NIL) return 0
    const width = numberWidth(tag)
    const from = this.#takeRun(width)
    if (tag >= INT_8 && (this.#bytes[from] ?? 0) >= 0x80) {
      throw new WireError('WIRE_FIELD', { want: 'a number of at least 0' })
    }
    return width < 8
      ? readLength(this.#bytes, from, width)
      : readLength(this.#bytes, from, 4) * 0x1_0000_0000 + readLength(this.#bytes, from + 4, 4)
  }

  /** A full 64-bit unsigned integer (Serf's Lamport times). */
  readUint64(): bigint {
    const tag = this.#take()
    if (tag < 0x80) return BigInt(tag)
    if (tag === NIL) return 0n
    const width = numberWidth(tag)
    const from = this.#takeRun(width)
    if (tag >= INT_8 && (this.#bytes[from] ?? 0) >= 0x80) {
      throw new WireError('WIRE_FIELD', { want: 'a number of at least 0' })
    }
    let value = 0n
    for (let index = 0; index < width; index += 1) {
      value = (value << 8n) | BigInt(this.#bytes[from + index] ?? 0)
    }
    return value
  }

  readBool(): boolean {
    const tag = this.#take()
    if (tag === TRUE || tag === 1) return true
    if (tag === FALSE || tag === 0 || tag === NIL) return false
    throw new WireError('WIRE_FIELD', { want: 'bool', tag })
  }

  /** A string of at most `bytesMax` bytes of valid UTF-8. */
  readString(bytesMax: number): string {
    const tag = this.#take()
    if (tag === NIL) return ''
    const length = this.#runLength(tag)
    if (length === NOT_A_RUN) throw new WireError('WIRE_FIELD', { want: 'string', tag })
    const from = this.#takeBounded(length, bytesMax)
    return decodeUtf8(this.#bytes, from, from + length)
  }

  /** A copy of at most `bytesMax` bytes. */
  readBytes(bytesMax: number): Uint8Array {
    const tag = this.#take()
    if (tag === NIL) return EMPTY
    const length = this.#runLength(tag)
    if (length === NOT_A_RUN) return this.#readNumbers(tag, bytesMax)
    const from = this.#takeBounded(length, bytesMax)
    return copyBytes(this.#bytes, from, from + length)
  }

  #readNumbers(tag: number, bytesMax: number): Uint8Array {
    const isArray = (tag >= 0x90 && tag < 0xa0) || tag === ARRAY_16 || tag === ARRAY_32
    if (!isArray) throw new WireError('WIRE_FIELD', { want: 'bytes', tag })
    this.#at -= 1
    const length = this.readArrayLength()
    if (length > bytesMax) throw tooLong(length, bytesMax)
    if (length > this.#end - this.#at) throw new WireError('WIRE_TRUNCATED')
    const copy = new Uint8Array(length)
    for (let index = 0; index < length; index += 1) copy[index] = this.readUint(255)
    return copy
  }

  /** Moves over a string key and says where it lies: from the returned offset up to `offset`. */
  takeKey(): number {
    const tag = this.#take()
    const length = this.#runLength(tag)
    if (length === NOT_A_RUN) throw new WireError('WIRE_FORMAT', { want: 'key', tag })
    return this.#takeRun(length)
  }

  /** True when the bytes from `from` up to the current offset are exactly `key`. */
  isKey(from: number, key: Uint8Array): boolean {
    if (this.#at - from !== key.length) return false
    for (let index = 0; index < key.length; index += 1) {
      if (this.#bytes[from + index] !== key[index]) return false
    }
    return true
  }

  /** Moves over one value of any kind. */
  skip(limits: ScanLimits): void {
    const next = scanValue(this.#bytes, this.#at, this.#end, limits)
    if (next === INCOMPLETE) throw new WireError('WIRE_TRUNCATED')
    this.#at = next
  }

  #runLength(tag: number): number {
    if (tag >= 0xa0 && tag < 0xc0) return tag & 0x1f
    if (tag >= BIN_8 && tag < BIN_8 + 3) return this.#takeLength(1 << (tag - BIN_8))
    if (tag >= STR_8 && tag < STR_8 + 3) return this.#takeLength(1 << (tag - STR_8))
    return NOT_A_RUN
  }

  #take(): number {
    if (this.#at >= this.#end) throw new WireError('WIRE_TRUNCATED')
    const byte = this.#bytes[this.#at] ?? 0
    this.#at += 1
    return byte
  }

  #takeLength(width: number): number {
    return readLength(this.#bytes, this.#takeRun(width), width)
  }

  #takeBounded(length: number, bytesMax: number): number {
    if (length > bytesMax) throw tooLong(length, bytesMax)
    return this.#takeRun(length)
  }

  #takeRun(length: number): number {
    const from = this.#at
    if (length > this.#end - from) throw new WireError('WIRE_TRUNCATED')
    this.#at = from + length
    return from
  }
}

/** Zero bytes, shared: nil and an absent byte field decode to this. */
export const EMPTY: Uint8Array = new Uint8Array(0)

function numberWidth(tag: number): number {
  if (tag >= UINT_8 && tag < UINT_8 + 4) return 1 << (tag - UINT_8)
  if (tag >= INT_8 && tag < INT_8 + 4) return 1 << (tag - INT_8)
  throw new WireError('WIRE_FIELD', { want: 'a number of at least 0', tag })
}

function tooLong(got: number, max: number): WireError {
  return new WireError('WIRE_LENGTH_EXCEEDED', { got, max })
}
