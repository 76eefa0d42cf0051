import { type EntryRecords, KEY_LENGTH, OFFSET, SEGMENT, VALUE_LENGTH } from './entry-records.ts'

/**
 * Keys and values, as blocks in a log of equal segments. A block is written at the head and never changes its
 * size; a value that does is written anew, and its old block is dead.
 *
 * ```text
 *   segment  ┌────────┬──────────┬╌╌╌╌╌╌╌╌┬────────────┬┈┈┈┈┈┈┈┈┈┐
 *   (sealed) │ live   │ live     ╎ dead   ╎ live       │ waste   │   live / size says how worth cleaning it is
 *            └────────┴──────────┴╌╌╌╌╌╌╌╌┴────────────┴┈┈┈┈┈┈┈┈┈┘
 *   head     ┌────────┬────────┬─────────────────────────────────┐
 *            │ live   │ live   │ used →      free                │
 *            └────────┴────────┴─────────────────────────────────┘
 *   block    [ id, or dead bit | size : u32 ][ key … ][ value … ][ padding to 4 ]
 * ```
 *
 * Cleaning copies the live blocks of the emptiest segment to the head and frees the segment. There are no size
 * classes, so nothing is lost when values change their sizes, and dead space is bounded: more than a quarter
 * of it makes `wasteful` true, and then each change cleans one segment. A segment is small enough (256 KiB) that
 * cleaning one takes a fraction of a millisecond. Blocks longer than 1/32 segment are not kept here, so that a
 * sealed segment wastes at most 1/32 at its end.
 */
const HEADER_BYTES = 4
const DEAD_BIT = 0x8000_0000
const SIZE_MASK = 0x7fff_ffff
const BLOCKS_PER_SEGMENT_MIN = 32
/** Segments that wait for reuse; more are given back. */
const SPARES_MAX = 2
/** Below this many segments the dead quarter is not worth a copy. */
const WASTEFUL_SEGMENTS_MIN = 4
/** What V8 keeps on its own heap for a segment, roughly. */
const SEGMENT_HEAP_BYTES = 512
/** Up to here a loop over words beats the view that `set` needs. */
const COPY_LOOP_BYTES_MAX = 256

interface LogSegment {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  used: number
  live: number
}

/** Bytes of the block that holds a key and a value of these lengths. */
export function blockSize(keyLength: number, valueLength: number): number {
  return (HEADER_BYTES + keyLength + valueLength + 3) & ~3
}

export class BlockLog {
  /** Longest block that belongs into the log. */
  readonly blockBytesMax: number
  /** Bytes that one more segment costs. */
  readonly segmentCost: number
  private readonly records: EntryRecords
  private readonly segmentBytes: number
  private readonly segments: (LogSegment | undefined)[] = []
  private readonly freePlaces: number[] = []
  private readonly spares: LogSegment[] = []
  private head: LogSegment | undefined
  private headPlace = -1
  private inUse = 0
  private live = 0

  constructor(records: EntryRecords, segmentBytes: number) {
    this.records = records
    this.segmentBytes = segmentBytes
    this.blockBytesMax = segmentBytes / BLOCKS_PER_SEGMENT_MIN
    this.segmentCost = segmentBytes + SEGMENT_HEAP_BYTES
  }

  /** All memory of the log, free and dead space included. */
  get bytes(): number {
    return (this.inUse + this.spares.length) * this.segmentCost
  }

  get liveBytes(): number {
    return this.live
  }

  get spareBytes(): number {
    return this.spares.length * this.segmentCost
  }

  /** More than a quarter of the log is dead. */
  get wasteful(): boolean {
    const headFree = this.head === undefined ? 0 : this.segmentBytes - this.head.used
    const size = this.inUse * this.segmentBytes
    return this.inUse >= WASTEFUL_SEGMENTS_MIN && (size - headFree - this.live) * 4 > size
  }

  hasRoom(size: number): boolean {
    return this.head !== undefined && this.head.used + size <= this.segmentBytes
  }

  /** Writes a block at the head, which must have room, and notes its place in the record. */
  append(id: number, key: Uint8Array, value: Uint8Array): void {
    const head = this.head as LogSegment
    const start = head.used
    head.words[start >>> 2] = id
    head.bytes.set(key, start + HEADER_BYTES)
    head.bytes.set(value, start + HEADER_BYTES + key.length)
    this.place(id, blockSize(key.length, value.length))
  }

