import type { CheckedNode } from './node.ts'

/** How many nodes are asked for at first for each owner that is wanted. */
const FIRST_FACTOR = 4

/**
 * The first `count` indexes of an order in which nodes whose zone has been seen step back: first one node of each zone,
 * then, when no zone is left, those that stepped back. Nodes without a zone are one zone. The owner stays first, and a
 * node that comes or goes changes nothing but the places that it takes or leaves. O(nodes) at worst.
 * @param count at most the number of nodes
 * @param order the first so many indexes, the owner first
 */
export function spreadOverZones(
  nodes: readonly CheckedNode[],
  count: number,
  order: (count: number) => readonly number[],
): readonly number[] {
  const zones = new Set(nodes.map(({ zone }) => zone ?? ''))
  const zonesWanted = Math.min(count, zones.size)
  for (
    let asked = Math.min(nodes.length, count * FIRST_FACTOR);
    ;
    asked = Math.min(nodes.length, asked * 2)
  ) {
    const chosen: number[] = []
    const steppedBack: number[] = []
    const seen = new Set<string>()
    for (const index of order(asked)) {
      const zone = nodes[index]?.zone ?? ''
      if (seen.has(zone)) steppedBack.push(index)
      else chosen.push(index)
      seen.add(zone)
    }
    const complete = chosen.length >= zonesWanted && chosen.length + steppedBack.length >= count
    if (complete || asked === nodes.length) return [...chosen, ...steppedBack].slice(0, count)
  }
}
