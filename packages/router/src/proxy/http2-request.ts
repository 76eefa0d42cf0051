import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { FAULTS, PARSED } from '../codec/http1/fault.ts'
import { NOT_IN_TRAILERS } from '../codec/http1/field.ts'
import type { ResponseBody, ResponseHead } from '../codec/http1/response-head.ts'
import {
  FAILURE_OF_STATUS,
  failureText,
  HTTP_FAILURES,
  type HttpFailure,
} from '../plan/http/failure.ts'
import type { Forwarding } from '../plan/http/forwarding.ts'
import { Exchange, type ExchangeClient } from '../pool/exchange.ts'
import { beginRequest, type Requester } from './begin-request.ts'
import type { HttpHost } from './http-host.ts'
import { Stickiness } from './http-stickiness.ts'

/** Fields of HTTP/1.1 connections, which HTTP/2 has no place for. */
const NO_PLACE = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])
const LINE_END = Buffer.from('\r\n')

/**
 * One stream of an HTTP/2 connection. Its head is written as one of HTTP/1.1 and read by the same strict parser, so that
 * nothing passes here that could not pass there.
 */
export class Http2Request implements ExchangeClient, Requester {
  readonly rawFraming = false
  readonly host: HttpHost
  readonly stickiness: Stickiness
  readonly forwarding: Forwarding
  readonly peerIp: string
  /** The response is complete, or was refused to be. */
  answered = false

  readonly #stream: ServerHttp2Stream
  readonly #exchange: Exchange
  #headRequest = false
  #chunked = false
  #bodyBytes = 0
  #held = 0
  #heldWrites: (() => void)[] = []
  #heldBytes = 0
  #pausedBackend = false
  /** Lines of the trailers of the request. */
  #requestTrailers = ''
  #responseTrailers: OutgoingHttpHeaders = {}

