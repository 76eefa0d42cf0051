import type { Socket } from 'node:net'
import { holdReply } from '../pool/held-replies.ts'
import { Outbox } from '../pool/outbox.ts'
import type { Request } from '../pool/request.ts'

const NOTHING = Buffer.alloc(0)

/**
 * What one client waits for, in the order of its commands. The reply to the head goes out; one for another waits at its
 * request.
 *
 *   #head → request → request → #last
 */
export class ReplyQueue {
  /** Commands that are not answered. */
  waiting = 0
  /** Bytes of replies that came before their turn. */
  #heldBytes = 0
  #head: Request | undefined
  #last: Request | undefined
  readonly #outbox = new Outbox()

  get empty(): boolean {
    return this.#head === undefined
  }

  /** True when this request is the one whose reply goes out next. */
  isNext(request: Request): boolean {
    return this.#head === request
  }

  /** Bytes that the client has not taken yet. */
  outputBytes(socket: Socket): number {
    return this.#outbox.pendingBytes + socket.writableLength + this.#heldBytes
  }

  /** Bytes that the next flush will write. */
  get pendingBytes(): number {
    return this.#outbox.pendingBytes
  }

  push(request: Request): void {
    if (this.#last === undefined) this.#head = request
    else this.#last.next = request
    this.#last = request
    this.waiting++
  }

  /**
   * Takes a reply; an empty one is a command that the client wants no answer to. True when its turn had come: no allocation
   * then.
   */
  answered(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): boolean {
    if (request !== this.#head) {
      if (start === end) request.replyBytes = NOTHING
      else if (stable) {
        request.replyBytes = bytes
        request.replyStart = start
        request.replyEnd = end
      } else holdReply(request, bytes, start, end)
      this.#heldBytes += end - start
      return false
    }
    this.write(bytes, start, end, stable)
    this.#advance(request)
    return true
  }

  /** Writes bytes behind all replies that have had their turn. */
  write(bytes: Buffer, start: number, end: number, stable: boolean): void {
    if (start < end) this.#outbox.append(bytes, start, end, stable)
  }

  /** Writes a message that answers nothing, with another first byte. */
  writeMessage(bytes: Buffer, start: number, end: number, mark: number): void {
    const chunk = this.#outbox.append(bytes, start, end, false)
    chunk.bytes[chunk.used - (end - start)] = mark
  }

  flush(socket: Socket): void {
    this.#outbox.flush(socket)
  }

  clear(): void {
    this.#outbox.clear()
    this.#head = undefined
    this.#last = undefined
  }

  /** The head is answered: it leaves, and with it all next ones whose replies are there. */
  #advance(answered: Request): void {
    let next = answered.next
    this.waiting--
    while (next?.replyBytes !== undefined) {
      this.write(next.replyBytes, next.replyStart, next.replyEnd, true)
      this.#heldBytes -= next.replyEnd - next.replyStart
      next.replyBytes = undefined
      next = next.next
      this.waiting--
    }
    this.#head = next
    if (next === undefined) this.#last = undefined
  }
}
