// Redis command routing over consistent-hash pools. Reading order: topology.ts, router.ts, proxy/session.ts,
// plan/plan-redis.ts, pool/static-pool.ts, pool/upstream.ts, codec/resp/request-decoder.ts.

export { BALANCES, type Balance } from './balance/balance.ts'
export type {
  BackendCounters,
  CachingCounters,
  HttpBackendCounters,
  HttpResponseCounters,
  MigrationCounters,
  OrderedCounters,
  PoolCounters,
  RouterCounters,
} from './counters.ts'
export { ROUTER_ERROR_CODES, RouterError, type RouterErrorCode } from './errors.ts'
export { EJECT_PERCENT_MAX, PANIC_PERCENT } from './health/ejection-cap.ts'
export { Electorate, type ElectorateLimits, type Verdict } from './health/electorate.ts'
export { OUTLIER_LIMITS, type OutlierLimits } from './health/outliers.ts'
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http-limits.ts'
export { DEFAULT_LIMITS, type RouterLimits } from './limits.ts'
export { type CookieSettings, cookieFault } from './plan/http/cookie-settings.ts'
export type { ForwardingOptions } from './plan/http/forwarding.ts'
export type { HttpRoute } from './plan/http/http-route.ts'
export type { LearnedSessions } from './plan/http/learned-session.ts'
export {
  SESSION_PRESETS,
  type SessionPreset,
  type SessionPresetName,
} from './plan/http/session-presets.ts'
export { parseSessionSource, SESSION_SOURCE_ALLOWED } from './plan/http/session-source.ts'
export { STICKIES, type Sticky } from './plan/http/stickiness.ts'
export { type LinkedPool, type PoolLinkFault, poolLinkFault } from './plan/pool-links.ts'
export { type CopyPolicy, DEFAULT_COPY_POLICY } from './pool/copies/policy.ts'
export type { SharedChange, SharedKeys } from './pool/copies/shared-keys.ts'
export type { ForwardedCommand, ForwardedReply, OrderedMessage } from './pool/ordered/message.ts'
export type { PoolDriver, ReplySink, RoutedCommand } from './pool/pool-driver.ts'
export { ROUTED_POOLS_MAX } from './pool/routed/routed-place.ts'
export type { PoolRoute } from './pool/routed/routed-pool.ts'
export { checkHttpListener, type HttpListenerSettings } from './proxy/http-listener.ts'
export {
  checkListenerTls,
  type ListenerCertificate,
  type ListenerTls,
} from './proxy/listener-tls.ts'
export type { ListenerAuth } from './proxy/redis-listener.ts'
export type { ListenerEvent } from './proxy/socket-listener.ts'
export {
  type CloseOptions,
  createRouter,
  type HttpListenerOptions,
  type Listener,
  type ListenerOptions,
  type PoolListenerOptions,
  type Router,
  type RouterEvent,
  type RouterMessage,
  type RouterOptions,
} from './router.ts'
export type {
  BackendAccess,
  BackendTls,
  BackendTopology,
  CheckTopology,
  FailoverTopology,
  HttpCheckTopology,
  HttpPoolTopology,
  MigrationTopology,
  OrderedByTopology,
  PlacementTopology,
  PoolTopology,
  ShadowTopology,
  Topology,
} from './topology.ts'
