export type { SwimConfig, SwimProfile } from '../core/config.ts'
export { PLANTED_BUGS, type PlantedBug } from '../core/context.ts'
export { type Pcg32, pcg32 } from '../core/random.ts'
export { type RecordedEffects, recordEffects, type Sent } from '../core/recording.ts'
export type { SwimTally } from '../core/tally.ts'
export { detectionBoundMs, minutes, seconds, settleMs, spreadMs } from './durations.ts'
export type { NetworkConditions } from './simulated-network.ts'
export type { View } from './simulated-node.ts'
export type { Rhythm } from './simulated-processes.ts'
export type { SimulationCounts } from './simulation-counts.ts'
export {
  SimulationError,
  type SimulationErrorCode,
  type SimulationErrorDetails,
} from './simulation-error.ts'
export type { SimulationOptions } from './simulation-options.ts'
export { type Simulation, type SimulationListener, simulate } from './simulator.ts'
export {
  type SlowMinorityOptions,
  type SlowMinorityResult,
  slowMinority,
} from './slow-minority.ts'
