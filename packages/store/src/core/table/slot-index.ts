import { CELL_PAGE_BYTES, type CellArena } from './cell-arena.ts'

/**
 * The index of one slot: which ids have this hash? Extendible hashing over open-addressing segments.
 *
 * ```text
 *   hash (32)  │ depth bits: directory │ … │ low bits: cell │
 *                        │                        │
 *   directory  [ 00 | 01 | 10 | 11 ]              ▼
 *                 │     │    └──┬─┘       segment: (hash, id + 1) pairs in 8 … 512 cells,
 *                 ▼     ▼       ▼                  linear probing, at most 3/4 full
 *               seg A  seg B  seg C (one bit less deep)
 * ```
 *
 * A segment doubles until it has 512 cells, then splits in two by the next hash bit. So an empty slot costs
 * nothing, a slot of any size grows in steps of microseconds, and nothing is ever rehashed as a whole.
 *
 * Scans walk in the order (24 high bits of the hash, id). Segments are ranges of that order and neither part of
 * it changes while an entry is present, so a scan visits such an entry exactly once, whatever happens between calls.
 */
const CELLS_MIN = 8
const CELLS_MAX = 512
/** The directory does not use the bits that choose the cell, nor more than the 24 bits that order a scan. */
const DEPTH_MAX = 20
const RANK_HASH_SHIFT = 8
const RANK_IDS = 2 ** 29
/** Words of a cell: the hash, and the id + 1. */
const CELL_WORDS = 2
/** What V8 keeps on its own heap for one segment, and for one slot in use, roughly. */
const SEGMENT_HEAP_BYTES = 80
const SLOT_HEAP_BYTES = 160

/** Answers whether an entry has this key. */
export interface KeyReader {
  keyEquals(id: number, key: Uint8Array): boolean
}

interface IndexSegment {
  /** The block of the cells in the arena: its reference, its page, and where in the page it starts. */
  ref: number
  cells: Uint32Array
  base: number
  /** Number of cells - 1. */
  mask: number
  count: number
  readonly depth: number
}

/** Bytes that the first entry of a slot adds to the index, beside the cells. */
const SLOT_BYTES_MIN = SLOT_HEAP_BYTES + SEGMENT_HEAP_BYTES

function makeSegment(arena: CellArena, cells: number, depth: number): IndexSegment {
  const ref = arena.take(cells * CELL_WORDS)
  const base = arena.offsetOf(ref)
  return { ref, cells: arena.wordsOf(ref), base, mask: cells - 1, count: 0, depth }
}

/** At most so many bytes does the first entry of a slot cost in the index. */
export function firstEntryBytes(arena: CellArena): number {
  return SLOT_BYTES_MIN + arena.growthBytes(CELLS_MIN * CELL_WORDS)
}

export class SlotIndex {
  /** Entries in the slot, tombstones included. */
  size = 0
  /** Entries that are not tombstones. */
  live = 0
  /** Sum of the fingerprints of all entries. */
  digest = 0
  /** What it takes beside its cells in the arena. */
  bytes = SLOT_BYTES_MIN
  private readonly arena: CellArena
  private depth = 0
  private directory: IndexSegment[]

  constructor(arena: CellArena) {
    this.arena = arena
    this.directory = [makeSegment(arena, CELLS_MIN, 0)]
  }

