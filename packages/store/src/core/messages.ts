/**
 * What members say to each other. Plain data with short field names, so that any structured codec carries it.
 * A link delivers in order and loses messages only by breaking; nothing here is repeated or acknowledged for the
 * transport's sake.
 *
 * Slot lists travel as ranges `[first, length, first, length, …]`; per-slot numbers as runs `[value, count, …]`.
 * Versions and epochs are hybrid-clock numbers: milliseconds × 2048 + counter.
 */

/** `[slot, key, value, version, writer, expireAt, removed]`; `removed` is 1 for a tombstone. */
export type EntryRow = readonly [
  slot: number,
  key: Uint8Array,
  value: Uint8Array,
  version: number,
  writer: number,
  expireAt: number,
  removed: 0 | 1,
]

/** `[slot, key, version, writer]`: that the sender has this much of a key. */
export type HaveRow = readonly [slot: number, key: Uint8Array, version: number, writer: number]

/** `[slot, flush version]`: everything at or below the version is gone. */
export type FlushRow = readonly [slot: number, version: number]

/** `[slot, epoch, primary]`: who serves a slot as far as the sender knows; primary '' when only promised. */
export type ClaimRow = readonly [slot: number, epoch: number, primary: string]

/**
 * First message on a link, from both sides: what I hold (lineage per slot, 0 = not), what I serve (epoch per slot, 0 = not,
 * negative when claimed while cut off from half of the members).
 */
export interface HelloMessage {
  readonly t: 'hi'
  /** Protocol version. */
  readonly v: number
  readonly i: string
  /** Number of slots; members that count differently cannot share data. */
  readonly z: number
  /** Writer number. */
  readonly w: number
  /** Highest version seen. */
  readonly n: number
  /** The sender's clock, ms since 1970. */
  readonly c: number
  readonly h: readonly number[]
  readonly s: readonly number[]
  readonly f: readonly FlushRow[]
}

/** Sent every `beatMs` on every link. */
export interface BeatMessage {
  readonly t: 'beat'
  readonly n: number
  readonly c: number
}

/** The sender now holds the slots `s` with the lineages `l` (runs). */
export interface HoldMessage {
  readonly t: 'hold'
  readonly s: readonly number[]
  readonly l: readonly number[]
}

/** The sender no longer holds the slots. */
export interface DropMessage {
  readonly t: 'drop'
  readonly s: readonly number[]
}

/** The sender serves the slots from epoch `e` on; negative when it claimed them while cut off. */
export interface ClaimMessage {
  readonly t: 'claim'
  readonly e: number
  readonly s: readonly number[]
}

/** The sender knows nobody who serves the slots; `p` (runs) the highest epoch it has promised or heard for each. */
export interface WhoMessage {
  readonly t: 'who'
  readonly s: readonly number[]
  readonly p: readonly number[]
}

/** The sender wants to serve the slots with epoch `e`; `g` their digests, `l` lineages (runs), `u` members it cannot reach. */
export interface AskMessage {
  readonly t: 'ask'
  readonly id: number
  readonly e: number
  readonly s: readonly number[]
  readonly g: readonly number[]
  readonly l: readonly number[]
  readonly u: readonly string[]
}

/** The answer to `ask`, after all `part`s of it: refused slots with the claim that stands against them. */
export interface VoteMessage {
  readonly t: 'vote'
  readonly id: number
  readonly n: number
  readonly no: readonly ClaimRow[]
}

/** I own these slots and do not hold them: send me what you have; `g` my digests. */
export interface PullMessage {
  readonly t: 'pull'
  readonly id: number
  readonly s: readonly number[]
  readonly g: readonly number[]
}

/** A chunk of a stream of entries: for a pull (`k: 0`) or for a vote (`k: 1`). */
export interface PartMessage {
  readonly t: 'part'
  readonly id: number
  readonly k: 0 | 1
  readonly es: readonly EntryRow[]
  readonly f: readonly FlushRow[]
  /** Slots granted with this chunk (ranges), their lineages (runs) and digests. Pull only. */
  readonly gr: readonly number[]
  readonly l: readonly number[]
  readonly g: readonly number[]
  /** Slots that the sender does not serve (ranges). Pull only. */
  readonly x: readonly number[]
  /** 1 with the last chunk. Pull only. */
  readonly end: 0 | 1
}

/** The chunk was taken in: send another. */
export interface MoreMessage {
  readonly t: 'more'
  readonly id: number
  readonly k: 0 | 1
}

