import { CHUNKED, ChunkedBody } from '../codec/http1/chunked-body.ts'
import { type Fault, PARSED } from '../codec/http1/fault.ts'
import { HeadLookout, LOOKED } from '../codec/http1/head-lookout.ts'
import type { RequestHead } from '../codec/http1/request-head.ts'
import { ProxyProtocol } from '../codec/proxy-protocol.ts'
import { GrowingBuffer } from '../pool/growing-buffer.ts'
import type { HttpHost } from './http-host.ts'

/** What is done with what a client sends. */
export type InputPhase = 'greeting' | 'head' | 'body' | 'answer' | 'tunnel' | 'closed'

/** Who is told what was read. Bytes are valid during the call only. */
export interface Http1InputOwner {
  /** The PROXY protocol header names the client. */
  greeted(clientIp: string): void
  /** The header is malformed. */
  greetedWrongly(): void
  /** The first bytes of a head have come, and not all of them. */
  headBegun(): void
  /** A head is complete; its body follows, if it has one. */
  request(head: RequestHead, bytes: Buffer, to: number): void
  /** Bytes of a body as it goes on to the backend, or of a switched connection. */
  upload(bytes: Buffer, from: number, to: number): void
  /** The body is complete. */
  uploaded(): void
  /** The request breaks the rules: nothing after it can be understood. */
  refused(fault: Fault): void
  bodyTooLarge(): void
  /** Too much waits here, or not any more. */
  pauseInput(): void
  resumeInput(): void
}

/** How the present request's body ends. */
type RequestBody = 'none' | 'length' | 'chunked'

/**
 * The bytes of one HTTP/1.1 client, cut into heads, bodies and the bytes of a switched connection.
 *
 *   greeting ─► head ─► body ─► answer ─► head …        bytes of later requests wait in #partial
 *                         └─► tunnel                    (a switched protocol: bytes as they are)
 *   any ─► closed: what still comes is discarded
 */
export class Http1Input {
  phase: InputPhase
  readonly #owner: Http1InputOwner
  readonly #host: HttpHost
  #partial: GrowingBuffer | undefined
  #lookout: HeadLookout | undefined
  #chunked: ChunkedBody | undefined
  #greeting: ProxyProtocol | undefined
  #body: RequestBody = 'none'
  #left = 0
  #consuming = false

  /** @param greeted true when a PROXY protocol header comes first */
  constructor(owner: Http1InputOwner, host: HttpHost, greeted: boolean) {
    this.#owner = owner
    this.#host = host
    this.phase = greeted ? 'greeting' : 'head'
  }

  /** Bytes that were read and not used yet. */
  get waitingBytes(): number {
    return this.#partial?.length ?? 0
  }

