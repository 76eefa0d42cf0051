import type { RespVersion } from '../codec/resp/encode.ts'
import type { RoutedCommand } from '../plan/routed-command.ts'
import type { Backend } from './backend.ts'
import type { Chunk } from './chunk.ts'
import type { LostCause } from './lost-cause.ts'
import type { ReplySink } from './pool-driver.ts'

/** Who decides what becomes of a request that its backend did not answer, in place of the pool. */
export interface LossTaker {
  lost(request: Request, backend: Backend, sent: boolean, cause: LostCause): void
}

/** What is remembered of a command whose order another router decides, or that another router sent. */
export interface Ordering {
  /** How often it was forwarded before it came here. */
  readonly hops: number
  /** When it was first taken, in milliseconds of the router's clock. */
  readonly since: number
  /** Commands of one place keep the order of these numbers. */
  readonly number: number
  /** The router that gave it to us. */
  readonly from?: string
}

/** Who waits for a request's reply. */
export interface RequestOwner {
  /**
   * Takes one complete reply, exactly once per request.
   * @param stable false when `bytes` changes after the call
   */
  answered(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void
  /** Another number of requests takes the place of one; the owner that waits for them. */
  replaced?(parts: number): void
}

/**
 * One command on its way: an entry of two queues at once, so that the hot path makes one object per command.
 *
 *   session:  head → request → request → …    (order of the client;  `next`)
 *   upstream: head → request → …              (order of one backend; `nextInFlight`)
 */
export class Request implements ReplySink {
  readonly command: RoutedCommand
  readonly resp: RespVersion
  readonly #owner: RequestOwner
  #settled = false

  /** The next of the same client. */
  next: Request | undefined = undefined
  /** A reply that came before its turn. */
  replyBytes: Buffer | undefined = undefined
  replyStart = 0
  replyEnd = 0

  /** Where its key is on the ring. */
  position = 0
  /** Which keys of the client's command it carries; absent for a whole command. */
  readonly ordinals: readonly number[] | undefined
  /** True when only one backend can answer it. */
  readonly bound: boolean
  /** Backends that failed under it. */
  failures = 0
  taker: LossTaker | undefined = undefined
  ordering: Ordering | undefined = undefined

  /** The next at the same backend. */
  nextInFlight: Request | undefined = undefined
  /** Its bytes, kept until it is answered: `chunk.bytes[from, to)`. */
  chunk: Chunk | undefined = undefined
  from = 0
  to = 0
  queuedAt = 0
  /** How long the backend may wait before it answers, beyond `replyTimeoutMs`; for blocking commands. */
  patienceMs = 0
  /** True when the client does not want the reply (CLIENT REPLY OFF). */
  silent = false

  constructor(
    owner: RequestOwner,
    command: RoutedCommand,
    resp: RespVersion,
    ordinals: readonly number[] | undefined,
    bound: boolean,
  ) {
    this.#owner = owner
    this.command = command
    this.resp = resp
    this.ordinals = ordinals
    this.bound = bound
  }

  /** Hands a reply to the owner; a second one is dropped. */
  settle(bytes: Buffer, start: number, end: number, stable: boolean): void {
    if (this.#settled) return
    this.#settled = true
    this.#owner.answered(this, bytes, start, end, stable)
  }

  /** This part is replaced by smaller ones: their owner. */
  regather(parts: number): RequestOwner {
    this.#settled = true
    this.#owner.replaced?.(parts)
    return this.#owner
  }

  /** A reply of the embedded store. */
  reply(_part: number, bytes: Uint8Array): void {
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.settle(buffer, 0, buffer.length, true)
  }
}
