// Redis command routing over consistent-hash pools. Reading order: topology.ts, router.ts, proxy/session.ts,
// plan/plan-redis.ts, pool/static-pool.ts, pool/upstream.ts, codec/resp/request-decoder.ts.

export type {
  BackendCounters,
  MigrationCounters,
  PoolCounters,
  RouterCounters,
} from './counters.ts'
export { ROUTER_ERROR_CODES, RouterError, type RouterErrorCode } from './errors.ts'
export { DEFAULT_LIMITS, type RouterLimits } from './limits.ts'
export type { PoolDriver, ReplySink, RoutedCommand } from './pool/pool-driver.ts'
export {
  type CloseOptions,
  createRouter,
  type Listener,
  type ListenerOptions,
  type Router,
  type RouterEvent,
  type RouterMessage,
  type RouterOptions,
} from './router.ts'
export type {
  BackendAccess,
  BackendTls,
  BackendTopology,
  MigrationTopology,
  PlacementTopology,
  PoolTopology,
  Topology,
} from './topology.ts'
