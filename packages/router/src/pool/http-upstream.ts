import type { Socket } from 'node:net'
import { CHUNKED, ChunkedBody } from '../codec/http1/chunked-body.ts'
import { PARSED } from '../codec/http1/fault.ts'
import type { ResponseBody, ResponseHead } from '../codec/http1/response-head.ts'
import type { HttpLimits } from '../http-limits.ts'
import type { BackendAccess } from '../topology.ts'
import { dial } from './dial.ts'
import type { Exchange } from './exchange.ts'
import { GrowingBuffer } from './growing-buffer.ts'
import { CLOSED_CAUSE, causeOfError, type LostCause, REMOVED_CAUSE } from './lost-cause.ts'
import { Outbox, WRITE_NOW_BYTES } from './outbox.ts'
import { readBufferFor } from './read-buffer.ts'
import type { Flushable, Turn } from './turn.ts'

/** Who owns a connection and hears of its end. */
export interface HttpUpstreamOwner {
  readonly host: string
  readonly port: number
  readonly access: BackendAccess
  readonly counters: { bytesIn: number; bytesOut: number }
  /** The connection is free for another request. */
  released(upstream: HttpUpstream): void
  /** The connection is gone. */
  ended(upstream: HttpUpstream): void
}

export interface HttpUpstreamTools {
  readonly http: HttpLimits
  readonly turn: Turn
  /** Filled again for every response, of all connections. */
  readonly responseHead: ResponseHead
}

const BAD_REPLY = 'BAD_REPLY'

/**
 * One connection to a backend, with one request at a time. It never reconnects itself and does not know what a request
 * means: it finds where responses begin and end, and hands their parts to the exchange that has the connection.
 */
export class HttpUpstream implements Flushable {
  marked = false
  /** Requests that it has answered: a connection that has answered none is new. */
  served = 0
  /** When it became idle. */
  idleSince = 0
  /** Milliseconds for which the backend keeps it idle, as far as it says. */
  idleForMs: number
  exchange: Exchange | undefined

  readonly #owner: HttpUpstreamOwner
  readonly #tools: HttpUpstreamTools
  readonly #socket: Socket
  readonly #outbox = new Outbox()
  #partial: GrowingBuffer | undefined
  #chunked: ChunkedBody | undefined
  #state: 'connecting' | 'open' | 'ended' = 'connecting'
  #reading: 'head' | ResponseBody | 'tunnel' = 'head'
  #left = 0
  #persistent = true
  /** Bytes were given to the kernel for the present exchange. */
  #sent = false
  #paused = false

