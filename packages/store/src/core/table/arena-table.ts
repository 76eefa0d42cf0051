import type { EntryFields, EntryTable, Handle } from '../entry-table.ts'
import { BlockStore } from './block-store.ts'
import { CellArena } from './cell-arena.ts'
import {
  EntryRecords,
  EXPIRE_AT,
  GENERATION_SHIFT,
  HASH,
  HEAP_PLACE,
  PLACE,
  PRESENT_BIT,
  REMOVED_BIT,
  SLOT_MASK,
  USED_AT,
  VERSION,
  WRITER,
} from './entry-records.ts'
import { EntryTableError } from './errors.ts'
import { ExpiryHeap } from './expiry-heap.ts'
import { addFingerprint, entryFingerprint, removeFingerprint } from './fingerprint.ts'
import { keyHash } from './key-hash.ts'
import {
  CLEAR_AT_ONCE_MAX,
  ENTRIES_MAX,
  KEY_BYTES_MAX,
  SLOT_COUNT_MAX,
  TABLE_BYTES_MIN,
  VALUE_BYTES_MAX,
} from './limits.ts'
import { firstEntryBytes, SlotIndex } from './slot-index.ts'

const NO_BYTES = new Uint8Array(0)
/** Per slot: a pointer to its index, and its generation. */
const EMPTY_SLOT_BYTES = 10
/** Versions are milliseconds × 2048 + counter. */
const VERSIONS_PER_MS = 2048
/** Random ids looked at for each sample, before slots are walked instead. */
const TRIES_PER_SAMPLE = 8
/** Slots looked at for each sample, after a round over all of them. */
const SLOT_STEPS_PER_SAMPLE = 64
/** Segments of cleared slots taken apart when a `put` does not fit (up to 384 entries each). */
const RECLAIMS_WHEN_FULL = 32

/** What a table is made of. */
export interface EntryTableOptions {
  /** Most bytes that all parts of the table may take together, at least {@link TABLE_BYTES_MIN}. */
  readonly maxBytes: number
  /** Number of slots, 1 … 16384 (the default). */
  readonly slotCount?: number
  /** A safe integer ≥ 0 that clients cannot guess, so that they cannot choose colliding keys. Default: a constant. */
  readonly hashSeed?: number
}

/**
 * Makes an empty table that keeps its entries outside the V8 heap.
 *
 * ```text
 *   slot ─▶ SlotIndex ── hash ─▶ id ─▶ EntryRecords[id]: version, expiry, … ─▶ BlockStore: key, value
 *                                 ▲
 *                    ExpiryHeap ──┘
 * ```
 *
 * Overhead per key: a record of 64 bytes, 11 … 22 of index, 4 … 7 of block, 4 if it expires, and up to a
 * third of key and value in dead space. `find`, `put` and `erase` are O(1) amortized (O(log n) with an
 * expiry) and do a bounded amount of other work: at most one index segment is split, one cleared segment taken
 * apart, and a few log segments cleaned.
 *
 * @throws {@link EntryTableError} for options out of range
 */
export function createEntryTable(options: EntryTableOptions): EntryTable {
  const { maxBytes, slotCount = SLOT_COUNT_MAX, hashSeed = 0x52_69_6e_67 } = options
  if (!Number.isSafeInteger(maxBytes) || maxBytes < TABLE_BYTES_MIN) {
    throw new EntryTableError('TABLE_BYTES_INVALID', { got: maxBytes, bytesMin: TABLE_BYTES_MIN })
  }
  if (!Number.isInteger(slotCount) || slotCount < 1 || slotCount > SLOT_COUNT_MAX) {
    throw new EntryTableError('TABLE_SLOT_COUNT_INVALID', { got: slotCount })
  }
  if (!Number.isSafeInteger(hashSeed) || hashSeed < 0) {
    throw new EntryTableError('TABLE_SEED_INVALID', { got: hashSeed })
  }
  return new ArenaTable(maxBytes, slotCount, hashSeed)
}

