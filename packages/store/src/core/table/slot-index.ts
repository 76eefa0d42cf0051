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
const BYTES_PER_CELL = 8
/** What V8 keeps on its own heap for one segment, and for one slot in use, roughly. */
const SEGMENT_HEAP_BYTES = 320
const SLOT_HEAP_BYTES = 192

/** Answers whether an entry has this key. */
export interface KeyReader {
  keyEquals(id: number, key: Uint8Array): boolean
}

interface IndexSegment {
  cells: Uint32Array
  /** Number of cells - 1. */
  mask: number
  count: number
  readonly depth: number
}

const segmentCost = (cells: number): number => cells * BYTES_PER_CELL + SEGMENT_HEAP_BYTES

function makeSegment(cells: number, depth: number): IndexSegment {
  return { cells: new Uint32Array(cells * 2), mask: cells - 1, count: 0, depth }
}

/** Bytes of the index of a slot with its first entry. */
export const SLOT_INDEX_BYTES_MIN = SLOT_HEAP_BYTES + segmentCost(CELLS_MIN)

export class SlotIndex {
  /** Entries in the slot, tombstones included. */
  size = 0
  /** Entries that are not tombstones. */
  live = 0
  /** Sum of the fingerprints of all entries. */
  digest = 0
  bytes = SLOT_INDEX_BYTES_MIN
  private depth = 0
  private directory: IndexSegment[] = [makeSegment(CELLS_MIN, 0)]

  /** The id of the entry with this key, or -1. O(1). */
  find(hash: number, key: Uint8Array, reader: KeyReader): number {
    const { cells, mask } = this.segmentFor(hash)
    const wanted = hash >>> 0
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const id = (cells[cell * 2 + 1] as number) - 1
      if (id < 0) return -1
      if (cells[cell * 2] === wanted && reader.keyEquals(id, key)) return id
    }
  }

  /** At most so many bytes will the next `insert` of this hash add. */
  growthBytes(hash: number): number {
    const segment = this.segmentFor(hash)
    const cells = segment.mask + 1
    if ((segment.count + 1) * 4 <= cells * 3) return 0
    if (cells < CELLS_MAX) return cells * BYTES_PER_CELL
    const doubling = segment.depth === this.depth ? this.directory.length * 8 : 0
    return segmentCost(CELLS_MAX) + cells * BYTES_PER_CELL + doubling
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
    const { cells, mask } = segment
    let cell = hash & mask
    while (cells[cell * 2 + 1] !== id + 1) cell = (cell + 1) & mask
    closeGap(cells, mask, cell)
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
      const { cells, mask } = this.directory[at] as IndexSegment
      const startCell = random(mask + 1)
      for (let i = 0; i <= mask; i++) {
        const id = (cells[((startCell + i) & mask) * 2 + 1] as number) - 1
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
    const { cells, mask } = segment
    for (let cell = 0; cell <= mask; cell++) {
      const id = (cells[cell * 2 + 1] as number) - 1
      if (id >= 0) visit(id)
    }
    return true
  }

  private segmentFor(hash: number): IndexSegment {
    const at = this.depth === 0 ? 0 : hash >>> (32 - this.depth)
    return this.directory[at] as IndexSegment
  }

  private resize(segment: IndexSegment, factor: number): void {
    const old = segment.cells
    const cells = (segment.mask + 1) * factor
    this.bytes += (cells - (segment.mask + 1)) * BYTES_PER_CELL
    segment.cells = new Uint32Array(cells * 2)
    segment.mask = cells - 1
    segment.count = 0
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== 0) place(segment, old[at] as number, (old[at + 1] as number) - 1)
    }
  }

  /** Replaces a full segment by two, told apart by the next bit of the hash. */
  private split(segment: IndexSegment, hash: number): void {
    if (segment.depth === this.depth) this.doubleDirectory()
    const bit = 1 << (31 - segment.depth)
    const ones = countOnes(segment, bit)
    const low = makeSegment(cellsFor(segment.count - ones), segment.depth + 1)
    const high = makeSegment(cellsFor(ones), segment.depth + 1)
    for (let at = 0; at < segment.cells.length; at += 2) {
      const id = (segment.cells[at + 1] as number) - 1
      const cellHash = segment.cells[at] as number
      if (id >= 0) place((cellHash & bit) === 0 ? low : high, cellHash, id)
    }
    const width = 1 << (this.depth - segment.depth)
    const start = (hash >>> (32 - this.depth)) & ~(width - 1)
    for (let i = 0; i < width; i++) this.directory[start + i] = i < width / 2 ? low : high
    this.bytes +=
      segmentCost(low.mask + 1) + segmentCost(high.mask + 1) - segmentCost(segment.mask + 1)
  }

  private doubleDirectory(): void {
    this.bytes += this.directory.length * 8
    const doubled: IndexSegment[] = []
    for (const segment of this.directory) doubled.push(segment, segment)
    this.directory = doubled
    this.depth++
  }
}

function place(segment: IndexSegment, hash: number, id: number): void {
  const { cells, mask } = segment
  let cell = hash & mask
  while (cells[cell * 2 + 1] !== 0) cell = (cell + 1) & mask
  cells[cell * 2] = hash
  cells[cell * 2 + 1] = id + 1
  segment.count++
}

/** Empties a cell and moves later ones of its run forward, so that probing never needs tombstones. */
function closeGap(cells: Uint32Array, mask: number, start: number): void {
  let gap = start
  for (let cell = (gap + 1) & mask; cells[cell * 2 + 1] !== 0; cell = (cell + 1) & mask) {
    const home = (cells[cell * 2] as number) & mask
    if (((cell - home) & mask) < ((cell - gap) & mask)) continue
    cells[gap * 2] = cells[cell * 2] as number
    cells[gap * 2 + 1] = cells[cell * 2 + 1] as number
    gap = cell
  }
  cells[gap * 2 + 1] = 0
}

function countOnes(segment: IndexSegment, bit: number): number {
  let ones = 0
  for (let at = 0; at < segment.cells.length; at += 2) {
    if (segment.cells[at + 1] !== 0 && ((segment.cells[at] as number) & bit) !== 0) ones++
  }
  return ones
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
  for (let at = 0; at < segment.cells.length; at += 2) {
    const id = (segment.cells[at + 1] as number) - 1
    if (id < 0) continue
    const rank = ((segment.cells[at] as number) >>> RANK_HASH_SHIFT) * RANK_IDS + id
    if (rank >= cursor) ranks[count++] = rank
  }
  return ranks.subarray(0, count).sort()
}
