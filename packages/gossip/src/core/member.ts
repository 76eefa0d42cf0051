import type { Member, Millis } from './effects.ts'
import type { Address, AddressBytes, RemoteState, Versions } from './messages.ts'
import type { Suspicion } from './suspicion.ts'

/** Who a member is, frozen: many tables may share one. */
export interface Peer {
  readonly name: string
  /** The bytes as they came: relayed and compared bytewise. */
  readonly address: AddressBytes
  /** The port as it came; 0 means the receiver's own port. */
  readonly port: number
  readonly meta: Uint8Array
  readonly versions: Versions
  /** Where to send: the normalised form of `address` and `port`. */
  readonly to: Address
}

/** One row of the member table. Only the parts of the machine write to it. */
export interface MemberRow {
  peer: Peer
  state: RemoteState
  incarnation: number
  /** When `state` last changed. */
  since: Millis
  suspicion: Suspicion | undefined
  /** Smoothed round trip in whole microseconds, so that the row holds small integers only; −1 = unknown. */
  rttMicros: number
  /** The address proved to be gone: the name may move at once. */
  released: boolean
}

/** The row of a member that is alive and was not known before. */
export const freshRow = (peer: Peer, incarnation: number, since: Millis): MemberRow => ({
  peer,
  state: 'alive',
  incarnation,
  since,
  suspicion: undefined,
  rttMicros: -1,
  released: false,
})

export const isGone = (row: MemberRow): boolean => row.state === 'dead' || row.state === 'left'

/** The row as the application sees it. */
export function viewOf(row: MemberRow): Member {
  const { peer } = row
  const view = {
    name: peer.name,
    address: peer.to,
    state: row.state,
    incarnation: row.incarnation,
    meta: peer.meta,
    versions: peer.versions,
  }
  return row.rttMicros < 0 ? view : { ...view, rttMs: row.rttMicros / 1000 }
}
