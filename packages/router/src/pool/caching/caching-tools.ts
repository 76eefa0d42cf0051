import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import type { GatherKind } from '../../plan/gather.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import type { Request } from '../request.ts'

/** Another pool, as one that sends it commands sees it. */
export interface OtherPool {
  readonly placement: Placement
  /** True while a backend of it can be used. */
  readonly anyUsable: boolean
  /** Runs a command with one key. */
  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void
  /**
   * Runs a whole command, in bytes that nobody will change, whose keys may have several owners here.
   * @param placement where a key is; those below 0 are left out
   * @param gather how replies of several owners become one, if not as usual
   * @returns false when no key is left, so that the request is never answered
   */
  adopt(request: Request, bytes: Buffer, placement?: Placement, gather?: GatherKind): boolean
}

export interface CachingTools {
  readonly limits: RouterLimits
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** A pool of the same protocol. */
  readonly poolNamed: (name: string) => OtherPool | undefined
}