  constructor(owner: HttpUpstreamOwner, tools: HttpUpstreamTools) {
    this.#owner = owner
    this.#tools = tools
    this.idleForMs = tools.http.upstreamIdleTimeoutMs
    this.#socket = this.#dial()
    this.#socket.on('error', (error) => this.#end(causeOfError(error, this.#state === 'open')))
    this.#socket.once('close', () => this.#end(CLOSED_CAUSE))
    this.#socket.once('end', () => this.#inputEnded())
    this.#socket.on('drain', () => this.#drained())
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  get usable(): boolean {
    return this.#state !== 'ended'
  }

  /** True when bytes of the present request have left. */
  get sent(): boolean {
    return this.#sent
  }

  /** Bytes that wait for the backend. */
  get waitingBytes(): number {
    return this.#outbox.pendingBytes + this.#socket.writableLength
  }

  /** Gives the connection to an exchange. */
  begin(exchange: Exchange): void {
    this.exchange = exchange
    this.#reading = 'head'
    this.#sent = false
  }

  /** Adds bytes of the request; they are written at the end of the turn, or now when they are many. */
  write(bytes: Buffer, from: number, to: number, stable: boolean): void {
    this.#outbox.append(bytes, from, to, stable)
    if (this.#state !== 'open') return
    if (this.#outbox.pendingBytes >= WRITE_NOW_BYTES) this.flush()
    else this.#tools.turn.mark(this)
  }

  flush(): void {
    if (this.#state !== 'open') return
    const bytes = this.#outbox.pendingBytes
    if (bytes === 0) return
    this.#sent = true
    this.#owner.counters.bytesOut += bytes
    this.#outbox.flush(this.#socket)
  }

  /** Stops reading while the client does not. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  /** Ends our side: the client of a switched connection ended its own. */
  endOutput(): void {
    this.flush()
    this.#socket.end()
  }

  /** Ends the connection now; its exchange hears why. */
  lose(cause: LostCause): void {
    this.#end(cause)
  }

  /** Ends the connection now, without a word to its exchange. */
  destroy(): void {
    this.exchange = undefined
    this.#end(REMOVED_CAUSE)
  }

  #dial(): Socket {
    const reads = readBufferFor(process.platform)
    const { socket, ready } = dial(this.#owner, {
      buffer: reads,
      callback: (length) => this.#read(reads, length),
    })
    socket.once(ready, () => this.#connected())
    return socket
  }

  #connected(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'open'
    this.#tools.turn.begin()
    this.exchange?.connected()
    this.flush()
  }

  #drained(): void {
    const { exchange } = this
    if (exchange !== undefined && this.waitingBytes === 0) exchange.drained()
  }

  #read(bytes: Buffer, length: number): boolean {
    if (this.#state === 'ended') return false
    this.#tools.turn.begin()
    this.#owner.counters.bytesIn += length
    const partial = this.#partial
    if (partial === undefined || partial.length === 0) {
      const at = this.#consume(bytes, 0, length)
      if (at < length && this.#state === 'open') this.#keep(bytes, at, length)
    } else if (this.#keep(bytes, 0, length)) {
      const at = this.#consume(partial.bytes, partial.start, partial.end)
      if (this.#state === 'open') partial.consume(at)
    }
    this.exchange?.progressed()
    return !this.#paused
  }

  #keep(bytes: Buffer, from: number, to: number): boolean {
    const { responseHeadBytesMax } = this.#tools.http
    // Only heads are kept; a read that follows one is never longer than the read buffer.
    this.#partial ??= new GrowingBuffer(responseHeadBytesMax + READ_BYTES_MAX)
    if (this.#partial.append(bytes, from, to)) return true
    this.#refuse('sent a head above responseHeadBytesMax')
    return false
  }

  /** Takes what it can of `bytes[from, end)`; the position after it. */
  #consume(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end) {
      const { exchange } = this
      if (this.#state !== 'open') return end
      if (exchange === undefined) {
        // Bytes to no request: what would be read next could be the answer to somebody else's.
        this.#end({ code: BAD_REPLY, text: 'sent bytes that answer no request' })
        return end
      }
      switch (this.#reading) {
        case 'head': {
          const headTo = this.#head(bytes, at, end, exchange)
          if (headTo < 0) return headTo === PARSED.needMore ? at : end
          at = headTo
          break
        }
        case 'length': {
          const taken = Math.min(this.#left, end - at)
          this.#left -= taken
          exchange.data(bytes, at, at + taken)
          at += taken
          if (this.#left === 0) this.#finish(at < end)
          break
        }
        case 'chunked':
          at = this.#chunks(bytes, at, end, exchange)
          break
        case 'until-close':
        case 'tunnel':
          exchange.data(bytes, at, end)
          return end
        case 'none':
          return end
        default:
          this.#reading satisfies never
      }
    }
    return at
  }

  #head(bytes: Buffer, at: number, end: number, exchange: Exchange): number {
    const head = this.#tools.responseHead
    const to = head.parse(bytes, at, end)
    if (to === PARSED.fault) this.#refuse(`answered with a malformed head (${head.fault.text})`)
    if (to < 0) return to
    if (head.status === 101) return this.#switch(head, bytes, to, exchange)
    if (head.status < 200) {
      exchange.interim(head, bytes, to)
      return to
    }
    const body = head.bodyFor(exchange.headRequest)
    this.#reading = body
    this.#left = head.contentLength
    this.#persistent = head.persistent && body !== 'until-close'
    if (head.keepAliveSeconds >= 0) this.#heed(head.keepAliveSeconds)
    if (body === 'chunked') {
      this.#chunked ??= new ChunkedBody(this.#tools.http)
      this.#chunked.reset(exchange.rawFraming)
    }
    exchange.head(head, bytes, to, body)
    if (body === 'none') this.#finish(to < end)
    return to
  }

  #switch(head: ResponseHead, bytes: Buffer, to: number, exchange: Exchange): number {
    if (!exchange.upgrade) {
      this.#refuse('switched protocols without being asked')
      return to
    }
    this.#reading = 'tunnel'
    this.#persistent = false
    exchange.switched(head, bytes, to)
    return to
  }

  #chunks(bytes: Buffer, start: number, end: number, exchange: Exchange): number {
    const chunked = this.#chunked
    if (chunked === undefined) return end
    let at = start
    for (;;) {
      const found = chunked.next(bytes, at, end)
      at = chunked.at
      if (found === CHUNKED.range) {
        if (chunked.to > chunked.from) exchange.data(bytes, chunked.from, chunked.to)
      } else if (found === CHUNKED.end) {
        // The empty line after them, or alone, ends the body.
        if (chunked.trailers.length > 2) exchange.trailers(chunked.trailers)
        this.#finish(at < end)
        return at
      } else if (found === CHUNKED.fault) {
        this.#refuse(`sent a malformed body (${chunked.fault.text})`)
        return end
      } else return at
      if (this.exchange !== exchange) return end
    }
  }

  /**
   * The response is complete.
   * @param more true when bytes follow that answer no request: they must not be taken for the next response
   */
  #finish(more: boolean): void {
    const { exchange } = this
    this.exchange = undefined
    this.served++
    this.#reading = 'head'
    const reusable = this.#persistent && !more && exchange?.requestDone === true
    if (reusable && this.#state === 'open') {
      this.idleSince = this.#tools.turn.now
      this.resume()
      // Before the client is told: its next request may take this connection.
      this.#owner.released(this)
    } else this.#end(REMOVED_CAUSE)
    exchange?.finished()
  }

  /** The backend says how long it keeps idle connections: ours end a second before, and short ones are not kept. */
  #heed(seconds: number): void {
    const { upstreamIdleTimeoutMs } = this.#tools.http
    this.idleForMs = Math.min(upstreamIdleTimeoutMs, Math.max(0, seconds * 1_000 - IDLE_MARGIN_MS))
  }

  #refuse(text: string): void {
    this.#end({ code: BAD_REPLY, text })
  }

  /** The backend ends its side. */
  #inputEnded(): void {
    const { exchange } = this
    this.#tools.turn.begin()
    if (exchange !== undefined && this.#reading === 'until-close') this.#finish(false)
    else if (exchange !== undefined && this.#reading === 'tunnel') exchange.tunnelEnded()
    else this.#end(CLOSED_CAUSE)
  }

  #end(cause: LostCause): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#socket.destroy()
    this.#outbox.clear()
    this.#partial?.clear()
    const { exchange } = this
    this.exchange = undefined
    this.#owner.ended(this)
    if (exchange === undefined) return
    this.#tools.turn.begin()
    if (this.#reading === 'tunnel') exchange.tunnelClosed()
    else exchange.lost(this, cause)
  }
}

/** A backend's clock and the network may be this far behind. */
const IDLE_MARGIN_MS = 1_000
const READ_BYTES_MAX = 64 * 1024
