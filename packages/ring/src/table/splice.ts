// A ring with one node more or less has new segments where the node's points lie and shares all others with the ring
// that it came from. Nothing else is hashed, sorted or copied.
//
// Joins are rare, so this code mostly runs before the compiler has seen it: the loops keep to local variables.

import {
  createEntries,
  EMPTY_AT,
  endEntry,
  endFlag,
  entryOf,
  type PointTable,
  SCAN_ENTRIES,
  segmentBits,
} from './point-table.ts'

/** New segments have been written: `to` is where the next one would go, `index` names them. */
interface Written {
  readonly index: Uint32Array
  readonly to: number
}

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
  const bits = suitableBits(table, size, numbersEnd)
  const base = bits === table.bits ? table : repack(table, bits, 0)
  return rewrite(base, size, (from) => writeWith(from, added, number, precedes))
}

/**
 * A table with fewer points, all of node `number`.
 * O(segments + removed), O(all points) when the arena is full or the number of segments must change.
 * @param removed ascending; every one of them is in the table
 * @param numbersEnd above every number in the new table
 */
export function removePoints(
  table: PointTable,
  removed: Uint32Array,
  number: number,
  numbersEnd: number,
): PointTable {
  const size = table.size - removed.length
  const rewritten = rewrite(table, size, (from) => writeWithout(from, removed, number))
  const bits = suitableBits(table, size, numbersEnd)
  return bits === table.bits ? rewritten : repack(rewritten, bits, 0)
}

/**
 * Claims the written segments, or writes them again in a larger arena: a typed array ignores what is written beyond its
 * end, so the first attempt harms nothing and tells how much room it takes.
 */
function rewrite(
  table: PointTable,
  size: number,
  write: (table: PointTable) => Written,
): PointTable {
  const { arena } = table
  const { index, to } = write(table)
  if (to + SCAN_ENTRIES > arena.entries.length) {
    return rewrite(repack(table, table.bits, to - arena.used), size, write)
  }
  arena.used = to
  return { ...table, size, index }
}

/** Writes every segment that gets points, merging those into the old entries. */
function writeWith(
  table: PointTable,
  added: Uint32Array,
  number: number,
  precedes: (other: number) => boolean,
): Written {
  const { entries, bits } = table
  const index = table.index.slice()
  const end = endEntry(bits)
  const numberMask = endFlag(bits) - 1
  const shift = 32 - bits
  let to = table.arena.used
  for (let i = 0; i < added.length; ) {
    const segment = (added[i] as number) >>> shift
    let from = index[segment] as number
    let entry = entries[from] as number
    index[segment] = to
    for (; i < added.length && (added[i] as number) >>> shift === segment; i++) {
      const point = entryOf(added[i] as number, number, bits)
      const lower = point >>> bits
      while (
        entry !== end &&
        (entry >>> bits < lower || (entry >>> bits === lower && precedes(entry & numberMask)))
      ) {
        entries[to++] = entry
        entry = entries[++from] as number
      }
      entries[to++] = point
    }
    while (entry !== end) {
      entries[to++] = entry
      entry = entries[++from] as number
    }
    entries[to++] = end
  }
  return { index, to }
}

/** Writes every segment that loses points, and leaves those out. */
function writeWithout(table: PointTable, removed: Uint32Array, number: number): Written {
  const { entries, bits } = table
  const index = table.index.slice()
  const end = endEntry(bits)
  const shift = 32 - bits
  let to = table.arena.used
  for (let i = 0; i < removed.length; ) {
    const segment = (removed[i] as number) >>> shift
    const start = to
    let from = index[segment] as number
    let entry = entries[from] as number
    for (; i < removed.length && (removed[i] as number) >>> shift === segment; i++) {
      const point = entryOf(removed[i] as number, number, bits)
      while (entry !== end && entry !== point) {
        entries[to++] = entry
        entry = entries[++from] as number
      }
      if (entry === point) entry = entries[++from] as number
    }
    while (entry !== end) {
      entries[to++] = entry
      entry = entries[++from] as number
    }
    // A segment of nothing but END is not written: all empty ones share theirs.
    index[segment] = to === start ? EMPTY_AT : start
    if (to > start) entries[to++] = end
  }
  return { index, to }
}

/**
 * How many bits a table of a new size should have. While they still fit, the old ones stay until they are two off: a
 * node that comes and goes at a power of two must not lay out the whole ring each time.
 */
function suitableBits(table: PointTable, size: number, numbersEnd: number): number {
  const ideal = segmentBits(size, numbersEnd)
  const fits = table.bits >= segmentBits(0, numbersEnd)
  return fits && Math.abs(ideal - table.bits) < 2 ? table.bits : ideal
}

/** The same points in an arena of their own, with room for `spare` further entries. O(points). */
function repack(table: PointTable, bits: number, spare: number): PointTable {
  const { size } = table
  const index = new Uint32Array(2 ** bits)
  const segmentsMax = Math.min(size, index.length)
  const entries = createEntries(size + segmentsMax, spare)
  const oldFlag = endFlag(table.bits)
  const end = endEntry(bits)
  const shift = 32 - bits
  let to = EMPTY_AT
  let current = -1
  // The old segments are read in order, so the new ones are complete one after the other.
  for (let segment = 0; segment < table.index.length; segment++) {
    const upper = segment << (32 - table.bits)
    let from = table.index[segment] as number
    for (
      let entry = table.entries[from] as number;
      (entry & oldFlag) === 0;
      entry = table.entries[++from] as number
    ) {
      const point = upper | (entry >>> table.bits)
      if (point >>> shift !== current) {
        entries[to++] = end
        current = point >>> shift
        index[current] = to
      }
      entries[to++] = entryOf(point, entry & (oldFlag - 1), bits)
    }
  }
  entries[to++] = end
  return { size, arena: { entries, used: to }, entries, index, bits }
}
