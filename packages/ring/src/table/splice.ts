// A ring with one node more or less is the old table copied in long runs, with the node's points put between the runs
// or left out. Nothing else is hashed or sorted.

import { bucketShift, indexAt, type PointTable, sealTable } from './point-table.ts'

/**
 * A table with more points, all of node `number`. O(size + added · log added), and most of it is copying memory.
 * @param added ascending
 * @param precedes whether another node comes before this one where their points are equal
 */
export function insertPoints(
  table: PointTable,
  added: Uint32Array,
  number: number,
  precedes: (other: number) => boolean,
): PointTable {
  const size = table.size + added.length
  const points = new Uint32Array(size + 1)
  const owners = new Uint16Array(size + 1)
  let from = 0
  let to = 0
  for (let i = 0; i < added.length; i++) {
    const point = added[i] as number
    const at = insertionIndex(table, point, precedes)
    copyRun(table, from, at, points, owners, to)
    to += at - from
    from = at
    points[to] = point
    owners[to] = number
    to++
  }
  copyRun(table, from, table.size, points, owners, to)
  return sealTable(size, points, owners, ...spliceBuckets(table, added, 1, points, size))
}

function insertionIndex(
  table: PointTable,
  point: number,
  precedes: (other: number) => boolean,
): number {
  const { points, owners, size } = table
  let at = indexAt(table, point)
  while (at < size && points[at] === point && precedes(owners[at] as number)) at++
  return at
}

/**
 * A table with fewer points, all of node `number`. O(size + removed · log removed), and most of it is copying memory.
 * @param removed ascending; every one of them is in the table
 */
export function removePoints(table: PointTable, removed: Uint32Array, number: number): PointTable {
  const size = table.size - removed.length
  const points = new Uint32Array(size + 1)
  const owners = new Uint16Array(size + 1)
  let from = 0
  let to = 0
  for (let i = 0; i < removed.length; i++) {
    // A node can have the same point twice: the search for the second begins behind the first.
    let at = Math.max(from, indexAt(table, removed[i] as number))
    while (table.owners[at] !== number) at++
    copyRun(table, from, at, points, owners, to)
    to += at - from
    from = at + 1
  }
  copyRun(table, from, table.size, points, owners, to)
  return sealTable(size, points, owners, ...spliceBuckets(table, removed, -1, points, size))
}

function copyRun(
  table: PointTable,
  from: number,
  end: number,
  points: Uint32Array,
  owners: Uint16Array,
  to: number,
): void {
  if (from === end) return
  points.set(table.points.subarray(from, end), to)
  owners.set(table.owners.subarray(from, end), to)
}

/** The bucket index of the new table: every start moves by the number of changed points before it. */
function spliceBuckets(
  table: PointTable,
  changed: Uint32Array,
  sign: 1 | -1,
  points: Uint32Array,
  size: number,
): [Uint32Array, number] {
  const shift = bucketShift(size)
  if (shift !== table.shift) return [indexBuckets(points, size, shift), shift]
  const old = table.buckets
  const buckets = new Uint32Array(old.length)
  let bucket = 0
  for (let i = 0; i < changed.length; i++) {
    const last = (changed[i] as number) >>> shift
    for (; bucket <= last; bucket++) buckets[bucket] = (old[bucket] as number) + sign * i
  }
  const moved = sign * changed.length
  for (; bucket < old.length; bucket++) buckets[bucket] = (old[bucket] as number) + moved
  return [buckets, shift]
}

/** The bucket index of sorted points; needed when their number crosses a power of two. */
function indexBuckets(points: Uint32Array, size: number, shift: number): Uint32Array {
  const buckets = new Uint32Array(2 ** (32 - shift))
  let at = 0
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    while (at < size && (points[at] as number) >>> shift < bucket) at++
    buckets[bucket] = at
  }
  return buckets
}
