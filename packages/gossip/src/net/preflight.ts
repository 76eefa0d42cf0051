import { hostOf } from '../core/address.ts'
import type { NodeState, StateExchange } from '../core/messages.ts'
import { formatAddress } from './addresses.ts'
import { GossipError } from './errors.ts'

/**
 * A push/pull that joins nothing and tells nothing: memberlist and Serf answer it with their full state.
 * It is asked before we announce ourselves, because a wrong announcement does harm: one record of other
 * delegate versions stops all syncs of a Serf cluster, and a second holder of a name can make an agent exit.
 */
export const PEEK: StateExchange = { join: false, nodes: [], userState: new Uint8Array(0) }

export interface Applicant {
  readonly name: string
  readonly address: Uint8Array
  readonly port: number
  readonly versions: Uint8Array
}

const D_MIN = 3
const D_MAX = 4
const D_CUR = 5

/** The living member that has our name at another address, or undefined. */
export function findNamesake(
  rows: readonly NodeState[],
  { address, name, port }: Applicant,
): NodeState | undefined {
  return rows.find(
    (row) =>
      row.name === name &&
      (row.state === 'alive' || row.state === 'suspect') &&
      !(hostOf(row.address) === hostOf(address) && row.port === port),
  )
}

/** Why the cluster and we do not speak the same delegate versions, or undefined when we do. */
export function delegateMismatch(
  rows: readonly NodeState[],
  { versions }: Applicant,
): GossipError | undefined {
  for (const row of rows) {
    if (row.state !== 'alive' || row.versions.length !== 6) continue
    const low = Math.max(at(row.versions, D_MIN), at(versions, D_MIN))
    const high = Math.min(at(row.versions, D_MAX), at(versions, D_MAX))
    const speak = [at(row.versions, D_CUR), at(versions, D_CUR)]
    if (speak.some((version) => version < low || version > high)) return mismatch(row, versions)
  }
  return undefined
}

const at = (versions: Uint8Array, index: number) => versions[index] ?? 0

const rangeOf = (versions: Uint8Array) =>
  `${at(versions, D_MIN)}-${at(versions, D_MAX)} (speaks ${at(versions, D_CUR)})`

function mismatch(row: NodeState, ours: Uint8Array): GossipError {
  return new GossipError('GOSSIP_DELEGATE_MISMATCH', {
    member: row.name,
    theirs: rangeOf(row.versions),
    ours: rangeOf(ours),
    set: adviceFor(row.versions),
  })
}

/** What the user has to set to fit in. */
function adviceFor(theirs: Uint8Array): string {
  const [min, max, current] = [at(theirs, D_MIN), at(theirs, D_MAX), at(theirs, D_CUR)]
  if (min === 0 && max === 0) return '--delegate plain'
  if (max >= 4 && current >= 2) return '--delegate serf'
  return `delegate { min: ${min}, max: ${max}, current: ${current} }`
}

/** The error for a name that is in use. */
export function nameTaken({ address, name, port }: NodeState): GossipError {
  return new GossipError('GOSSIP_NAME_TAKEN', {
    name,
    by: formatAddress({ host: hostOf(address), port }),
    set: '--name to something else, or stop the other member',
  })
}
