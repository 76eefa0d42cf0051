import { connect, type Socket } from 'node:net'
import type { RespVersion } from '../codec/resp/encode.ts'
import { SCANNED } from '../codec/resp/reply-scanner.ts'
import type { RouterLimits } from '../limits.ts'
import { GrowingBuffer } from './growing-buffer.ts'
import {
  CLOSED_CAUSE,
  causeOfError,
  type LostCause,
  NO_RESP3_CAUSE,
  REMOVED_CAUSE,
} from './lost-cause.ts'
import { Outbox } from './outbox.ts'
import { readBufferFor } from './read-buffer.ts'
import type { Request } from './request.ts'
import type { Flushable, Turn } from './turn.ts'
import type { ReplyFinder, UpstreamProtocol } from './upstream-protocol.ts'

/** Who owns a connection and hears of its end. */
export interface UpstreamOwner {
  readonly host: string
  readonly port: number
  /** A request that will not be answered here; its bytes are `bytes[from, to)`. */
  lost(request: Request, sent: boolean, cause: LostCause): void
  /** The connection is gone. `inFlight` says whether commands were on it. */
  ended(upstream: Upstream, cause: LostCause, inFlight: boolean): void
  /** A request has left the queue. */
  left(bytes: number): void
  readonly traffic: { bytesIn: number; bytesOut: number }
}

const ERROR = 0x2d
const HELLO_3 = '*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n'

/**
 * One pipelined connection to a backend: commands go out in order, replies come back in that order. Commands may be sent
 * while it still connects; they wait. It never reconnects itself: its owner makes another one.
 */
export class Upstream implements Flushable {
  marked = false
  readonly resp: RespVersion

  readonly #owner: UpstreamOwner
  readonly #limits: RouterLimits
  readonly #turn: Turn
  readonly #socket: Socket
  readonly #reads: Buffer
  readonly #outbox = new Outbox()
  readonly #protocol: UpstreamProtocol
  readonly #scanner: ReplyFinder
  readonly #partial: GrowingBuffer
  readonly #connectTimer: NodeJS.Timeout

  #state: 'connecting' | 'open' | 'ended' = 'connecting'
  /** The reply to our own HELLO comes before all others. */
  #greeting = false
  #draining = false
  #head: Request | undefined
  #last: Request | undefined

