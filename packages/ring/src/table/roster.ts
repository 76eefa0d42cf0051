// Tables name owners by numbers that stay the same while other nodes come and go, because a node that sorts into the
// middle would otherwise rewrite the owner of every point. The roster translates.

import type { CheckedNode } from '../node.ts'

/** Who is behind the numbers of a table. */
export interface Roster {
  /** In the order of their ids. */
  readonly nodes: readonly CheckedNode[]
  /** Index in `nodes` → number. */
  readonly numbers: Uint16Array
  /** Number → index in `nodes`. */
  readonly indexes: Uint16Array
  /** Number → id; `undefined` for a number that is free. */
  readonly ids: readonly (string | undefined)[]
  /** Number → zone, counted from 0; nodes without a zone share one. */
  readonly zones: Uint16Array
  readonly zoneCount: number
}

/** A roster in which node i has the number i. O(n). */
export function createRoster(nodes: readonly CheckedNode[]): Roster {
  return fillRoster(
    nodes,
    Uint16Array.from(nodes, (_, i) => i),
  )
}

/** The lowest number that no node has. O(n). */
export function freeNumber(roster: Roster): number {
  const free = roster.ids.indexOf(undefined)
  return free === -1 ? roster.ids.length : free
}

/** A roster with one more node, which sorts at `index`. O(n). */
export function rosterWith(
  roster: Roster,
  index: number,
  node: CheckedNode,
  number: number,
): Roster {
  const numbers = new Uint16Array(roster.numbers.length + 1)
  numbers.set(roster.numbers.subarray(0, index))
  numbers[index] = number
  numbers.set(roster.numbers.subarray(index), index + 1)
  return fillRoster(Object.freeze(roster.nodes.toSpliced(index, 0, node)), numbers)
}

/** A roster in which the node at `index` has another weight or zone. O(n). */
export function rosterChanged(roster: Roster, index: number, node: CheckedNode): Roster {
  return fillRoster(Object.freeze(roster.nodes.with(index, node)), roster.numbers)
}

/** A roster without the node at `index`. O(n). */
export function rosterWithout(roster: Roster, index: number): Roster {
  const numbers = new Uint16Array(roster.numbers.length - 1)
  numbers.set(roster.numbers.subarray(0, index))
  numbers.set(roster.numbers.subarray(index + 1), index)
  return fillRoster(Object.freeze(roster.nodes.toSpliced(index, 1)), numbers)
}

function fillRoster(nodes: readonly CheckedNode[], numbers: Uint16Array): Roster {
  let numbersEnd = 0
  for (const number of numbers) numbersEnd = Math.max(numbersEnd, number + 1)
  const indexes = new Uint16Array(numbersEnd)
  const zones = new Uint16Array(numbersEnd)
  const ids = new Array<string | undefined>(numbersEnd).fill(undefined)
  const zoneNumbers = new Map<string, number>()
  for (const [index, node] of nodes.entries()) {
    const number = numbers[index] as number
    const zone = node.zone ?? ''
    const zoneNumber = zoneNumbers.get(zone) ?? zoneNumbers.size
    zoneNumbers.set(zone, zoneNumber)
    indexes[number] = index
    zones[number] = zoneNumber
    ids[number] = node.id
  }
  return { nodes, numbers, indexes, ids, zones, zoneCount: zoneNumbers.size }
}
