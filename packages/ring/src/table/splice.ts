// A ring with one node more or less has new segments where the node's points lie and shares all others with the ring
// that it came from. Nothing else is hashed, sorted or copied.

import {
  type EntryArena,
  endEntry,
  endFlag,
  entryOf,
  expandTable,
  numberOf,
  type PointTable,
  packTable,
  segmentBits,
  segmentOf,
} from './point-table.ts'

const EMPTY_AT = 0

/**
 * A table with more points, all of node `number`.
 * O(segments + added), O(all points) when the arena is full or the number of segments must change.
 * @param added ascending
 * @param numbersEnd above every number in the new table
 * @param precedes whether another node comes before this one where their points are equal
 */
export function insertPoints(
  table: PointTable,
  added: Uint32Array,
  number: number,
  numbersEnd: number,
  precedes: (other: number) => boolean,
): PointTable {
  const size = table.size + added.length
  const base = prepare(table, added, segmentBits(size, numbersEnd))
  const index = base.index.slice()
  const copy = new SegmentWriter(base)
  for (let i = 0; i < added.length; ) {
    const segment = segmentOf(base, added[i] as number)
    copy.open(base.index[segment] as number)
    index[segment] = copy.to
    for (; i < added.length && segmentOf(base, added[i] as number) === segment; i++) {
      copy.insert(added[i] as number, number, precedes)
    }
    copy.close()
  }
  base.arena.used = copy.to
  return { ...base, size, index }
}

/**
 * A table with fewer points, all of node `number`.
 * O(segments + removed), O(all points) when the arena is full or the number of segments must change.
 * @param removed ascending; every one of them is in the table
 * @param numbersEnd above every number in the new table, and in the old one unless `number` was its last
 */
export function removePoints(
  table: PointTable,
  removed: Uint32Array,
  number: number,
  numbersEnd: number,
): PointTable {
  const size = table.size - removed.length
  const base = prepare(table, removed, table.bits)
  const index = base.index.slice()
  const copy = new SegmentWriter(base)
  for (let i = 0; i < removed.length; ) {
    const segment = segmentOf(base, removed[i] as number)
    copy.open(base.index[segment] as number)
    const start = copy.to
    for (; i < removed.length && segmentOf(base, removed[i] as number) === segment; i++) {
      copy.skip(removed[i] as number, number)
    }
    copy.close()
    index[segment] = start
    // A segment of nothing but END is not kept: all empty ones share theirs.
    if (copy.to === start + 1) {
      index[segment] = EMPTY_AT
      copy.to = start
    }
  }
  base.arena.used = copy.to
  const bits = segmentBits(size, numbersEnd)
  const spliced = { ...base, size, index }
  return bits === base.bits ? spliced : repack(spliced, bits, 0)
}

/** Writes changed copies of segments behind the last entry of an arena. */
class SegmentWriter {
  /** Where the next entry goes. */
  to: number
  #from = 0
  readonly #entries: Uint32Array
  readonly #bits: number
  readonly #end: number

  constructor(table: PointTable) {
    this.to = table.arena.used
    this.#entries = table.entries
    this.#bits = table.bits
    this.#end = endEntry(table.bits)
  }

  /** Begins to copy the segment whose entries begin at `from`. */
  open(from: number): void {
    this.#from = from
  }

  /** Copies what comes before a point, and adds the point. */
  insert(point: number, number: number, precedes: (other: number) => boolean): void {
    const entries = this.#entries
    const bits = this.#bits
    const added = entryOf(point, number, bits)
    for (;;) {
      const entry = entries[this.#from] as number
      if (entry === this.#end || entry >>> bits > added >>> bits) break
      if (entry >>> bits === added >>> bits && !precedes(numberOf(entry, bits))) break
      this.#copyOne(entry)
    }
    entries[this.to++] = added
  }

  /** Copies what comes before a point of a node, and leaves the point out. */
  skip(point: number, number: number): void {
    const left = entryOf(point, number, this.#bits)
    for (;;) {
      const entry = this.#entries[this.#from] as number
      if (entry === left) this.#from++
      if (entry === left || entry === this.#end) return
      this.#copyOne(entry)
    }
  }

  /** Copies the rest of the segment. */
  close(): void {
    for (;;) {
      const entry = this.#entries[this.#from] as number
      this.#copyOne(entry)
      if (entry === this.#end) return
    }
  }

  #copyOne(entry: number): void {
    this.#entries[this.to++] = entry
    this.#from++
  }
}

/** The same table with the given number of segments and room to rewrite those of the changed points. */
function prepare(table: PointTable, changed: Uint32Array, bits: number): PointTable {
  const base = bits === table.bits ? table : repack(table, bits, 0)
  const room = roomFor(base, changed)
  return room <= spareOf(base.arena) ? base : repack(base, bits, room)
}

function spareOf(arena: EntryArena): number {
  return arena.entries.length - arena.used
}

/** How many entries, ENDs included, the segments of the changed points have, those points counted once more. */
function roomFor(table: PointTable, changed: Uint32Array): number {
  const flag = endFlag(table.bits)
  let room = changed.length
  let last = -1
  for (let i = 0; i < changed.length; i++) {
    const segment = segmentOf(table, changed[i] as number)
    if (segment === last) continue
    last = segment
    let at = table.index[segment] as number
    room++
    for (; ((table.entries[at] as number) & flag) === 0; at++) room++
  }
  return room
}

/** The same points in an arena of their own. O(points). */
function repack(table: PointTable, bits: number, spare: number): PointTable {
  const { points, numbers } = expandTable(table)
  return packTable(points, numbers, bits, spare)
}
