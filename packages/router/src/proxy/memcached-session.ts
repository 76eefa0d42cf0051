import type { Socket } from 'node:net'
import { LINE, MemcachedDecoder } from '../codec/memcached/request-decoder.ts'
import { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RouterLimits } from '../limits.ts'
import { isMuted, type MemcachedCommand } from '../plan/memcached/commands.ts'
import { gatherMemcached } from '../plan/memcached/gather-memcached.ts'
import { encodeLine, type MemcachedPlan, planMemcached } from '../plan/memcached/plan-memcached.ts'
import type { Placement } from '../plan/plan-redis.ts'
import { Gathering } from '../pool/gathering.ts'
import { GrowingBuffer } from '../pool/growing-buffer.ts'
import { countError, type ErrorCounts } from '../pool/pool.ts'
import { Request, type RequestOwner } from '../pool/request.ts'
import type { StaticPool } from '../pool/static-pool.ts'
import type { Flushable, Turn } from '../pool/turn.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { SessionTraffic } from './session.ts'

/** What a session needs from its listener. */
export interface MemcachedSessionHost {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly errors: ErrorCounts
  readonly traffic: SessionTraffic
  /** The pool of the listener, once the topology names it. */
  readonly pool: StaticPool | undefined
  readonly poolName: string
  /** The connection is gone. */
  ended(session: MemcachedSession): void
}

/**
 * One client of a memcached listener: bytes → commands → plans, and replies back in the order of the commands. Servers
 * always answer; what the client asked not to hear (`noreply`, the quiet flag) is left out here.
 *
 * Reading stops (`#blocked`) while too many commands or reply bytes wait.
 */
export class MemcachedSession implements RequestOwner, Flushable {
  marked = false
  readonly #host: MemcachedSessionHost
  readonly #socket: Socket
  readonly #decoder: MemcachedDecoder
  readonly #partial: GrowingBuffer
  readonly #replies = new ReplyQueue()
  /** For commands whose bytes are made here. */
  readonly #rewritten = new RequestFrame()
  #blocked = false
  /** No more commands are taken; the connection ends when the queue is empty. */
  #closing = false
  #inputEnded = false
  #ended = false

