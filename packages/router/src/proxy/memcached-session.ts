import type { Socket } from 'node:net'
import { LINE, MemcachedDecoder } from '../codec/memcached/request-decoder.ts'
import { RequestFrame } from '../codec/resp/request-frame.ts'
import { isMuted, type MemcachedCommand } from '../plan/memcached/commands.ts'
import { gatherMemcached } from '../plan/memcached/gather-memcached.ts'
import { encodeLine, type MemcachedPlan, planMemcached } from '../plan/memcached/plan-memcached.ts'
import { NOWHERE } from '../plan/plan-redis.ts'
import { Gathering } from '../pool/gathering.ts'
import { countError, type MemcachedPool } from '../pool/pool.ts'
import { Request } from '../pool/request.ts'
import { CommandSession, type CommandSessionHost } from './command-session.ts'

/** What a session needs from its listener. */
export interface MemcachedSessionHost extends CommandSessionHost {
  /** The pool of the listener, once the topology names it. */
  readonly pool: MemcachedPool | undefined
  readonly poolName: string
}

/**
 * One client of a memcached listener: bytes → commands → plans → the pool. Servers always answer; what the client asked not
 * to hear (`noreply`, the quiet flag) is left out here.
 */
export class MemcachedSession extends CommandSession {
  readonly #host: MemcachedSessionHost
  readonly #decoder: MemcachedDecoder
  /** For commands whose bytes are made here. */
  readonly #rewritten = new RequestFrame()

  constructor(socket: Socket, host: MemcachedSessionHost) {
    const { limits } = host
    // A value may be incomplete behind the longest line, and a read may bring more than it.
    super(
      socket,
      host,
      limits.itemBytesMax + limits.keysLineBytesMax + READ_BYTES_MAX + BLOCK_END_BYTES,
    )
    this.#host = host
    this.#decoder = new MemcachedDecoder(limits)
  }

  /** Takes the reply to a request. */
  override answered(
    request: Request,
    bytes: Buffer,
    start: number,
    end: number,
    stable: boolean,
  ): void {
    if (this.gone) return
    const { command } = request
    const mute = 'mute' in command ? command.mute : undefined
    const shown = mute !== undefined && isMuted(mute, bytes, start) ? start : end
    if (this.replies.answered(request, bytes, start, shown, stable)) this.#host.turn.mark(this)
  }

  protected override release(): void {}

  protected override sayTooLong(): void {
    this.#sayError('PROTOCOL', 'CLIENT_ERROR too many bytes in one command')
  }

  protected override take(bytes: Buffer, at: number, end: number, stable: boolean): number {
    const decoder = this.#decoder
    decoder.frame.stable = stable
    switch (decoder.next(bytes, at, end)) {
      case LINE.needMore:
        return 0
      case LINE.broken:
        this.#sayError('PROTOCOL', decoder.error)
        this.refuse()
        return end - at
      case LINE.frame:
        this.#accept()
        break
      case LINE.rejected:
        this.#reject()
        break
      case LINE.skipped:
        break
    }
    return decoder.taken
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

  #route(plan: Exclude<MemcachedPlan, { type: 'say' | 'close' }>, pool: MemcachedPool): void {
    const request = new Request(this, plan.command, 2, undefined, false)
    this.replies.push(request)
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
    pool: MemcachedPool,
  ): void {
    const { frame } = this.#decoder
    if (plan.bytes === undefined && plan.position === undefined) {
      pool.run(request, frame, plan.keyIndex, frame.stable)
      return
    }
    const { keyIndex } = plan
    const position =
      plan.position ??
      pool.placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
    pool.give(
      request,
      plan.bytes ?? Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
      position,
    )
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
  #forget(frame: RequestFrame, pool: MemcachedPool): void {
    const key = frame.arg(1)
    const request = new Request(this, FORGET, 2, undefined, false)
    this.replies.push(request)
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
    if (this.replies.empty) {
      this.replies.write(bytes, 0, bytes.length, true)
      return
    }
    const request = new Request(this, LOCAL, 2, undefined, true)
    this.replies.push(request)
    request.settle(bytes, 0, bytes.length, true)
  }
}

/** What one read of a socket brings at most. */
const READ_BYTES_MAX = 64 * 1024
const BLOCK_END_BYTES = 2
const DELETE = Buffer.from('delete')

/** The row of lines that the router says itself. */
const LOCAL: MemcachedCommand = {
  name: '',
  access: 'none',
  retry: 'never',
  run: { type: 'here', line: '' },
}

const FORGET: MemcachedCommand = { ...LOCAL, name: 'delete', access: 'write', mute: 'all' }
