import { BlockLog, blockSize } from './block-log.ts'
import { type EntryRecords, KEY_LENGTH, OFFSET, SEGMENT, VALUE_LENGTH } from './entry-records.ts'
import { LargeBlocks, largeBlockCost } from './large-blocks.ts'
import { CLEANINGS_PER_PUT_MAX } from './limits.ts'

/** In a record's SEGMENT: the block is a large one, and OFFSET its place among them. */
const LARGE = 0xffff_ffff
const SEGMENT_BYTES_MIN = 16 * 1024
const SEGMENT_BYTES_MAX = 256 * 1024
/** Small tables get small segments: this many fit at least. */
const SEGMENTS_PER_TABLE = 64
/** One eighth of the log stays free, so that cleaning always gains: it copies at most 8 bytes to free 1. */
const LOG_FILL_MAX = 7 / 8
/** A change needs one segment in reserve, for cleaning copies into it; and one more to open as the new head. */
const RESERVED_SEGMENTS = 2

/** What a change will add to the table and take from it, in bytes. */
export interface SpaceChange {
  /** Length of the block to be written in the log; 0 if it is a large one. */
  readonly logAdded: number
  readonly logFreed: number
  /** Growth of everything that is not the log. */
  readonly otherAdded: number
  readonly otherFreed: number
}

function segmentBytesFor(maxBytes: number): number {
  let bytes = SEGMENT_BYTES_MAX
  while (bytes > SEGMENT_BYTES_MIN && bytes * SEGMENTS_PER_TABLE > maxBytes) bytes /= 2
  return bytes
}

/**
 * Keys and values of all entries, short ones in the log and long ones in buffers of their own, and the rules that
 * keep the whole table below `maxBytes`. `outside` is what the table's other parts take at the moment.
 */
export class BlockStore {
  private readonly records: EntryRecords
  private readonly maxBytes: number
  private readonly log: BlockLog
  private readonly large = new LargeBlocks()

  constructor(records: EntryRecords, maxBytes: number) {
    this.records = records
    this.maxBytes = maxBytes
    this.log = new BlockLog(records, segmentBytesFor(maxBytes))
  }

  get bytes(): number {
    return this.log.bytes + this.large.bytes
  }

  keyView(id: number): Uint8Array {
    if (!this.isLarge(id)) return this.log.keyView(id)
    return this.largeBlock(id).subarray(0, this.records.word(id, KEY_LENGTH))
  }

  valueView(id: number): Uint8Array {
    if (!this.isLarge(id)) return this.log.valueView(id)
    return this.largeBlock(id).subarray(this.records.word(id, KEY_LENGTH))
  }

  keyEquals(id: number, key: Uint8Array): boolean {
    if (this.records.word(id, KEY_LENGTH) !== key.length) return false
    if (!this.isLarge(id)) return this.log.keyEquals(id, key)
    const block = this.largeBlock(id)
    for (let i = 0; i < key.length; i++) if (block[i] !== key[i]) return false
    return true
  }

  /** Writes the block of an entry. There must be room. */
  write(id: number, key: Uint8Array, value: Uint8Array): void {
    this.records.setWord(id, KEY_LENGTH, key.length)
    this.records.setWord(id, VALUE_LENGTH, value.length)
    if (this.belongsInLog(key.length, value.length)) {
      this.log.append(id, key, value)
    } else {
      this.records.setWord(id, OFFSET, this.large.add(key, value))
      this.records.setWord(id, SEGMENT, LARGE)
    }
  }

  /** Writes the block anew and frees the old one. There must be room. */
  rewrite(id: number, key: Uint8Array, value: Uint8Array): void {
    const segment = this.records.word(id, SEGMENT)
    const offset = this.records.word(id, OFFSET)
    const size = blockSize(key.length, this.records.word(id, VALUE_LENGTH))
    // The new block comes first: `value` may be a view into the old one.
    this.write(id, key, value)
    if (segment === LARGE) this.large.remove(offset)
    else this.log.kill(segment, offset, size)
  }

  /** Replaces the value where it lies. False, and nothing changed, if its block would change its size. */
  overwrite(id: number, value: Uint8Array): boolean {
    const keyLength = this.records.word(id, KEY_LENGTH)
    const oldLength = this.records.word(id, VALUE_LENGTH)
    if (this.isLarge(id)) {
      if (oldLength !== value.length) return false
      this.large.overwrite(this.records.word(id, OFFSET), value, keyLength)
      return true
    }
    if (blockSize(keyLength, oldLength) !== blockSize(keyLength, value.length)) return false
    this.records.setWord(id, VALUE_LENGTH, value.length)
    this.log.overwrite(id, value)
    return true
  }

