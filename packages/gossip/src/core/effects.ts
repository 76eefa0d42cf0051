import type { Address, Message, StateExchange } from './messages.ts'

/** Milliseconds since some fixed point: the driver's monotonic clock, or the simulator's virtual one. */
export type Millis = number

/**
 * Timers are data. Setting a key again replaces its deadline; a fired timer is gone.
 * Keys are short strings such as `probe`, `gossip`, `ack:17`, `suspicion:node-b`.
 */
export type TimerKey = string

/** A member as the application sees it. */
export interface Member {
  readonly name: string
  readonly address: Address
  readonly state: 'alive' | 'suspect' | 'dead' | 'left'
  readonly incarnation: number
  readonly meta: Uint8Array
  readonly versions: Uint8Array
  /** Smoothed round trip of direct probes, in milliseconds; absent until the first ack. */
  readonly rttMs?: number
}

export type MemberEvent =
  | { readonly type: 'join'; readonly member: Member }
  | { readonly type: 'update'; readonly member: Member; readonly previousMeta: Uint8Array }
  | { readonly type: 'suspect'; readonly member: Member; readonly from: string }
  /** A suspect that proved to be alive. */
  | { readonly type: 'refuted'; readonly member: Member }
  /** The failure detector gave the member up. */
  | { readonly type: 'fail'; readonly member: Member; readonly from: string }
  /** The member said goodbye. */
  | { readonly type: 'leave'; readonly member: Member }
  /** The record was forgotten after the gossip-to-the-dead time. */
  | { readonly type: 'reap'; readonly name: string }
  /** Someone else uses a name at another address; the record in force stays. */
  | { readonly type: 'conflict'; readonly existing: Member; readonly other: Address }
  /** We learned that others hold us dead or left; emitted before we refute, so that owners stop serving. */
  | { readonly type: 'evicted'; readonly incarnation: number; readonly from: string }
  /** Our own leave has been told to enough members, or there is nobody to tell. */
  | { readonly type: 'left' }
  /** A row or message of a peer was refused; `reason` is one line for the log. */
  | { readonly type: 'refused'; readonly subject: string; readonly reason: string }
  | { readonly type: 'health'; readonly score: number }

/** How a datagram is to be sent. */
export interface PacketManner {
  /** With a checksum: for members that are known to understand it. */
  readonly checksum: boolean
}

/**
 * What the machine wants done. The machine calls these while it runs; implementations only take notes
 * (send, schedule, queue) and never call back in before the machine's call has returned.
 */
export interface Effects {
  /** Best effort, one datagram (the driver makes a compound of several messages). The core has kept to the byte budget. */
  sendPacket(to: Address, messages: readonly Message[], how?: PacketManner): void
  /** Push/pull over a stream. The driver answers with `Swim.mergeState`, or `Swim.exchangeFailed`. */
  exchangeState(to: Address, local: StateExchange): void
  /** Fallback probe over a stream. The driver answers with `Swim.receive(from, ack)`, or stays silent. */
  pingOverStream(to: Address, node: string, seq: number, deadline: Millis): void
  setTimer(key: TimerKey, at: Millis): void
  clearTimer(key: TimerKey): void
  notify(event: MemberEvent): void
}