  /** Takes `bytes[0, length)`. */
  take(bytes: Buffer, length: number): void {
    if (this.phase === 'closed') return
    if (this.waitingBytes > 0 || this.phase === 'answer') {
      if (this.#keep(bytes, 0, length)) this.goOn()
      return
    }
    this.#consuming = true
    const at = this.#consume(bytes, 0, length)
    this.#consuming = false
    if (at < length && this.#open()) this.#keep(bytes, at, length)
  }

  /** Goes on with what waits: the phase has changed, or a head may be complete. */
  goOn(): void {
    const partial = this.#partial
    if (partial === undefined || this.#consuming) return
    this.#consuming = true
    const at = this.#consume(partial.bytes, partial.start, partial.end)
    this.#consuming = false
    if (!this.#open()) return
    partial.consume(at)
    if (partial.length === 0) this.#partial = undefined
    if (this.phase === 'head' && this.waitingBytes > 0 && this.#lookout === undefined)
      this.#look(partial.bytes, partial.start, partial.end)
    if (this.waitingBytes <= this.#host.http.pipelineBytesMax) this.#owner.resumeInput()
  }

  /** Discards what has come and will come. */
  close(): void {
    this.phase = 'closed'
    this.#partial = undefined
  }

  #open(): boolean {
    return this.phase !== 'closed'
  }

  /** Keeps bytes for later: of a head that is not complete, or of requests whose turn has not come. */
  #keep(bytes: Buffer, from: number, to: number): boolean {
    const { headBytesMax, pipelineBytesMax } = this.#host.http
    this.#partial ??= new GrowingBuffer(Number.MAX_SAFE_INTEGER)
    this.#partial.append(bytes, from, to)
    if (this.phase === 'head') {
      if (!this.#look(bytes, from, to)) return false
    } else if (this.waitingBytes > Math.max(pipelineBytesMax, headBytesMax))
      this.#owner.pauseInput()
    return this.phase !== 'answer'
  }

  /** True when the head may be complete: only then it is parsed again. */
  #look(bytes: Buffer, from: number, to: number): boolean {
    if (this.#lookout === undefined) {
      this.#lookout = new HeadLookout()
      this.#owner.headBegun()
    }
    const looked = this.#lookout.look(bytes, from, to)
    if (looked === LOOKED.bareLineEnd) return true
    return looked === LOOKED.complete || this.waitingBytes > this.#host.http.headBytesMax
  }

  /** Takes what it can of `bytes[from, end)`; the position after it. */
  #consume(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end) {
      switch (this.phase) {
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
          at = this.#body === 'length' ? this.#sized(bytes, at, end) : this.#chunks(bytes, at, end)
          break
        case 'tunnel':
          this.#owner.upload(bytes, at, end)
          return end
        case 'answer':
          return at
        case 'closed':
          return end
        default:
          this.phase satisfies never
      }
    }
    return at
  }

  #greet(bytes: Buffer, at: number, end: number): number {
    this.#greeting ??= new ProxyProtocol()
    const to = this.#greeting.parse(bytes, at, end)
    if (to === PARSED.fault) this.#owner.greetedWrongly()
    if (to < 0) return to
    const { clientIp } = this.#greeting
    this.#greeting = undefined
    this.phase = 'head'
    this.#owner.greeted(clientIp)
    return to
  }

  #head(bytes: Buffer, at: number, end: number): number {
    const { requestHead: head, http: limits } = this.#host
    const to = head.parse(bytes, at, end)
    if (to === PARSED.needMore) return to
    this.#lookout = undefined
    if (to === PARSED.fault) {
      this.#owner.refused(head.fault)
      return to
    }
    this.phase = head.hasBody ? 'body' : 'answer'
    this.#body = head.chunked ? 'chunked' : head.hasBody ? 'length' : 'none'
    this.#left = head.contentLength
    if (this.#body === 'chunked') {
      this.#chunked ??= new ChunkedBody(limits)
      this.#chunked.reset(true)
    }
    this.#owner.request(head, bytes, to)
    return to
  }

  #sized(bytes: Buffer, at: number, end: number): number {
    const taken = Math.min(this.#left, end - at)
    this.#left -= taken
    this.#owner.upload(bytes, at, at + taken)
    if (this.#left === 0) this.#uploaded()
    return at + taken
  }

  #chunks(bytes: Buffer, start: number, end: number): number {
    const chunked = this.#chunked
    if (chunked === undefined) return end
    let at = start
    for (;;) {
      const found = chunked.next(bytes, at, end)
      at = chunked.at
      if (found === CHUNKED.fault) {
        this.#owner.refused(chunked.fault)
        return end
      }
      if (chunked.bytes > this.#host.http.requestBodyBytesMax) {
        this.#owner.bodyTooLarge()
        return end
      }
      if (found !== CHUNKED.range) {
        if (found === CHUNKED.end) this.#uploaded()
        return at
      }
      if (chunked.to > chunked.from) this.#owner.upload(bytes, chunked.from, chunked.to)
      if (this.phase !== 'body') return end
    }
  }

  #uploaded(): void {
    // The answer may have come before, and ended the request.
    if (this.phase !== 'body') return
    this.phase = 'answer'
    this.#owner.uploaded()
  }
}
