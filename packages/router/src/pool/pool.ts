import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { GatherKind } from '../plan/gather.ts'
import type { Placement } from '../plan/plan-redis.ts'
import type { Fold } from './gathering.ts'
import type { Request } from './request.ts'

/** What a session runs its commands on: upstream servers ({@link StaticPool}) or the embedded store ({@link StorePool}). */
export interface Pool {
  readonly placement: Placement
  /**
   * Runs a command whose keys have one owner; the request is settled later or at once.
   * @param keyIndex argument that decides the owner, -1 for none
   * @param stable false when the frame's bytes change after the call
   */
  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void
  /** Runs a command on every backend. */
  runAll(request: Request, frame: RequestFrame, gather: GatherKind | Fold): void
}

/** Counts per reason why a client got an error from the router itself. */
export type ErrorCounts = Record<string, number>

export function countError(counts: ErrorCounts, code: string): void {
  counts[code] = (counts[code] ?? 0) + 1
}
