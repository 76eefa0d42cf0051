import { encodeError } from '../../codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import { commandOf } from '../../plan/command-index.ts'
import { type Placement, planRedis } from '../../plan/plan-redis.ts'
import { Request, type RequestOwner } from '../request.ts'
import type { Flushable, Turn } from '../turn.ts'
import {
  FORWARD_HOPS_MAX,
  type ForwardedCommand,
  type ForwardedReply,
  messageGroups,
  type OrderedMessage,
} from './message.ts'

/** A reply that says: this router does not order the key, and did nothing. Told apart by its identity. */
const NOT_HOME = Buffer.from('-NOTHOME\r\n')

export interface ArrivalTools {
  readonly pool: string
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly send: (to: string, message: OrderedMessage) => boolean
  readonly placement: Placement
  /** Runs a command of another router; the frame is valid during the call, its bytes stay. */
  readonly run: (
    request: Request,
    ordering: { readonly hops: number; readonly from: string },
    frame: RequestFrame,
    keyIndex: number,
  ) => void
}

/** Commands of other routers' clients, which we order, and their replies. Replies leave once per turn and router. */
export class Arrivals implements Flushable {
  marked = false
  /** Of all routers, not answered yet. */
  open = 0
  readonly #tools: ArrivalTools
  readonly #decoder: RequestDecoder
  readonly #openOf = new Map<string, number>()
  readonly #replies = new Map<string, ForwardedReply[]>()

  constructor(tools: ArrivalTools) {
    this.#tools = tools
    this.#decoder = new RequestDecoder(tools.limits)
  }

  /** True when all are answered, and the replies are on their way. */
  get isDone(): boolean {
    return this.open === 0 && this.#replies.size === 0
  }

  take(from: string, commands: readonly ForwardedCommand[]): void {
    for (const command of commands) this.#takeOne(from, command)
  }

  /** Sends all of them back, unrun. */
  refuse(from: string, commands: readonly ForwardedCommand[]): void {
    for (const { id } of commands) this.#reply(from, { id })
  }

  /** Gives a command back to who sent it: it has been forwarded as often as it may, or its sender orders it. */
  static notHome(request: Request): void {
    request.settle(NOT_HOME, 0, NOT_HOME.length, true)
  }

  /** A router that is gone hears no replies. */
  gone(from: string): void {
    this.#replies.delete(from)
  }

  answered(from: string, id: number, bytes: Buffer, start: number, end: number): void {
    this.#count(from, -1)
    if (bytes === NOT_HOME) this.#reply(from, { id })
    else if (end - start <= this.#tools.limits.forwardBytesMax)
      this.#reply(from, { id, bytes: Buffer.from(bytes.subarray(start, end)) })
    else
      this.#fail(
        from,
        id,
        `the reply of ${end - start} bytes is larger than another router may carry; the write was applied`,
      )
  }

  flush(): void {
    const { pool, send } = this.#tools
    for (const [from, all] of this.#replies)
      for (const replies of messageGroups(all)) send(from, { pool, type: 'replies', replies })
    this.#replies.clear()
  }

  #takeOne(from: string, { id, hops, resp, bytes }: ForwardedCommand): void {
    const { limits, placement, run } = this.#tools
    if ((this.#openOf.get(from) ?? 0) >= limits.forwardQueueMax) {
      this.#fail(from, id, `router ${from} has ${limits.forwardQueueMax} commands waiting here`)
      return
    }
    // The bytes are a view of what the link received.
    const own = Buffer.from(bytes)
    const decoder = this.#decoder
    const whole = decoder.next(own, 0, own.length) === DECODED.frame && decoder.taken === own.length
    const { frame } = decoder
    const command = whole ? commandOf(frame) : undefined
    const plan = command === undefined ? undefined : planRedis(command, frame, placement)
    const keyIndex = plan?.type === 'owner' || plan?.type === 'flow' ? plan.keyIndex : -1
    const isScript = plan?.type === 'flow' && plan.flow === 'script'
    if (command === undefined || keyIndex < 0 || !(plan?.type === 'owner' || isScript)) {
      this.#fail(from, id, 'a forwarded command has no key that decides where it goes')
      return
    }
    this.#count(from, 1)
    const request = new Request(new Arrival(this, from, id), command, resp, undefined, false)
    run(request, { hops: Math.min(Math.max(hops, 1), FORWARD_HOPS_MAX), from }, frame, keyIndex)
  }

  #count(from: string, change: number): void {
    this.open += change
    const open = (this.#openOf.get(from) ?? 0) + change
    if (open > 0) this.#openOf.set(from, open)
    else this.#openOf.delete(from)
  }

  #fail(from: string, id: number, text: string): void {
    this.#reply(from, { id, bytes: encodeError(`ERR pool "${this.#tools.pool}": ${text}`) })
  }

  #reply(from: string, reply: ForwardedReply): void {
    const replies = this.#replies.get(from)
    if (replies === undefined) this.#replies.set(from, [reply])
    else replies.push(reply)
    this.#tools.turn.mark(this)
  }
}

/** Waits for the reply to one of them. */
class Arrival implements RequestOwner {
  readonly #arrivals: Arrivals
  readonly #from: string
  readonly #id: number

  constructor(arrivals: Arrivals, from: string, id: number) {
    this.#arrivals = arrivals
    this.#from = from
    this.#id = id
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number): void {
    this.#arrivals.answered(this.#from, this.#id, bytes, start, end)
  }
}
