import { readU32 } from './byte-order.ts'
import { decodeFrame, type Frame } from './frame.ts'
import { PeerError } from './peer-error.ts'

// Finds frames in a stream that is cut anywhere.
//
//   push(chunk) ──▶ [ frame │ frame │ fra… ]      whole frames are views of the chunk, nothing is copied
//                                     └──▶ partial: grows (doubling) with what has arrived, never with what was announced
//
// A partial frame's buffer is handed over with the frame and never written again, so bodies stay valid as long as they are kept.

/** What {@link FrameDecoder.next} answers when the rest of a frame has not arrived. */
export const NEED_MORE = undefined

const LENGTH_BYTES = 4
const PARTIAL_BYTES_MIN = 1024
const NOTHING = new Uint8Array(0)

/** The incremental decoder of one connection. After it has thrown it stays unusable: the connection is to be closed. */
export class FrameDecoder {
  #frameBytesMax: number
  #chunk: Uint8Array = NOTHING
  #at = 0
  #partial: Uint8Array = NOTHING
  #filled = 0

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Bytes held for frames that are not complete. */
  get heldBytes(): number {
    return this.#filled + this.#chunk.length - this.#at
  }

  /** A new limit for frames whose length has not been read yet: it is higher once both hellos are exchanged. */
  setFrameBytesMax(frameBytesMax: number): void {
    this.#frameBytesMax = frameBytesMax
  }

  /** Takes the next bytes of the stream. The decoder keeps views of `chunk`; the caller does not write to it again. */
  push(chunk: Uint8Array): void {
    if (this.#at === this.#chunk.length) {
      this.#chunk = chunk
      this.#at = 0
      return
    }
    // The caller stopped early and comes back with more: join them.
    const rest = this.#chunk.subarray(this.#at)
    const joined = new Uint8Array(rest.length + chunk.length)
    joined.set(rest)
    joined.set(chunk, rest.length)
    this.#chunk = joined
    this.#at = 0
  }

  /**
   * The next frame, or {@link NEED_MORE}.
   * @throws PeerError `FRAME_TOO_LARGE` as soon as the length is read, `FRAME_INVALID`.
   */
  next(): Frame | typeof NEED_MORE {
    if (this.#filled > 0) return this.#nextFromPartial()
    const available = this.#chunk.length - this.#at
    if (available >= LENGTH_BYTES) {
      const length = this.#checkLength(readU32(this.#chunk, this.#at))
      if (available >= LENGTH_BYTES + length) {
        const start = this.#at + LENGTH_BYTES
        this.#at = start + length
        return decodeFrame(this.#chunk, start, this.#at)
      }
      this.#fill(available, LENGTH_BYTES + length)
    } else if (available > 0) {
      this.#fill(available, LENGTH_BYTES)
    }
    this.#chunk = NOTHING
    this.#at = 0
    return NEED_MORE
  }

  #nextFromPartial(): Frame | typeof NEED_MORE {
    if (this.#filled < LENGTH_BYTES && !this.#fillUpTo(LENGTH_BYTES)) return NEED_MORE
    const total = LENGTH_BYTES + this.#checkLength(readU32(this.#partial, 0))
    if (!this.#fillUpTo(total)) return NEED_MORE
    const whole = this.#partial
    this.#partial = NOTHING
    this.#filled = 0
    return decodeFrame(whole, LENGTH_BYTES, total)
  }

  /** Moves bytes until the partial frame holds `target`; false when the chunk ends before. */
  #fillUpTo(target: number): boolean {
    const missing = target - this.#filled
    this.#fill(Math.min(missing, this.#chunk.length - this.#at), target)
    return this.#filled === target
  }

  #fill(count: number, target: number): void {
    if (count <= 0) return
    const needed = this.#filled + count
    if (needed > this.#partial.length) {
      const doubled = Math.max(PARTIAL_BYTES_MIN, this.#partial.length * 2, needed)
      // While only the length is awaited the rest is unknown; after that no byte more than the frame is taken.
      const size = target > LENGTH_BYTES ? Math.min(doubled, target) : doubled
      const grown = new Uint8Array(Math.max(size, needed))
      grown.set(this.#partial.subarray(0, this.#filled))
      this.#partial = grown
    }
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + count), this.#filled)
    this.#filled = needed
    this.#at += count
  }

  #checkLength(length: number): number {
    if (length === 0) throw new PeerError('FRAME_INVALID', 'the peer sent an empty frame')
    if (length + LENGTH_BYTES > this.#frameBytesMax)
      throw new PeerError('FRAME_TOO_LARGE', undefined, {
        bytes: length + LENGTH_BYTES,
        bytesMax: this.#frameBytesMax,
      })
    return length
  }
}
