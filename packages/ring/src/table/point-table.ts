// The points of a ring in one sorted array, their owners beside them, and an index of equal buckets over the 32-bit
// circle, so that a look-up is two reads and, on average, a scan over two points.
//
//   position ── top bits ──▶ buckets[b] ──▶ points: … 17 │ 23  40  41 │ 58 …  ∞
//                                           owners: …  2 │  0   2   1 │  0 … owners[0]
//
// The last entry is a sentinel (2^32 - 1, the owner of the first point): a scan always ends, and falling off the end is
// the same as wrapping round the circle.

import { xxh32Series } from '../hash/xxh32.ts'
import { utf8Bytes } from '../utf8.ts'

/** Points and owners; `owners` holds node numbers, which only a `Roster` can translate. */
export interface PointTable {
  /** Points without the sentinel. */
  readonly size: number
  /** Ascending; equal points are in the order of their nodes' ids. */
  readonly points: Uint32Array
  readonly owners: Uint16Array
  /** `buckets[b]` is the index of the first point at or after the start of bucket b. */
  readonly buckets: Uint32Array
  /** A position's bucket is `position >>> shift`. */
  readonly shift: number
}

/** What a table is made from: the nodes in the order of their ids, each with its number. */
export interface PointSource {
  readonly id: string
  readonly count: number
}

const SENTINEL = 0xffffffff
const BUCKET_BITS_MIN = 1
/** log2 of the points per bucket, at least: a bucket holds 2 to 4 points on average. */
const POINTS_PER_BUCKET_BITS = 1

/** The shift that gives 2 to 4 points per bucket; it depends on the number of points alone. */
export function bucketShift(size: number): number {
  const bits = 32 - Math.clz32(size) - 1 - POINTS_PER_BUCKET_BITS
  return 32 - Math.max(BUCKET_BITS_MIN, bits)
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
 * Builds a table; source i gets the number i. O(points): points are uniform hashes, so dealing them into their buckets
 * and sorting each bucket by insertion is linear, and the bucket index falls out of it. Both steps are stable, which
 * keeps equal points in the order of the sources.
 */
export function buildTable(sources: readonly PointSource[]): PointTable {
  let size = 0
  for (const source of sources) size += source.count
  const shift = bucketShift(size)
  const unsorted = generate(sources, size)
  const buckets = countBuckets(unsorted, shift)
  const points = new Uint32Array(size + 1)
  const owners = new Uint16Array(size + 1)
  deal(sources, unsorted, buckets, shift, points, owners)
  sortBuckets(buckets, size, points, owners)
  return sealTable(size, points, owners, buckets, shift)
}

/** Writes the sentinel. */
export function sealTable(
  size: number,
  points: Uint32Array,
  owners: Uint16Array,
  buckets: Uint32Array,
  shift: number,
): PointTable {
  points[size] = SENTINEL
  owners[size] = owners[0] as number
  return { size, points, owners, buckets, shift }
}

function generate(sources: readonly PointSource[], size: number): Uint32Array {
  const unsorted = new Uint32Array(size)
  let at = 0
  for (const { id, count } of sources) {
    fillPoints(id, 0, unsorted.subarray(at, at + count))
    at += count
  }
  return unsorted
}

/** The start of each bucket, from points in any order. */
function countBuckets(unsorted: Uint32Array, shift: number): Uint32Array {
  const buckets = new Uint32Array(2 ** (32 - shift))
  for (let i = 0; i < unsorted.length; i++) {
    const bucket = (unsorted[i] as number) >>> shift
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
  unsorted: Uint32Array,
  buckets: Uint32Array,
  shift: number,
  points: Uint32Array,
  owners: Uint16Array,
): void {
  let from = 0
  for (let number = 0; number < sources.length; number++) {
    const end = from + (sources[number] as PointSource).count
    for (; from < end; from++) {
      const point = unsorted[from] as number
      const bucket = point >>> shift
      const at = buckets[bucket] as number
      buckets[bucket] = at + 1
      points[at] = point
      owners[at] = number
    }
  }
  // Each cursor now stands at the start of the next bucket.
  buckets.copyWithin(1, 0, buckets.length - 1)
  buckets[0] = 0
}

function sortBuckets(
  buckets: Uint32Array,
  size: number,
  points: Uint32Array,
  owners: Uint16Array,
): void {
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    const start = buckets[bucket] as number
    const end = bucket + 1 < buckets.length ? (buckets[bucket + 1] as number) : size
    for (let i = start + 1; i < end; i++) {
      const point = points[i] as number
      let at = i
      if ((points[at - 1] as number) <= point) continue
      const owner = owners[i] as number
      for (; at > start && (points[at - 1] as number) > point; at--) {
        points[at] = points[at - 1] as number
        owners[at] = owners[at - 1] as number
      }
      points[at] = point
      owners[at] = owner
    }
  }
}

/**
 * The index of the first point at or after a position (signed or unsigned), `size` (the sentinel) past the last.
 * Constant time on average, no allocation.
 */
export function indexAt(table: PointTable, position: number): number {
  const { points, buckets, shift } = table
  let at = buckets[position >>> shift] as number
  while ((points[at] as number) < position >>> 0) at++
  return at
}

/** The number of the node that owns a position, -1 if the table is empty. Constant time on average, no allocation. */
export function ownerNumberAt(table: PointTable, position: number): number {
  return table.size === 0 ? -1 : (table.owners[indexAt(table, position)] as number)
}
