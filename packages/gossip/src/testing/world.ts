import type { SwimConfig } from '../core/config.ts'
import type { MemberEvent, Millis } from '../core/effects.ts'
import type { EventHeap } from './event-heap.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { SimulatedWire } from './simulated-wire.ts'
import type { SimulationCounts } from './simulation-counts.ts'
import type { Trace } from './trace.ts'

/** What all parts of a simulation share. */
export interface World {
  readonly seed: number
  readonly now: Millis
  readonly heap: EventHeap
  readonly trace: Trace
  readonly network: SimulatedNetwork
  readonly wire: SimulatedWire
  readonly counts: SimulationCounts
  readonly config: SwimConfig
  /** By id, in the order of `add`. */
  readonly nodes: ReadonlyMap<string, SimulatedNode>
  /** By host. */
  readonly byAddress: ReadonlyMap<string, SimulatedNode>
  /** A call into a machine has returned. */
  afterCall(node: SimulatedNode): void
  notify(node: SimulatedNode, event: MemberEvent): void
}
