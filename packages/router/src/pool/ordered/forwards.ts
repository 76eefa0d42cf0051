import type { RouterLimits } from '../../limits.ts'
import type { Flushable, Turn } from '../turn.ts'
import {
  type ForwardedCommand,
  type ForwardedReply,
  messageGroups,
  type OrderedMessage,
} from './message.ts'
import type { WaitingCommand } from './places.ts'

/** A command at another router. */
export interface Forward extends WaitingCommand {
  readonly id: number
  readonly place: number
  readonly target: string
  /** False while it waits for the end of the turn. */
  sent: boolean
}

/** What becomes of forwards. */
export interface ForwardOwner {
  answered(forward: Forward, reply: Uint8Array): void
  /** It was not run: it looks for another router. */
  notRun(forward: Forward): void
  /** Nobody knows whether it was run. */
  lost(forward: Forward, why: 'gone' | 'late' | 'closed'): void
}

export interface ForwardTools {
  readonly pool: string
  readonly limits: RouterLimits
  readonly turn: Turn
  /** False when it could not be sent. */
  readonly send: (to: string, message: OrderedMessage) => boolean
}

/** Commands of our clients that other routers run, and their replies on the way back. Sent once per turn and router. */
export class Forwards implements Flushable {
  marked = false
  /** Bytes of all that are not answered. */
  bytes = 0
  readonly #tools: ForwardTools
  readonly #owner: ForwardOwner
  readonly #forwards = new Map<number, Forward>()
  readonly #unsent = new Map<string, Forward[]>()
  #lastId = 0

  constructor(tools: ForwardTools, owner: ForwardOwner) {
    this.#tools = tools
    this.#owner = owner
  }

  get count(): number {
    return this.#forwards.size
  }

  /** Hands a command over at the end of the turn. */
  add(command: WaitingCommand, place: number, target: string): void {
    const forward: Forward = { ...command, id: ++this.#lastId, place, target, sent: false }
    this.#forwards.set(forward.id, forward)
    this.bytes += forward.bytes.length
    const unsent = this.#unsent.get(target)
    if (unsent === undefined) this.#unsent.set(target, [forward])
    else unsent.push(forward)
    this.#tools.turn.mark(this)
  }

  flush(): void {
    const { pool, send } = this.#tools
    for (const [target, forwards] of this.#unsent) {
      this.#unsent.delete(target)
      let well = true
      for (const commands of messageGroups(forwards.map(toCommand))) {
        // After one that could not be sent the ones behind it must not go either: they have an order.
        well &&= send(target, { pool, type: 'commands', commands })
        for (const { id } of commands) {
          const forward = this.#forwards.get(id)
          if (forward === undefined) continue
          if (well) forward.sent = true
          else this.#end(forward, () => this.#owner.notRun(forward))
        }
      }
    }
  }

  /** Takes what another router answered; replies that nobody waits for are left out. */
  take(from: string, replies: readonly ForwardedReply[]): void {
    for (const { id, bytes } of replies) {
      const forward = this.#forwards.get(id)
      if (forward?.target !== from) continue
      this.#end(forward, () =>
        bytes === undefined ? this.#owner.notRun(forward) : this.#owner.answered(forward, bytes),
      )
    }
  }

  /** The link to a router is down. */
  gone(target: string): void {
    this.#unsent.delete(target)
    for (const forward of [...this.#forwards.values()])
      if (forward.target === target)
        this.#end(forward, () =>
          forward.sent ? this.#owner.lost(forward, 'gone') : this.#owner.notRun(forward),
        )
  }

  tick(now: number): void {
    const { forwardTimeoutMs } = this.#tools.limits
    for (const forward of this.#forwards.values()) {
      if (now - forward.ordering.since < forwardTimeoutMs) return
      if (forward.sent) this.#end(forward, () => this.#owner.lost(forward, 'late'))
    }
  }

  /** Nobody answers any more. */
  close(): void {
    this.#unsent.clear()
    for (const forward of [...this.#forwards.values()])
      this.#end(forward, () => this.#owner.lost(forward, 'closed'))
  }

  #end(forward: Forward, tell: () => void): void {
    this.#forwards.delete(forward.id)
    this.bytes -= forward.bytes.length
    tell()
  }
}

function toCommand({ id, request, bytes, ordering }: Forward): ForwardedCommand {
  return { id, hops: ordering.hops + 1, resp: request.resp, bytes }
}
