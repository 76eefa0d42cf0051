import type { Socket } from 'node:net'
import { encodeError, encodeReply } from '../codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RouterLimits } from '../limits.ts'
import { answerHere, type ClientState, type HereFacts } from '../plan/answer-here.ts'
import { findRedisCommand } from '../plan/command-index.ts'
import { type Placement, planRedis, type RedisPlan } from '../plan/plan-redis.ts'
import type { RedisCommand } from '../plan/redis-command.ts'
import { Gathering } from '../pool/gathering.ts'
import { GrowingBuffer } from '../pool/growing-buffer.ts'
import { holdReply } from '../pool/held-replies.ts'
import { Outbox } from '../pool/outbox.ts'
import { countError, type ErrorCounts, type Pool } from '../pool/pool.ts'
import { Request, type RequestOwner } from '../pool/request.ts'
import type { Flushable, Turn } from '../pool/turn.ts'

/** What a session needs from its listener. */
export interface SessionHost {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly errors: ErrorCounts
  readonly traffic: SessionTraffic
  /** The pool of the listener, once the topology names it. */
  readonly pool: Pool | undefined
  readonly poolName: string
  facts(): HereFacts
  /** The connection is gone. */
  ended(session: Session): void
}

export interface SessionTraffic {
  commands: number
  clientsSlow: number
  bytesIn: number
  bytesOut: number
}

/** Commands that change how later ones are answered: they wait until all earlier ones are. */
const BARRIERS = new Set(['hello', 'reset'])

/**
 * One client of a Redis listener: bytes → commands → plans, and replies back in the order of the commands.
 *
 *   #head → request → request → #last         a reply for the head is written, one for another waits at its request
 *
 * Reading stops (`#blocked`) while too many commands or reply bytes wait; it goes on at the end of the turn in which
 * enough of them left.
 */
export class Session implements RequestOwner, Flushable {
  marked = false
  readonly #host: SessionHost
  readonly #socket: Socket
  readonly #decoder: RequestDecoder
  /** For the parts of split commands; most clients send none. */
  #partDecoder: RequestDecoder | undefined
  readonly #partial: GrowingBuffer
  readonly #outbox = new Outbox()

  #client: ClientState
  #head: Request | undefined
  #last: Request | undefined
  #waiting = 0
  /** Bytes of replies that came before their turn. */
  #heldBytes = 0
  #blocked = false
  /** No more commands are taken; the connection ends when the queue is empty. */
  #closing = false
  #inputEnded = false
  #ended = false

