import type { Socket } from 'node:net'
import type { RespVersion } from '../codec/resp/encode.ts'
import { SCANNED } from '../codec/resp/reply-scanner.ts'
import type { RouterLimits } from '../limits.ts'
import { type DialTarget, dial } from './dial.ts'
import { type Greeting, greetingsOf } from './greeting.ts'
import { GrowingBuffer } from './growing-buffer.ts'
import { CLOSED_CAUSE, causeOfError, type LostCause, REMOVED_CAUSE } from './lost-cause.ts'
import { Outbox } from './outbox.ts'
import { readBufferFor } from './read-buffer.ts'
import type { Request } from './request.ts'
import type { Flushable, Turn } from './turn.ts'
import type { ReplyFinder, UpstreamProtocol } from './upstream-protocol.ts'

/** Who owns a connection and hears of its end. */
export interface UpstreamOwner extends DialTarget {
  /** A request that will not be answered here; its bytes are `bytes[from, to)`. */
  lost(request: Request, sent: boolean, cause: LostCause): void
  /** The connection is gone. `inFlight` says whether commands were on it. */
  ended(upstream: Upstream, cause: LostCause, inFlight: boolean): void
  /** After `ended`, when all requests are handed back: the last that is heard of the connection. */
  over?(upstream: Upstream, cause: LostCause): void
  /** A reply that is about to be given out says that the backend is ill. */
  ill?(): void
  /** A request has left the queue. */
  left(bytes: number): void
  /** A reply to no command; true when that is no breach of the protocol. */
  stray?(bytes: Buffer, start: number, end: number): boolean
  /** RESP3 out-of-band data, `bytes[start, end)`, which is overwritten after the call. */
  pushed?(bytes: Buffer, start: number, end: number): void
  readonly traffic: { bytesIn: number; bytesOut: number }
}

const ERROR = 0x2d

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

  #state: 'connecting' | 'greeting' | 'open' | 'ended' = 'connecting'
  /** Commands of our own that are not answered yet: nothing else is written before they are. */
  readonly #greetings: Greeting[]
  /** `address:port` of our side, by which the backend knows this connection. */
  #localName: string | undefined
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
    this.#greetings = [...greetingsOf(owner.access, resp)]
    const { socket, ready } = dial(owner, {
      buffer: this.#reads,
      callback: (length) => this.#read(length),
    })
    this.#socket = socket
    this.#connectTimer = setTimeout(() => this.#connectTimedOut(), limits.connectTimeoutMs)
    this.#connectTimer.unref()
    this.#socket.once(ready, () => this.#connected())
    this.#socket.on('error', (error) =>
      this.#end(causeOfError(error, this.#state !== 'connecting')),
    )
    this.#socket.once('close', () => this.#end(CLOSED_CAUSE))
    this.#socket.once('end', () => this.#end(CLOSED_CAUSE))
  }

  get usable(): boolean {
    return this.#state !== 'ended'
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  get localName(): string | undefined {
    return this.#localName
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

  /** Adds a command that is answered by pushes only. */
  sendUnanswered(bytes: Buffer): void {
    this.#outbox.append(bytes, 0, bytes.length, true)
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
    if (head === undefined) return
    if (now - head.queuedAt <= this.#limits.replyTimeoutMs + head.patienceMs) return
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
    const { localAddress, localPort } = this.#socket
    if (localAddress !== undefined) this.#localName = nameOf(localAddress, localPort ?? 0)
    if (this.#greetings.length === 0) {
      this.#opened()
      return
    }
    this.#state = 'greeting'
    this.#socket.write(Buffer.concat(this.#greetings.map(({ bytes }) => bytes)))
  }

  #opened(): void {
    clearTimeout(this.#connectTimer)
    this.#state = 'open'
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
      if (at < length && this.#state !== 'ended') this.#keep(bytes, at, length)
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
      if (this.#protocol.isOutOfBand(bytes[at] as number)) this.#owner.pushed?.(bytes, at, replyEnd)
      else if (!this.#answer(bytes, at, replyEnd, stable)) return end
      at = replyEnd
    }
    return at
  }

  #answer(bytes: Buffer, start: number, end: number, stable: boolean): boolean {
    if (this.#state === 'greeting') return this.#greeted(bytes, start, end)
    const request = this.#shift()
    if (request === undefined) {
      // SUBSCRIBE is answered by pushes, but its refusal is a reply.
      if (this.#owner.stray?.(bytes, start, end) === true) return true
      this.#end({ code: 'BAD_REPLY', text: 'broke the protocol (a reply to no command)' })
      return false
    }
    if (this.#protocol.isIll(bytes, start, end)) this.#owner.ill?.()
    request.settle(bytes, start, end, stable)
    if (this.#draining && this.#head === undefined) this.#end(REMOVED_CAUSE)
    return this.#state === 'open'
  }

  #greeted(bytes: Buffer, start: number, end: number): boolean {
    const greeting = this.#greetings.shift()
    if (greeting !== undefined && bytes[start] === ERROR) {
      this.#end(greeting.refused(bytes.toString('latin1', start, end)))
      return false
    }
    if (this.#greetings.length === 0) this.#opened()
    return true
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
    this.#owner.over?.(this, cause)
  }
}

/** As Redis's CLIENT LIST writes an address. */
function nameOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
