import { isAddress } from './address.ts'
import { utf8Length } from './bytes.ts'
import {
  ACCUSED_INCARNATION_MAX,
  INCARNATION_MAX,
  META_BYTES_MAX,
  NAME_BYTES_MAX,
} from './limits.ts'
import type { Alive, Dead, NodeState, Suspect, Versions } from './messages.ts'
import { versionsFault, versionsMismatch } from './versions.ts'

/*
 * What a claim must look like before any rule sees it. Each answer is a reason to refuse it, one line
 * for the log, or undefined. A refused record is neither stored nor relayed: Go peers crash on
 * versions shorter than six bytes, and one record of another delegate protocol blocks all their syncs.
 */

export function aliveFault(claim: Alive, ours: Versions): string | undefined {
  return (
    nameFault(claim.node) ??
    incarnationFault(claim.incarnation, INCARNATION_MAX) ??
    addressFault(claim.address) ??
    metaFault(claim.meta) ??
    versionsFault(claim.versions) ??
    versionsMismatch(claim.versions, ours)
  )
}

export function accusationFault(claim: Suspect | Dead): string | undefined {
  return (
    nameFault(claim.node) ??
    nameFault(claim.from) ??
    incarnationFault(claim.incarnation, ACCUSED_INCARNATION_MAX)
  )
}

/** A row of a push/pull; a row that is not alive is an accusation. */
export function rowFault(row: NodeState, ours: Versions): string | undefined {
  const incarnationMax = row.state === 'alive' ? INCARNATION_MAX : ACCUSED_INCARNATION_MAX
  return (
    nameFault(row.name) ??
    incarnationFault(row.incarnation, incarnationMax) ??
    addressFault(row.address) ??
    metaFault(row.meta) ??
    versionsFault(row.versions) ??
    versionsMismatch(row.versions, ours)
  )
}

export function nameFault(name: string): string | undefined {
  if (name.length === 0) return 'the name is empty'
  // A UTF-16 unit is at most three bytes: short names need no counting.
  if (name.length * 3 <= NAME_BYTES_MAX) return undefined
  const bytes = utf8Length(name)
  return bytes > NAME_BYTES_MAX
    ? `the name has ${bytes} bytes, at most ${NAME_BYTES_MAX}`
    : undefined
}

function incarnationFault(incarnation: number, max: number): string | undefined {
  return incarnation > max ? `incarnation ${incarnation} is above the ceiling ${max}` : undefined
}

function addressFault(address: Uint8Array): string | undefined {
  return isAddress(address) ? undefined : `the address has ${address.length} bytes, not 4 or 16`
}

function metaFault(meta: Uint8Array): string | undefined {
  return meta.length > META_BYTES_MAX
    ? `the metadata has ${meta.length} bytes, at most ${META_BYTES_MAX}`
    : undefined
}
