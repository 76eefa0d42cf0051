import type { Address, AddressBytes, Versions } from './messages.ts'

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
