import { createRing, type Ring } from '@ringway/ring'
import { collectGarbage, type Row } from '../harness.ts'
import { addresses, asNodes, hashRingUncached } from './subjects.ts'

const MEGABYTE = 2 ** 20

/** What `make` keeps alive, in megabytes: the heap and the array buffers. */
function retained(make: () => unknown): number {
  const used = () => {
    collectGarbage()
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  const kept = make()
  const after = used()
  return kept === undefined ? 0 : (after - before) / MEGABYTE
}

/** Memory of rings, and of one generation more. */
export function measureMemory(): Row[] {
  const rows: Row[] = []
  for (const count of [3, 100, 1000]) {
    const nodes = asNodes(addresses(count))
    let ring: Ring = createRing([])
    rows.push({
      what: `memory, ${count} nodes (a quarter of it spare and untouched)`,
      value: retained(() => {
        ring = createRing(nodes)
        return ring
      }),
      unit: 'MB',
    })
    rows.push({
      what: `memory, ${count} nodes: one more generation`,
      value: retained(() => ring.with({ id: 'joining' })),
      unit: 'MB',
    })
  }
  rows.push({
    what: 'memory, 100 nodes: hashring (160 points per node)',
    value: retained(() => hashRingUncached(addresses(100))),
    unit: 'MB',
  })
  return rows
}
