import type { Socket } from 'node:net'
import type { RouterLimits } from '../limits.ts'
import { GrowingBuffer } from '../pool/growing-buffer.ts'
import { countError, type ErrorCounts } from '../pool/pool.ts'
import type { Request, RequestOwner } from '../pool/request.ts'
import type { Flushable, Turn } from '../pool/turn.ts'
import { readClient } from './client-reads.ts'
import { ReplyQueue } from './reply-queue.ts'

/** Counts of all clients of a router. */
export interface SessionTraffic {
  commands: number
  clientsSlow: number
  bytesIn: number
  bytesOut: number
}

/** What a session needs from its listener, whatever its protocol. */
export interface CommandSessionHost {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly errors: ErrorCounts
  readonly traffic: SessionTraffic
  /** The connection is gone. */
  ended(session: CommandSession): void
}

/**
 * One client that sends commands and gets replies in their order, in any protocol:
 *
 *   socket → (#partial) → take → … → answered → replies → flush → socket
 *
 * Reading stops (`#blocked`) while too many commands or reply bytes wait; it goes on at the end of the turn in which
 * enough of them left.
 */
export abstract class CommandSession implements RequestOwner, Flushable {
  marked = false
  protected readonly replies = new ReplyQueue()
  protected readonly socket: Socket
  /** No more commands are taken; the connection ends when the queue is empty. */
  protected closing = false
  protected gone = false
  readonly #host: CommandSessionHost
  readonly #partial: GrowingBuffer
  #blocked = false
  /** A command waits until all earlier ones are answered. */
  #awaiting = false
  #inputEnded = false

  /** @param inputBytesMax bytes of one incomplete command, with what follows it in the same read */
  constructor(accepted: Socket, host: CommandSessionHost, inputBytesMax: number) {
    const socket = readClient(accepted, (bytes, length) => this.#read(bytes, length))
    this.#host = host
    this.socket = socket
    this.#partial = new GrowingBuffer(inputBytesMax)
    socket.on('drain', () => host.turn.mark(this))
    socket.once('end', () => this.#endOfInput())
    // An error is always followed by `close`; what a client's network does is not ours to report.
    socket.on('error', () => this.destroy())
    socket.once('close', () => this.destroy())
  }

  /**
   * Takes the command that begins at `at`, by calling back {@link refuse} where the bytes are none.
   * @param stable false when the bytes change after the call
   * @returns the bytes taken; 0 when the command is incomplete or has to come again
   */
  protected abstract take(bytes: Buffer, at: number, end: number, stable: boolean): number

  /** Says that more bytes came for one command than may be held. */
  protected abstract sayTooLong(): void

  /** The connection ends: what else belongs to it ends too. */
  protected abstract release(): void

  abstract answered(
    request: Request,
    bytes: Buffer,
    start: number,
    end: number,
    stable: boolean,
  ): void

  /** True when a client that sends no more waits for nothing either. */
  protected get endsWithInput(): boolean {
    return false
  }

  /** Takes no more commands; ends when those in flight are answered. */
  drain(): void {
    this.closing = true
    this.#host.turn.mark(this)
  }

  destroy(): void {
    if (this.gone) return
    this.gone = true
    this.closing = true
    this.release()
    this.socket.destroy()
    this.replies.clear()
    this.#partial.clear()
    this.#host.ended(this)
  }

  flush(): void {
    if (this.gone) return
    this.#host.traffic.bytesOut += this.replies.pendingBytes
    this.replies.flush(this.socket)
    if (this.replies.outputBytes(this.socket) > this.#host.limits.clientOutputBytesHardMax) {
      this.tooSlow()
      return
    }
    if (this.closing) {
      if (this.replies.empty) this.socket.destroySoon()
      return
    }
    if (!this.#blocked || this.#full()) return
    if (!this.#awaiting || this.replies.empty) this.#resume()
  }

  protected tooSlow(): void {
    this.#host.traffic.clientsSlow++
    countError(this.#host.errors, 'CLIENT_SLOW')
    this.destroy()
  }

  /** Nothing after these bytes can be understood; the client was told why. */
  protected refuse(): void {
    this.#partial.clear()
    this.drain()
  }

  /** A command has to come again when those before it are answered; the socket is still read, so that its end is noticed. */
  protected comeAgain(): void {
    this.#blocked = true
    this.#awaiting = true
    // A wait may have ended in this very call.
    this.#host.turn.mark(this)
  }

  #read(bytes: Buffer, length: number): void {
    this.#host.turn.begin()
    this.#host.traffic.bytesIn += length
    if (this.closing) return
    if (this.#partial.length > 0 || this.#blocked) {
      if (!this.#keep(bytes, 0, length)) return
      if (!this.#blocked) this.#consumePartial()
      else if (this.#partial.length > this.#host.limits.blockedInputBytesMax) this.socket.pause()
      return
    }
    const at = this.#consume(bytes, 0, length, false)
    if (at < length && !this.closing) this.#keep(bytes, at, length)
  }

  #keep(bytes: Buffer, from: number, to: number): boolean {
    if (this.#partial.append(bytes, from, to)) return true
    this.sayTooLong()
    this.refuse()
    return false
  }

  #consumePartial(): void {
    const partial = this.#partial
    const at = this.#consume(partial.bytes, partial.start, partial.end, true)
    if (this.closing) partial.clear()
    else partial.consume(at)
  }

  /** Takes commands until the bytes end or reading has to stop; the position after the last one. */
  #consume(bytes: Buffer, start: number, end: number, stable: boolean): number {
    let at = start
    while (at < end && !this.closing) {
      if (this.#full()) {
        this.#block()
        return at
      }
      const taken = this.take(bytes, at, end, stable)
      if (taken === 0) return at
      at += taken
    }
    return at
  }

  #full(): boolean {
    const { clientPipelineMax, clientOutputBytesMax } = this.#host.limits
    return (
      this.replies.waiting >= clientPipelineMax ||
      this.replies.outputBytes(this.socket) > clientOutputBytesMax
    )
  }

  #block(): void {
    this.#blocked = true
    this.socket.pause()
    // With nothing in flight no reply will wake us; the end of the turn does.
    if (this.replies.empty) this.#host.turn.mark(this)
  }

  #resume(): void {
    this.#blocked = false
    this.#awaiting = false
    if (this.#partial.length > 0) this.#consumePartial()
    if (this.#blocked || this.closing) return
    if (this.#inputEnded) this.drain()
    else this.socket.resume()
  }

  /** The client will send no more; what it sent before is still answered. */
  #endOfInput(): void {
    this.#inputEnded = true
    if (this.endsWithInput) this.destroy()
    else if (!this.#blocked) this.drain()
  }
}
