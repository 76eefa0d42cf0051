import type { StoreEffects } from './effects.ts'
import type { StoreMessage } from './messages.ts'
import type { StoreStatus } from './status.ts'

/** One live member as membership knows it. */
export interface StoreMember {
  readonly name: string
  readonly instance: string
  /** Share of slots relative to others, > 0. Default 1. */
  readonly weight?: number
  readonly zone?: string
  /** A draining member owns nothing and keeps what it holds until the owners have it. */
  readonly state: 'joining' | 'active' | 'draining'
  readonly suspect?: boolean
}

/** The live members, this one included. */
export interface StoreTopology {
  readonly members: readonly StoreMember[]
  /** Members known and not left, dead ones included; what `majority` counts against. Default: the live members. */
  readonly knownCount?: number
}

/** A client's command. `args` must stay unchanged until the reply. */
export interface StoreRequest {
  readonly token: number
  readonly args: readonly Uint8Array[]
  /** Where the key is in `args`; -1 for commands without a key (DBSIZE, FLUSHALL, KEYS, SCAN, RANDOMKEY). */
  readonly keyIndex: number
  readonly resp: 2 | 3
}

/**
 * One member's part of the replicated store: a synchronous machine. `now` is milliseconds since 1970 and never
 * goes back; every call gets the sink for what it wants done.
 */
export interface Store {
  /**
   * This member starts a new cluster: it holds every slot, empty. False, and nothing happens, when it or a member that it
   * is linked to holds any slot. For the host to decide: once, and never where a cluster may exist.
   */
  found(now: number, out: StoreEffects): boolean
  topology(topology: StoreTopology, now: number, out: StoreEffects): void
  linkUp(member: string, instance: string, now: number, out: StoreEffects): void
  linkDown(member: string, now: number, out: StoreEffects): void
  receive(from: string, message: StoreMessage, now: number, out: StoreEffects): void
  execute(request: StoreRequest, now: number, out: StoreEffects): void
  tick(now: number, out: StoreEffects): void
  /** Serve nothing until the others have confirmed that this member still may: after a suspension, or when it learns that it was declared dead. */
  doubt(now: number, out: StoreEffects): void
  /** True when this member has nothing left that the owners do not have. */
  handedOver(): boolean
  /** Who serves the slot as far as this member knows. */
  primaryOf(slot: number): string | undefined
  /** The members that the ring gives the slot to, first the one that should serve. */
  ownersOf(slot: number): readonly string[]
  /** True when this member has the data of the slot. */
  holds(slot: number): boolean
  /** O(slots): meant for metrics, not for hot paths. */
  status(): StoreStatus
}