  constructor(stream: ServerHttp2Stream, host: HttpHost, forwarding: Forwarding, peerIp: string) {
    this.#stream = stream
    this.host = host
    this.forwarding = forwarding
    this.peerIp = peerIp
    this.#exchange = new Exchange(this, host)
    this.stickiness = new Stickiness(host, this.#exchange, this)
  }

  begin(headers: IncomingHttpHeaders): void {
    const { host } = this
    this.#headRequest = headers[':method'] === 'HEAD'
    const endless = !this.#stream.readableEnded && headers['content-length'] === undefined
    const withBody = endless && !this.#stream.endAfterHeaders
    const bytes = Buffer.from(headText(headers, withBody), 'latin1')
    const { requestHead: head } = host
    const to = head.parse(bytes, 0, bytes.length)
    if (to !== bytes.length) {
      const fault = to === PARSED.fault ? head.fault : undefined
      this.failed(
        fault === undefined ? 'BAD_REQUEST' : FAILURE_OF_STATUS[fault.status],
        fault?.text ?? 'the head is malformed',
      )
      return
    }
    if (head.contentLength > host.http.requestBodyBytesMax) {
      this.#refuseBody()
      return
    }
    this.#chunked = head.chunked
    const { hasBody } = head
    beginRequest(this, head, bytes, to)
    if (!hasBody || this.answered) {
      this.#stream.resume()
      return
    }
    this.#stream.on('data', (piece: Buffer) => this.#upload(piece))
    this.#stream.once('trailers', (trailers) => this.#takeTrailers(trailers))
    this.#stream.once('end', () => this.#uploaded())
  }

  /** The stream is closed. */
  dispose(): void {
    this.#exchange.dispose()
  }

  holdOutput(): void {
    this.#held++
  }

  releaseOutput(): void {
    if (--this.#held > 0) return
    for (const write of this.#heldWrites.splice(0)) write()
    this.#heldBytes = 0
    if (this.#pausedBackend) this.#resumeSoon()
  }

  interim(head: ResponseHead): void {
    // 101 is no interim response of HTTP/2, and 100 only matters before the body.
    if (this.#open() && !this.#stream.headersSent)
      this.#stream.additionalHeaders({ ':status': head.status })
  }

  responseHead(head: ResponseHead, bytes: Buffer, _to: number, body: ResponseBody): void {
    const added = this.stickiness.answer(head, bytes, true).toString('latin1')
    const headers = headersOf(head, bytes, added)
    const waitForTrailers = body === 'chunked'
    if (waitForTrailers)
      this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(this.#responseTrailers))
    this.#say(() => this.#stream.respond(headers, { endStream: body === 'none', waitForTrailers }))
  }

  responseTrailers(lines: string): void {
    this.#responseTrailers = trailersOf(lines)
  }

  responseData(bytes: Buffer, from: number, to: number): void {
    this.stickiness.data(bytes, from, to)
    // The connection to the backend reads into this buffer again.
    const piece = Buffer.from(bytes.subarray(from, to))
    this.host.traffic.bytesOut += piece.length
    this.#say(() => this.#stream.write(piece))
    if (this.#held > 0) this.#heldBytes += piece.length
    const waiting = this.#stream.writableLength + this.#heldBytes
    if (waiting <= this.host.http.outputBytesMax || this.#pausedBackend) return
    this.#pausedBackend = true
    this.#exchange.pause()
    // What is held is written later, and only then can drain.
    if (this.#held === 0) this.#resumeSoon()
  }

  /** Reads the backend again once the client has taken what waits for it. */
  #resumeSoon(): void {
    const resume = () => {
      this.#pausedBackend = false
      this.#exchange.resume()
    }
    if (this.#stream.writableNeedDrain) this.#stream.once('drain', resume)
    else resume()
  }

  responseEnd(): void {
    this.answered = true
    this.#say(() => this.#stream.end())
  }

  switched(): void {
    this.broken()
  }

  failed(failure: HttpFailure, text: string): void {
    this.host.failed(failure)
    this.answered = true
    if (!this.#open() || this.#stream.headersSent) return
    this.#stream.respond({
      ':status': HTTP_FAILURES[failure].status,
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    if (this.#headRequest) this.#stream.end()
    else this.#stream.end(failureText(failure, text))
    this.#stream.resume()
  }

  broken(): void {
    this.answered = true
    if (this.#open()) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  uploadDrained(): void {
    if (this.#open()) this.#stream.resume()
  }

  tunnelEnded(): void {
    this.broken()
  }

  tunnelClosed(): void {
    this.broken()
  }

  #open(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed
  }

  /** Writes now, or when other routers know the session. */
  #say(write: () => void): void {
    const guarded = () => {
      if (this.#open()) write()
    }
    if (this.#held > 0) this.#heldWrites.push(guarded)
    else guarded()
  }

  #upload(piece: Buffer): void {
    this.host.turn.begin()
    this.host.traffic.bytesIn += piece.length
    this.#bodyBytes += piece.length
    if (this.#bodyBytes > this.host.http.requestBodyBytesMax) {
      this.#refuseBody()
      return
    }
    if (this.#chunked) this.#write(Buffer.from(`${piece.length.toString(16)}\r\n`, 'latin1'))
    this.#write(piece)
    if (this.#chunked) this.#write(LINE_END)
    if (this.#exchange.active && this.#exchange.full) this.#stream.pause()
  }

  #uploaded(): void {
    this.host.turn.begin()
    if (this.answered && !this.#exchange.active) return
    if (this.#chunked) this.#write(Buffer.from(`0\r\n${this.#requestTrailers}\r\n`, 'latin1'))
    this.#exchange.finish()
  }

  /** Only a body without a length has a place for them on the way to the backend. */
  #takeTrailers(trailers: IncomingHttpHeaders): void {
    const lines = trailerLines(trailers)
    if (lines.length > this.host.http.trailerBytesMax)
      this.#refuse('HEAD_TOO_LARGE', FAULTS.trailersTooLong.text)
    else if (Object.keys(trailers).some((name) => NOT_IN_TRAILERS.includes(name)))
      this.#refuse('BAD_REQUEST', FAULTS.trailer.text)
    else this.#requestTrailers = lines
  }

  #write(bytes: Buffer): void {
    this.#exchange.write(bytes, 0, bytes.length)
  }

  #refuseBody(): void {
    const { requestBodyBytesMax } = this.host.http
    this.#refuse('BODY_TOO_LARGE', `the body is larger than ${requestBodyBytesMax} bytes`)
  }

  #refuse(failure: HttpFailure, text: string): void {
    this.#exchange.abort()
    this.failed(failure, text)
  }
}

function trailerLines(trailers: IncomingHttpHeaders): string {
  return Object.entries(trailers)
    .flatMap(([name, value]) => [value ?? []].flat().map((each) => `${name}: ${each}\r\n`))
    .join('')
}

/** Trailers that the codec has checked, as HTTP/2 has them. */
function trailersOf(lines: string): OutgoingHttpHeaders {
  const headers: Record<string, string> = {}
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (colon < 0 || NO_PLACE.has(name)) continue
    const value = line.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return headers
}

/** The head as HTTP/1.1 has it. Names and values were checked by nghttp2; the parser checks them again. */
function headText(headers: IncomingHttpHeaders, withBody: boolean): string {
  const host = headers[':authority'] ?? headers.host ?? ''
  const lines = [`${headers[':method'] ?? ''} ${headers[':path'] ?? ''} HTTP/1.1`, `Host: ${host}`]
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || name === 'host') continue
    for (const each of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${each}`)
  }
  if (withBody) lines.push('Transfer-Encoding: chunked')
  return `${lines.join('\r\n')}\r\n\r\n`
}

function headersOf(head: ResponseHead, bytes: Buffer, added: string): OutgoingHttpHeaders {
  const headers: Record<string, string | string[] | number> = { ':status': head.status }
  const { fields } = head
  const add = (name: string, value: string) => {
    const before = headers[name]
    if (before === undefined) headers[name] = name === 'set-cookie' ? [value] : value
    else headers[name] = Array.isArray(before) ? [...before, value] : `${before}, ${value}`
  }
  for (let i = 0; i < fields.count; i++) {
    const name = bytes.toString('latin1', fields.nameFrom(i), fields.nameTo(i)).toLowerCase()
    if (fields.dropped[i] === 1 || NO_PLACE.has(name)) continue
    add(name, bytes.toString('latin1', fields.valueFrom(i), fields.valueTo(i)))
  }
  const cookie = /^Set-Cookie: (.*)\r\n$/.exec(added)?.[1]
  if (cookie !== undefined) add('set-cookie', cookie)
  return headers
}
