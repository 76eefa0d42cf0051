import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import type { HereFacts } from '../../plan/answer-here.ts'
import type { Fleet, Pool } from '../../pool/pool.ts'
import type { Request, RequestOwner } from '../../pool/request.ts'
import type { Wait } from '../blocking-call.ts'
import type { ScriptCache } from '../script-cache.ts'

/** A client's command that takes several steps. Its frame is valid during the call only. */
export interface FlowCall {
  /** Gets the one reply. */
  readonly whole: Request
  readonly frame: RequestFrame
  /** The argument that decides the owner, -1 for none. */
  readonly keyIndex: number
  readonly pool: Pool
  readonly fleet: Fleet
  readonly scripts: ScriptCache
  readonly limits: RouterLimits
  readonly facts: () => HereFacts
}

/** Starts the steps; a wait is what the end of the client's connection has to cancel. */
export type Flow = (call: FlowCall) => Wait | undefined

/** An owner of one step's reply, made of a function. */
export function onReply(take: (reply: Buffer) => void): RequestOwner {
  return {
    answered: (_request, bytes, start, end, stable) => {
      const view = bytes.subarray(start, end)
      take(stable ? view : Buffer.from(view))
    },
  }
}

/** Gives the whole its reply. */
export function settle(whole: Request, reply: Buffer): void {
  whole.settle(reply, 0, reply.length, true)
}
