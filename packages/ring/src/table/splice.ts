// A ring with one node more or less is the old table copied in long runs, with the node's points put between the runs
// or left out. Nothing else is hashed or sorted.

import {
  bucketShift,
  countBuckets,
  entryOf,
  expandPoints,
  indexAt,
  lowerBitsOf,
  numberOf,
  type PointTable,
  sealTable,
} from './point-table.ts'

/**
 * A table with more points, all of node `number`. O(points), and nearly all of it is copying memory.
 * @param added ascending
 * @param precedes whether another node comes before this one where their points are equal
 */
export function insertPoints(
  table: PointTable,
  added: Uint32Array,
  number: number,
  precedes: (other: number) => boolean,
): PointTable {
  const entries = new Uint32Array(table.size + added.length + 1)
  let from = 0
  let to = 0
  for (let i = 0; i < added.length; i++) {
    const point = added[i] as number
    const at = insertionIndex(table, point, precedes)
    copyRun(table, from, at, entries, to)
    to += at - from
    from = at
    entries[to] = entryOf(point, number)
    to++
  }
  copyRun(table, from, table.size, entries, to)
  return rebucket(sealTable(entries, moveBuckets(table, added, 1), table.shift))
}

function insertionIndex(
  table: PointTable,
  point: number,
  precedes: (other: number) => boolean,
): number {
  const end = table.buckets[(point >>> table.shift) + 1] as number
  const lower = lowerBitsOf(entryOf(point, 0))
  let at = indexAt(table, point)
  for (; at < end; at++) {
    const entry = table.entries[at] as number
    if (lowerBitsOf(entry) !== lower || !precedes(numberOf(entry))) break
  }
  return at
}

/**
 * A table with fewer points, all of node `number`. O(points), and nearly all of it is copying memory.
 * @param removed ascending; every one of them is in the table
 */
export function removePoints(table: PointTable, removed: Uint32Array, number: number): PointTable {
  const entries = new Uint32Array(table.size - removed.length + 1)
  let from = 0
  let to = 0
  for (let i = 0; i < removed.length; i++) {
    // A node can have the same point twice: the search for the second begins behind the first.
    let at = Math.max(from, indexAt(table, removed[i] as number))
    while (numberOf(table.entries[at] as number) !== number) at++
    copyRun(table, from, at, entries, to)
    to += at - from
    from = at + 1
  }
  copyRun(table, from, table.size, entries, to)
  return rebucket(sealTable(entries, moveBuckets(table, removed, -1), table.shift))
}

function copyRun(
  table: PointTable,
  from: number,
  end: number,
  entries: Uint32Array,
  to: number,
): void {
  if (from < end) entries.set(table.entries.subarray(from, end), to)
}

/** The bucket index after the change, with as many buckets: every start moves by the number of points changed before it. */
function moveBuckets(table: PointTable, changed: Uint32Array, sign: 1 | -1): Uint32Array {
  const { buckets: old, shift } = table
  const buckets = new Uint32Array(old.length)
  let bucket = 0
  for (let i = 0; i < changed.length; i++) {
    const last = (changed[i] as number) >>> shift
    for (; bucket <= last; bucket++) buckets[bucket] = (old[bucket] as number) + sign * i
  }
  const moved = sign * changed.length
  for (; bucket < old.length; bucket++) buckets[bucket] = (old[bucket] as number) + moved
  return buckets
}

/** Gives a table the number of buckets that suits its size; something to do only when that crosses a power of two. */
function rebucket(table: PointTable): PointTable {
  const shift = bucketShift(table.size)
  if (shift === table.shift) return table
  return { ...table, buckets: countBuckets(expandPoints(table), shift), shift }
}
