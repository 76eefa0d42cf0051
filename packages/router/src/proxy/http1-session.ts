import type { Socket } from 'node:net'
import { CHUNKED, ChunkedBody } from '../codec/http1/chunked-body.ts'
import { type Fault, PARSED } from '../codec/http1/fault.ts'
import { FIELD } from '../codec/http1/field.ts'
import { HeadLookout, LOOKED } from '../codec/http1/head-lookout.ts'
import type { ResponseBody, ResponseHead } from '../codec/http1/response-head.ts'
import { type ConnectionNotice, writeResponseHead } from '../codec/http1/write-head.ts'
import { ProxyProtocol } from '../codec/proxy-protocol.ts'
import type { HttpLimits } from '../http-limits.ts'
import { FAILURE_OF_STATUS, failureResponse, type HttpFailure } from '../plan/http/failure.ts'
import { Forwarding } from '../plan/http/forwarding.ts'
import type { Deadlines, Expirable } from '../pool/deadlines.ts'
import { Exchange, type ExchangeClient } from '../pool/exchange.ts'
import { GrowingBuffer } from '../pool/growing-buffer.ts'
import { Outbox } from '../pool/outbox.ts'
import type { Flushable } from '../pool/turn.ts'
import { beginRequest, type Requester } from './begin-request.ts'
import { readClient } from './client-reads.ts'
import type { HttpHost } from './http-host.ts'
import { Stickiness } from './http-stickiness.ts'

const EMPTY = Buffer.alloc(0)

/** How the present request's body ends. */
type RequestBody = 'none' | 'length' | 'chunked'

/**
 * One HTTP/1.1 client connection: bytes → heads → exchanges, one after the other, and responses back in that order.
 *
 *   greeting ─► head ─► body ─► answer ─► head …        bytes of later requests wait in #partial
 *                         └─► tunnel                    (a switched protocol: bytes both ways until one side ends)
 *   any ─► lingering: our side is ended, what still comes is discarded, so that the client reads the last response
 */
export class Http1Session implements ExchangeClient, Requester, Expirable, Flushable {
  slot = -1
  marked = false
  rawFraming = true

  readonly host: HttpHost
  readonly #socket: Socket
  readonly #deadlines: Deadlines
  readonly #limits: HttpLimits
  readonly #outbox = new Outbox()
  readonly #exchange: Exchange
  readonly stickiness: Stickiness
  readonly #secure: boolean
  #state: 'greeting' | 'head' | 'body' | 'answer' | 'tunnel' | 'lingering' | 'ended' = 'head'
  #partial: GrowingBuffer | undefined
  #lookout: HeadLookout | undefined
  #chunked: ChunkedBody | undefined
  #proxy: ProxyProtocol | undefined
  #forwarding: Forwarding | undefined
  #peerIp = ''
  #body: RequestBody = 'none'
  #left = 0
  /** The client may send another request afterwards. */
  #persistent = true
  #minor = 1
  #headRequest = false
  #responseBegun = false
  #draining = false
  #inputEnded = false
  #outputEnded = false
  #outputHeld = 0
  #consuming = false
  /** Reading is stopped because too much waits, at the backend or here. */
  #paused = false
  /** The backend is not read because this client does not read. */
  #holdsBackend = false

