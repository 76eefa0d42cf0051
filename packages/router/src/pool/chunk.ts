/** A piece of an {@link Outbox}: `[flushed, used)` waits to be written, `[0, flushed)` is with the kernel. */
export interface Chunk {
  readonly bytes: Buffer
  used: number
  flushed: number
  /** Commands in it that may have to be sent again: their bytes must stay. */
  waiting: number
  /** False for a buffer that is not of the free list's size, or that the kernel may still read. */
  reusable: boolean
  /** What is written after it. */
  next: Chunk | undefined
}

/** Small enough that an idle connection costs nothing and a busy one writes few pieces. */
export const CHUNK_BYTES = 16 * 1024
/** Free chunks kept (4 MB); more than this many connections are rarely written in one turn. */
const FREE_CHUNKS_MAX = 256

const free: Chunk[] = []

/** An empty chunk of {@link CHUNK_BYTES}. */
export function takeChunk(): Chunk {
  return (
    free.pop() ?? {
      bytes: Buffer.allocUnsafeSlow(CHUNK_BYTES),
      used: 0,
      flushed: 0,
      waiting: 0,
      reusable: true,
      next: undefined,
    }
  )
}

/** Gives a chunk back; one that is not reusable is left to the garbage collector. */
export function giveChunk(chunk: Chunk): void {
  if (!chunk.reusable || free.length >= FREE_CHUNKS_MAX) return
  chunk.used = 0
  chunk.flushed = 0
  free.push(chunk)
}

/** A chunk around bytes that nobody will change. */
export function wrapChunk(bytes: Buffer, start: number, end: number): Chunk {
  return { bytes, used: end, flushed: start, waiting: 0, reusable: false, next: undefined }
}