  /** The id of the entry with this key, or -1. O(1). */
  find(hash: number, key: Uint8Array, reader: KeyReader): number {
    const { cells, base, mask } = this.segmentFor(hash)
    const wanted = hash >>> 0
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const at = base + cell * CELL_WORDS
      const id = (cells[at + 1] as number) - 1
      if (id < 0) return -1
      if (cells[at] === wanted && reader.keyEquals(id, key)) return id
    }
  }

  /** At most so many bytes will the next `insert` of this hash add. */
  growthBytes(hash: number): number {
    const segment = this.segmentFor(hash)
    const cells = segment.mask + 1
    if ((segment.count + 1) * 4 <= cells * 3) return 0
    const grows = cells < CELLS_MAX || segment.depth >= DEPTH_MAX
    if (grows) return this.arena.growthBytes(cells * 2 * CELL_WORDS)
    const doubling = segment.depth === this.depth ? this.directory.length * 8 : 0
    return 2 * CELL_PAGE_BYTES + SEGMENT_HEAP_BYTES + doubling
  }

  /** Adds an id that is not in the index. Amortized O(1), at most two segments are rewritten. */
  insert(hash: number, id: number): void {
    let segment = this.segmentFor(hash)
    while ((segment.count + 1) * 4 > (segment.mask + 1) * 3) {
      if (segment.mask + 1 < CELLS_MAX || segment.depth >= DEPTH_MAX) this.resize(segment, 2)
      else this.split(segment, hash)
      segment = this.segmentFor(hash)
    }
    place(segment, hash, id)
    this.size++
  }

  /** Takes out an id that is in the index under this hash. */
  remove(hash: number, id: number): void {
    const segment = this.segmentFor(hash)
    const { cells, base, mask } = segment
    let cell = hash & mask
    while (cells[base + cell * CELL_WORDS + 1] !== id + 1) cell = (cell + 1) & mask
    closeGap(segment, cell)
    segment.count--
    this.size--
    if (mask + 1 > CELLS_MIN && segment.count * 8 < mask + 1) this.resize(segment, 0.5)
  }

  /** Visits ids in scan order from `cursor` until `visit` answers false. Returns the next cursor, 0 at the end. */
  scan(cursor: number, visit: (id: number) => boolean): number {
    const first = Math.floor(cursor / RANK_IDS) >>> (24 - this.depth)
    for (let at = first; at < this.directory.length; ) {
      const segment = this.directory[at] as IndexSegment
      for (const rank of ranksFrom(segment, cursor)) {
        if (!visit(rank % RANK_IDS)) return rank + 1
      }
      const width = 1 << (this.depth - segment.depth)
      at = (at & ~(width - 1)) + width
    }
    return 0
  }

  /** Some id that `accept` allows, found by walking from a place that `random` chooses; -1 if there is none. */
  anyFrom(random: (bound: number) => number, accept: (id: number) => boolean): number {
    const start = random(this.directory.length)
    for (let step = 0; step < this.directory.length; step++) {
      const at = (start + step) & (this.directory.length - 1)
      const { cells, base, mask } = this.directory[at] as IndexSegment
      const startCell = random(mask + 1)
      for (let i = 0; i <= mask; i++) {
        const cell = (startCell + i) & mask
        const id = (cells[base + cell * CELL_WORDS + 1] as number) - 1
        if (id >= 0 && accept(id)) return id
      }
    }
    return -1
  }

  /** Takes the last segment off and visits its ids. False when none was left. The index is good for nothing else afterwards. */
  takeApart(visit: (id: number) => void): boolean {
    const segment = this.directory.pop()
    if (segment === undefined) return false
    if (this.directory.at(-1) === segment) return true
    forEachCell(segment, (_hash, id) => visit(id))
    this.dropSegment(segment)
    return true
  }

  /** Gives the cells back. The index is good for nothing else afterwards. */
  drop(): void {
    for (let at = 0; at < this.directory.length; ) {
      const segment = this.directory[at] as IndexSegment
      this.dropSegment(segment)
      at += 1 << (this.depth - segment.depth)
    }
    this.directory = []
  }

  private dropSegment(segment: IndexSegment): void {
    this.arena.give(segment.ref, (segment.mask + 1) * CELL_WORDS)
  }

  private segmentFor(hash: number): IndexSegment {
    const at = this.depth === 0 ? 0 : hash >>> (32 - this.depth)
    return this.directory[at] as IndexSegment
  }

  private resize(segment: IndexSegment, factor: number): void {
    const old = { ...segment }
    const cells = (segment.mask + 1) * factor
    segment.ref = this.arena.take(cells * CELL_WORDS)
    segment.cells = this.arena.wordsOf(segment.ref)
    segment.base = this.arena.offsetOf(segment.ref)
    segment.mask = cells - 1
    segment.count = 0
    forEachCell(old, (hash, id) => place(segment, hash, id))
    this.dropSegment(old)
  }

  /** Replaces a full segment by two, told apart by the next bit of the hash. */
  private split(segment: IndexSegment, hash: number): void {
    if (segment.depth === this.depth) this.doubleDirectory()
    const bit = 1 << (31 - segment.depth)
    let ones = 0
    forEachCell(segment, (cellHash) => {
      if ((cellHash & bit) !== 0) ones++
    })
    const low = makeSegment(this.arena, cellsFor(segment.count - ones), segment.depth + 1)
    const high = makeSegment(this.arena, cellsFor(ones), segment.depth + 1)
    forEachCell(segment, (cellHash, id) => {
      place((cellHash & bit) === 0 ? low : high, cellHash, id)
    })
    const width = 1 << (this.depth - segment.depth)
    const start = (hash >>> (32 - this.depth)) & ~(width - 1)
    for (let i = 0; i < width; i++) this.directory[start + i] = i < width / 2 ? low : high
    this.bytes += SEGMENT_HEAP_BYTES
    this.dropSegment(segment)
  }

  private doubleDirectory(): void {
    this.bytes += this.directory.length * 8
    const doubled: IndexSegment[] = []
    for (const segment of this.directory) doubled.push(segment, segment)
    this.directory = doubled
    this.depth++
  }
}

