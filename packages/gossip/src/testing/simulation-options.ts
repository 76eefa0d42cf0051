import type { SwimConfig, SwimProfile } from '../core/config.ts'
import type { PlantedBug } from '../core/context.ts'
import type { Message, StateExchange } from '../core/messages.ts'
import type { NetworkConditions } from './simulated-network.ts'

/** A simulation; equal options give equal runs. */
export interface SimulationOptions {
  /** Any integer; everything random in the run comes from it. */
  readonly seed: number
  /** Ids, or how many: `n0`, `n1`, … */
  readonly nodes: number | readonly string[]
  /** @defaultValue 'lan' */
  readonly profile?: SwimProfile
  readonly config?: Partial<SwimConfig>
  readonly network?: Partial<NetworkConditions>
  /**
   * `joined`: all start within a tenth of a second and join through each other. `acquainted`: all start
   * knowing all, which spares big simulations the storm of joins. `manual`: the test uses `start` and `join`.
   * @defaultValue 'joined'
   */
  readonly begin?: 'joined' | 'acquainted' | 'manual'
  /** A mistake that all machines make, to show that the checkers find it. */
  readonly planted?: PlantedBug
  /** Off for runs of many members, where O(n²) checks cost more than the run. @defaultValue true */
  readonly checked?: boolean
  /** What the wire does to the messages of a packet; by default they arrive as they are. */
  readonly carry?: (messages: readonly Message[]) => readonly Message[]
  /** What the wire does to one half of a push/pull. */
  readonly carryState?: (exchange: StateExchange) => StateExchange
}
