/** Bytes that are put one behind the other. */
export class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  u8(...values: readonly number[]): void {
    this.#room(values.length)
    for (const value of values) {
      this.#bytes[this.#length] = value
      this.#length += 1
    }
  }

  /** Big-endian, `width` bytes of a number below 2^53. */
  uint(value: number, width: number): void {
    this.#room(width)
    let rest = value
    for (let at = this.#length + width - 1; at >= this.#length; at -= 1) {
      this.#bytes[at] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#length += width
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(2 * (this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter()
  for (const part of parts) writer.raw(part)
  return writer.take()
}
