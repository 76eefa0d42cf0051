import { encodeError } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RouterLimits } from '../limits.ts'
import { findKeys, textsOf } from '../plan/command-keys.ts'
import { CROSSSLOT, type Placement } from '../plan/plan-redis.ts'
import type { RedisCommand } from '../plan/redis-command.ts'
import { type LostCause, REMOVED_CAUSE } from '../pool/lost-cause.ts'
import type { Fleet } from '../pool/pool.ts'
import type { LinkHolder, PrivateLink } from '../pool/private-links.ts'
import { Request, type RequestOwner } from '../pool/request.ts'
import { LOCAL } from './local-row.ts'
import type { ScriptCache } from './script-cache.ts'

/** What a transaction needs from its session. */
export interface TransactionPort {
  readonly resp: 2 | 3
  readonly limits: RouterLimits
  readonly scripts: ScriptCache
  /** A reply of the router's own, in its turn. */
  say(bytes: Buffer): void
  sayError(code: string, text: string): void
  /** A request whose reply comes in its turn. */
  enqueue(command: RedisCommand): Request
  /** Later commands wait until all earlier ones are answered. */
  fence(): void
}

/** The backends and the placement of the session's pool. */
export interface TransactionPool {
  readonly fleet: Fleet
  readonly placement: Placement
}

interface EarlyCommand {
  readonly command: RedisCommand
  readonly bytes: Buffer
}

const OK = Buffer.from('+OK\r\n')
const QUEUED = Buffer.from('+QUEUED\r\n')
const NOTHING = Buffer.from('*0\r\n')
const MULTI = Buffer.from('*1\r\n$5\r\nMULTI\r\n')
const EXEC = Buffer.from('*1\r\n$4\r\nEXEC\r\n')
const DISCARD = Buffer.from('*1\r\n$7\r\nDISCARD\r\n')
const UNWATCH = Buffer.from('*1\r\n$7\r\nUNWATCH\r\n')
const ABORTED = 'EXECABORT Transaction discarded because of previous errors.'

/** Commands without keys that a backend answers inside a transaction as well as any other. */
const KEYLESS = new Set(['ping', 'echo', 'time'])

/**
 * WATCH and MULTI of one client.
 *
 *   MULTI  → queued here until the first key names the owner → MULTI and all of it to a private connection → EXEC
 *   WATCH  → the private connection at once
 *
 * A key of another owner is answered with CROSSSLOT, and EXEC then with EXECABORT. When the connection ends, because its
 * backend is lost or no longer owns the keys, nothing moves silently: EXEC is answered with EXECABORT and the reason.
 */
export class Transaction implements LinkHolder {
  readonly #port: TransactionPort
  #link: PrivateLink | undefined
  #fleet: Fleet | undefined
  #multi = false
  /** MULTI has been sent to the backend. */
  #begun = false
  #dirty = false
  /** Why the connection ended while it was needed. */
  #lost: string | undefined
  #early: EarlyCommand[] = []
  #earlyBytes = 0

  constructor(port: TransactionPort) {
    this.#port = port
  }

  /** True while commands may not be routed as usual. */
  get active(): boolean {
    return this.#multi || this.#link !== undefined || this.#lost !== undefined
  }

  get multi(): boolean {
    return this.#multi
  }

