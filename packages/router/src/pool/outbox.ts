import type { Socket } from 'node:net'
import { CHUNK_BYTES, type Chunk, giveChunk, takeChunk, wrapChunk } from './chunk.ts'
import { copyBytes } from './copy-bytes.ts'

/** Bytes that are not copied when their buffer is stable: from here on a copy costs more than a piece of its own. */
const REFERENCE_BYTES_MIN = 8 * 1024

/**
 * Bytes that wait for the end of the turn, to be written in one call.
 *
 *   append   → [ chunk | chunk | tail ··· ]     flush → socket.write(all pieces)
 *
 * A chunk goes back to the free list when it is written and no command in it waits for an answer (`waiting`).
 */
export class Outbox {
  /** Bytes not handed to the socket yet. */
  pendingBytes = 0

  readonly #chunks: Chunk[] = []
  #tail: Chunk | undefined

  /**
   * Adds `bytes[start, end)` and returns the chunk that holds it, as its last bytes before `used`.
   * @param stable true when nobody will change the bytes: large ones are then referenced, not copied
   */
  append(bytes: Buffer, start: number, end: number, stable: boolean): Chunk {
    const length = end - start
    this.pendingBytes += length
    let tail = this.#tail
    if (tail === undefined || tail.used + length > CHUNK_BYTES) {
      if (length >= REFERENCE_BYTES_MIN) return this.#appendLarge(bytes, start, end, stable)
      this.#retireTail()
      tail = takeChunk()
      this.#tail = tail
    }
    if (tail.used === tail.flushed) this.#chunks.push(tail)
    copyBytes(bytes, start, end, tail.bytes, tail.used)
    tail.used += length
    return tail
  }

  /** Writes everything in one call; true when the kernel took it all. */
  flush(socket: Socket): boolean {
    const chunks = this.#chunks
    if (chunks.length === 0) return socket.writableLength === 0
    if (chunks.length > 1) socket.cork()
    for (const chunk of chunks) {
      const whole = chunk.flushed === 0 && chunk.used === chunk.bytes.length
      socket.write(whole ? chunk.bytes : chunk.bytes.subarray(chunk.flushed, chunk.used))
      chunk.flushed = chunk.used
    }
    if (chunks.length > 1) socket.uncork()
    const taken = socket.writableLength === 0
    for (const chunk of chunks) {
      // The kernel has not taken all: the event loop still reads these buffers.
      if (!taken) chunk.reusable = false
      if (chunk.waiting === 0) this.release(chunk)
    }
    chunks.length = 0
    this.pendingBytes = 0
    return taken
  }

  /** A chunk without waiting commands: back to the free list, once it is written. */
  release(chunk: Chunk): void {
    if (chunk.flushed !== chunk.used) return
    if (chunk === this.#tail) this.#tail = undefined
    giveChunk(chunk)
  }

  /** Forgets everything; for a connection that is gone. */
  clear(): void {
    this.#chunks.length = 0
    this.#tail = undefined
    this.pendingBytes = 0
  }

  #appendLarge(bytes: Buffer, start: number, end: number, stable: boolean): Chunk {
    this.#retireTail()
    const chunk = stable
      ? wrapChunk(bytes, start, end)
      : wrapChunk(Buffer.from(bytes.subarray(start, end)), 0, end - start)
    this.#chunks.push(chunk)
    return chunk
  }

  /** What is in the tail stays queued; later bytes go into another chunk, so that the order is kept. */
  #retireTail(): void {
    const tail = this.#tail
    this.#tail = undefined
    if (tail !== undefined && tail.waiting === 0 && tail.flushed === tail.used) giveChunk(tail)
  }
}
