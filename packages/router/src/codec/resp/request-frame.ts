/**
 * One complete command inside a buffer: a multibulk array of bulk strings. The decoder reuses a single frame and fills it
 * anew for each command, so a frame is valid until the next call of `next`; nothing is copied and no string is made.
 *
 *   bytes  … *2\r\n$3\r\nGET\r\n$1\r\nk\r\n …
 *            ^start          ^argStart[0]..argEnd[0] are relative to start
 */
export class RequestFrame {
  bytes: Buffer = EMPTY
  start = 0
  end = 0
  argc = 0
  /** False when `bytes` are overwritten after they were looked at: who keeps any of them has to copy them. */
  stable = true
  readonly argStart: number[] = []
  readonly argEnd: number[] = []

  /** Where argument `index` begins in `bytes`. */
  from(index: number): number {
    return this.start + (this.argStart[index] as number)
  }

  /** Where argument `index` ends in `bytes`. */
  to(index: number): number {
    return this.start + (this.argEnd[index] as number)
  }

  /** Argument `index` as a view: valid as long as `bytes` is not overwritten. */
  arg(index: number): Buffer {
    return this.bytes.subarray(this.from(index), this.to(index))
  }

  /**
   * The first {@link TEXT_BYTES_MAX} bytes of argument `index` as text, for words that are compared or shown. An argument may
   * have 512 MB, which is more than a string can hold.
   */
  text(index: number): string {
    const from = this.from(index)
    return this.bytes.toString('latin1', from, Math.min(this.to(index), from + TEXT_BYTES_MAX))
  }
}

/** More than any option, name or number that a command has a use for. */
export const TEXT_BYTES_MAX = 1_024

const EMPTY = Buffer.alloc(0)