  constructor(socket: Socket, host: MemcachedSessionHost) {
    const { limits } = host
    this.#host = host
    this.#socket = socket
    this.#decoder = new MemcachedDecoder(limits)
    // A value may be incomplete behind the longest line, and a read may bring more than it.
    this.#partial = new GrowingBuffer(
      limits.itemBytesMax + limits.keysLineBytesMax + READ_BYTES_MAX + BLOCK_END_BYTES,
    )
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('drain', () => host.turn.mark(this))
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
    this.#replies.clear()
    this.#partial.clear()
    this.#host.ended(this)
  }

  /** Takes the reply to a request. */
  answered(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    if (this.#ended) return
    const { command } = request
    const mute = 'mute' in command ? command.mute : undefined
    const shown = mute !== undefined && isMuted(mute, bytes, start) ? start : end
    this.#replies.answered(request, bytes, start, shown, stable)
    this.#host.turn.mark(this)
  }

  flush(): void {
    if (this.#ended) return
    this.#host.traffic.bytesOut += this.#replies.pendingBytes
    this.#replies.flush(this.#socket)
    if (this.#replies.outputBytes(this.#socket) > this.#host.limits.clientOutputBytesHardMax) {
      this.#host.traffic.clientsSlow++
      countError(this.#host.errors, 'CLIENT_SLOW')
      this.destroy()
      return
    }
    if (this.#closing) {
      if (this.#replies.empty) this.#socket.destroySoon()
      return
    }
    if (this.#blocked && !this.#full()) this.#resume()
  }

  #read(bytes: Buffer): void {
    this.#host.turn.begin()
    this.#host.traffic.bytesIn += bytes.length
    if (this.#closing) return
    if (this.#partial.length > 0 || this.#blocked) {
      if (this.#keep(bytes, 0) && !this.#blocked) this.#consumePartial()
      return
    }
    const at = this.#consume(bytes, 0, bytes.length)
    if (at < bytes.length && !this.#closing) this.#keep(bytes, at)
  }

  #keep(bytes: Buffer, from: number): boolean {
    if (this.#partial.append(bytes, from, bytes.length)) return true
    this.#break('CLIENT_ERROR too many bytes in one command')
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
      switch (decoder.next(bytes, at, end)) {
        case LINE.needMore:
          return at
        case LINE.broken:
          this.#break(decoder.error)
          return end
        case LINE.frame:
          this.#accept()
          break
        case LINE.rejected:
          this.#reject()
          break
        case LINE.skipped:
          break
      }
      at += decoder.taken
    }
    return at
  }

  #accept(): void {
    this.#host.traffic.commands++
    const { pool } = this.#host
    const plan = planMemcached(this.#decoder, pool?.placement ?? NOWHERE)
    if (plan.type === 'say') this.#say(plan.line)
    else if (plan.type === 'close') this.drain()
    else if (pool === undefined)
      this.#sayError('NO_POOL', `SERVER_ERROR pool "${this.#host.poolName}" is not in the topology`)
    else this.#route(plan, pool)
  }

  #route(plan: Exclude<MemcachedPlan, { type: 'say' | 'close' }>, pool: StaticPool): void {
    const request = new Request(this, plan.command, 2, undefined, false)
    this.#replies.push(request)
    switch (plan.type) {
      case 'owner':
        this.#runAtOwner(plan, request, pool)
        return
      case 'split': {
        const { keys, parts, command } = plan
        const fold = (replies: Parameters<typeof gatherMemcached>[1]) =>
          gatherMemcached('values', replies, keys)
        const gathering = new Gathering(request, fold, keys.length, parts.length)
        for (const { ordinals, bytes, position } of parts)
          pool.give(new Request(gathering, command, 2, ordinals, false), bytes, position)
        return
      }
      case 'all': {
        const { gather } = plan
        pool.runAll(request, this.#frameOf(plan.bytes), (replies) =>
          gatherMemcached(gather, replies, []),
        )
        return
      }
      default:
        plan satisfies never
    }
  }

  #runAtOwner(
    plan: Extract<MemcachedPlan, { type: 'owner' }>,
    request: Request,
    pool: StaticPool,
  ): void {
    const { frame } = this.#decoder
    if (plan.bytes === undefined && plan.position === undefined) {
      pool.run(request, frame, plan.keyIndex, true)
      return
    }
    const { keyIndex } = plan
    const position =
      plan.position ??
      pool.placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
    pool.give(request, plan.bytes ?? frame.bytes.subarray(frame.start, frame.end), position)
  }

  #frameOf(bytes: Buffer | undefined): RequestFrame {
    if (bytes === undefined) return this.#decoder.frame
    const frame = this.#rewritten
    frame.bytes = bytes
    frame.start = 0
    frame.end = bytes.length
    frame.argc = 0
    return frame
  }

  #reject(): void {
    const { error, oversized, frame, verb } = this.#decoder
    const { pool } = this.#host
    if (oversized && pool !== undefined && verb?.name === 'set') this.#forget(frame, pool)
    if (error !== '') this.#sayError('REJECTED', error)
  }

  /** A value that is too large replaces none: as memcached does, the old one is removed, or it would be served on as if new. */
  #forget(frame: RequestFrame, pool: StaticPool): void {
    const key = frame.arg(1)
    const request = new Request(this, FORGET, 2, undefined, false)
    this.#replies.push(request)
    const position = pool.placement.positionOf(frame.bytes, frame.from(1), frame.to(1))
    pool.give(request, encodeLine([DELETE, key]), position)
  }

  #sayError(code: string, line: string): void {
    countError(this.#host.errors, code)
    this.#say(line)
  }

  /** A line of the router's own, in its turn. */
  #say(line: string): void {
    const bytes = Buffer.from(`${line}\r\n`)
    this.#host.turn.mark(this)
    if (this.#replies.empty) {
      this.#replies.write(bytes, 0, bytes.length, true)
      return
    }
    const request = new Request(this, LOCAL, 2, undefined, true)
    this.#replies.push(request)
    request.settle(bytes, 0, bytes.length, true)
  }

  /** Nothing after these bytes can be understood. */
  #break(line: string): void {
    this.#sayError('PROTOCOL', line)
    this.#partial.clear()
    this.drain()
  }

  #full(): boolean {
    const { clientPipelineMax, clientOutputBytesMax } = this.#host.limits
    return (
      this.#replies.waiting >= clientPipelineMax ||
      this.#replies.outputBytes(this.#socket) > clientOutputBytesMax
    )
  }

  #block(): void {
    this.#blocked = true
    this.#socket.pause()
    // With nothing in flight no reply will wake us; the end of the turn does.
    if (this.#replies.waiting === 0) this.#host.turn.mark(this)
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

/** What one read of a socket brings at most. */
const READ_BYTES_MAX = 64 * 1024
const BLOCK_END_BYTES = 2
const DELETE = Buffer.from('delete')

/** For a listener whose pool is not known yet. */
const NOWHERE: Placement = { whole: true, positionOf: () => 0, ownerOf: () => 0 }

/** The row of lines that the router says itself. */
const LOCAL: MemcachedCommand = {
  name: '',
  access: 'none',
  retry: 'never',
  run: { type: 'here', line: '' },
}

const FORGET: MemcachedCommand = { ...LOCAL, name: 'delete', access: 'write', mute: 'all' }