class ArenaTable implements EntryTable {
  readonly maxBytes: number
  private readonly slots: (SlotIndex | undefined)[]
  /** Grows when a large slot is cleared: entries of an older generation are as good as gone. */
  private readonly generations: Uint16Array
  private readonly dying: SlotIndex[] = []
  private readonly records = new EntryRecords()
  private readonly heap = new ExpiryHeap(this.records)
  private readonly cells = new CellArena()
  private readonly blocks: BlockStore
  private readonly seedLow: number
  private readonly seedHigh: number
  /** What the indexes of slots take beside their cells. */
  private indexBytes = 0
  private entryCount = 0
  private live = 0

  constructor(maxBytes: number, slotCount: number, hashSeed: number) {
    this.maxBytes = maxBytes
    this.slots = new Array<SlotIndex | undefined>(slotCount).fill(undefined)
    this.generations = new Uint16Array(slotCount)
    this.blocks = new BlockStore(this.records, maxBytes)
    this.seedLow = hashSeed | 0
    this.seedHigh = Math.floor(hashSeed / 2 ** 32) | 0
  }

  get bytes(): number {
    return this.outsideBytes + this.blocks.bytes
  }

  get liveCount(): number {
    return this.live
  }

  find(slot: number, key: Uint8Array): Handle {
    const index = this.slots[slot]
    if (index === undefined) return -1
    return index.find(keyHash(key, this.seedLow, this.seedHigh), key, this.blocks)
  }

  keyOf(handle: Handle): Uint8Array {
    return this.blocks.keyView(handle)
  }

  valueOf(handle: Handle): Uint8Array {
    return this.blocks.valueView(handle)
  }

  versionOf(handle: Handle): number {
    return this.records.double(handle, VERSION)
  }

  writerOf(handle: Handle): number {
    return this.records.word(handle, WRITER)
  }

  expireAtOf(handle: Handle): number {
    return this.records.double(handle, EXPIRE_AT)
  }

  isRemoved(handle: Handle): boolean {
    return (this.records.word(handle, PLACE) & REMOVED_BIT) !== 0
  }

  slotOf(handle: Handle): number {
    return this.records.word(handle, PLACE) & SLOT_MASK
  }

  put(slot: number, key: Uint8Array, fields: EntryFields): boolean {
    this.check(slot, key, fields)
    this.reclaim(1)
    const hash = keyHash(key, this.seedLow, this.seedHigh)
    const id = this.slots[slot]?.find(hash, key, this.blocks) ?? -1
    const done = id < 0 ? this.insert(slot, hash, key, fields) : this.replace(slot, id, key, fields)
    this.blocks.settle()
    return done
  }

  erase(slot: number, key: Uint8Array): boolean {
    this.reclaim(1)
    const id = this.find(slot, key)
    const index = this.slots[slot]
    if (id < 0 || index === undefined) return false
    this.uncount(index, id, key)
    const before = index.bytes
    index.remove(this.records.word(id, HASH), id)
    this.indexBytes += index.bytes - before
    if (index.size === 0) this.dropIndex(slot, index)
    this.freeEntry(id)
    this.blocks.settle()
    return true
  }

  clearSlot(slot: number): void {
    this.reclaim(1)
    const index = this.slots[slot]
    if (index === undefined) return
    this.live -= index.live
    this.slots[slot] = undefined
    this.dying.push(index)
    if (index.size > CLEAR_AT_ONCE_MAX) {
      this.generations[slot] = (this.generations[slot] as number) + 1
    } else {
      while (this.dying.at(-1) === index) this.takeApart(index)
    }
    this.blocks.settle()
  }

  slotSize(slot: number): number {
    return this.slots[slot]?.size ?? 0
  }

  slotLiveCount(slot: number): number {
    return this.slots[slot]?.live ?? 0
  }

  slotDigest(slot: number): number {
    return this.slots[slot]?.digest ?? 0
  }

  scan(slot: number, cursor: number, visit: (handle: Handle) => boolean): number {
    return this.slots[slot]?.scan(cursor, visit) ?? 0
  }

  touch(handle: Handle, now: number): void {
    this.records.setDouble(handle, USED_AT, now)
  }

  sampleOldest(
    samples: number,
    random: (bound: number) => number,
    accept: (slot: number) => boolean,
  ): Handle {
    if (this.live === 0 || samples < 1) return -1
    let oldest = -1
    let found = 0
    for (let tries = samples * TRIES_PER_SAMPLE; tries > 0 && found < samples; tries--) {
      const id = random(this.records.idBound)
      if (!this.isLive(id) || !accept(this.slotOf(id))) continue
      oldest = this.olderOf(oldest, id)
      found++
    }
    if (found === samples) return oldest
    return this.olderOf(this.sampleSlots(samples - found, random, accept), oldest)
  }

