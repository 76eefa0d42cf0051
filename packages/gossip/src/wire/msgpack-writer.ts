import { utf8Length, writeUtf8 } from './utf8.ts'

/**
 * Writes what go-msgpack writes with its defaults: raw strings (never str8, never bin), the smallest
 * unsigned integer, nil for empty bytes. The caller sizes the target first, so nothing ever grows.
 */
export class MsgpackWriter {
  readonly bytes: Uint8Array
  #at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  get offset(): number {
    return this.#at
  }

  byte(value: number): void {
    this.bytes[this.#at] = value
    this.#at += 1
  }

  copy(source: Uint8Array): void {
    this.bytes.set(source, this.#at)
    this.#at += source.length
  }

  mapHeader(length: number): void {
    if (length < 16) this.byte(0x80 | length)
    else {
      this.byte(0xde)
      this.#big(length, 2)
    }
  }

  uint(value: number): void {
    if (value < 0x80) this.byte(value)
    else if (value < 0x100) this.#tagged(0xcc, value, 1)
    else if (value < 0x1_0000) this.#tagged(0xcd, value, 2)
    else this.#tagged(0xce, value, 4)
  }

  uint64(value: bigint): void {
    if (value <= 0xffff_ffffn) this.uint(Number(value))
    else {
      this.byte(0xcf)
      this.#big(Number(value >> 32n), 4)
      this.#big(Number(value & 0xffff_ffffn), 4)
    }
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2)
  }

  string(text: string): void {
    this.#runHeader(utf8Length(text))
    this.#at = writeUtf8(text, this.bytes, this.#at)
  }

  /** Empty bytes are written as nil, as Go writes a slice that was never set. */
  run(bytes: Uint8Array): void {
    if (bytes.length === 0) this.byte(0xc0)
    else {
      this.#runHeader(bytes.length)
      this.copy(bytes)
    }
  }

  #runHeader(length: number): void {
    if (length < 32) this.byte(0xa0 | length)
    else if (length < 0x1_0000) this.#tagged(0xda, length, 2)
    else this.#tagged(0xdb, length, 4)
  }

  #tagged(tag: number, value: number, width: number): void {
    this.byte(tag)
    this.#big(value, width)
  }

  #big(value: number, width: number): void {
    for (let shift = (width - 1) * 8; shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff)
  }
}

/** Bytes that `uint` writes. */
export function uintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x100) return 2
  return value < 0x1_0000 ? 3 : 5
}

/** Bytes that `uint64` writes. */
export function uint64Size(value: bigint): number {
  return value <= 0xffff_ffffn ? uintSize(Number(value)) : 9
}

/** Bytes that a string or byte run of `length` takes with its header. */
export function runSize(length: number): number {
  if (length < 32) return 1 + length
  return length < 0x1_0000 ? 3 + length : 5 + length
}
