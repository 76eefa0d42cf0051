import { hostOf } from './address.ts'
import { ownBytes } from './bytes.ts'
import type { Peer } from './member.ts'
import type { Address, Alive } from './messages.ts'
import type { SwimOptions } from './options.ts'

/** The peer that an alive describes; its bytes pin nothing but themselves. */
export function peerOf(claim: Alive, options: SwimOptions): Peer {
  return Object.freeze({
    name: claim.node,
    address: ownBytes(claim.address),
    port: claim.port,
    meta: ownBytes(claim.meta),
    versions: ownBytes(claim.versions),
    to: targetOf(claim, options.port),
  })
}

/** Where an alive says to send; port 0 means "the same port as yours". */
export function targetOf(claim: Alive, ourPort: number): Address {
  return { host: hostOf(claim.address), port: claim.port === 0 ? ourPort : claim.port }
}
