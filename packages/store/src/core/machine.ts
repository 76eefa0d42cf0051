import type { Campaigns } from './campaigns.ts'
import type { Commands } from './commands.ts'
import type { StoreEffects } from './effects.ts'
import type { Entries } from './entries.ts'
import type { Gathers } from './gathers.ts'
import type { HybridClock } from './hybrid-clock.ts'
import type { Inquiries } from './inquiries.ts'
import type { StoreMessage } from './messages.ts'
import type { PlantedBug, ResolvedOptions } from './options.ts'
import type { Pulls } from './pulls.ts'
import type { Pushes } from './pushes.ts'
import type { StoreCounters } from './status.ts'
import type { Streams } from './streams.ts'
import type { View } from './view.ts'
import type { Writes } from './writes.ts'

/**
 * What the parts of one member share. `now` and `out` belong to the call that is running; nothing keeps them.
 *
 * ```text
 *   client ─► Commands ──► Writes ──► replicas          View: who is there, owns, holds, serves
 *                │                                      Campaigns: how a member comes to serve a slot
 *                └──► another member's Commands         Pulls ◄─ Streams: filling a new owner
 *                                                       Pushes: repair, stand-ins, giving copies up
 * ```
 */
export interface Machine {
  readonly options: ResolvedOptions
  readonly view: View
  readonly clock: HybridClock
  readonly entries: Entries
  readonly commands: Commands
  readonly writes: Writes
  readonly campaigns: Campaigns
  readonly streams: Streams
  readonly pulls: Pulls
  readonly pushes: Pushes
  readonly gathers: Gathers
  readonly inquiries: Inquiries
  readonly counters: StoreCounters
  readonly planted: PlantedBug | undefined
  now: number
  out: StoreEffects
  nextId(): number
  send(index: number, message: StoreMessage): void
  broadcast(message: StoreMessage): void
  /** Look at this slot again before the call ends: its owners, holders or claim changed. */
  touch(slot: number): void
  touchAll(): void
  /** This member holds the slot from now on; told to all before the call ends. */
  hold(slot: number, lineage: number): void
  unhold(slot: number): void
}
