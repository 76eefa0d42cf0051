const READ_BYTES = 64 * 1024

/**
 * The buffer into which connections to backends read. One is enough for all of them where the runtime reads and calls
 * back in one step; on Windows reads are posted ahead, so each connection has its own.
 */
export class ReadBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES)
  #used = 0
  #kept: Buffer | undefined

  /** A read of `used` bytes has begun to be processed: copies of earlier reads are of no use any more. */
  begin(used: number): void {
    this.#used = used
    this.#kept = undefined
  }

  /** The current read in a buffer that will not change: one copy for all replies that have to wait. */
  keep(): Buffer {
    this.#kept ??= Buffer.from(this.bytes.subarray(0, this.#used))
    return this.#kept
  }
}

const shared = new ReadBuffer()

export function readBufferFor(platform: string): ReadBuffer {
  return platform === 'win32' ? new ReadBuffer() : shared
}

/** `bytes` itself when it is stable, else a stable copy with the same offsets. */
export function stableBytes(bytes: Buffer, reads: ReadBuffer): Buffer {
  return bytes === reads.bytes ? reads.keep() : bytes
}
