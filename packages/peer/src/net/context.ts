import type { Keyring } from './keyring.ts'
import type { LinkContext } from './link.ts'
import type { PeerLog, PeerTarget, ResolvedOptions } from './options.ts'

/** What everything inside one hub shares. */
export interface HubContext extends LinkContext {
  readonly options: ResolvedOptions
  readonly log: PeerLog
  readonly random: () => number
  /** Undefined on a hub without keys: its links are plain. */
  readonly keyring: Keyring | undefined
  /** Our hello, to a target when we dial. */
  readonly encodeOurHello: (target: PeerTarget | undefined) => Uint8Array
}
