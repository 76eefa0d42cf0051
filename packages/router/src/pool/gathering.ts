import { type GatherKind, gatherReplies, type PartReply } from '../plan/gather.ts'
import type { Request, RequestOwner } from './request.ts'

const NO_ORDINALS: readonly number[] = []

/** Makes one reply of those of all parts. */
export type Fold = (parts: readonly PartReply[]) => Buffer

/** Collects the replies to the parts of one command and answers the whole when the last is there. */
export class Gathering implements RequestOwner {
  readonly #whole: Request
  readonly #fold: GatherKind | Fold
  readonly #keyCount: number
  readonly #replies: PartReply[] = []
  #missing: number

  constructor(whole: Request, fold: GatherKind | Fold, keyCount: number, parts: number) {
    this.#whole = whole
    this.#fold = fold
    this.#keyCount = keyCount
    this.#missing = parts
  }

  /** A part was replaced by `parts` smaller ones. */
  replaced(parts: number): void {
    this.#missing += parts - 1
  }

  answered(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const view = bytes.subarray(start, end)
    this.#replies.push({
      ordinals: request.ordinals ?? NO_ORDINALS,
      bytes: stable ? view : Buffer.from(view),
    })
    this.#missing--
    if (this.#missing > 0) return
    const fold = this.#fold
    const reply =
      typeof fold === 'function'
        ? fold(this.#replies)
        : gatherReplies(fold, this.#replies, this.#keyCount)
    this.#whole.settle(reply, 0, reply.length, true)
  }
}
