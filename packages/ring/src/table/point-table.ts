// The points of a ring, four bytes each. The circle is cut into 2^bits equal segments; the segment implies the upper
// bits of its points, so an entry needs only the lower ones and has room for the number of the owner.
//
//   position ── upper bits ──▶ index[segment] ──▶ entries: … │ 0f41·2  8023·0  8023·1  END │ …
//                                                              lower bits · owner's number
//
// Segments lie anywhere in `entries`, which is an arena that the rings of one line of descent share: a ring with one
// node more writes the segments that its points fall into behind all others and has an index of its own. That is less
// than a tenth of a large ring, and no older ring reads there. An END entry is greater than every wanted one and has the
// flag bit, so a scan needs no bound; behind it the circle goes on in the next segment.

import { xxh32Series } from '../hash/xxh32.ts'
import { utf8Bytes } from '../utf8.ts'

/** Memory for entries that several tables share; what is below `used` never changes. */
export interface EntryArena {
  readonly entries: Uint32Array
  used: number
}

/** Points and owners; entries hold node numbers, which only a `Roster` can translate. */
export interface PointTable {
  readonly size: number
  readonly arena: EntryArena
  /** `arena.entries`, one step nearer. */
  readonly entries: Uint32Array
  /** Where the entries of a segment begin: ascending by point, equal points in the order of their nodes' ids, then END. */
  readonly index: Uint32Array
  /** log2 of the number of segments. */
  readonly bits: number
}

/** A node's name and its number of points. */
export interface PointSource {
  readonly id: string
  readonly count: number
}

/** log2 of the points per segment, at least: a segment holds 4 to 8 points on average, if the numbers leave room. */
const POINTS_PER_SEGMENT_BITS = 2
/** The END that all empty segments share. */
export const EMPTY_AT = 0
/** How many entries a look-up reads at once; so many are never used at the end of an arena. */
export const SCAN_ENTRIES = 8
/** A new arena has a quarter more room than its entries need, for the rings that descend from it. */
const SPARE_SHIFT = 2

/** How many bits of a position name its segment: few points per segment, and room for numbers below `numbersEnd`. */
export function segmentBits(size: number, numbersEnd: number): number {
  const byDensity = 31 - Math.clz32(size) - POINTS_PER_SEGMENT_BITS
  const numberBits = 32 - Math.clz32(Math.max(0, numbersEnd - 1))
  return Math.max(1, byDensity, numberBits + 1)
}

/** The bit that only END has: the highest below the bits of the point. */
export function endFlag(bits: number): number {
  return 1 << (bits - 1)
}

/** All ones in the bits of the point, and the flag. */
export function endEntry(bits: number): number {
  return (-1 << (bits - 1)) >>> 0
}

/** The segment of a point or position. */
export function segmentOf(table: PointTable, position: number): number {
  return position >>> (32 - table.bits)
}

/** The entry of a point (of the number 0: the least that a point may have). */
export function entryOf(point: number, number: number, bits: number): number {
  return ((point << bits) | number) >>> 0
}

/**
 * The points `first` to `first + out.length - 1` of a node, in the order of their index:
 * xxh32, seed 0, of the id's UTF-8 bytes, a zero byte and the index as 32 bits, little-endian. The index has a fixed
 * width, so no two pairs of id and index ever give the same bytes.
 */
export function fillPoints(id: string, first: number, out: Uint32Array): void {
  const name = utf8Bytes(id)
  const prefix = new Uint8Array(name.length + 1)
  prefix.set(name)
  xxh32Series(prefix, first, out)
}

/** Builds a table; source i, in the order of the ids, gets the number i. O(points). */
export function buildTable(sources: readonly PointSource[]): PointTable {
  let size = 0
  for (const source of sources) size += source.count
  const points = new Uint32Array(size)
  const numbers = new Uint16Array(size)
  let at = 0
  for (const [number, { id, count }] of sources.entries()) {
    fillPoints(id, 0, points.subarray(at, at + count))
    numbers.fill(number, at, at + count)
    at += count
  }
  return packTable(points, numbers, segmentBits(size, sources.length))
}

/** An arena's memory for so many entries and END, and spare room for tables that descend from the first. */
export function createEntries(used: number, spare: number): Uint32Array {
  const room = Math.max(spare, used >>> SPARE_SHIFT)
  return new Uint32Array(EMPTY_AT + 1 + used + room + SCAN_ENTRIES)
}

/**
 * Makes a table from points and the numbers of their owners. O(points): points are uniform hashes, so dealing them into
 * their segments and sorting each by insertion is linear. Both steps are stable, which keeps equal points in order.
 */