  /** Takes one of WATCH, UNWATCH, MULTI, EXEC, DISCARD; its arity is right, and nothing is unanswered outside. */
  control(command: RedisCommand, frame: RequestFrame, pool: TransactionPool): void {
    switch (command.name) {
      case 'multi':
        this.#begin()
        return
      case 'exec':
        if (this.#multi) this.#exec(command, pool)
        else this.#port.sayError('TRANSACTION', 'ERR EXEC without MULTI')
        return
      case 'discard':
        if (this.#multi) this.#discard()
        else this.#port.sayError('TRANSACTION', 'ERR DISCARD without MULTI')
        return
      case 'unwatch':
        // Inside MULTI it changes nothing that EXEC would not change.
        if (this.#multi) this.#queueLocally(command, frame)
        else this.#unwatch()
        return
      default:
        if (this.#multi) this.#port.sayError('TRANSACTION', 'ERR WATCH inside MULTI is not allowed')
        else this.#watch(command, frame, pool)
    }
  }

  /** Queues a command inside MULTI. */
  queue(
    command: RedisCommand | undefined,
    frame: RequestFrame,
    error: string | undefined,
    pool: TransactionPool,
  ): void {
    if (command === undefined || error !== undefined) {
      this.#refuse('TRANSACTION', error ?? 'ERR unknown command')
      return
    }
    const indexes = keysInside(command, frame)
    if (typeof indexes === 'string') this.#refuse('WRONG_ARGUMENTS', indexes)
    else if (this.#lost !== undefined) this.#port.sayError('TRANSACTION', `ERR ${this.#lost}`)
    else if (indexes.length === 0) this.#queueKeyless(command, frame)
    else if (this.#claim(indexes, frame, pool)) this.#forward(command, frame, pool)
  }

  /** While keys are watched: sends a command of the same owner behind the WATCH; false for all others. */
  follow(
    command: RedisCommand,
    frame: RequestFrame,
    keyIndex: number,
    pool: TransactionPool,
  ): boolean {
    const link = this.#link
    if (link === undefined || keyIndex < 0) return false
    const { placement } = pool
    const position = placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
    if (placement.ownerOf(position) !== ownerOf(link, placement)) return false
    link.send(this.#port.enqueue(command), frame.bytes, frame.start, frame.end, frame.stable)
    return true
  }

  /** Forgets everything; the connection ends, and with it what it watched. */
  reset(): void {
    this.#link?.close(REMOVED_CAUSE)
    this.#over()
  }

  linkFailed(request: Request, sent: boolean, cause: LostCause): void {
    const reply = this.#lostReply(cause, sent && request.command.name === 'exec')
    request.settle(reply, 0, reply.length, true)
  }

  linkEnded(link: PrivateLink, cause: LostCause): void {
    this.#link = undefined
    this.#lost = `backend ${link.backend.id} ${cause.text}: the transaction is lost`
  }

  #lostReply(cause: LostCause, mayBeApplied: boolean): Buffer {
    const fate = mayBeApplied
      ? '; the transaction may have been applied'
      : '; the transaction is lost'
    if (this.#link === undefined || this.#fleet === undefined) return encodeError(`ERR${fate}`)
    return this.#fleet.lostReply(this.#link, cause, fate)
  }

  #begin(): void {
    const port = this.#port
    if (this.#multi) {
      port.sayError('TRANSACTION', 'ERR MULTI calls can not be nested')
      return
    }
    this.#multi = true
    this.#dirty = false
    if (this.#link === undefined) port.say(OK)
    else {
      this.#begun = true
      this.#link.send(port.enqueue(LOCAL), MULTI, 0, MULTI.length, true)
    }
  }

  #watch(command: RedisCommand, frame: RequestFrame, pool: TransactionPool): void {
    const found = findKeys(command.keys, frame, command.name)
    if (found.type === 'error') {
      this.#port.sayError('WRONG_ARGUMENTS', found.text)
      return
    }
    // What was watched is lost: EXEC will say so, whatever is watched besides.
    if (this.#lost !== undefined) this.#port.say(OK)
    else if (this.#claim(found.indexes, frame, pool))
      this.#link?.send(
        this.#port.enqueue(command),
        frame.bytes,
        frame.start,
        frame.end,
        frame.stable,
      )
  }

  #unwatch(): void {
    const link = this.#link
    if (link !== undefined) {
      link.send(this.#swallow(), UNWATCH, 0, UNWATCH.length, true)
      link.release()
      this.#port.fence()
    }
    this.#over()
    this.#port.say(OK)
  }

  #discard(): void {
    this.#undo()
    this.#port.say(OK)
  }

  #exec(command: RedisCommand, pool: TransactionPool): void {
    if (this.#dirty || this.#lost !== undefined) {
      const text =
        this.#lost === undefined ? ABORTED : `EXECABORT Transaction discarded because ${this.#lost}`
      this.#undo()
      this.#port.sayError('TRANSACTION', text)
      return
    }
    if (this.#link === undefined && this.#early.length === 0) {
      this.#over()
      this.#port.say(NOTHING)
      return
    }
    // Nothing named an owner: one fixed backend runs what needs none.
    if (this.#link === undefined && !this.#pin(0, [], pool)) {
      this.#over()
      return
    }
    this.#beginThere()
    const whole = this.#port.enqueue(command)
    const reply = new ExecReply(whole, () => this.#finished())
    this.#link?.send(
      new Request(reply, command, this.#port.resp, undefined, true),
      EXEC,
      0,
      EXEC.length,
      true,
    )
    this.#port.fence()
  }

  #finished(): void {
    this.#link?.release()
    this.#over()
  }

  /** Ends MULTI and WATCH at the backend, and gives the connection back. */
  #undo(): void {
    const link = this.#link
    if (link !== undefined) {
      const bytes = this.#begun ? DISCARD : UNWATCH
      link.send(this.#swallow(), bytes, 0, bytes.length, true)
      link.release()
      this.#port.fence()
    }
    this.#over()
  }

  #over(): void {
    this.#link = undefined
    this.#multi = false
    this.#begun = false
    this.#dirty = false
    this.#lost = undefined
    this.#early = []
    this.#earlyBytes = 0
  }

  #queueKeyless(command: RedisCommand, frame: RequestFrame): void {
    if (this.#dirty || this.#link === undefined) this.#queueLocally(command, frame)
    else this.#sendFrame(command, frame)
  }

  #queueLocally(command: RedisCommand, frame: RequestFrame): void {
    const { transactionBytesMax } = this.#port.limits
    const length = frame.end - frame.start
    if (this.#earlyBytes + length > transactionBytesMax) {
      this.#refuse(
        'TRANSACTION',
        `ERR the commands before the first key of this transaction have more than ${transactionBytesMax} bytes`,
      )
      return
    }
    if (!this.#dirty) {
      this.#earlyBytes += length
      this.#early.push({
        command,
        bytes: Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
      })
    }
    this.#port.say(QUEUED)
  }

