import type { Socket } from 'node:net'
import {
  CHUNK_BYTES,
  type Chunk,
  giveChunk,
  LARGE_CHUNK_BYTES,
  takeChunk,
  takeLargeChunk,
  wrapChunk,
} from './chunk.ts'
import { copyBytes } from './copy-bytes.ts'

/** Bytes that are not copied when their buffer is stable: from here on a copy costs more than a piece of its own. */
const REFERENCE_BYTES_MIN = 8 * 1024
/**
 * From here on bytes should not wait for the end of the turn: one call more is nothing beside them, and the buffer that they
 * were copied into is free for the next connection while it is still in the processor's cache.
 */
export const WRITE_NOW_BYTES = 32 * 1024

/**
 * Bytes that wait for the end of the turn, to be written in one call.
 *
 *   append   → #first → chunk → #last (the tail ···)     flush → socket.write(all pieces)
 *
 * A chunk goes back to the free list when it is written and no command in it waits for an answer (`waiting`).
 */
export class Outbox {
  /** Bytes not handed to the socket yet. */
  pendingBytes = 0

  /** Chunks with bytes that are not written, in their order. */
  #first: Chunk | undefined
  #last: Chunk | undefined
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
    if (tail.used === tail.flushed) this.#enlist(tail)
    copyBytes(bytes, start, end, tail.bytes, tail.used)
    tail.used += length
    return tail
  }

  /** Writes everything in one call; true when the kernel took it all. */
  flush(socket: Socket): boolean {
    const first = this.#first
    if (first === undefined) return socket.writableLength === 0
    this.#first = undefined
    this.#last = undefined
    this.pendingBytes = 0
    if (first.next === undefined) write(first, socket)
    else {
      socket.cork()
      for (let chunk: Chunk | undefined = first; chunk !== undefined; chunk = chunk.next)
        write(chunk, socket)
      socket.uncork()
    }
    const taken = socket.writableLength === 0
    this.#written(first, taken)
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
    this.#first = undefined
    this.#last = undefined
    this.#tail = undefined
    this.pendingBytes = 0
  }

  #written(first: Chunk, taken: boolean): void {
    let chunk: Chunk | undefined = first
    while (chunk !== undefined) {
      const { next }: Chunk = chunk
      chunk.next = undefined
      // The kernel has not taken all: the event loop still reads these buffers.
      if (!taken) chunk.reusable = false
      if (chunk.waiting === 0) this.release(chunk)
      chunk = next
    }
  }

  #enlist(chunk: Chunk): void {
    if (this.#last === undefined) this.#first = chunk
    else this.#last.next = chunk
    this.#last = chunk
  }

  #appendLarge(bytes: Buffer, start: number, end: number, stable: boolean): Chunk {
    this.#retireTail()
    const chunk = stable ? wrapChunk(bytes, start, end) : copyLarge(bytes, start, end)
    this.#enlist(chunk)
    return chunk
  }

  /** What is in the tail stays queued; later bytes go into another chunk, so that the order is kept. */
  #retireTail(): void {
    const tail = this.#tail
    this.#tail = undefined
    if (tail !== undefined && tail.waiting === 0 && tail.flushed === tail.used) giveChunk(tail)
  }
}

/** A copy in a chunk of its own. */
function copyLarge(bytes: Buffer, start: number, end: number): Chunk {
  const length = end - start
  if (length > LARGE_CHUNK_BYTES)
    return wrapChunk(Buffer.from(bytes.subarray(start, end)), 0, length)
  const chunk = takeLargeChunk()
  bytes.copy(chunk.bytes, 0, start, end)
  chunk.used = length
  return chunk
}

function write(chunk: Chunk, socket: Socket): void {
  const { bytes, flushed, used } = chunk
  socket.write(flushed === 0 && used === bytes.length ? bytes : bytes.subarray(flushed, used))
  chunk.flushed = used
}
