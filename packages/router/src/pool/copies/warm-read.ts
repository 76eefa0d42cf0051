import type { Backend } from '../backend.ts'
import type { LostCause } from '../lost-cause.ts'
import { type LossTaker, Request, type RequestOwner } from '../request.ts'
import type { Copying } from './copying.ts'

/** What a read that may warm an owner needs from the pool's copies. */
export interface WarmHost {
  /** A backend was lost under it: the command looks for another one. */
  readAgain(whole: Request, bytes: Buffer): void
  /** The first owner does not have what the second one has. */
  isCold(owner: Backend, warm: Backend, keys: readonly string[]): void
}

/**
 * A read whose first owner may be cold (evicted, restarted): when it finds nothing, the next owner is asked, and the first
 * one gets a copy of what that has.
 */
export class WarmRead implements RequestOwner, LossTaker {
  readonly #host: WarmHost
  readonly #copying: Copying
  readonly #whole: Request
  readonly #owners: readonly [Backend, Backend]
  readonly #keys: readonly string[]
  readonly #bytes: Buffer
  #asked = 0

  constructor(
    host: WarmHost,
    copying: Copying,
    whole: Request,
    owners: readonly [Backend, Backend],
    keys: readonly string[],
    bytes: Buffer,
  ) {
    this.#host = host
    this.#copying = copying
    this.#whole = whole
    this.#owners = owners
    this.#keys = keys
    this.#bytes = bytes
  }

  send(): void {
    const { command, resp } = this.#whole
    const part = new Request(this, command, resp, undefined, true)
    part.taker = this
    const owner = this.#owners[this.#asked] as Backend
    owner.send(part, this.#bytes, 0, this.#bytes.length, true)
  }

  answered(_part: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const [first, second] = this.#owners
    const missed = this.#copying.isMiss(bytes.subarray(start, end))
    if (missed && this.#asked === 0 && second.clear && second.accepts(this.#bytes.length)) {
      this.#asked = 1
      this.send()
      return
    }
    if (!missed && this.#asked === 1) this.#host.isCold(first, second, this.#keys)
    this.#whole.settle(bytes, start, end, stable)
  }

  lost(_part: Request, _backend: Backend, _sent: boolean, _cause: LostCause): void {
    this.#whole.failures++
    this.#host.readAgain(this.#whole, this.#bytes)
  }
}