function forEachCell(segment: IndexSegment, visit: (hash: number, id: number) => void): void {
  const { cells, base, mask } = segment
  const end = base + (mask + 1) * CELL_WORDS
  for (let at = base; at < end; at += CELL_WORDS) {
    const id = (cells[at + 1] as number) - 1
    if (id >= 0) visit(cells[at] as number, id)
  }
}

function place(segment: IndexSegment, hash: number, id: number): void {
  const { cells, base, mask } = segment
  let cell = hash & mask
  while (cells[base + cell * CELL_WORDS + 1] !== 0) cell = (cell + 1) & mask
  cells[base + cell * CELL_WORDS] = hash
  cells[base + cell * CELL_WORDS + 1] = id + 1
  segment.count++
}

/** Empties a cell and moves later ones of its run forward, so that probing never needs tombstones. */
function closeGap({ cells, base, mask }: IndexSegment, start: number): void {
  let gap = start
  for (let cell = (gap + 1) & mask; ; cell = (cell + 1) & mask) {
    const at = base + cell * CELL_WORDS
    if (cells[at + 1] === 0) break
    const home = (cells[at] as number) & mask
    if (((cell - home) & mask) < ((cell - gap) & mask)) continue
    cells[base + gap * CELL_WORDS] = cells[at] as number
    cells[base + gap * CELL_WORDS + 1] = cells[at + 1] as number
    gap = cell
  }
  cells[base + gap * CELL_WORDS + 1] = 0
}

/** Cells for so many entries and as many again. */
function cellsFor(count: number): number {
  let cells = CELLS_MIN
  while (cells < CELLS_MAX && count * 2 > cells) cells *= 2
  return cells
}

/** The scan ranks of a segment's entries from `cursor` on, sorted. */
function ranksFrom(segment: IndexSegment, cursor: number): Float64Array {
  const ranks = new Float64Array(segment.count)
  let count = 0
  forEachCell(segment, (hash, id) => {
    const rank = (hash >>> RANK_HASH_SHIFT) * RANK_IDS + id
    if (rank >= cursor) ranks[count++] = rank
  })
  return ranks.subarray(0, count).sort()
}
