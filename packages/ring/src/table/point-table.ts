// The points of a ring, sorted, four bytes each: a bucket index over the 32-bit circle holds at least the upper 16 bits
// of every point, so an entry needs only the lower 16 and has room for the number of the owner.
//
//   position ── top bits ──▶ buckets[b], buckets[b + 1]
//                                 │            │
//   entries: … 9 f41│2    0 023│0   0 1c9│2   1 0b2│1 …  entries[0]
//              point│owner
//
// A look-up touches two places in memory and scans over two entries on average. A scan that reaches the end of its
// bucket has found its answer, the first point of a later bucket; behind the last one stands a copy of the first, which
// makes falling off the end the same as wrapping round the circle.

import { xxh32Series } from '../hash/xxh32.ts'
import { utf8Bytes } from '../utf8.ts'

/** Points and owners; entries hold node numbers, which only a `Roster` can translate. */
export interface PointTable {
  /** Points without the copy of the first. */
  readonly size: number
  /** `lower 16 bits of the point · owner's number`; ascending by point, equal points in the order of their nodes' ids. */
  readonly entries: Uint32Array
  /** `buckets[b]` is the index of the first point at or after the start of bucket b; the last element is `size`. */
  readonly buckets: Uint32Array
  /** A position's bucket is `position >>> shift`. */
  readonly shift: number
}

/** A node's name and its number of points. */
export interface PointSource {
  readonly id: string
  readonly count: number
}

/** Bits of an owner's number in an entry, and of a point that the bucket must therefore imply. */
const NUMBER_BITS = 16
const NUMBER_MASK = 0xffff
/** log2 of the points per bucket, at least: beyond small rings, a bucket holds 2 to 4 points on average. */
const POINTS_PER_BUCKET_BITS = 1

/** The shift that gives 2 to 4 points per bucket; it depends on the number of points alone. */
export function bucketShift(size: number): number {
  const bits = 32 - Math.clz32(size) - 1 - POINTS_PER_BUCKET_BITS
  return 32 - Math.max(NUMBER_BITS, bits)
}

/** The entry of a point. */
export function entryOf(point: number, number: number): number {
  return (point << NUMBER_BITS) | number
}

/** The number of the node in an entry. */
export function numberOf(entry: number): number {
  return entry & NUMBER_MASK
}

/** The lower bits of the point in an entry: they order the entries of one bucket. */
export function lowerBitsOf(entry: number): number {
  return entry >>> NUMBER_BITS
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

/**
 * Builds a table; source i, in the order of the ids, gets the number i. O(points): points are uniform hashes, so dealing
 * them into their buckets and sorting each bucket by insertion is linear, and the bucket index falls out of it. Both
 * steps are stable, which keeps equal points in the order of the sources.
 */
export function buildTable(sources: readonly PointSource[]): PointTable {
  let size = 0
  for (const source of sources) size += source.count
  const shift = bucketShift(size)
  const points = generate(sources, size)
  const buckets = countBuckets(points, shift)
  const entries = new Uint32Array(size + 1)
  deal(sources, points, buckets, shift, entries)
  sortBuckets(buckets, entries)
  return sealTable(entries, buckets, shift)
}

/** Closes the circle: the last entry becomes a copy of the first. */
export function sealTable(entries: Uint32Array, buckets: Uint32Array, shift: number): PointTable {
  const size = entries.length - 1
  entries[size] = entries[0] as number
  return { size, entries, buckets, shift }
}

function generate(sources: readonly PointSource[], size: number): Uint32Array {
  const points = new Uint32Array(size)
  let at = 0
  for (const { id, count } of sources) {
    fillPoints(id, 0, points.subarray(at, at + count))
    at += count
  }
  return points
}

/** The start of each bucket, from points in any order. */
export function countBuckets(points: Uint32Array, shift: number): Uint32Array {
  const buckets = new Uint32Array(2 ** (32 - shift) + 1)
  for (let i = 0; i < points.length; i++) {
    const bucket = (points[i] as number) >>> shift
    buckets[bucket] = (buckets[bucket] as number) + 1
  }
  let start = 0
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    const count = buckets[bucket] as number
    buckets[bucket] = start
    start += count
  }
  return buckets
}

/** Puts every point into its bucket, using the starts as cursors and restoring them afterwards. */
function deal(
  sources: readonly PointSource[],
  points: Uint32Array,
  buckets: Uint32Array,
  shift: number,
  entries: Uint32Array,
): void {
  let from = 0
  for (let number = 0; number < sources.length; number++) {
    const end = from + (sources[number] as PointSource).count
    for (; from < end; from++) {
      const point = points[from] as number
      const bucket = point >>> shift
      const at = buckets[bucket] as number
      buckets[bucket] = at + 1
      entries[at] = entryOf(point, number)
    }
  }
  // Each cursor now stands at the start of the next bucket.
  buckets.copyWithin(1, 0, buckets.length - 1)
  buckets[0] = 0
}

function sortBuckets(buckets: Uint32Array, entries: Uint32Array): void {
  for (let bucket = 0; bucket + 1 < buckets.length; bucket++) {
    const start = buckets[bucket] as number
    const end = buckets[bucket + 1] as number
    for (let i = start + 1; i < end; i++) {
      const entry = entries[i] as number
      const lower = lowerBitsOf(entry)
      let at = i
      for (; at > start && lowerBitsOf(entries[at - 1] as number) > lower; at--) {
        entries[at] = entries[at - 1] as number
      }
      entries[at] = entry
    }
  }
}

/**
 * The index of the first point at or after a position (signed or unsigned), `size` past the last.
 * Constant time on average, no allocation.
 */
export function indexAt(table: PointTable, position: number): number {
  const { entries, buckets, shift } = table
  const bucket = position >>> shift
  const end = buckets[bucket + 1] as number
  // Smaller than every entry of an equal point, whoever owns it.
  const wanted = (position << NUMBER_BITS) >>> 0
  let at = buckets[bucket] as number
  while (at < end && (entries[at] as number) < wanted) at++
  return at
}

/** The number of the node that owns a position, -1 if the table is empty. Constant time on average, no allocation. */
export function ownerNumberAt(table: PointTable, position: number): number {
  return table.size === 0 ? -1 : numberOf(table.entries[indexAt(table, position)] as number)
}

/** All points in full, ascending. O(points + buckets). */
export function expandPoints(table: PointTable): Uint32Array {
  const { entries, buckets, shift, size } = table
  const points = new Uint32Array(size)
  for (let bucket = 0; bucket + 1 < buckets.length; bucket++) {
    const upper = (bucket << shift) & ~NUMBER_MASK
    const end = buckets[bucket + 1] as number
    for (let at = buckets[bucket] as number; at < end; at++) {
      points[at] = upper | lowerBitsOf(entries[at] as number)
    }
  }
  return points
}