  free(id: number): void {
    const offset = this.records.word(id, OFFSET)
    if (this.isLarge(id)) this.large.remove(offset)
    else this.log.kill(this.records.word(id, SEGMENT), offset, this.sizeOf(id))
  }

  /** Room for a new block and for `growth` of the other parts, without moving or dropping anything. */
  hasRoom(keyLength: number, valueLength: number, growth: number, outside: number): boolean {
    const inLog = this.belongsInLog(keyLength, valueLength)
    const size = inLog ? blockSize(keyLength, valueLength) : 0
    if (inLog && !this.log.hasRoom(size)) return false
    const added = growth + (inLog ? 0 : largeBlockCost(keyLength, valueLength))
    const total = outside + this.bytes + added
    return (
      total <= this.maxBytes &&
      this.maxBytes - total + this.log.spareBytes >= this.log.segmentCost &&
      this.logFits(size, outside + added)
    )
  }

  /** What writing this block will do to the space; `replaced` is the entry whose block it replaces, or -1. */
  changeFor(keyLength: number, valueLength: number, growth: number, replaced: number): SpaceChange {
    const inLog = this.belongsInLog(keyLength, valueLength)
    const frees = replaced >= 0
    const freesLarge = frees && this.isLarge(replaced)
    return {
      logAdded: inLog ? blockSize(keyLength, valueLength) : 0,
      logFreed: frees && !freesLarge ? this.sizeOf(replaced) : 0,
      otherAdded: growth + (inLog ? 0 : largeBlockCost(keyLength, valueLength)),
      otherFreed: freesLarge ? largeBlockCost(this.largeBlock(replaced).length, 0) : 0,
    }
  }

  /** Whether the table would be within its limits after the change, once cleaned. */
  fits(change: SpaceChange, outside: number): boolean {
    const { logAdded, logFreed, otherAdded, otherFreed } = change
    return this.logFits(logAdded - logFreed, outside + otherAdded - otherFreed)
  }

  /**
   * Cleans and opens segments until a change that `fits` has room. False when that takes more than a
   * bounded amount of copying: the caller tries again. Blocks move, views become stale.
   */
  makeRoom(change: SpaceChange, outside: number): boolean {
    const { log } = this
    const growth = change.otherAdded - change.otherFreed
    for (let cleanings = 0; ; cleanings++) {
      const opens = change.logAdded > 0 && !log.hasRoom(change.logAdded)
      const free = this.maxBytes - outside - this.bytes - growth + log.spareBytes
      if (free >= log.segmentCost * (opens ? RESERVED_SEGMENTS : 1)) {
        if (opens) log.openHead()
        this.dropSparesAbove(this.maxBytes - outside - growth)
        return true
      }
      if (cleanings === CLEANINGS_PER_PUT_MAX || !log.clean()) return false
    }
  }

  /** Cleans one segment when too much of the log is dead. Blocks move, views become stale. */
  settle(): void {
    if (this.log.wasteful) this.log.clean()
  }

  /** The rule that keeps cleaning cheap: live blocks fill at most 7/8 of what the rest leaves for the log. */
  private logFits(logAdded: number, others: number): boolean {
    const room =
      this.maxBytes - others - this.large.bytes - RESERVED_SEGMENTS * this.log.segmentCost
    return this.log.liveBytes + logAdded <= room * LOG_FILL_MAX
  }

  private dropSparesAbove(bytesMax: number): void {
    while (this.bytes > bytesMax && this.log.dropSpare());
  }

  private belongsInLog(keyLength: number, valueLength: number): boolean {
    return blockSize(keyLength, valueLength) <= this.log.blockBytesMax
  }

  private isLarge(id: number): boolean {
    return this.records.word(id, SEGMENT) === LARGE
  }

  private largeBlock(id: number): Uint8Array {
    return this.large.at(this.records.word(id, OFFSET))
  }

  private sizeOf(id: number): number {
    return blockSize(this.records.word(id, KEY_LENGTH), this.records.word(id, VALUE_LENGTH))
  }
}
