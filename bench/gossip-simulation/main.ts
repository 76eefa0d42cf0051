// Clusters of 100, 1,000 and 10,000 members in the simulator, every packet in the bytes of the wire: what must not grow with N.

import { report } from '../harness.ts'
import { measureScale } from './scale.ts'

/** Members, and how many of them are killed one after the other. */
const CLUSTERS = [
  [100, 20],
  [1_000, 20],
  [10_000, 5],
] as const

// The largest takes many minutes: what the smaller ones gave is not lost with it.
for (const [members, kills] of CLUSTERS) {
  report(`gossip-simulation-${members}`, measureScale(members, kills))
}
