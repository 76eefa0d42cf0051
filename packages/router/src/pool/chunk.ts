/** A piece of an {@link Outbox}: `[flushed, used)` waits to be written, `[0, flushed)` is with the kernel. */
export interface Chunk {
  readonly bytes: Buffer
  used: number
  flushed: number
  /** Commands in it that may have to be sent again: their bytes must stay. */
  waiting: number
  /** False for a buffer that belongs to somebody else, or that the kernel may still read. */
  reusable: boolean
  /** What is written after it. */
  next: Chunk | undefined
}

/** Small enough that an idle connection costs nothing and a busy one writes few pieces. */
export const CHUNK_BYTES = 16 * 1024
/** One whole read: bodies are passed on in pieces of this size. */
export const LARGE_CHUNK_BYTES = 64 * 1024
/** Free chunks kept (16 and 4 MB): one for each connection that is written in one turn; of the large ones few are, since those do not wait. */
const FREE_CHUNKS_MAX = 1_024
const FREE_LARGE_CHUNKS_MAX = 64

const free: Chunk[] = []
const freeLarge: Chunk[] = []

/** An empty chunk of {@link CHUNK_BYTES}. */
export function takeChunk(): Chunk {
  return free.pop() ?? newChunk(CHUNK_BYTES)
}

/** An empty chunk of {@link LARGE_CHUNK_BYTES}: a new buffer of that size costs as much as its bytes' way through the kernel. */
export function takeLargeChunk(): Chunk {
  return freeLarge.pop() ?? newChunk(LARGE_CHUNK_BYTES)
}

function newChunk(size: number): Chunk {
  return {
    bytes: Buffer.allocUnsafeSlow(size),
    used: 0,
    flushed: 0,
    waiting: 0,
    reusable: true,
    next: undefined,
  }
}

/** Gives a chunk back; one that is not reusable is left to the garbage collector. */
export function giveChunk(chunk: Chunk): void {
  if (!chunk.reusable) return
  const large = chunk.bytes.length === LARGE_CHUNK_BYTES
  const list = large ? freeLarge : free
  if (list.length >= (large ? FREE_LARGE_CHUNKS_MAX : FREE_CHUNKS_MAX)) return
  chunk.used = 0
  chunk.flushed = 0
  list.push(chunk)
}

/** A chunk around bytes that nobody will change. */
export function wrapChunk(bytes: Buffer, start: number, end: number): Chunk {
  return { bytes, used: end, flushed: start, waiting: 0, reusable: false, next: undefined }
}