  /** Makes sure that the connection goes to the owner of these keys; false when it was refused, and answered. */
  #claim(indexes: readonly number[], frame: RequestFrame, pool: TransactionPool): boolean {
    const { placement } = pool
    const { transactionKeysMax } = this.#port.limits
    const positions = indexes.map((at) =>
      placement.positionOf(frame.bytes, frame.from(at), frame.to(at)),
    )
    const owners = new Set(positions.map((position) => placement.ownerOf(position)))
    const known = this.#link
    if (owners.size > 1 || (known !== undefined && !owners.has(ownerOf(known, placement)))) {
      this.#refuse('CROSSSLOT', CROSSSLOT)
      return false
    }
    if (this.#dirty) {
      this.#port.say(QUEUED)
      return false
    }
    const keys = textsOf(frame, indexes)
    if (known === undefined && !this.#pin(positions[0] ?? 0, keys, pool)) return false
    const link = this.#link
    if (link === undefined) return false
    for (const position of positions) link.positions.add(position)
    if (link.positions.size <= transactionKeysMax) return true
    this.#refuse('TRANSACTION', `ERR this transaction has more than ${transactionKeysMax} keys`)
    return false
  }

  #pin(position: number, keys: readonly string[], pool: TransactionPool): boolean {
    const link = pool.fleet.pin(this, position, this.#port.resp, keys)
    if (Buffer.isBuffer(link)) {
      this.#dirty = this.#multi
      this.#port.say(link)
      return false
    }
    this.#link = link
    this.#fleet = pool.fleet
    return true
  }

  #forward(command: RedisCommand, frame: RequestFrame, _pool: TransactionPool): void {
    // A script that a backend does not know would be found out by EXEC only.
    const script = command.name.startsWith('evalsha') ? this.#port.scripts.asEval(frame) : undefined
    this.#beginThere()
    if (script === undefined) this.#sendFrame(command, frame)
    else this.#send(command, script, 0, script.length, true)
  }

  /** MULTI and what was queued before the first key, whose replies the client has had. */
  #beginThere(): void {
    const link = this.#link
    if (link === undefined) return
    if (!this.#begun) {
      this.#begun = true
      link.send(this.#swallow(), MULTI, 0, MULTI.length, true)
    }
    for (const { bytes } of this.#early) link.send(this.#swallow(), bytes, 0, bytes.length, true)
    this.#early = []
    this.#earlyBytes = 0
  }

  #sendFrame(command: RedisCommand, { bytes, start, end, stable }: RequestFrame): void {
    this.#send(command, bytes, start, end, stable)
  }

  #send(command: RedisCommand, bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.#beginThere()
    this.#link?.send(this.#port.enqueue(command), bytes, start, end, stable)
  }

  #refuse(code: string, text: string): void {
    if (this.#multi) this.#dirty = true
    this.#port.sayError(code, text)
  }

  #swallow(): Request {
    return new Request(SWALLOW, LOCAL, this.#port.resp, undefined, true)
  }
}

const SWALLOW: RequestOwner = { answered: () => {} }

/** The owner of a connection's keys; as a number it may differ from one topology to the next. */
function ownerOf(link: PrivateLink, placement: Placement): number {
  const [position = 0] = link.positions
  return placement.ownerOf(position)
}

/** The reply to EXEC ends the transaction before the client can see it. */
class ExecReply implements RequestOwner {
  readonly #whole: Request
  readonly #done: () => void

  constructor(whole: Request, done: () => void) {
    this.#whole = whole
    this.#done = done
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.#done()
    this.#whole.settle(bytes, start, end, stable)
  }
}

/** The keys of a command inside MULTI, or why it cannot be there. */
function keysInside(command: RedisCommand, frame: RequestFrame): readonly number[] | string {
  const { run, name } = command
  const isPublish = name === 'publish' || name === 'spublish'
  if (isPublish) return [1]
  const keyed =
    run.type === 'owner' ||
    run.type === 'split' ||
    run.type === 'blocking' ||
    (run.type === 'flow' && run.flow === 'script')
  if (!keyed)
    return KEYLESS.has(name)
      ? []
      : `ERR command '${name.replace('|', ' ')}' is not routed inside MULTI`
  const found = findKeys(command.keys, frame, name)
  return found.type === 'error' ? found.text : found.indexes
}
