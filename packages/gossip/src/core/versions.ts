import type { PacketManner } from './effects.ts'
import type { Versions } from './messages.ts'

/*
 * `[PMin, PMax, PCur, DMin, DMax, DCur]`: the protocol of memberlist and the one of its delegate, each
 * as a range that is understood and the one that is spoken.
 */
export const VERSIONS_BYTES = 6
const P_MIN = 0
const P_MAX = 1
const P_CUR = 2
const D_MIN = 3
const D_MAX = 4
const D_CUR = 5

/** Since this protocol version a peer answers pings over a stream. */
const STREAM_PING_SINCE = 3
/** Since this protocol version a peer sends nacks. */
const NACK_SINCE = 4

/** Since this protocol version a peer understands checksums. */
const CHECKSUM_SINCE = 5

const at = (versions: Versions, index: number): number => versions[index] ?? 0

export const answersStreamPings = (versions: Versions): boolean =>
  at(versions, P_MAX) >= STREAM_PING_SINCE

export const sendsNacks = (versions: Versions): boolean => at(versions, P_MAX) >= NACK_SINCE

const CHECKED: PacketManner = { checksum: true }
const UNCHECKED: PacketManner = { checksum: false }

/** How gossip, suspect probes and user messages are sent to a member of these versions, as memberlist does. */
export const mannerFor = (versions: Versions): PacketManner =>
  at(versions, P_MAX) >= CHECKSUM_SINCE ? CHECKED : UNCHECKED

/** Why these versions are not usable at all, or undefined. */
export function versionsFault(versions: Versions): string | undefined {
  if (versions.length !== VERSIONS_BYTES) {
    return `versions have ${versions.length} bytes instead of ${VERSIONS_BYTES}`
  }
  const min = at(versions, P_MIN)
  const max = at(versions, P_MAX)
  if (min === 0 || max === 0 || min > max) return `protocol range ${min}…${max} is not valid`
  return undefined
}

/**
 * Why a peer and we cannot understand each other, or undefined. memberlist fails a whole state
 * exchange over one such record; we compare each record with ourselves and skip only that one.
 */
export function versionsMismatch(theirs: Versions, ours: Versions): string | undefined {
  return (
    rangeMismatch('protocol', theirs, ours, P_MIN, P_MAX, P_CUR) ??
    rangeMismatch('delegate protocol', theirs, ours, D_MIN, D_MAX, D_CUR)
  )
}

function rangeMismatch(
  what: string,
  theirs: Versions,
  ours: Versions,
  min: number,
  max: number,
  current: number,
): string | undefined {
  const low = Math.max(at(theirs, min), at(ours, min))
  const high = Math.min(at(theirs, max), at(ours, max))
  for (const speaker of [theirs, ours]) {
    const spoken = at(speaker, current)
    if (spoken < low || spoken > high) {
      return `${what} version ${spoken} is outside the common range ${low}…${high}`
    }
  }
  return undefined
}
