import type { LostCause } from '../pool/lost-cause.ts'
import { REMOVED_CAUSE } from '../pool/lost-cause.ts'
import type { Fleet } from '../pool/pool.ts'
import type { LinkHolder, PrivateLink } from '../pool/private-links.ts'
import { Request, type RequestOwner } from '../pool/request.ts'

/** Something that a client waits in and that ends when the client does. */
export interface Wait {
  /** The client is gone. */
  cancel(): void
  /** CLIENT UNBLOCK: as if its time was over, or with an error. */
  unblock(withError: boolean): void
}

export interface BlockingOptions {
  readonly fleet: Fleet
  /** Where its keys are. */
  readonly position: number
  /** Its keys, as binary text. */
  readonly keys: readonly string[]
  /** How long the backend may wait; `Infinity` for ever. */
  readonly patienceMs: number
  /** Backends that are tried while nothing was sent. */
  readonly attemptsMax: number
}

const TIMED_OUT_2 = Buffer.from('*-1\r\n')
const TIMED_OUT_3 = Buffer.from('_\r\n')
const UNBLOCKED = Buffer.from('-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n')

/**
 * One blocking command on a connection of its own. A backend that is lost before it got the command is replaced by the next
 * owner; afterwards the client gets an error, and decides itself whether to wait again.
 */
export class BlockingCall implements LinkHolder, RequestOwner, Wait {
  readonly #whole: Request
  readonly #options: BlockingOptions
  #link: PrivateLink | undefined
  #attempts = 0

  constructor(whole: Request, options: BlockingOptions) {
    this.#whole = whole
    this.#options = options
  }

  start(bytes: Buffer, start: number, end: number, stable: boolean): void {
    const { fleet, position, keys, patienceMs } = this.#options
    this.#attempts++
    const link = fleet.pin(this, position, this.#whole.resp, keys)
    if (Buffer.isBuffer(link)) {
      this.#whole.settle(link, 0, link.length, true)
      return
    }
    this.#link = link
    const part = new Request(this, this.#whole.command, this.#whole.resp, undefined, true)
    part.patienceMs = patienceMs
    link.send(part, bytes, start, end, stable)
  }

  answered(_part: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.#link?.release()
    this.#link = undefined
    this.#whole.settle(bytes, start, end, stable)
  }

  linkFailed(part: Request, sent: boolean, cause: LostCause): void {
    const link = this.#link
    const { chunk, from, to } = part
    if (link === undefined) return
    link.holder = undefined
    this.#link = undefined
    if (!sent && chunk !== undefined && this.#attempts <= this.#options.attemptsMax) {
      this.start(chunk.bytes, from, to, true)
      return
    }
    const fate = sent && part.command.access === 'write' ? '; it may have taken an element' : ''
    const reply = this.#options.fleet.lostReply(link, cause, fate)
    this.#whole.settle(reply, 0, reply.length, true)
  }

  linkEnded(): void {}

  cancel(): void {
    this.#link?.close(REMOVED_CAUSE)
    this.#link = undefined
  }

  unblock(withError: boolean): void {
    this.cancel()
    const timedOut = this.#whole.resp === 3 ? TIMED_OUT_3 : TIMED_OUT_2
    const reply = withError ? UNBLOCKED : timedOut
    this.#whole.settle(reply, 0, reply.length, true)
  }
}

/** The timeout that a client wrote, in milliseconds: 0 is for ever; what is no timeout is answered by the backend at once. */
export function patienceOf(text: string, unitMs: number): number {
  if (!/^\d{1,15}(\.\d{1,9})?$/.test(text)) return 0
  const ms = Number(text) * unitMs
  return ms === 0 ? Number.POSITIVE_INFINITY : ms
}