  expired(now: number, max: number, accept?: (slot: number) => boolean): readonly Handle[] {
    this.reclaim(1)
    return this.heap.due(now, max, (id) => {
      return this.isLive(id) && (accept === undefined || accept(this.slotOf(id)))
    })
  }

  /** Everything but keys and values. */
  private get outsideBytes(): number {
    const slots = this.slots.length * EMPTY_SLOT_BYTES + this.indexBytes
    return slots + this.cells.bytes + this.records.bytes + this.heap.bytes
  }

  private check(slot: number, key: Uint8Array, fields: EntryFields): void {
    if (!(slot >= 0 && slot < this.slots.length)) {
      throw new EntryTableError('TABLE_SLOT_INVALID', { got: slot })
    }
    if (key.length > KEY_BYTES_MAX) {
      throw new EntryTableError('TABLE_KEY_TOO_LONG', { got: key.length, bytesMax: KEY_BYTES_MAX })
    }
    const got = fields.value.length
    if (got > VALUE_BYTES_MAX) {
      throw new EntryTableError('TABLE_VALUE_TOO_LONG', { got, bytesMax: VALUE_BYTES_MAX })
    }
  }

  private insert(slot: number, hash: number, key: Uint8Array, fields: EntryFields): boolean {
    if (this.entryCount >= ENTRIES_MAX) return false
    const growth =
      this.records.growthBytes +
      (fields.expireAt > 0 && !fields.removed ? this.heap.growthBytes : 0) +
      (this.slots[slot]?.growthBytes(hash) ?? firstEntryBytes(this.cells))
    let ownKey = key
    let value = fields.removed ? NO_BYTES : fields.value
    if (!this.blocks.hasRoom(key.length, value.length, growth, this.outsideBytes)) {
      // Making room moves blocks, and the caller's bytes may be views into them.
      ownKey = key.slice()
      value = value.slice()
      if (!this.makeRoom(ownKey.length, value.length, growth, -1)) return false
    }
    const id = this.records.take()
    this.entryCount++
    const generation = (this.generations[slot] as number) << GENERATION_SHIFT
    this.records.setWord(id, HASH, hash)
    this.records.setWord(id, PLACE, slot | PRESENT_BIT | generation)
    this.blocks.write(id, ownKey, value)
    this.setFields(this.enterIndex(slot, hash, id), id, ownKey, fields)
    return true
  }

  private replace(slot: number, id: number, key: Uint8Array, fields: EntryFields): boolean {
    const index = this.slots[slot] as SlotIndex
    const joinsHeap =
      fields.expireAt > 0 && !fields.removed && this.records.word(id, HEAP_PLACE) === 0
    const growth = joinsHeap ? this.heap.growthBytes : 0
    let ownKey = key
    let value = fields.removed ? NO_BYTES : fields.value
    // The frequent case, the same size and no new place in the heap, needs no room at all.
    const inPlace = growth === 0 && this.blocks.overwrite(id, value)
    if (!inPlace) {
      if (!this.blocks.hasRoom(key.length, value.length, growth, this.outsideBytes)) {
        ownKey = key.slice()
        value = value.slice()
        if (!this.makeRoom(ownKey.length, value.length, growth, id)) return false
      }
      this.blocks.rewrite(id, ownKey, value)
    }
    this.uncount(index, id, ownKey)
    this.setFields(index, id, ownKey, fields)
    return true
  }

  /** Sets everything but the block, and counts the entry in its slot. */
  private setFields(index: SlotIndex, id: number, key: Uint8Array, fields: EntryFields): void {
    const { records } = this
    const { version, writer, expireAt, removed } = fields
    const place = records.word(id, PLACE)
    records.setWord(id, PLACE, removed ? place | REMOVED_BIT : place & ~REMOVED_BIT)
    records.setDouble(id, VERSION, version)
    records.setWord(id, WRITER, writer)
    records.setDouble(id, EXPIRE_AT, expireAt)
    // A write is a use: its version carries the time.
    const usedAt = Math.floor(version / VERSIONS_PER_MS)
    if (usedAt > records.double(id, USED_AT)) records.setDouble(id, USED_AT, usedAt)
    this.setExpiry(id, expireAt > 0 && !removed)
    index.digest = addFingerprint(index.digest, entryFingerprint(key, version, writer))
    if (!removed) this.countLive(index, 1)
  }

