const FIRST_BYTES = 1024
const EMPTY = Buffer.alloc(0)

/**
 * Received bytes that are not complete yet. It grows with what has arrived, never with what was announced, and it never
 * overwrites bytes that it has given out: consumed parts may be referenced by others.
 */
export class GrowingBuffer {
  bytes: Buffer = EMPTY
  start = 0
  end = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get length(): number {
    return this.end - this.start
  }

  /** Adds `from[start, end)`; false when that would be more than the maximum. Amortised O(bytes). */
  append(from: Buffer, start: number, end: number): boolean {
    const length = this.length + end - start
    if (length > this.#bytesMax) return false
    if (this.end + end - start > this.bytes.length) this.#grow(length)
    from.copy(this.bytes, this.end, start, end)
    this.end += end - start
    return true
  }

  /** Everything before `at` has been used. */
  consume(at: number): void {
    this.start = at
    if (at === this.end) this.clear()
  }

  clear(): void {
    this.bytes = EMPTY
    this.start = 0
    this.end = 0
  }

  #grow(needed: number): void {
    const size = Math.max(FIRST_BYTES, Math.min(needed * 2, this.#bytesMax))
    const grown = Buffer.allocUnsafeSlow(size)
    this.bytes.copy(grown, 0, this.start, this.end)
    this.bytes = grown
    this.end -= this.start
    this.start = 0
  }
}