  constructor(
    owner: UpstreamOwner,
    resp: RespVersion,
    protocol: UpstreamProtocol,
    limits: RouterLimits,
    turn: Turn,
  ) {
    this.#owner = owner
    this.resp = resp
    this.#limits = limits
    this.#turn = turn
    this.#reads = readBufferFor(process.platform)
    this.#protocol = protocol
    this.#scanner = protocol.createReplyFinder(limits)
    this.#partial = new GrowingBuffer(limits.replyBytesMax)
    this.#socket = connect({
      host: owner.host,
      port: owner.port,
      noDelay: true,
      keepAlive: true,
      onread: { buffer: this.#reads, callback: (length) => this.#read(length) },
    })
    this.#connectTimer = setTimeout(() => this.#connectTimedOut(), limits.connectTimeoutMs)
    this.#connectTimer.unref()
    this.#socket.once('connect', () => this.#connected())
    this.#socket.on('error', (error) => this.#end(causeOfError(error, this.#state === 'open')))
    this.#socket.once('close', () => this.#end(CLOSED_CAUSE))
    this.#socket.once('end', () => this.#end(CLOSED_CAUSE))
  }

  get usable(): boolean {
    return this.#state !== 'ended'
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  /** Adds a command; it is written at the end of the turn. */
  send(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const chunk = this.#outbox.append(bytes, start, end, stable)
    chunk.waiting++
    request.chunk = chunk
    request.to = chunk.used
    request.from = chunk.used - (end - start)
    request.queuedAt = this.#turn.now
    request.nextInFlight = undefined
    if (this.#last === undefined) this.#head = request
    else this.#last.nextInFlight = request
    this.#last = request
    if (this.#state === 'open') this.#turn.mark(this)
  }

  flush(): void {
    if (this.#state !== 'open') return
    this.#owner.traffic.bytesOut += this.#outbox.pendingBytes
    this.#outbox.flush(this.#socket)
  }

  /** Ends the connection when its oldest command waits too long. */
  tick(now: number): void {
    const head = this.#head
    if (head === undefined || now - head.queuedAt <= this.#limits.replyTimeoutMs) return
    this.#end({
      code: 'REPLY_TIMEOUT',
      text: `did not answer within ${this.#limits.replyTimeoutMs} ms`,
    })
  }

  /** Closes the connection once all its commands are answered. */
  drain(): void {
    this.#draining = true
    if (this.#head === undefined) this.#end(REMOVED_CAUSE)
  }

  /** Ends the connection now; its commands are lost. */
  destroy(cause: LostCause): void {
    this.#end(cause)
  }

  #connected(): void {
    if (this.#state !== 'connecting') return
    clearTimeout(this.#connectTimer)
    this.#state = 'open'
    if (this.resp === 3) {
      this.#greeting = true
      this.#socket.write(HELLO_3)
    }
    this.#turn.mark(this)
  }

  #connectTimedOut(): void {
    this.#end({
      code: 'CONNECT_TIMEOUT',
      text: `did not accept a connection within ${this.#limits.connectTimeoutMs} ms`,
    })
  }

  #read(length: number): boolean {
    this.#turn.begin()
    this.#owner.traffic.bytesIn += length
    const bytes = this.#reads
    if (this.#partial.length === 0) {
      const at = this.#replies(bytes, 0, length, false)
      if (at < length && this.#state === 'open') this.#keep(bytes, at, length)
    } else if (this.#keep(bytes, 0, length)) {
      const partial = this.#partial
      partial.consume(this.#replies(partial.bytes, partial.start, partial.end, true))
    }
    return true
  }

  #keep(bytes: Buffer, start: number, end: number): boolean {
    if (this.#partial.append(bytes, start, end)) return true
    this.#end({ code: 'BAD_REPLY', text: 'sent a reply above replyBytesMax' })
    return false
  }

  /** Hands out every complete reply in `bytes[start, end)`; the position after the last one. */
  #replies(bytes: Buffer, start: number, end: number, stable: boolean): number {
    const scanner = this.#scanner
    let at = start
    while (at < end) {
      const found = scanner.scan(bytes, at, end)
      if (found === SCANNED.needMore) return at
      if (found === SCANNED.error) {
        this.#end({ code: 'BAD_REPLY', text: `broke the protocol (${scanner.error})` })
        return end
      }
      const replyEnd = scanner.end
      // Out-of-band data answers no command.
      if (
        !this.#protocol.isOutOfBand(bytes[at] as number) &&
        !this.#answer(bytes, at, replyEnd, stable)
      )
        return end
      at = replyEnd
    }
    return at
  }

  #answer(bytes: Buffer, start: number, end: number, stable: boolean): boolean {
    if (this.#greeting) {
      this.#greeting = false
      if (bytes[start] !== ERROR) return true
      this.#end(NO_RESP3_CAUSE)
      return false
    }
    const request = this.#shift()
    if (request === undefined) {
      this.#end({ code: 'BAD_REPLY', text: 'broke the protocol (a reply to no command)' })
      return false
    }
    request.settle(bytes, start, end, stable)
    if (this.#draining && this.#head === undefined) this.#end(REMOVED_CAUSE)
    return this.#state === 'open'
  }

  #shift(): Request | undefined {
    const request = this.#head
    if (request === undefined) return undefined
    this.#head = request.nextInFlight
    if (this.#head === undefined) this.#last = undefined
    request.nextInFlight = undefined
    this.#owner.left(request.to - request.from)
    const { chunk } = request
    if (chunk !== undefined) {
      chunk.waiting--
      if (chunk.waiting === 0) this.#outbox.release(chunk)
      request.chunk = undefined
    }
    return request
  }

  #end(cause: LostCause): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    clearTimeout(this.#connectTimer)
    this.#socket.destroy()
    this.#turn.begin()
    let request = this.#head
    this.#head = undefined
    this.#last = undefined
    // First the owner learns that the backend is to be avoided, then its commands look for another one.
    this.#owner.ended(this, cause, request !== undefined)
    while (request !== undefined) {
      const next: Request | undefined = request.nextInFlight
      const { chunk } = request
      const sent = chunk !== undefined && request.from < chunk.flushed
      request.nextInFlight = undefined
      this.#owner.left(request.to - request.from)
      this.#owner.lost(request, sent, cause)
      request = next
    }
    this.#outbox.clear()
  }
}
