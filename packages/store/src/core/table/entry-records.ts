/**
 * One record of 64 bytes (a cache line) per entry, found by the entry's id. An id is a handle: it stays the
 * same as long as the entry is present, however often its value changes or moves.
 *
 * ```text
 *   word  0  1    2  3      4  5     6       7     8      9    10     11       12      13        14 15
 *       version  expireAt  usedAt  writer  hash  place  key  value  segment  offset  heapPlace  spare
 *       └────── f64 ─────────────┘ └───────────────── u32 ──────────────────────────────────┘
 *   place = generation of the slot (16) | present (1) | removed (1) | slot (14)
 * ```
 *
 * Records live in chunks of 1024; a chunk is made when all others are full and dropped when its last record is
 * freed (but the first). Records are taken from the lowest chunk with room, so that the upper ones empty out.
 */
export const VERSION = 0
export const EXPIRE_AT = 1
export const USED_AT = 2
export const WRITER = 6
export const HASH = 7
export const PLACE = 8
export const KEY_LENGTH = 9
export const VALUE_LENGTH = 10
export const SEGMENT = 11
export const OFFSET = 12
/** Position in the expiry heap + 1; 0 when the entry is not in it. */
export const HEAP_PLACE = 13

export const SLOT_MASK = 0x3fff
export const REMOVED_BIT = 0x4000
export const PRESENT_BIT = 0x8000
export const GENERATION_SHIFT = 16

const CHUNK_BITS = 10
const CHUNK_RECORDS = 1 << CHUNK_BITS
const CHUNK_MASK = CHUNK_RECORDS - 1
const RECORD_WORDS_BITS = 4
const RECORD_DOUBLES_BITS = 3
const RECORD_BYTES = 64
/** What V8 keeps on its own heap for the three objects of a chunk, roughly. */
const CHUNK_HEAP_BYTES = 512

/** Bytes that one more chunk of records costs. */
export const RECORD_CHUNK_BYTES = CHUNK_RECORDS * RECORD_BYTES + CHUNK_HEAP_BYTES

/** The columns of all entries. */
export class EntryRecords {
  private readonly words: (Uint32Array | undefined)[] = []
  private readonly doubles: (Float64Array | undefined)[] = []
  /** Per chunk: its records in use, and the first free one + 1 (free ones are chained through HASH). */
  private readonly used: number[] = []
  private readonly firstFree: number[] = []
  private lowestOpen = 0
  private chunkCount = 0

  get bytes(): number {
    return this.chunkCount * RECORD_CHUNK_BYTES
  }

  /** Every id is below it. */
  get idBound(): number {
    return this.words.length << CHUNK_BITS
  }

  /** Bytes that the next `take` adds. */
  get growthBytes(): number {
    return this.words[this.openChunk()] === undefined ? RECORD_CHUNK_BYTES : 0
  }

  word(id: number, field: number): number {
    const chunk = this.words[id >>> CHUNK_BITS] as Uint32Array
    return chunk[((id & CHUNK_MASK) << RECORD_WORDS_BITS) | field] as number
  }

  setWord(id: number, field: number, value: number): void {
    const chunk = this.words[id >>> CHUNK_BITS] as Uint32Array
    chunk[((id & CHUNK_MASK) << RECORD_WORDS_BITS) | field] = value
  }

  double(id: number, field: number): number {
    const chunk = this.doubles[id >>> CHUNK_BITS] as Float64Array
    return chunk[((id & CHUNK_MASK) << RECORD_DOUBLES_BITS) | field] as number
  }

  setDouble(id: number, field: number, value: number): void {
    const chunk = this.doubles[id >>> CHUNK_BITS] as Float64Array
    chunk[((id & CHUNK_MASK) << RECORD_DOUBLES_BITS) | field] = value
  }

  /** Whether there is a record of that id: false for free ones and for dropped chunks. */
  isPresent(id: number): boolean {
    const chunk = this.words[id >>> CHUNK_BITS]
    if (chunk === undefined) return false
    return ((chunk[((id & CHUNK_MASK) << RECORD_WORDS_BITS) | PLACE] as number) & PRESENT_BIT) !== 0
  }

  /** Takes a free record, all zero. */
  take(): number {
    const chunk = this.openChunk()
    if (this.words[chunk] === undefined) this.makeChunk(chunk)
    const place = (this.firstFree[chunk] as number) - 1
    const id = (chunk << CHUNK_BITS) | place
    this.firstFree[chunk] = this.word(id, HASH)
    this.setWord(id, HASH, 0)
    this.used[chunk] = (this.used[chunk] as number) + 1
    return id
  }

  free(id: number): void {
    const chunk = id >>> CHUNK_BITS
    const left = (this.used[chunk] as number) - 1
    this.used[chunk] = left
    if (chunk < this.lowestOpen) this.lowestOpen = chunk
    // The first chunk stays: a table with a key that comes and goes allocates nothing.
    if (left === 0 && chunk > 0) {
      this.dropChunk(chunk)
      return
    }
    const start = (id & CHUNK_MASK) << RECORD_WORDS_BITS
    ;(this.words[chunk] as Uint32Array).fill(0, start, start + (1 << RECORD_WORDS_BITS))
    this.setWord(id, HASH, this.firstFree[chunk] as number)
    this.firstFree[chunk] = (id & CHUNK_MASK) + 1
  }

  /** The lowest chunk with a free record, else the first that is missing. */
  private openChunk(): number {
    let chunk = this.lowestOpen
    while (this.used[chunk] === CHUNK_RECORDS) chunk++
    this.lowestOpen = chunk
    return chunk
  }

  private makeChunk(chunk: number): void {
    const buffer = new ArrayBuffer(CHUNK_RECORDS * RECORD_BYTES)
    const words = new Uint32Array(buffer)
    for (let place = 0; place < CHUNK_MASK; place++) {
      words[(place << RECORD_WORDS_BITS) | HASH] = place + 2
    }
    this.words[chunk] = words
    this.doubles[chunk] = new Float64Array(buffer)
    this.used[chunk] = 0
    this.firstFree[chunk] = 1
    this.chunkCount++
  }

  private dropChunk(chunk: number): void {
    this.words[chunk] = undefined
    this.doubles[chunk] = undefined
    this.chunkCount--
    // Missing chunks at the end go altogether, so that random ids do not fall into nothing.
    while (this.words.length > 0 && this.words[this.words.length - 1] === undefined) {
      this.words.pop()
      this.doubles.pop()
      this.used.pop()
      this.firstFree.pop()
    }
  }
}
