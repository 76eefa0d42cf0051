export type { PlantedBug } from '../core/options.ts'
export { judge, type Operation, type Violation } from './history.ts'
export { LAN_TIMING, type NetworkTiming } from './network.ts'
export { Random } from './random.ts'
export {
  Simulation,
  type SimulationOptions,
  type SimulationReport,
  sumCounters,
} from './simulation.ts'
