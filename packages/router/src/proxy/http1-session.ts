import type { Socket } from 'node:net'
import type { Fault } from '../codec/http1/fault.ts'
import { FIELD } from '../codec/http1/field.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import type { ResponseBody, ResponseHead } from '../codec/http1/response-head.ts'
import { type ConnectionNotice, writeResponseHead } from '../codec/http1/write-head.ts'
import type { HttpLimits } from '../http-limits.ts'
import { FAILURE_OF_STATUS, failureResponse, type HttpFailure } from '../plan/http/failure.ts'
import { Forwarding } from '../plan/http/forwarding.ts'
import type { Deadlines, Expirable } from '../pool/deadlines.ts'
import { Exchange, type ExchangeClient } from '../pool/exchange.ts'
import { Outbox, WRITE_NOW_BYTES } from '../pool/outbox.ts'
import type { Flushable } from '../pool/turn.ts'
import { beginRequest, type Requester } from './begin-request.ts'
import { readClient } from './client-reads.ts'
import type { HttpHost } from './http-host.ts'
import { Stickiness } from './http-stickiness.ts'
import { Http1Input, type Http1InputOwner } from './http1-input.ts'

const EMPTY = Buffer.alloc(0)

/**
 * One HTTP/1.1 client connection: requests → exchanges, one after the other, and responses back in that order.
 *
 *   open ─► lingering: our side is ended, what still comes is discarded, so that the client reads the last response
 *     └────────┴─► ended
 */
