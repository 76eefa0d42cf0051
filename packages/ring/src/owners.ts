import { RingError } from './errors.ts'
import { endFlag, entryIndexAt, type PointTable, segmentOf } from './table/point-table.ts'
import type { Roster } from './table/roster.ts'

/** Up to this many owners a search in the list found so far is cheaper than a mark per node. */
const LISTED_MAX = 16

/**
 * The first `count` distinct nodes clockwise from a position. Expected O(count) while count is small against the number
 * of nodes; O(points) at worst.
 */
export function walkOwners(
  table: PointTable,
  roster: Roster,
  position: number,
  count: number,
): string[] {
  const wanted = Math.min(checkCount(count), roster.nodes.length)
  const found: string[] = []
  if (wanted === 0) return found
  const marks = wanted > LISTED_MAX ? new Uint8Array(roster.ids.length) : undefined
  const { entries, index } = table
  const flag = endFlag(table.bits)
  let segment = segmentOf(table, position)
  let at = entryIndexAt(table, position)
  while (found.length < wanted) {
    const entry = entries[at++] as number
    if ((entry & flag) !== 0) {
      segment = (segment + 1) & (index.length - 1)
      at = index[segment] as number
      continue
    }
    const number = entry & (flag - 1)
    const id = roster.ids[number] as string
    if (marks ? marks[number] === 1 : found.includes(id)) continue
    if (marks) marks[number] = 1
    found.push(id)
  }
  return found
}

/**
 * As `walkOwners`, but nodes whose zone is already used step back: first one node of each zone in walk order, then, when
 * no zone is left, those that stepped back, in walk order. The primary is the same. O(points) at worst.
 */
export function walkZones(
  table: PointTable,
  roster: Roster,
  position: number,
  count: number,
): string[] {
  const wanted = Math.min(checkCount(count), roster.nodes.length)
  const zonesWanted = Math.min(wanted, roster.zoneCount)
  const found: string[] = []
  const steppedBack: string[] = []
  const marks = new Uint8Array(roster.ids.length)
  const zonesUsed = new Uint8Array(roster.zoneCount)
  const { entries, index } = table
  const flag = endFlag(table.bits)
  let segment = segmentOf(table, position)
  let at = entryIndexAt(table, position)
  while (found.length < zonesWanted || found.length + steppedBack.length < wanted) {
    const entry = entries[at++] as number
    if ((entry & flag) !== 0) {
      segment = (segment + 1) & (index.length - 1)
      at = index[segment] as number
      continue
    }
    const number = entry & (flag - 1)
    if (marks[number] === 1) continue
    marks[number] = 1
    const zone = roster.zones[number] as number
    const list = zonesUsed[zone] === 1 ? steppedBack : found
    zonesUsed[zone] = 1
    list.push(roster.ids[number] as string)
  }
  for (let i = 0; found.length < wanted; i++) found.push(steppedBack[i] as string)
  return found
}

function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 0) return count
  throw new RingError('RING_COUNT_INVALID', { count: String(count) })
}
