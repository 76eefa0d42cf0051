export type { PeerStats } from './net/counters.ts'
export { createPeerHub } from './net/hub.ts'
export type { Peer } from './net/link.ts'
export {
  PEER_LIMITS,
  type PeerAddress,
  type PeerHubOptions,
  type PeerLimits,
  type PeerLog,
  type PeerTarget,
} from './net/options.ts'
export type { PeerHub, PeerSender } from './net/peer-hub.ts'
export type { RequestDone } from './net/request-table.ts'
export type { PeerLinkInfo } from './net/slot.ts'
export { FRAME_BYTES_MAX, PREHELLO_BYTES_MAX } from './wire/limits.ts'
export { PEER_ERRORS, PeerError, type PeerErrorCode } from './wire/peer-error.ts'
export { REFUSALS, type RefusalCode } from './wire/refusal.ts'