function packTable(points: Uint32Array, numbers: Uint16Array, bits: number): PointTable {
  const counts = countSegments(points, bits)
  const index = new Uint32Array(counts.length)
  const used = placeSegments(counts, index)
  const entries = createEntries(used - 1, 0)
  const shift = 32 - bits
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as number
    const segment = point >>> shift
    const at = index[segment] as number
    index[segment] = at + 1
    entries[at] = entryOf(point, numbers[i] as number, bits)
  }
  finishSegments(counts, index, entries, bits)
  return { size: points.length, arena: { entries, used }, entries, index, bits }
}

function countSegments(points: Uint32Array, bits: number): Uint32Array {
  const counts = new Uint32Array(2 ** bits)
  const shift = 32 - bits
  for (let i = 0; i < points.length; i++) {
    const segment = (points[i] as number) >>> shift
    counts[segment] = (counts[segment] as number) + 1
  }
  return counts
}

/** Gives every segment its place and returns the number of entries, ENDs included. */
function placeSegments(counts: Uint32Array, index: Uint32Array): number {
  let used = EMPTY_AT + 1
  for (let segment = 0; segment < counts.length; segment++) {
    const count = counts[segment] as number
    index[segment] = count === 0 ? EMPTY_AT : used
    if (count > 0) used += count + 1
  }
  return used
}

/** Sorts every segment, writes its END, and turns the cursors in `index` back into starts. */
function finishSegments(
  counts: Uint32Array,
  index: Uint32Array,
  entries: Uint32Array,
  bits: number,
): void {
  const end = endEntry(bits)
  entries[EMPTY_AT] = end
  for (let segment = 0; segment < counts.length; segment++) {
    const count = counts[segment] as number
    if (count === 0) continue
    const behind = index[segment] as number
    entries[behind] = end
    index[segment] = behind - count
    sortEntries(entries, behind - count, behind, bits)
  }
}

function sortEntries(entries: Uint32Array, start: number, end: number, bits: number): void {
  for (let i = start + 1; i < end; i++) {
    const entry = entries[i] as number
    const lower = entry >>> bits
    let at = i
    for (; at > start && (entries[at - 1] as number) >>> bits > lower; at--) {
      entries[at] = entries[at - 1] as number
    }
    entries[at] = entry
  }
}

/**
 * Where in `entries` the first point of the position's segment at or after the position (signed or unsigned) stands, or
 * the segment's END. Constant time on average, no allocation.
 *
 * The first entries are counted without a branch: where a scan ends cannot be predicted, and a wrong guess would stop
 * the processor from beginning the next look-up while this one waits for memory. Halved, entries and the wanted one
 * (which is even) compare as signed integers; -1 means "before", and stays out once an entry is not.
 */
export function entryIndexAt(table: PointTable, position: number): number {
  const { entries, index, bits } = table
  const wanted = (position << bits) >>> 1
  let at = index[position >>> (32 - bits)] as number
  let before = (((entries[at] as number) >>> 1) - wanted) >> 31
  let count = before
  before &= (((entries[at + 1] as number) >>> 1) - wanted) >> 31
  count += before
  before &= (((entries[at + 2] as number) >>> 1) - wanted) >> 31
  count += before
  before &= (((entries[at + 3] as number) >>> 1) - wanted) >> 31
  count += before
  before &= (((entries[at + 4] as number) >>> 1) - wanted) >> 31
  count += before
  before &= (((entries[at + 5] as number) >>> 1) - wanted) >> 31
  count += before
  before &= (((entries[at + 6] as number) >>> 1) - wanted) >> 31
  count += before
  before &= (((entries[at + 7] as number) >>> 1) - wanted) >> 31
  count += before
  at -= count
  if (count === -SCAN_ENTRIES) while ((entries[at] as number) >>> 1 < wanted) at++
  return at
}

/** The number of the node that owns a position, -1 if the table is empty. Constant time on average, no allocation. */
export function ownerNumberAt(table: PointTable, position: number): number {
  if (table.size === 0) return -1
  const { entries, index, bits } = table
  const flag = endFlag(bits)
  let entry = entries[entryIndexAt(table, position)] as number
  for (let segment = position >>> (32 - bits); (entry & flag) !== 0; ) {
    segment = (segment + 1) & (index.length - 1)
    entry = entries[index[segment] as number] as number
  }
  return entry & (flag - 1)
}

/** Points in full, ascending, and beside them the numbers of their owners. */
export interface ExpandedPoints {
  readonly points: Uint32Array
  readonly numbers: Uint16Array
}

/** Reads a whole table. O(points + segments). */
export function expandTable(table: PointTable): ExpandedPoints {
  const { entries, index, bits, size } = table
  const flag = endFlag(bits)
  const points = new Uint32Array(size)
  const numbers = new Uint16Array(size)
  let to = 0
  for (let segment = 0; segment < index.length; segment++) {
    const upper = segment << (32 - bits)
    let at = index[segment] as number
    for (let entry = entries[at] as number; (entry & flag) === 0; to++) {
      points[to] = upper | (entry >>> bits)
      numbers[to] = entry & (flag - 1)
      entry = entries[++at] as number
    }
  }
  return { points, numbers }
}