  constructor(socket: Socket, id: number, host: SessionHost) {
    this.#host = host
    this.#socket = socket
    this.#decoder = new RequestDecoder(host.limits)
    this.#partial = new GrowingBuffer(host.limits.clientInputBytesMax)
    const address = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`
    this.#client = { id, address, resp: 2, name: '', libName: '', libVersion: '' }
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('drain', () => this.#host.turn.mark(this))
    socket.once('end', () => this.#endOfInput())
    // An error is always followed by `close`; what a client's network does is not ours to report.
    socket.on('error', () => this.destroy())
    socket.once('close', () => this.destroy())
  }

  /** Takes no more commands; ends when those in flight are answered. */
  drain(): void {
    this.#closing = true
    this.#host.turn.mark(this)
  }

  destroy(): void {
    if (this.#ended) return
    this.#ended = true
    this.#closing = true
    this.#socket.destroy()
    this.#outbox.clear()
    this.#partial.clear()
    this.#head = undefined
    this.#last = undefined
    this.#host.ended(this)
  }

  /** Takes the reply to a request. Hot: no allocation when the head is answered. */
  answered(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    if (this.#ended) return
    if (request !== this.#head) {
      if (stable) {
        request.replyBytes = bytes
        request.replyStart = start
        request.replyEnd = end
      } else holdReply(request, bytes, start, end)
      this.#heldBytes += end - start
      return
    }
    this.#outbox.append(bytes, start, end, stable)
    this.#advance(request)
    this.#host.turn.mark(this)
  }

  flush(): void {
    if (this.#ended) return
    this.#host.traffic.bytesOut += this.#outbox.pendingBytes
    this.#outbox.flush(this.#socket)
    if (this.#outputBytes() > this.#host.limits.clientOutputBytesHardMax) {
      this.#host.traffic.clientsSlow++
      countError(this.#host.errors, 'CLIENT_SLOW')
      this.destroy()
      return
    }
    if (this.#closing) {
      if (this.#head === undefined) this.#socket.destroySoon()
      return
    }
    if (this.#blocked && !this.#full()) this.#resume()
  }

  /** The head is answered: it leaves, and with it all next ones whose replies are there. */
  #advance(answered: Request): void {
    let next = answered.next
    this.#waiting--
    while (next?.replyBytes !== undefined) {
      this.#outbox.append(next.replyBytes, next.replyStart, next.replyEnd, true)
      this.#heldBytes -= next.replyEnd - next.replyStart
      next.replyBytes = undefined
      next = next.next
      this.#waiting--
    }
    this.#head = next
    if (next === undefined) this.#last = undefined
  }

  #read(bytes: Buffer): void {
    this.#host.turn.begin()
    this.#host.traffic.bytesIn += bytes.length
    if (this.#closing) return
    if (this.#partial.length > 0 || this.#blocked) {
      if (this.#append(bytes, 0) && !this.#blocked) this.#consumePartial()
      return
    }
    const at = this.#consume(bytes, 0, bytes.length)
    if (at < bytes.length && !this.#closing) this.#append(bytes, at)
  }

  #append(bytes: Buffer, from: number): boolean {
    if (this.#partial.append(bytes, from, bytes.length)) return true
    this.#refuse('ERR Protocol error: too many bytes in one command')
    return false
  }

  #consumePartial(): void {
    const partial = this.#partial
    const at = this.#consume(partial.bytes, partial.start, partial.end)
    if (this.#closing) partial.clear()
    else partial.consume(at)
  }

  /** Takes commands until the bytes end or reading has to stop; the position after the last one. */
  #consume(bytes: Buffer, start: number, end: number): number {
    const decoder = this.#decoder
    let at = start
    while (at < end && !this.#closing) {
      if (this.#full()) {
        this.#block()
        return at
      }
      const decoded = decoder.next(bytes, at, end)
      if (decoded === DECODED.needMore) return at
      if (decoded === DECODED.error) {
        this.#refuse(decoder.error)
        return end
      }
      if (decoded === DECODED.frame && !this.#accept(decoder.frame)) return at
      at += decoder.taken
    }
    return at
  }

  /** False when the command has to wait for all earlier ones. */
  #accept(frame: RequestFrame): boolean {
    const command = findRedisCommand(frame.bytes, frame.from(0), frame.to(0))
    if (command !== undefined && this.#head !== undefined && BARRIERS.has(command.name)) {
      this.#block()
      return false
    }
    if (command === undefined && SPOKEN_BY_BROWSERS.has(frame.text(0).toLowerCase())) {
      countError(this.#host.errors, 'CROSS_PROTOCOL')
      this.destroy()
      return true
    }
    this.#host.traffic.commands++
    const { pool } = this.#host
    const plan = planRedis(command, frame, pool?.placement ?? NOWHERE)
    if (command === undefined || plan.type === 'error' || plan.type === 'here')
      this.#answer(plan, command, frame)
    else if (pool === undefined)
      this.#sayError('NO_POOL', `ERR pool "${this.#host.poolName}" is not in the topology`)
    else this.#route(plan, command, frame, pool)
    return true
  }

  #route(plan: RedisPlan, command: RedisCommand, frame: RequestFrame, pool: Pool): void {
    const { resp } = this.#client
    const request = new Request(this, command, resp, undefined, false)
    this.#enqueue(request)
    if (plan.type === 'owner') pool.run(request, frame, plan.keyIndex, true)
    else if (plan.type === 'all') pool.runAll(request, frame, plan.gather)
    else if (plan.type === 'split') {
      const gathering = new Gathering(request, plan.gather, plan.keyCount, plan.parts.length)
      this.#partDecoder ??= new RequestDecoder(this.#host.limits)
      const decoder = this.#partDecoder
      for (const { bytes, ordinals } of plan.parts) {
        decoder.next(bytes, 0, bytes.length)
        const part = new Request(gathering, command, resp, ordinals, false)
        pool.run(part, decoder.frame, 1, true)
      }
    }
  }

  #answer(plan: RedisPlan, command: RedisCommand | undefined, frame: RequestFrame): void {
    if (plan.type === 'error') {
      this.#sayError(plan.code, plan.text)
      return
    }
    if (command === undefined) return
    const { reply, change, close } = answerHere(
      command.name,
      frame,
      this.#client,
      this.#host.facts(),
    )
    if (change !== undefined) this.#client = { ...this.#client, ...change }
    this.#say(encodeReply(reply, this.#client.resp))
    if (close === true) this.drain()
  }

  #sayError(code: string, text: string): void {
    countError(this.#host.errors, code)
    this.#say(encodeError(text))
  }

  /** A reply of the router's own, in its turn. */
  #say(bytes: Buffer): void {
    this.#host.turn.mark(this)
    if (this.#head === undefined) {
      this.#outbox.append(bytes, 0, bytes.length, true)
      return
    }
    const request = new Request(this, LOCAL, this.#client.resp, undefined, true)
    this.#enqueue(request)
    request.settle(bytes, 0, bytes.length, true)
  }

  #enqueue(request: Request): void {
    if (this.#last === undefined) this.#head = request
    else this.#last.next = request
    this.#last = request
    this.#waiting++
  }

  /** The bytes are no commands: nothing after them can be understood. */
  #refuse(text: string): void {
    this.#sayError('PROTOCOL', text)
    this.#partial.clear()
    this.drain()
  }

  #outputBytes(): number {
    return this.#outbox.pendingBytes + this.#socket.writableLength + this.#heldBytes
  }

  #full(): boolean {
    const { clientPipelineMax, clientOutputBytesMax } = this.#host.limits
    return this.#waiting >= clientPipelineMax || this.#outputBytes() > clientOutputBytesMax
  }

  #block(): void {
    this.#blocked = true
    this.#socket.pause()
    // With nothing in flight no reply will wake us; the end of the turn does.
    if (this.#waiting === 0) this.#host.turn.mark(this)
  }

  #resume(): void {
    this.#blocked = false
    if (this.#partial.length > 0) this.#consumePartial()
    if (this.#blocked || this.#closing) return
    if (this.#inputEnded) this.drain()
    else this.#socket.resume()
  }

  /** The client will send no more; what it sent before is still answered. */
  #endOfInput(): void {
    this.#inputEnded = true
    if (!this.#blocked) this.drain()
  }
}

/**
 * Words with which an HTTP request begins or goes on. A page that makes a browser send one to this port could put commands
 * into its body: as Redis does, we hang up before they are read.
 */
const SPOKEN_BY_BROWSERS = new Set(['post', 'host:'])

/** For a listener whose pool is not known yet: it still greets clients and tells them what it cannot route. */
const NOWHERE: Placement = { whole: true, positionOf: () => 0, ownerOf: () => 0 }

/** The row of replies that the router makes itself. */
const LOCAL: RedisCommand = {
  name: '',
  arity: 0,
  access: 'none',
  keys: { type: 'none' },
  run: { type: 'here' },
  retry: 'never',
}
