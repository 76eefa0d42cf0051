import type { SwimConfig, SwimProfile } from '../core/config.ts'
import type { PlantedBug } from '../core/context.ts'
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
  /**
   * `decoded`: messages arrive as the objects that were sent. `bytes`: every packet and stream goes
   * through the real wire codec, and its bytes are counted. Both give the same trace.
   * @defaultValue 'decoded'
   */
  readonly wire?: 'decoded' | 'bytes'
  /** A mistake that all machines make, to show that the checkers find it. */
  readonly planted?: PlantedBug
  /** False checks no invariants. @defaultValue true */
  readonly checked?: boolean
  /** The command that repeats this run; failures show it beside the seed. */
  readonly replay?: string
}
