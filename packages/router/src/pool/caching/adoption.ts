import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import type { GatherKind } from '../../plan/gather.ts'
import type { Placement, PlanPart } from '../../plan/plan-redis.ts'
import type { RedisCommand } from '../../plan/redis-command.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import type { Fold } from '../gathering.ts'

/** How a command that was made for one pool is run by another one, where its keys may have other owners. */
export type Adopted =
  /** By the owner of argument `keyIndex`. */
  | { readonly type: 'owner'; readonly frame: RequestFrame; readonly keyIndex: number }
  /** By the owner of a place. */
  | { readonly type: 'place'; readonly position: number }
  | {
      readonly type: 'split'
      readonly gather: GatherKind | Fold
      readonly keyCount: number
      readonly parts: readonly PlanPart[]
    }
  | { readonly type: 'refused'; readonly reply: Buffer }

/** A command of the router's own that follows a write. */
export interface Follower {
  readonly command: RedisCommand
  readonly bytes: Buffer
}

/** A write whose keys will not live longer than they may. */
export interface CappedWrite {
  readonly bytes: Buffer
  /** To be run behind it. */
  readonly followers: readonly Follower[]
}

/** What a protocol knows about commands that change pools. */
export interface Adoption {
  /** Spreads one whole command over the owners of its keys. O(keys). */
  adopt(
    command: RoutedCommand,
    bytes: Buffer,
    placement: Placement,
    limits: RouterLimits,
  ): Adopted | undefined
  /** The command such that what it writes lives at most `ttlMs`. */
  capExpiry(
    command: RoutedCommand,
    bytes: Buffer,
    ttlMs: number,
    nowMs: number,
    limits: RouterLimits,
  ): CappedWrite
}