export class Http1Session
  implements ExchangeClient, Requester, Expirable, Flushable, Http1InputOwner
{
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
  readonly #input: Http1Input
  #state: 'open' | 'lingering' | 'ended' = 'open'
  #forwarding: Forwarding | undefined
  #peerIp = ''
  /** The client may send another request afterwards. */
  #persistent = true
  #minor = 1
  #headRequest = false
  #responseBegun = false
  #draining = false
  #inputEnded = false
  #outputEnded = false
  #outputHeld = 0
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
    this.#input = new Http1Input(this, host, greeted)
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
    const { phase, waitingBytes } = this.#input
    const between = phase === 'head' && !this.#exchange.active && waitingBytes === 0
    if (between || phase === 'greeting') this.#wait(this.#limits.drainIdleTimeoutMs)
  }

  destroy(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#input.close()
    this.#exchange.dispose()
    this.#deadlines.remove(this)
    this.#socket.destroy()
    this.#outbox.clear()
    this.host.ended(this)
  }

  expired(): void {
    this.host.turn.begin()
    switch (this.#input.phase) {
      case 'head':
        // A connection that waits for its next request owes nothing.
        if (this.#input.waitingBytes === 0) this.#close()
        else
          this.failed(
            'REQUEST_TIMEOUT',
            `the head took longer than ${this.#limits.headTimeoutMs} ms`,
          )
        return
      case 'greeting':
      case 'closed':
        this.destroy()
        return
      case 'body':
      case 'answer':
        // The client has ended its side and waits no longer for the rest than this.
        this.destroy()
        return
      case 'tunnel':
        return
      default:
        this.#input.phase satisfies never
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
      this.#input.phase === 'answer' &&
      body !== 'until-close' &&
      !decoded
    this.#persistent = keeps
    const notice: ConnectionNotice = !keeps ? 'close' : this.#minor === 0 ? 'keep-alive' : 'none'
    this.#say(head, bytes, to, notice, this.stickiness.answer(head, bytes, this.#secure))
  }

  responseData(bytes: Buffer, from: number, to: number): void {
    this.stickiness.data(bytes, from, to)
    this.#outbox.append(bytes, from, to, false)
    if (this.#outbox.pendingBytes >= WRITE_NOW_BYTES) this.flush()
    else this.host.turn.mark(this)
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
    if (this.#state !== 'open') return
    // A request that was answered before it was read to its end leaves bytes that nobody wants.
    if (this.#input.phase !== 'answer' || !this.#persistent) this.#close()
    else this.#next()
  }

  switched(head: ResponseHead, bytes: Buffer, to: number): void {
    this.#input.phase = 'tunnel'
    this.#persistent = false
    this.#clearDeadline()
    this.#say(head, bytes, to, 'upgrade', this.stickiness.answer(head, bytes, this.#secure))
    this.#input.goOn()
  }

  failed(failure: HttpFailure, text: string): void {
    if (this.#state !== 'open') return
    this.host.failed(failure)
    const close = this.#input.phase !== 'answer' || !this.#persistent || this.#draining
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
    this.resumeInput()
  }

  tunnelEnded(): void {
    this.flush()
    this.#socket.end()
  }

  tunnelClosed(): void {
    this.flush()
    if (this.#state !== 'ended') this.#socket.destroySoon()
  }

  greeted(clientIp: string): void {
    this.#peerIp = clientIp
    this.#wait(this.#limits.keepAliveTimeoutMs)
  }

  greetedWrongly(): void {
    this.destroy()
  }

  headBegun(): void {
    this.#wait(this.#limits.headTimeoutMs)
  }

  request(head: RequestHead, bytes: Buffer, to: number): void {
    this.#headRequest = head.method === 'HEAD'
    this.#minor = head.minor
    this.rawFraming = head.minor === 1
    this.#persistent = head.persistent && !head.h2c
    this.#clearDeadline()
    if (head.contentLength > this.#limits.requestBodyBytesMax) this.bodyTooLarge()
    else beginRequest(this, head, bytes, to)
  }

  upload(bytes: Buffer, from: number, to: number): void {
    this.#exchange.write(bytes, from, to)
    if (this.#exchange.active && this.#exchange.full) this.pauseInput()
  }

  uploaded(): void {
    this.#exchange.finish()
  }

  refused({ status, text }: Fault): void {
    this.#refuse(FAILURE_OF_STATUS[status], text)
  }

  bodyTooLarge(): void {
    this.#refuse(
      'BODY_TOO_LARGE',
      `the body is larger than ${this.#limits.requestBodyBytesMax} bytes`,
    )
  }

  pauseInput(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  resumeInput(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
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

  #read(bytes: Buffer, length: number): void {
    this.host.turn.begin()
    this.host.traffic.bytesIn += length
    this.#input.take(bytes, length)
  }

  /** Nothing after this request can be understood. */
  #refuse(failure: HttpFailure, text: string): void {
    this.#exchange.abort()
    this.#persistent = false
    if (this.#responseBegun) this.broken()
    else this.failed(failure, text)
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
    this.#input.phase = 'head'
    this.#responseBegun = false
    this.#wait(this.#draining ? this.#limits.drainIdleTimeoutMs : this.#limits.keepAliveTimeoutMs)
    if (this.#input.waitingBytes > 0) this.#input.goOn()
    else if (this.#inputEnded) this.#close()
    else this.resumeInput()
  }

  /** Ends our side after what is written; what still comes is discarded for a while. */
  #close(): void {
    if (this.#state !== 'open') return
    this.#state = 'lingering'
    this.#input.close()
    if (this.#inputEnded) {
      this.flush()
      this.#socket.destroySoon()
      return
    }
    // Until the client has taken what is written; from then on it is lingerTimeoutMs.
    this.#wait(this.#limits.responseIdleTimeoutMs)
    this.resumeInput()
    this.host.turn.mark(this)
  }

  #endOfInput(): void {
    this.#inputEnded = true
    switch (this.#input.phase) {
      case 'tunnel':
        this.#exchange.endOutput()
        return
      case 'answer':
        // Its client may still want the response (`printf … | nc`), or be gone: there is no telling, but for a while.
        this.#wait(this.#limits.halfClosedTimeoutMs)
        return
      case 'closed':
        this.#socket.destroySoon()
        return
      default:
        this.destroy()
    }
  }

  #outputBytes(): number {
    return this.#outbox.pendingBytes + this.#socket.writableLength
  }

  #wait(ms: number): void {
    this.#deadlines.set(this, this.host.turn.now + ms)
  }

  #clearDeadline(): void {
    this.#deadlines.set(this, Number.POSITIVE_INFINITY)
  }
}