  /** Replaces the value of a block whose size stays the same. */
  overwrite(id: number, value: Uint8Array): void {
    const { bytes } = this.segmentOf(id)
    const start = this.keyStart(id) + this.records.word(id, KEY_LENGTH)
    // "Same value, new expiry" hands our own view back to us.
    if (value.buffer !== bytes.buffer || value.byteOffset !== start) bytes.set(value, start)
  }

  /** Declares the block dead; its record is not read again. */
  kill(place: number, offset: number, size: number): void {
    const segment = this.segments[place] as LogSegment
    segment.words[offset >>> 2] = DEAD_BIT | size
    segment.live -= size
    this.live -= size
    if (segment.live > 0) return
    if (segment === this.head) segment.used = 0
    else this.release(place, segment)
  }

  keyEquals(id: number, key: Uint8Array): boolean {
    const { bytes } = this.segmentOf(id)
    const start = this.keyStart(id)
    for (let i = 0; i < key.length; i++) if (bytes[start + i] !== key[i]) return false
    return true
  }

  keyView(id: number): Uint8Array {
    const start = this.keyStart(id)
    return this.segmentOf(id).bytes.subarray(start, start + this.records.word(id, KEY_LENGTH))
  }

  valueView(id: number): Uint8Array {
    const start = this.keyStart(id) + this.records.word(id, KEY_LENGTH)
    return this.segmentOf(id).bytes.subarray(start, start + this.records.word(id, VALUE_LENGTH))
  }

  /** Seals the head and starts a new one. */
  openHead(): void {
    const segment = this.spares.pop() ?? this.makeSegment()
    const place = this.freePlaces.pop() ?? this.segments.length
    this.segments[place] = segment
    this.inUse++
    const sealed = this.head
    const sealedPlace = this.headPlace
    this.head = segment
    this.headPlace = place
    if (sealed !== undefined && sealed.live === 0) this.release(sealedPlace, sealed)
  }

  /** Gives one spare segment back to the process. */
  dropSpare(): boolean {
    return this.spares.pop() !== undefined
  }

  /** Copies the live blocks of the emptiest sealed segment together, and frees it. False if there is none to gain from. */
  clean(): boolean {
    const place = this.emptiest()
    const victim = this.segments[place]
    if (victim === undefined) return false
    let offset = 0
    while (offset < victim.used) {
      const header = victim.words[offset >>> 2] as number
      const size = header >= DEAD_BIT ? header & SIZE_MASK : this.sizeOf(header)
      if (header < DEAD_BIT) this.move(header, victim, offset, size)
      offset += size
    }
    this.release(place, victim)
    return true
  }

  private move(id: number, from: LogSegment, offset: number, size: number): void {
    if (!this.hasRoom(size)) this.openHead()
    const head = this.head as LogSegment
    if (size <= COPY_LOOP_BYTES_MAX) {
      const source = offset >>> 2
      const target = head.used >>> 2
      for (let i = 0; i < size >>> 2; i++) head.words[target + i] = from.words[source + i] as number
    } else {
      head.bytes.set(from.bytes.subarray(offset, offset + size), head.used)
    }
    from.live -= size
    this.live -= size
    this.place(id, size)
  }

  private place(id: number, size: number): void {
    const head = this.head as LogSegment
    this.records.setWord(id, SEGMENT, this.headPlace)
    this.records.setWord(id, OFFSET, head.used)
    head.used += size
    head.live += size
    this.live += size
  }

  private emptiest(): number {
    let best = -1
    let bestLive = this.segmentBytes - this.blockBytesMax
    for (let place = 0; place < this.segments.length; place++) {
      const segment = this.segments[place]
      if (segment === undefined || place === this.headPlace || segment.live >= bestLive) continue
      best = place
      bestLive = segment.live
    }
    return best
  }

  private release(place: number, segment: LogSegment): void {
    this.segments[place] = undefined
    this.freePlaces.push(place)
    this.inUse--
    if (this.spares.length >= SPARES_MAX) return
    segment.used = 0
    this.spares.push(segment)
  }

  private makeSegment(): LogSegment {
    const buffer = new ArrayBuffer(this.segmentBytes)
    return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer), used: 0, live: 0 }
  }

  private segmentOf(id: number): LogSegment {
    return this.segments[this.records.word(id, SEGMENT)] as LogSegment
  }

  private keyStart(id: number): number {
    return this.records.word(id, OFFSET) + HEADER_BYTES
  }

  private sizeOf(id: number): number {
    return blockSize(this.records.word(id, KEY_LENGTH), this.records.word(id, VALUE_LENGTH))
  }
}
