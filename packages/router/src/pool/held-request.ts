const EMPTY = Buffer.alloc(0)
const SMALL_BYTES = 2_048
/** Holds a head and `retryBodyBytesMax` as it is by default. Larger ones are allocated, and not kept. */
const LARGE_BYTES = 128 * 1024
/** 4 MB: these are taken and given back within a turn or two, for each upload. */
const FREE_LARGE_MAX = 32

const freeLarge: Buffer[] = []

/** A request as it is sent, from its head on, for as long as it can be sent again. */
export class HeldRequest {
  /** The request is `bytes[0, length)`. */
  bytes: Buffer = EMPTY
  length = 0
  /** True while all that came is held. */
  whole = false
  #bytesMax = 0

  /** Begins with a head. */
  begin(bytesMax: number, head: Buffer, from: number, to: number): void {
    this.#bytesMax = bytesMax
    this.whole = true
    this.length = 0
    this.add(head, from, to, false)
  }

  /** True when no more should come, as long as nobody takes it. */
  get full(): boolean {
    return this.length >= this.#bytesMax
  }

  /**
   * Adds bytes; too many are not held, which ends it.
   * @param droppable false when nobody else has the bytes yet, so that they must be held
   */
  add(bytes: Buffer, from: number, to: number, droppable: boolean): void {
    const length = this.length + to - from
    if (length > this.#bytesMax && droppable) {
      this.release()
      return
    }
    if (length > this.bytes.length) this.#grow(length)
    bytes.copy(this.bytes, this.length, from, to)
    this.length = length
  }

  /** Forgets it; an idle connection keeps nothing but a small buffer. */
  release(): void {
    this.whole = false
    this.length = 0
    if (this.bytes.length > SMALL_BYTES) this.#setBytes(EMPTY)
  }

  #grow(length: number): void {
    const grown =
      length <= SMALL_BYTES
        ? Buffer.allocUnsafe(SMALL_BYTES)
        : length <= LARGE_BYTES
          ? (freeLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES))
          : Buffer.allocUnsafe(2 * length)
    this.bytes.copy(grown, 0, 0, this.length)
    this.#setBytes(grown)
  }

  #setBytes(bytes: Buffer): void {
    if (this.bytes.length === LARGE_BYTES && freeLarge.length < FREE_LARGE_MAX)
      freeLarge.push(this.bytes)
    this.bytes = bytes
  }
}
