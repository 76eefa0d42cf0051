import type { RouterLimits } from '../../limits.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import type { Backend } from '../backend.ts'
import type { Request } from '../request.ts'
import type { Turn } from '../turn.ts'
import type { UpstreamProtocol } from '../upstream-protocol.ts'
import type { SharedKeys } from './shared-keys.ts'

/** What the copies of a pool tell about a backend; for logs. */
export type CopiesEvent =
  /** More keys were written elsewhere than are remembered. */
  | {
      readonly type: 'journal-overflow'
      readonly pool: string
      readonly backend: string
      readonly action: 'flush' | 'serve'
    }
  /** Every key is up to date there. */
  | {
      readonly type: 'backend-caught-up'
      readonly pool: string
      readonly backend: string
      readonly keys: number
    }
  /** It was emptied, and given its keys again where other backends have them. */
  | {
      readonly type: 'backend-refilled'
      readonly pool: string
      readonly backend: string
      readonly keys: number
    }
  /** It would not take a copy of a key, which it has no more. */
  | {
      readonly type: 'copy-refused'
      readonly pool: string
      readonly backend: string
      readonly cause: string
    }

export interface CopiesTools {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly protocol: UpstreamProtocol
  readonly log: (event: CopiesEvent) => void
  /** Carries messages to the other routers; absent when there are none. */
  readonly share: ((message: SharedKeys) => void) | undefined
}

/** What copies need from the pool around them. */
export interface CopiesHost {
  readonly name: string
  readonly placement: Placement
  readonly backends: readonly Backend[]
  readonly replicas: number
  /** Equal for equal owners of all places. */
  readonly ringDigest: string
  backendNamed(id: string): Backend | undefined
  /** Up to `count` backends for a place, the first owner first. The place is that of the key asked for last. */
  ranksAt(place: number, count: number): readonly Backend[]
  /**
   * Gives a command whose owners are all lost to the failover pool: the owners that miss it. Undefined when it was not given.
   */
  failOver(
    request: Request,
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly Backend[] | undefined
  /** Where a command whose every owner is unusable goes, or the error that it gets. */
  giveUp(request: Request): void
  /** Gives a command without keys to the first backend for its place that can be used. */
  giveAtPlace(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void
  /** Gives a command to one backend, or answers that too much waits there. */
  giveTo(
    request: Request,
    backend: Backend,
    bytes: Buffer,
    start: number,
    end: number,
    stable: boolean,
  ): void
  fail(request: Request, code: string, text: string): void
  /** Runs a command that waited or whose backend was lost: as `Copies.again`, unless another router orders its key by now. */
  runAgain(request: Request, bytes: Buffer, start: number, end: number): void
  /**
   * With several routers that write a key: gets it from the one that orders its writes, so that it can be copied; resolves with
   * what gives it back. `undefined` where no other router has a say.
   * @throws LostAsk
   */
  lockKey(key: Buffer): Promise<() => void> | undefined
}
