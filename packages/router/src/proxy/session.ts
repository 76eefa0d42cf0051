import type { Socket } from 'node:net'
import { encodeError, encodeReply } from '../codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RouterLimits } from '../limits.ts'
import { answerHere, type HereFacts } from '../plan/answer-here.ts'
import type { ClientState } from '../plan/client-state.ts'
import { commandOf } from '../plan/command-index.ts'
import { type Placement, planRedis, type RedisPlan } from '../plan/plan-redis.ts'
import type { RedisCommand } from '../plan/redis-command.ts'
import { Gathering } from '../pool/gathering.ts'
import { GrowingBuffer } from '../pool/growing-buffer.ts'
import { holdReply } from '../pool/held-replies.ts'
import { Outbox } from '../pool/outbox.ts'
import { countError, type ErrorCounts, type Fleet, type Pool } from '../pool/pool.ts'
import { Request, type RequestOwner } from '../pool/request.ts'
import type { Flushable, Turn } from '../pool/turn.ts'
import { BlockingCall, patienceOf, type Wait } from './blocking-call.ts'
import { FLOWS } from './flow/flows.ts'
import { LOCAL } from './local-row.ts'
import type { ScriptCache } from './script-cache.ts'
import { pushMark, SUBSCRIBER_COMMANDS, Subscriptions, subscriberPong } from './subscriptions.ts'
import { Transaction, type TransactionPool } from './transaction.ts'

/** What a session needs from its listener. */
export interface SessionHost {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly errors: ErrorCounts
  readonly traffic: SessionTraffic
  /** The pool of the listener, once the topology names it. */
  readonly pool: Pool | undefined
  readonly poolName: string
  /** Scripts that clients of this pool have used. */
  readonly scripts: ScriptCache
  /** True when clients have to authenticate first. */
  readonly passwordNeeded: boolean
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
const BARRIERS = new Set(['hello', 'reset', 'auth', 'client'])
/** What a client may send before it has authenticated. */
const BEFORE_AUTH = new Set(['auth', 'hello', 'quit', 'reset'])

/**
 * One client of a Redis listener: bytes → commands → plans, and replies back in the order of the commands.
 *
 *   #head → request → request → #last         a reply for the head is written, one for another waits at its request
 *
 * Reading stops (`#blocked`) while too many commands or reply bytes wait; it goes on at the end of the turn in which
 * enough of them left.
 *
 * A client with a state of its own (a transaction, a wait, a subscription, a password to give) is `#special`: its commands
 * take the longer way through {@link Session.#acceptSpecial}. Where a command changes the connection on which it runs,
 * it waits until all earlier ones are answered (`#fenced`), so that their order stays.
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
  /** Any of the states below holds: looked at for every command. */
  #special = false
  /** No command is taken until all earlier ones are answered. */
  #fenced = false
  /** A command waits until all earlier ones are answered. */
  #awaiting = false
  #wait: Wait | undefined
  #transaction: Transaction | undefined
  #subscriptions: Subscriptions | undefined