/** Store this entry: the sender serves its slot with epoch `e`, negative when it claimed it while cut off. `id` 0 asks for no answer. */
export interface WriteMessage {
  readonly t: 'w'
  readonly id: number
  readonly e: number
  readonly r: EntryRow
}

/** Everything in the slot at or below version `n` is gone; `e` as in a write. */
export interface FlushMessage {
  readonly t: 'z'
  readonly id: number
  readonly e: number
  readonly s: number
  readonly n: number
}

/** Write `id` is applied. */
export interface AppliedMessage {
  readonly t: 'a'
  readonly id: number
}

/** Write `id` is refused: the slot belongs to a higher epoch (`p` promised; `c` the claim in force), or there is no room or clock. */
export interface RefusedMessage {
  readonly t: 'n'
  readonly id: number
  readonly why: 'primary' | 'full' | 'clock'
  readonly p: number
  readonly c: ClaimRow | undefined
}

/** Compare these slots: digests `g`. `k` 1: the sender wants to give its copy away; 0: repair. */
export interface SumMessage {
  readonly t: 'sum'
  readonly id: number
  readonly k: 0 | 1
  readonly s: readonly number[]
  readonly g: readonly number[]
  readonly f: readonly FlushRow[]
}

/** Of the slots of `sum`: which differ, and which the sender neither owns nor holds and so cannot vouch for (ranges). */
export interface DiffMessage {
  readonly t: 'diff'
  readonly id: number
  readonly s: readonly number[]
  readonly no: readonly number[]
}

/** What I have; tell me what you lack. */
export interface HaveMessage {
  readonly t: 'have'
  readonly id: number
  readonly es: readonly HaveRow[]
  readonly f: readonly FlushRow[]
}

/** Indices of `have` that the sender lacks; slots (ranges) it cannot vouch for. */
export interface LackMessage {
  readonly t: 'lack'
  readonly id: number
  readonly i: readonly number[]
  readonly no: readonly number[]
}

/** Entries to merge by version; `end` 1 with the last of this round. */
export interface MergeMessage {
  readonly t: 'merge'
  readonly id: number
  readonly es: readonly EntryRow[]
  readonly end: 0 | 1
}

/** All `merge` chunks of the round are in; `ok` 0 when some did not fit. */
export interface MergedMessage {
  readonly t: 'merged'
  readonly id: number
  readonly ok: 0 | 1
}

/** Run this command for me: `h` hops so far, `m` milliseconds left, `s` slot, `r` RESP version of the client. */
export interface CallMessage {
  readonly t: 'c'
  readonly id: number
  readonly h: number
  readonly m: number
  readonly s: number
  readonly r: 2 | 3
  readonly a: readonly Uint8Array[]
}

/** The reply to `c`. */
export interface ReplyMessage {
  readonly t: 'r'
  readonly id: number
  readonly b: Uint8Array
}

/** `c` was not run: the sender does not serve the slot; `c` is the claim it knows. */
export interface NotOwnerMessage {
  readonly t: 'o'
  readonly id: number
  readonly c: ClaimRow | undefined
}

/** A question to every member: sizes, keys, a flush. */
export interface GatherMessage {
  readonly t: 'q'
  readonly id: number
  readonly op: 'size' | 'flush' | 'keys' | 'random'
  readonly m: number
  readonly p: Uint8Array
}

/** A member's share of the answer; `ok` 0 when it could not finish. */
export interface ShareMessage {
  readonly t: 'share'
  readonly id: number
  readonly ok: 0 | 1
  readonly n: number
  readonly ks: readonly Uint8Array[]
}

export type StoreMessage =
  | HelloMessage
  | BeatMessage
  | HoldMessage
  | DropMessage
  | ClaimMessage
  | WhoMessage
  | AskMessage
  | VoteMessage
  | PullMessage
  | PartMessage
  | MoreMessage
  | WriteMessage
  | FlushMessage
  | AppliedMessage
  | RefusedMessage
  | SumMessage
  | DiffMessage
  | HaveMessage
  | LackMessage
  | MergeMessage
  | MergedMessage
  | CallMessage
  | ReplyMessage
  | NotOwnerMessage
  | GatherMessage
  | ShareMessage

/** Version of the member-to-member protocol. Members of other versions are not linked. */
export const STORE_PROTOCOL_VERSION = 1
