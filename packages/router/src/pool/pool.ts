import type { RespVersion } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { GatherKind } from '../plan/gather.ts'
import type { Placement } from '../plan/plan-redis.ts'
import type { ChannelHub } from './channel-hub.ts'
import type { Listing } from './copies/listing.ts'
import type { Fold } from './gathering.ts'
import type { LinkHolder, PrivateLink } from './private-links.ts'
import type { Request } from './request.ts'

export type { Listing } from './copies/listing.ts'

/** What a session runs its commands on: upstream servers ({@link StaticPool}) or the embedded store ({@link StorePool}). */
export interface Pool {
  readonly placement: Placement
  /** Absent where the pool answers as a whole. */
  readonly fleet: Fleet | undefined
  /**
   * Runs a command whose keys have one owner; the request is settled later or at once.
   * @param keyIndex argument that decides the owner, -1 for none
   * @param stable false when the frame's bytes change after the call
   */
  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void
  /** Runs a command on every backend. */
  runAll(request: Request, frame: RequestFrame, gather: GatherKind | Fold): void
}

/** What a memcached session runs its commands on. */
export interface MemcachedPool extends Pool {
  /** Runs a whole command, in bytes that nobody will change, at the owner of a position. */
  give(request: Request, bytes: Buffer, position: number): void
}

/** The backends of a pool one by one, for commands of several steps and for states that need a connection. */
export interface Fleet {
  readonly channels: ChannelHub
  /** In [0, 1). */
  readonly random: () => number
  /** Ids of all backends that are not out, in their order. */
  backendIds(): readonly string[]
  /** Who is asked about keys now, and who of them reports a key that several have. */
  listing(): Listing
  /** Runs a command, one complete frame, at one backend. */
  runAt(request: Request, id: string, bytes: Buffer): void
  /** Runs a command, one complete frame, at the owner of a position. */
  runOwner(request: Request, position: number, bytes: Buffer): void
  /**
   * A connection of its own to the owner of a position, or why there is none, as an error reply.
   * @param keys those that are known already, as binary text: an owner with old copies of them is passed over
   */
  pin(
    holder: LinkHolder,
    position: number,
    resp: RespVersion,
    keys: readonly string[],
  ): PrivateLink | Buffer
  /** The same to one backend, whatever it owns. */
  pinAt(holder: LinkHolder, id: string, resp: RespVersion): PrivateLink | Buffer
  /** The reply that says what became of a private connection. */
  lostReply(link: PrivateLink, cause: { readonly text: string }, fate: string): Buffer
}

/** Counts per reason why a client got an error from the router itself. */
export type ErrorCounts = Record<string, number>

export function countError(counts: ErrorCounts, code: string): void {
  counts[code] = (counts[code] ?? 0) + 1
}