  /** @param clientIp what the PROXY protocol said before the handshake */
  constructor(accepted: Socket, host: HttpHost, secure: boolean, clientIp?: string) {
    this.host = host
    const socket = readClient(accepted, (bytes, length) => this.#read(bytes, length))
    this.#socket = socket
    this.#secure = secure
    this.#limits = host.http
    this.#deadlines = host.deadlines
    this.#exchange = new Exchange(this, host)
    this.stickiness = new Stickiness(host, this.#exchange, this)
    host.deadlines.add(this)
    const greeted = host.proxyProtocol && !secure
    if (greeted) this.#state = 'greeting'
    this.#peerIp = clientIp ?? ''
    this.#wait(greeted ? host.http.headTimeoutMs : host.http.keepAliveTimeoutMs)
    socket.on('drain', () => host.turn.mark(this))
    socket.once('end', () => this.#endOfInput())
    // An error is always followed by `close`; what a client's network does is not ours to report.
    socket.on('error', () => this.destroy())
    socket.once('close', () => this.destroy())
  }

  /**
   * Ends when the present request is answered, whose response says so. Between requests one more may be on its way, sent before
   * its client could know: it is waited for, and answered, too.
   */
  drain(): void {
    this.#draining = true
    const between = this.#state === 'head' && !this.#exchange.active && this.#waiting() === 0
    if (between || this.#state === 'greeting') this.#wait(this.#limits.drainIdleTimeoutMs)
  }

  destroy(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#exchange.dispose()
    this.#deadlines.remove(this)
    this.#socket.destroy()
    this.#outbox.clear()
    this.#partial = undefined
    this.host.ended(this)
  }

  expired(): void {
    this.host.turn.begin()
    switch (this.#state) {
      case 'head':
        // A connection that waits for its next request owes nothing.
        if (this.#waiting() === 0) this.#close()
        else
          this.failed(
            'REQUEST_TIMEOUT',
            `the head took longer than ${this.#limits.headTimeoutMs} ms`,
          )
        return
      case 'greeting':
      case 'lingering':
        this.destroy()
        return
      case 'body':
      case 'answer':
        // The client has ended its side and waits no longer for the rest than this.
        this.destroy()
        return
      case 'tunnel':
      case 'ended':
        return
      default:
        this.#state satisfies never
    }
  }

  flush(): void {
    if (this.#state === 'ended' || this.#outputHeld > 0) return
    this.host.traffic.bytesOut += this.#outbox.pendingBytes
    const taken = this.#outbox.flush(this.#socket)
    if (this.#holdsBackend && (taken || this.#outputBytes() <= this.#limits.outputBytesMax / 2)) {
      this.#holdsBackend = false
      this.#exchange.resume()
    }
    if (this.#state !== 'lingering' || !taken || this.#outputEnded) return
    this.#outputEnded = true
    this.#wait(this.#limits.lingerTimeoutMs)
    this.#socket.end()
  }

  /** Keeps the response back until the session is known to the other routers. */
  holdOutput(): void {
    this.#outputHeld++
  }

  releaseOutput(): void {
    this.#outputHeld--
    this.host.turn.mark(this)
  }

  interim(head: ResponseHead, bytes: Buffer, to: number): void {
    if (this.#minor === 0) return
    this.#say(head, bytes, to, 'none', EMPTY)
  }

  responseHead(head: ResponseHead, bytes: Buffer, to: number, body: ResponseBody): void {
    this.#responseBegun = true
    const decoded = body === 'chunked' && !this.rawFraming
    if (decoded) head.fields.drop(head.fields.indexOf(FIELD['transfer-encoding']))
    const keeps =
      this.#persistent &&
      !this.#draining &&
      this.#state === 'answer' &&
      body !== 'until-close' &&
      !decoded
    this.#persistent = keeps
    const notice: ConnectionNotice = !keeps ? 'close' : this.#minor === 0 ? 'keep-alive' : 'none'
    this.#say(head, bytes, to, notice, this.stickiness.answer(head, bytes, this.#secure))
  }

  responseData(bytes: Buffer, from: number, to: number): void {
    this.stickiness.data(bytes, from, to)
    this.#outbox.append(bytes, from, to, false)
    this.host.turn.mark(this)
    if (!this.#holdsBackend && this.#outputBytes() > this.#limits.outputBytesMax) {
      this.#holdsBackend = true
      this.#exchange.pause()
    }
  }

  /** HTTP/1.0 has none. */
  responseTrailers(): void {}

  responseEnd(): void {
    this.#holdsBackend = false
    this.host.turn.mark(this)
    if (this.#state === 'ended' || this.#state === 'lingering') return
    // A request that was answered before it was read to its end leaves bytes that nobody wants.
    if (this.#state !== 'answer' || !this.#persistent) this.#close()
    else this.#next()
  }

  switched(head: ResponseHead, bytes: Buffer, to: number): void {
    this.#state = 'tunnel'
    this.#persistent = false
    this.#clearDeadline()
    this.#say(head, bytes, to, 'upgrade', this.stickiness.answer(head, bytes, this.#secure))
    if (this.#waiting() > 0 && !this.#consuming) this.#consumePartial()
  }

  failed(failure: HttpFailure, text: string): void {
    if (this.#state === 'ended' || this.#state === 'lingering') return
    this.host.failed(failure)
    const close = this.#state !== 'answer' || !this.#persistent || this.#draining
    const bytes = Buffer.from(
      failureResponse(failure, text, { close, head: this.#headRequest }),
      'latin1',
    )
    this.#outbox.append(bytes, 0, bytes.length, true)
    this.host.turn.mark(this)
    if (close) this.#close()
    else this.#next()
  }

  broken(): void {
    // Ending the connection early is how HTTP/1.1 says that a body is not complete.
    this.flush()
    this.destroy()
  }

  uploadDrained(): void {
    this.#unpause()
  }

  tunnelEnded(): void {
    this.flush()
    this.#socket.end()
  }

  tunnelClosed(): void {
    this.flush()
    if (this.#state !== 'ended') this.#socket.destroySoon()
  }

  #read(bytes: Buffer, length: number): void {
    this.host.turn.begin()
    this.host.traffic.bytesIn += length
    if (this.#state === 'lingering' || this.#state === 'ended') return
    if (this.#waiting() > 0 || this.#state === 'answer') {
      if (this.#keep(bytes, 0, length)) this.#consumePartial()
      return
    }
    this.#consuming = true
    const at = this.#consume(bytes, 0, length)
    this.#consuming = false
    if (at < length && this.#takesMore()) this.#keep(bytes, at, length)
  }

  #takesMore(): boolean {
    return this.#state !== 'lingering' && this.#state !== 'ended'
  }

  #waiting(): number {
    return this.#partial?.length ?? 0
  }

  /** Keeps bytes for later: of a head that is not complete, or of requests whose turn has not come. */
  #keep(bytes: Buffer, from: number, to: number): boolean {
    const { headBytesMax, pipelineBytesMax } = this.#limits
    this.#partial ??= new GrowingBuffer(Number.MAX_SAFE_INTEGER)
    this.#partial.append(bytes, from, to)
    if (this.#state === 'head') {
      if (!this.#look(bytes, from, to)) return false
    } else if (this.#waiting() > Math.max(pipelineBytesMax, headBytesMax)) this.#pause()
    return this.#state !== 'answer'
  }

  /** True when the head may be complete: only then it is parsed again. */
  #look(bytes: Buffer, from: number, to: number): boolean {
    if (this.#lookout === undefined) {
      this.#lookout = new HeadLookout()
      this.#wait(this.#limits.headTimeoutMs)
    }
    const looked = this.#lookout.look(bytes, from, to)
    if (looked === LOOKED.bareLineEnd) return true
    return looked === LOOKED.complete || this.#waiting() > this.#limits.headBytesMax
  }

  #consumePartial(): void {
    const partial = this.#partial
    if (partial === undefined || this.#consuming) return
    this.#consuming = true
    const at = this.#consume(partial.bytes, partial.start, partial.end)
    this.#consuming = false
    if (!this.#takesMore()) return
    partial.consume(at)
    if (partial.length === 0) this.#partial = undefined
    if (this.#state === 'head' && this.#waiting() > 0 && this.#lookout === undefined)
      this.#look(partial.bytes, partial.start, partial.end)
    if (this.#waiting() <= this.#limits.pipelineBytesMax) this.#unpause()
  }

  /** Takes what it can of `bytes[from, end)`; the position after it. */
  #consume(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end) {
      switch (this.#state) {
        case 'greeting': {
          const to = this.#greet(bytes, at, end)
          if (to < 0) return to === PARSED.needMore ? at : end
          at = to
          break
        }
        case 'head': {
          const to = this.#head(bytes, at, end)
          if (to < 0) return to === PARSED.needMore ? at : end
          at = to
          break
        }
        case 'body':
          at = this.#bodyBytesOf(bytes, at, end)
          break
        case 'tunnel':
          this.#upload(bytes, at, end)
          return end
        case 'answer':
          return at
        case 'lingering':
        case 'ended':
          return end
        default:
          this.#state satisfies never
      }
    }
    return at
  }

  #greet(bytes: Buffer, at: number, end: number): number {
    this.#proxy ??= new ProxyProtocol()
    const to = this.#proxy.parse(bytes, at, end)
    if (to === PARSED.fault) this.destroy()
    if (to < 0) return to
    this.#peerIp = this.#proxy.clientIp
    this.#proxy = undefined
    this.#state = 'head'
    this.#wait(this.#limits.keepAliveTimeoutMs)
    return to
  }

  #head(bytes: Buffer, at: number, end: number): number {
    const { requestHead: head } = this.host
    const to = head.parse(bytes, at, end)
    if (to === PARSED.needMore) return to
    this.#lookout = undefined
    if (to === PARSED.fault) {
      this.#refuse(head.fault)
      return to
    }
    this.#headRequest = head.method === 'HEAD'
    this.#minor = head.minor
    this.rawFraming = head.minor === 1
    this.#persistent = head.persistent && !head.h2c
    this.#responseBegun = false
    this.#clearDeadline()
    if (head.contentLength > this.#limits.requestBodyBytesMax) {
      this.#refuseBody()
      return to
    }
    this.#state = head.hasBody ? 'body' : 'answer'
    this.#body = head.chunked ? 'chunked' : head.hasBody ? 'length' : 'none'
    this.#left = head.contentLength
    if (this.#body === 'chunked') {
      this.#chunked ??= new ChunkedBody(this.#limits)
      this.#chunked.reset(true)
    }
    beginRequest(this, head, bytes, to)
    return to
  }

  /** Made at the first request: a connection that never asks costs less. */
  get forwarding(): Forwarding {
    this.#forwarding ??= new Forwarding(this.host.forwarding, {
      ip: this.peerIp,
      proto: this.#secure ? 'https' : 'http',
      trusted: this.host.trusts(this.peerIp),
    })
    return this.#forwarding
  }

  get peerIp(): string {
    if (this.#peerIp === '') this.#peerIp = this.host.peerIp(this.#socket)
    return this.#peerIp
  }

  #bodyBytesOf(bytes: Buffer, at: number, end: number): number {
    if (this.#body === 'length') {
      const taken = Math.min(this.#left, end - at)
      this.#left -= taken
      this.#upload(bytes, at, at + taken)
      if (this.#left === 0) this.#requestComplete()
      return at + taken
    }
    return this.#chunks(bytes, at, end)
  }

  #chunks(bytes: Buffer, start: number, end: number): number {
    const chunked = this.#chunked
    if (chunked === undefined) return end
    let at = start
    for (;;) {
      const found = chunked.next(bytes, at, end)
      at = chunked.at
      if (found === CHUNKED.fault) {
        this.#refuse(chunked.fault)
        return end
      }
      if (chunked.bytes > this.#limits.requestBodyBytesMax) {
        this.#refuseBody()
        return end
      }
      if (found === CHUNKED.range) this.#upload(bytes, chunked.from, chunked.to)
      else {
        if (found === CHUNKED.end) this.#requestComplete()
        return at
      }
      if (this.#state !== 'body') return end
    }
  }

  #upload(bytes: Buffer, from: number, to: number): void {
    if (to === from) return
    this.#exchange.write(bytes, from, to)
    if (this.#exchange.active && this.#exchange.full) this.#pause()
  }

  #requestComplete(): void {
    if (this.#state !== 'body') return
    this.#state = 'answer'
    this.#exchange.finish()
  }

  /** The request breaks the rules: nothing after it can be understood. */
  #refuse({ status, text }: Fault): void {
    this.#exchange.abort()
    this.#persistent = false
    if (this.#responseBegun) this.broken()
    else this.failed(FAILURE_OF_STATUS[status], text)
  }

  #refuseBody(): void {
    this.#exchange.abort()
    this.#persistent = false
    if (this.#responseBegun) this.broken()
    else
      this.failed(
        'BODY_TOO_LARGE',
        `the body is larger than ${this.#limits.requestBodyBytesMax} bytes`,
      )
  }

  #say(
    head: ResponseHead,
    bytes: Buffer,
    to: number,
    notice: ConnectionNotice,
    added: Buffer,
  ): void {
    const { scratch } = this.host
    const written = writeResponseHead(head, bytes, to, notice, added, scratch, 0)
    this.#outbox.append(scratch, 0, written, false)
    this.host.turn.mark(this)
  }

  /** The next request of the connection. */
  #next(): void {
    this.#state = 'head'
    this.#wait(this.#draining ? this.#limits.drainIdleTimeoutMs : this.#limits.keepAliveTimeoutMs)
    if (this.#waiting() > 0) {
      if (!this.#consuming) this.#consumePartial()
    } else if (this.#inputEnded) this.#close()
    else this.#unpause()
  }

  /** Ends our side after what is written; what still comes is discarded for a while. */
  #close(): void {
    if (this.#state === 'ended' || this.#state === 'lingering') return
    this.#state = 'lingering'
    this.#partial = undefined
    if (this.#inputEnded) {
      this.flush()
      this.#socket.destroySoon()
      return
    }
    // Until the client has taken what is written; from then on it is lingerTimeoutMs.
    this.#wait(this.#limits.responseIdleTimeoutMs)
    this.#unpause()
    this.host.turn.mark(this)
  }

  #endOfInput(): void {
    this.#inputEnded = true
    switch (this.#state) {
      case 'tunnel':
        this.#exchange.endOutput()
        return
      case 'answer':
        // Its client may still want the response (`printf … | nc`), or be gone: there is no telling, but for a while.
        this.#wait(this.#limits.halfClosedTimeoutMs)
        return
      case 'lingering':
        this.#socket.destroySoon()
        return
      default:
        this.destroy()
    }
  }

  #outputBytes(): number {
    return this.#outbox.pendingBytes + this.#socket.writableLength
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  #unpause(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  #wait(ms: number): void {
    this.#deadlines.set(this, this.host.turn.now + ms)
  }

  #clearDeadline(): void {
    this.#deadlines.set(this, Number.POSITIVE_INFINITY)
  }
}