  constructor(socket: Socket, id: number, host: SessionHost) {
    this.#host = host
    this.#socket = socket
    this.#decoder = new RequestDecoder(host.limits)
    this.#partial = new GrowingBuffer(host.limits.clientInputBytesMax)
    this.#client = {
      id,
      address: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`,
      localAddress: `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`,
      connectedAtMs: Date.now(),
      resp: 2,
      name: '',
      libName: '',
      libVersion: '',
      authenticated: !host.passwordNeeded,
      user: 'default',
      replies: 'on',
      noEvict: false,
      mode: 'plain',
    }
    this.#special = host.passwordNeeded
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('drain', () => this.#host.turn.mark(this))
    socket.once('end', () => this.#endOfInput())
    // An error is always followed by `close`; what a client's network does is not ours to report.
    socket.on('error', () => this.destroy())
    socket.once('close', () => this.destroy())
  }

  /** The RESP version that the client chose. */
  get resp(): 2 | 3 {
    return this.#client.resp
  }

  get limits(): RouterLimits {
    return this.#host.limits
  }

  get scripts(): ScriptCache {
    return this.#host.scripts
  }

  get subscriptionsMax(): number {
    return this.#host.limits.subscriptionsMax
  }

  /** What CLIENT LIST says about it. */
  get client(): ClientState {
    return { ...this.#client, mode: this.#mode() }
  }

  /** CLIENT UNBLOCK; false when it is in no blocking command. */
  unblock(withError: boolean): boolean {
    const wait = this.#wait
    if (wait === undefined) return false
    wait.unblock(withError)
    return true
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
    this.#wait?.cancel()
    this.#transaction?.reset()
    this.#subscriptions?.clear()
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
    if (!request.silent) this.#outbox.append(bytes, start, end, stable)
    this.#advance(request)
    this.#host.turn.mark(this)
  }

  /** A message of a subscription: a RESP3 push, told in the client's version. */
  push(bytes: Buffer, start: number, end: number): void {
    if (this.#ended) return
    const chunk = this.#outbox.append(bytes, start, end, false)
    chunk.bytes[chunk.used - (end - start)] = pushMark(this.#client.resp)
    this.#host.turn.mark(this)
    if (this.#outputBytes() > this.#host.limits.subscriberOutputBytesMax) this.#tooSlow()
  }

  /** The pool of its subscriptions is gone. */
  silenced(): void {
    this.destroy()
  }

  flush(): void {
    if (this.#ended) return
    this.#host.traffic.bytesOut += this.#outbox.pendingBytes
    this.#outbox.flush(this.#socket)
    if (this.#outputBytes() > this.#host.limits.clientOutputBytesHardMax) {
      this.#tooSlow()
      return
    }
    if (this.#closing) {
      if (this.#head === undefined) this.#socket.destroySoon()
      return
    }
    if (this.#blocked && !this.#full() && !this.#mustWait()) this.#resume()
  }

  #tooSlow(): void {
    this.#host.traffic.clientsSlow++
    countError(this.#host.errors, 'CLIENT_SLOW')
    this.destroy()
  }

  /** The head is answered: it leaves, and with it all next ones whose replies are there. */
  #advance(answered: Request): void {
    let next = answered.next
    this.#waiting--
    while (next?.replyBytes !== undefined) {
      if (!next.silent) this.#outbox.append(next.replyBytes, next.replyStart, next.replyEnd, true)
      this.#heldBytes -= next.replyEnd - next.replyStart
      next.replyBytes = undefined
      next = next.next
      this.#waiting--
    }
    this.#head = next
    if (next !== undefined) return
    this.#last = undefined
    this.#wait = undefined
    this.#fenced = false
    if (this.#special) this.#refreshSpecial()
  }

  #read(bytes: Buffer): void {
    this.#host.turn.begin()
    this.#host.traffic.bytesIn += bytes.length
    if (this.#closing) return
    if (this.#partial.length > 0 || this.#blocked) {
      if (!this.#append(bytes, 0)) return
      if (!this.#blocked) this.#consumePartial()
      else if (this.#partial.length > this.#host.limits.blockedInputBytesMax) this.#socket.pause()
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
    const command = commandOf(frame)
    if (command === undefined && SPOKEN_BY_BROWSERS.has(frame.text(0).toLowerCase())) {
      countError(this.#host.errors, 'CROSS_PROTOCOL')
      this.destroy()
      return true
    }
    const { pool } = this.#host
    const plan = planRedis(command, frame, pool?.placement ?? NOWHERE)
    if (this.#special || plan.type === 'here')
      return this.#acceptSpecial(plan, command, frame, pool)
    return this.#acceptPlain(plan, command, frame, pool)
  }

  #acceptPlain(
    plan: RedisPlan,
    command: RedisCommand | undefined,
    frame: RequestFrame,
    pool: Pool | undefined,
  ): boolean {
    if (command !== undefined && needsOrder(plan) && !this.#alone()) return false
    this.#host.traffic.commands++
    if (plan.type === 'error') this.sayError(plan.code, plan.text)
    else if (command === undefined) return true
    else if (plan.type === 'here') this.#answer(command, frame)
    else if (pool === undefined)
      this.sayError('NO_POOL', `ERR pool "${this.#host.poolName}" is not in the topology`)
    else this.#route(plan, command, frame, pool)
    return true
  }

  /** True when nothing is unanswered; else the command has to come again. */
  #alone(): boolean {
    if (this.#head === undefined) return true
    this.#await()
    return false
  }

  /** Commands of a client with a state, and commands that may change it. */
  #acceptSpecial(
    plan: RedisPlan,
    command: RedisCommand | undefined,
    frame: RequestFrame,
    pool: Pool | undefined,
  ): boolean {
    if (this.#fenced && !this.#alone()) return false
    const name = command?.name ?? ''
    if (BARRIERS.has(name) && !this.#alone()) return false
    if (!this.#client.authenticated && !BEFORE_AUTH.has(name)) {
      this.#host.traffic.commands++
      this.sayError('NOAUTH', 'NOAUTH Authentication required.')
      return true
    }
    if (this.#isSubscriber() && this.#client.resp === 2)
      return this.#acceptAsSubscriber(plan, command, frame, pool)
    if (this.#transaction?.active === true && name !== 'quit' && name !== 'reset')
      return this.#acceptInTransaction(this.#transaction, plan, command, frame, pool)
    return this.#acceptPlain(plan, command, frame, pool)
  }

  #acceptAsSubscriber(
    plan: RedisPlan,
    command: RedisCommand | undefined,
    frame: RequestFrame,
    pool: Pool | undefined,
  ): boolean {
    const name = command?.name ?? frame.text(0).toLowerCase()
    if (!SUBSCRIBER_COMMANDS.has(name)) {
      this.sayError(
        'SUBSCRIBER',
        `ERR Can't execute '${name.replace('|', ' ')}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      )
      return true
    }
    if (name !== 'ping' || frame.argc > 2) return this.#acceptPlain(plan, command, frame, pool)
    this.say(subscriberPong(frame.argc > 1 ? frame.arg(1) : undefined))
    return true
  }

  #acceptInTransaction(
    transaction: Transaction,
    plan: RedisPlan,
    command: RedisCommand | undefined,
    frame: RequestFrame,
    pool: Pool | undefined,
  ): boolean {
    const target = targetOf(pool)
    if (target === undefined) {
      // The topology no longer names the pool: nothing of the transaction is left.
      transaction.reset()
      this.#refreshSpecial()
      return this.#acceptPlain(plan, command, frame, pool)
    }
    if (transaction.multi && plan.type !== 'transaction') {
      this.#host.traffic.commands++
      transaction.queue(command, frame, errorOf(plan), target)
      return true
    }
    if (command !== undefined && plan.type === 'transaction') {
      // Whatever is unanswered is on its connection, or was answered here: nothing needs to be waited for.
      this.#host.traffic.commands++
      transaction.control(command, frame, target)
      this.#refreshSpecial()
      return true
    }
    if (command !== undefined && plan.type === 'owner') {
      if (transaction.follow(command, frame, plan.keyIndex, target)) return true
    }
    // Everything else runs elsewhere: before it and after it, all is answered.
    if (!this.#alone()) return false
    this.fence()
    if (command?.name === 'hello') {
      this.sayError('TRANSACTION', 'ERR HELLO is not allowed while keys are watched')
      return true
    }
    return this.#acceptPlain(plan, command, frame, pool)
  }

  #route(plan: RedisPlan, command: RedisCommand, frame: RequestFrame, pool: Pool): void {
    if (plan.type === 'owner') pool.run(this.enqueue(command), frame, plan.keyIndex, true)
    else if (plan.type === 'all') pool.runAll(this.enqueue(command), frame, plan.gather)
    else if (plan.type === 'split') this.#routeParts(plan, command, pool)
    else if (pool.fleet !== undefined) this.#routeSpecial(plan, command, frame, pool, pool.fleet)
  }

  #routeParts(
    plan: Extract<RedisPlan, { type: 'split' }>,
    command: RedisCommand,
    pool: Pool,
  ): void {
    const gathering = new Gathering(
      this.enqueue(command),
      plan.gather,
      plan.keyCount,
      plan.parts.length,
    )
    this.#partDecoder ??= new RequestDecoder(this.#host.limits)
    const decoder = this.#partDecoder
    for (const { bytes, ordinals } of plan.parts) {
      decoder.next(bytes, 0, bytes.length)
      const part = new Request(gathering, command, this.#client.resp, ordinals, false)
      pool.run(part, decoder.frame, 1, true)
    }
  }

  #routeSpecial(
    plan: RedisPlan,
    command: RedisCommand,
    frame: RequestFrame,
    pool: Pool,
    fleet: Fleet,
  ): void {
    switch (plan.type) {
      case 'blocking': {
        const position = pool.placement.positionOf(
          frame.bytes,
          frame.from(plan.keyIndex),
          frame.to(plan.keyIndex),
        )
        const patienceMs = patienceOf(frame.text(plan.timeoutIndex), plan.unitMs)
        const attemptsMax = this.#host.limits.failoverAttemptsMax
        const whole = this.enqueue(command)
        const call = new BlockingCall(whole, { fleet, position, patienceMs, attemptsMax })
        this.#waitIn(call)
        call.start(frame.bytes, frame.start, frame.end, true)
        return
      }
      case 'flow': {
        const { scripts, limits } = this.#host
        const facts = () => this.#host.facts()
        const whole = this.enqueue(command)
        const { keyIndex } = plan
        const wait = FLOWS[plan.flow]({
          whole,
          frame,
          keyIndex,
          pool,
          fleet,
          scripts,
          limits,
          facts,
        })
        if (wait !== undefined && this.#head === whole) this.#waitIn(wait)
        return
      }
      case 'transaction':
        this.#transaction ??= new Transaction(this)
        this.#transaction.control(command, frame, { fleet, placement: pool.placement })
        this.#refreshSpecial()
        return
      case 'subscription': {
        this.#subscriptions ??= new Subscriptions(this, fleet.channels)
        const whole = this.enqueue(command)
        this.fence()
        this.#subscriptions.run(command.name, frame, (reply) => {
          whole.settle(reply, 0, reply.length, true)
          this.#refreshSpecial()
        })
        return
      }
      default:
    }
  }

  /** A command that may take its time: the ones after it wait, and it ends with the client. */
  #waitIn(wait: Wait): void {
    this.#wait = wait
    this.fence()
  }

  /** Later commands wait until all earlier ones are answered. */
  fence(): void {
    if (this.#head === undefined) return
    this.#fenced = true
    this.#special = true
  }

  #refreshSpecial(): void {
    this.#special =
      this.#fenced ||
      !this.#client.authenticated ||
      this.#client.replies !== 'on' ||
      this.#isSubscriber() ||
      this.#transaction?.active === true
  }

  #isSubscriber(): boolean {
    return this.#subscriptions?.active === true
  }

  #mode(): ClientState['mode'] {
    if (this.#isSubscriber()) return 'subscriber'
    if (this.#wait !== undefined) return 'blocked'
    return this.#transaction?.multi === true ? 'transaction' : 'plain'
  }

  #answer(command: RedisCommand, frame: RequestFrame): void {
    const facts = this.#host.facts()
    const { reply, change, close } = answerHere(command.name, frame, this.#client, facts)
    if (command.name === 'reset') {
      this.#transaction?.reset()
      this.#subscriptions?.clear()
    }
    if (change !== undefined) this.#client = { ...this.#client, ...change }
    if (reply !== undefined) this.say(encodeReply(reply, this.#client.resp))
    this.#refreshSpecial()
    if (close === true) this.drain()
  }

  sayError(code: string, text: string): void {
    countError(this.#host.errors, code)
    this.say(encodeError(text))
  }

  /** A reply of the router's own, in its turn. */
  say(bytes: Buffer): void {
    this.#host.turn.mark(this)
    if (this.#head === undefined && this.#client.replies === 'on') {
      this.#outbox.append(bytes, 0, bytes.length, true)
      return
    }
    this.enqueue(LOCAL).settle(bytes, 0, bytes.length, true)
  }

  /** A request whose reply comes in its turn. */
  enqueue(command: RedisCommand): Request {
    const request = new Request(this, command, this.#client.resp, undefined, false)
    if (this.#client.replies !== 'on') this.#silence(request)
    if (this.#last === undefined) this.#head = request
    else this.#last.next = request
    this.#last = request
    this.#waiting++
    return request
  }

  /** CLIENT REPLY OFF, or the one command after CLIENT REPLY SKIP. */
  #silence(request: Request): void {
    request.silent = true
    if (this.#client.replies === 'skip') this.#client = { ...this.#client, replies: 'on' }
  }

  /** The bytes are no commands: nothing after them can be understood. */
  #refuse(text: string): void {
    this.sayError('PROTOCOL', text)
    this.#partial.clear()
    this.drain()
  }

  #outputBytes(): number {
    return this.#outbox.pendingBytes + this.#socket.writableLength + this.#heldBytes
  }

  /** A command waits for those before it. */
  #mustWait(): boolean {
    return this.#head !== undefined && (this.#fenced || this.#awaiting)
  }

  #full(): boolean {
    const { clientPipelineMax, clientOutputBytesMax } = this.#host.limits
    return this.#waiting >= clientPipelineMax || this.#outputBytes() > clientOutputBytesMax
  }

  /** Waits for the commands before; the socket is still read, so that its end is noticed. */
  #await(): void {
    this.#blocked = true
    this.#awaiting = true
    // A wait may have ended in this very call.
    this.#host.turn.mark(this)
  }

  #block(): void {
    this.#blocked = true
    this.#socket.pause()
    // With nothing in flight no reply will wake us; the end of the turn does.
    if (this.#waiting === 0) this.#host.turn.mark(this)
  }

  #resume(): void {
    this.#blocked = false
    this.#awaiting = false
    if (this.#partial.length > 0) this.#consumePartial()
    if (this.#blocked || this.#closing) return
    if (this.#inputEnded) this.drain()
    else this.#socket.resume()
  }

  /** The client will send no more; what it sent before is still answered. */
  #endOfInput(): void {
    this.#inputEnded = true
    // Redis takes the end of its input for the end of the client; who waits or subscribes would never learn of another.
    if (this.#wait !== undefined || this.#isSubscriber()) this.destroy()
    else if (!this.#blocked) this.drain()
  }
}

/**
 * Words with which an HTTP request begins or goes on. A page that makes a browser send one to this port could put commands
 * into its body: as Redis does, we hang up before they are read.
 */
const SPOKEN_BY_BROWSERS = new Set(['post', 'host:'])

/** For a listener whose pool is not known yet: it still greets clients and tells them what it cannot route. */
const NOWHERE: Placement = { whole: true, positionOf: () => 0, ownerOf: () => 0 }

/** Plans that may change on which connection commands run. */
function needsOrder(plan: RedisPlan): boolean {
  switch (plan.type) {
    case 'blocking':
    case 'transaction':
    case 'subscription':
      return true
    case 'flow':
      return plan.flow === 'wait'
    default:
      return false
  }
}

function targetOf(pool: Pool | undefined): TransactionPool | undefined {
  return pool?.fleet === undefined ? undefined : { fleet: pool.fleet, placement: pool.placement }
}

/** Why a command cannot be queued; a key of another owner is for the transaction to find. */
function errorOf(plan: RedisPlan): string | undefined {
  return plan.type === 'error' ? plan.text : undefined
}
