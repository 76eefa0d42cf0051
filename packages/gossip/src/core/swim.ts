import type { Effects, Member, Millis, TimerKey } from './effects.ts'
import type { Peer } from './member.ts'
import type { Address, Message, StateExchange } from './messages.ts'

/** Uniform draws from a seeded or system generator. */
export interface Random {
  /** An integer in [0, bound). */
  below(bound: number): number
}

/** Timings and limits; units in the names, profiles `lan`, `wan` and `local` are memberlist's. */
export interface SwimConfig {
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  readonly indirectChecks: number
  readonly suspicionMult: number
  readonly suspicionMaxTimeoutMult: number
  readonly awarenessMaxMultiplier: number
  readonly retransmitMult: number
  readonly gossipIntervalMs: number
  readonly gossipNodes: number
  readonly gossipToTheDeadMs: number
  readonly pushPullIntervalMs: number
  /** A name of a dead member may move to another address after this long. @defaultValue 30_000 */
  readonly deadNodeReclaimMs: number
  readonly streamTimeoutMs: number
  /**
   * Bytes of messages that fit in one datagram, all overhead already taken off by the driver
   * (compound header, label, encryption). Each message costs `measure(message) + 2`.
   */
  readonly packetBytesMax: number
  /** How long dead members are retried, so that a partition heals by itself; 0 turns healing off. */
  readonly healForMs: number
  readonly healIntervalMs: number
  readonly membersMax: number
  readonly broadcastsMax: number
}

export interface SwimOptions {
  readonly name: string
  /** The address we advertise, in the form we use for ever (4 bytes for IPv4). */
  readonly address: Uint8Array
  readonly port: number
  readonly meta: Uint8Array
  readonly versions: Uint8Array
  readonly config: SwimConfig
  readonly random: Random
  /** Encoded bytes of a message, for piggyback budgets. */
  readonly measure: (message: Message) => number
  /** May this address become or stay a member? (CIDR allow list) */
  readonly isAllowed?: (address: Uint8Array) => boolean
  /** Lets machines that live in one process share equal peers; simulators of many members pass it. */
  readonly sharePeer?: (peer: Peer) => Peer
  /** Application bytes that travel with push/pull; empty by default. */
  readonly userState?: () => Uint8Array
}

/** Everything the world can tell the machine. Each call runs to completion, synchronously. */
export interface Swim {
  start(now: Millis, out: Effects): void
  /** Push/pull with one resolved address, `join: true`. */
  join(seed: Address, now: Millis, out: Effects): void
  /** A decoded message of a datagram (or the ack of a stream ping). */
  receive(from: Address, message: Message, now: Millis, out: Effects): void
  /** Our half of a push/pull; the acceptor sends it before it merges the other half. */
  localState(join: boolean): StateExchange
  mergeState(from: Address, remote: StateExchange, now: Millis, out: Effects): void
  exchangeFailed(to: Address, now: Millis, out: Effects): void
  fire(key: TimerKey, now: Millis, out: Effects): void
  /** New metadata; a new incarnation is gossiped. At most 512 bytes. */
  setMeta(meta: Uint8Array, now: Millis, out: Effects): void
  /** The process was not scheduled for this long: our own timers, not our peers, are late. */
  lag(lagMs: number, now: Millis, out: Effects): void
  leave(now: Millis, out: Effects): void
  /** Gossips opaque bytes one hop, best effort, behind the membership news (a Serf leave intent, for example). */
  broadcast(payload: Uint8Array, now: Millis, out: Effects): void
  /**
   * The stored address of this name refuses connections (the driver asked, after a `conflict`):
   * the next alive of the name may come from another address at once.
   */
  releaseAddress(name: string): void
  /** All records including ourselves, suspect, dead and left members. */
  members(): IterableIterator<Member>
  member(name: string): Member | undefined
  readonly healthScore: number
  readonly incarnation: number
  /** Broadcasts that wait for a place in a packet; never more than `broadcastsMax`. */
  readonly queued: number
}
