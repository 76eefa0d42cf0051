export { type BoundedLoad, type BoundedLoadOptions, createBoundedLoad } from './bounded-load.ts'
export type { RingArc, RingDiff, RingTransfer } from './diff.ts'
export { RingError, type RingErrorCode } from './errors.ts'
export { crc16 } from './hash/crc16.ts'
export { xxh32 } from './hash/xxh32.ts'
export { xxh64 } from './hash/xxh64.ts'
export { hashTag } from './hash-tag.ts'
export { RING_LIMITS } from './limits.ts'
export type { RingNode } from './node.ts'
export type { KeyHash, RingOptions, RingwayOptions } from './options.ts'
export type { EnvoyHash, EnvoyOptions } from './placement/envoy.ts'
export type { HaproxyHash, HaproxyOptions } from './placement/haproxy.ts'
export type { HashringOptions } from './placement/hashring.ts'
export type { JumpOptions } from './placement/jump.ts'
export type { KetamaOptions, TwemproxyHash } from './placement/ketama.ts'
export type {
  KetamaPlainOptions,
  KetamaWeightedOptions,
  LibmemcachedHash,
} from './placement/libmemcached.ts'
export type { MaglevOptions } from './placement/maglev.ts'
export type { McrouterFunction, McrouterOptions } from './placement/mcrouter.ts'
export type { ModulaOptions, ModulaStyle } from './placement/modula.ts'
export type { NginxOptions } from './placement/nginx.ts'
export {
  type OptionsOf,
  type PlacementFacts,
  type PlacementName,
  type PlacementOptions,
  RING_PLACEMENTS,
} from './placement/placements.ts'
export type { CaddyOptions, RendezvousOptions } from './placement/rendezvous.ts'
export { type PlanNode, type PlanRing, plan, type RingPlan } from './plan.ts'
export { type AnyRing, createRing, type Ring, type RingPoints, type SpreadOptions } from './ring.ts'
export { SLOT_COUNT, slotOf, slotPosition } from './slot.ts'