  /** Takes the entry, as it is now, out of the counts of its slot. */
  private uncount(index: SlotIndex, id: number, key: Uint8Array): void {
    const fingerprint = entryFingerprint(key, this.versionOf(id), this.writerOf(id))
    index.digest = removeFingerprint(index.digest, fingerprint)
    if (!this.isRemoved(id)) this.countLive(index, -1)
  }

  private countLive(index: SlotIndex, change: 1 | -1): void {
    index.live += change
    this.live += change
  }

  private setExpiry(id: number, expires: boolean): void {
    const present = this.records.word(id, HEAP_PLACE) !== 0
    if (expires && present) this.heap.update(id)
    else if (expires) this.heap.insert(id)
    else if (present) this.heap.remove(id)
  }

  private enterIndex(slot: number, hash: number, id: number): SlotIndex {
    let index = this.slots[slot]
    if (index === undefined) {
      index = new SlotIndex(this.cells)
      this.slots[slot] = index
      this.indexBytes += index.bytes
    }
    const before = index.bytes
    index.insert(hash, id)
    this.indexBytes += index.bytes - before
    return index
  }

  private dropIndex(slot: number, index: SlotIndex): void {
    this.slots[slot] = undefined
    this.indexBytes -= index.bytes
    index.drop()
  }

  private freeEntry(id: number): void {
    if (this.records.word(id, HEAP_PLACE) !== 0) this.heap.remove(id)
    this.blocks.free(id)
    this.records.free(id)
    this.entryCount--
  }

  private makeRoom(keyLength: number, valueLength: number, growth: number, id: number): boolean {
    const change = this.blocks.changeFor(keyLength, valueLength, growth, id)
    for (let i = 0; i < RECLAIMS_WHEN_FULL && this.dying.length > 0; i++) {
      if (this.blocks.fits(change, this.outsideBytes)) break
      this.reclaim(1)
    }
    const { outsideBytes } = this
    return this.blocks.fits(change, outsideBytes) && this.blocks.makeRoom(change, outsideBytes)
  }

  /** Takes apart so many segments of slots that were cleared. */
  private reclaim(segments: number): void {
    for (let i = 0; i < segments; i++) {
      const index = this.dying.at(-1)
      if (index === undefined) return
      this.takeApart(index)
    }
  }

  private takeApart(index: SlotIndex): void {
    if (index.takeApart((id) => this.freeEntry(id))) return
    this.indexBytes -= index.bytes
    this.dying.pop()
  }

  private isLive(id: number): boolean {
    if (!this.records.isPresent(id)) return false
    const place = this.records.word(id, PLACE)
    return (
      (place & REMOVED_BIT) === 0 &&
      place >>> GENERATION_SHIFT === this.generations[place & SLOT_MASK]
    )
  }

  /** The entry used longer ago; -1 stands for none. */
  private olderOf(a: number, b: number): number {
    if (b < 0) return a
    return a < 0 || this.records.double(b, USED_AT) < this.records.double(a, USED_AT) ? b : a
  }

  /** When few entries are live or accepted, random ids miss: walks the slots from a random one instead. */
  private sampleSlots(
    samples: number,
    random: (bound: number) => number,
    accept: (slot: number) => boolean,
  ): Handle {
    const start = random(this.slots.length)
    let oldest = -1
    let found = 0
    // Every slot once; then further rounds as far as cheap, for entries may be many in few slots.
    const stepsMax = this.slots.length + samples * SLOT_STEPS_PER_SAMPLE
    for (let i = 0; i < stepsMax && found < samples; i++) {
      const slot = (start + i) % this.slots.length
      const index = this.slots[slot]
      if (index === undefined || index.live === 0 || !accept(slot)) continue
      const id = index.anyFrom(random, (candidate) => !this.isRemoved(candidate))
      oldest = this.olderOf(oldest, id)
      found++
    }
    return oldest
  }
}
