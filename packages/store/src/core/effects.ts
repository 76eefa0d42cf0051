import type { StoreMessage } from './messages.ts'

/** The host's name for a client that waits for a reply. Any number; the machine only hands it back. */
export type ReplyToken = number

export type StoreEvent =
  /** This member began to serve slots, after asking the others for newer entries. */
  | { readonly type: 'promoted'; readonly slots: number }
  /** Another member serves slots that this one served; its unacknowledged writes were answered with an error. */
  | { readonly type: 'deposed'; readonly slots: number; readonly by: string }
  /** This member handed slots to the member that should serve them. */
  | { readonly type: 'conceded'; readonly slots: number; readonly to: string }
  /** Nobody alive had these slots; they start empty. Their data is lost. */
  | { readonly type: 'slots-lost'; readonly slots: number }
  /** Two clusters met: the older data line stays in place, this member's copy is merged into it. */
  | { readonly type: 'lineage-lost'; readonly slots: number; readonly to: string }
  /** This member was away for longer than tombstones live, and dropped its copy. */
  | { readonly type: 'copy-expired'; readonly slots: number }
  /** A peer's clock is too far ahead; what it sends is refused. */
  | { readonly type: 'clock-drift'; readonly member: string; readonly aheadMs: number }
  /** A peer speaks another protocol version or counts slots differently. */
  | { readonly type: 'incompatible'; readonly member: string; readonly reason: string }
  /** Every acknowledged write survives `replicas - 1` faults, or no longer does. */
  | { readonly type: 'safe'; readonly safe: boolean }

/**
 * What the machine wants done. The machine calls these while it runs; implementations take notes and never call
 * back in before the machine's call has returned.
 *
 * Byte arrays may be views into memory that changes later: encode or copy them before returning.
 */
export interface StoreEffects {
  reply(token: ReplyToken, reply: Uint8Array): void
  /** To a member whose link is up. If it cannot be sent, break the link and call `linkDown`. */
  send(member: string, message: StoreMessage): void
  /** The machine's only timer: call `tick` at this time (ms since 1970). A later call replaces an earlier one. */
  setTimer(at: number): void
  notify(event: StoreEvent): void
}
