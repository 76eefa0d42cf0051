import { PeerError } from '../wire/peer-error.ts'
import type { Counters } from './counters.ts'
import type { ListenerGuard } from './listeners.ts'

/** The callback of one request: exactly one call, never within the call of `request` itself. */
export type RequestDone = (error: PeerError | undefined, reply: unknown) => void

interface Waiting {
  readonly done: RequestDone
  readonly timer: NodeJS.Timeout
}

const ID_MAX = 0xffff_ffff

/** The requests of one link that wait for a reply. */
export class RequestTable {
  readonly #waiting = new Map<number, Waiting>()
  readonly #counters: Counters
  readonly #guard: ListenerGuard
  #lastId = 0

  constructor(counters: Counters, guard: ListenerGuard) {
    this.#counters = counters
    this.#guard = guard
  }

  get size(): number {
    return this.#waiting.size
  }

  /** An id that no waiting request has. */
  nextId(): number {
    do this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1
    while (this.#waiting.has(this.#lastId))
    return this.#lastId
  }

  add(id: number, timeoutMs: number, done: RequestDone): void {
    const timer = setTimeout(expireRequest, timeoutMs, this, id, timeoutMs)
    this.#waiting.set(id, { done, timer })
  }

  /** True when somebody still waits for `id`. */
  has(id: number): boolean {
    return this.#waiting.has(id)
  }

  /** Answers `id`; a reply that nobody waits for is counted and dropped. */
  settle(id: number, error: PeerError | undefined, reply: unknown): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      this.#counters.lateReplies++
      return
    }
    this.#waiting.delete(id)
    clearTimeout(waiting.timer)
    callDone(waiting.done, error, reply, this.#guard)
  }

  expire(id: number, timeoutMs: number): void {
    if (!this.#waiting.has(id)) return
    this.#counters.requestTimeouts++
    this.settle(
      id,
      new PeerError('TIMEOUT', `no reply within ${timeoutMs} ms`, { timeoutMs }),
      undefined,
    )
  }

  /** Answers all with `error`. */
  failAll(error: PeerError): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id, error, undefined)
  }
}

const expireRequest = (table: RequestTable, id: number, timeoutMs: number): void =>
  table.expire(id, timeoutMs)

export const callDone = (
  done: RequestDone,
  error: PeerError | undefined,
  reply: unknown,
  guard: ListenerGuard,
): void => {
  try {
    done(error, reply)
  } catch (thrown) {
    guard.report(thrown, 'the callback of a request')
  }
}
