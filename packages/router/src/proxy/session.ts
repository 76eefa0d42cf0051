import type { Socket } from 'node:net'
import { encodeError, encodeReply } from '../codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RouterLimits } from '../limits.ts'
import { answerHere, type HereFacts } from '../plan/answer-here.ts'
import { type ClientState, UNSPOKEN } from '../plan/client-state.ts'
import { commandOf } from '../plan/command-index.ts'
import { findKeys, textsOf } from '../plan/command-keys.ts'
import { NOWHERE, planRedis, type RedisPlan } from '../plan/plan-redis.ts'
import type { RedisCommand } from '../plan/redis-command.ts'
import { countError, type Fleet, type Pool } from '../pool/pool.ts'
import { Request } from '../pool/request.ts'
import { BlockingCall, patienceOf, type Wait } from './blocking-call.ts'
import { ClientModes } from './client-modes.ts'
import { CommandSession, type CommandSessionHost } from './command-session.ts'
import { FLOWS } from './flow/flows.ts'
import { LOCAL } from './local-row.ts'
import { runParts } from './run-parts.ts'
import type { ScriptCache } from './script-cache.ts'
import { pushMark, SUBSCRIBER_COMMANDS, Subscriptions, subscriberPong } from './subscriptions.ts'
import { Transaction, type TransactionPool } from './transaction.ts'

/** What a session needs from its listener. */
export interface SessionHost extends CommandSessionHost {
  /** The pool of the listener, once the topology names it. */
  readonly pool: Pool | undefined
  readonly poolName: string
  /** Scripts that clients of this pool have used. */
  readonly scripts: ScriptCache
  /** True when clients have to authenticate first. */
  readonly passwordNeeded: boolean
  facts(): HereFacts
}

/** Commands that change how later ones are answered: they wait until all earlier ones are. */
const BARRIERS = new Set(['hello', 'reset', 'auth', 'client'])
/** What a client may send before it has authenticated. */
const BEFORE_AUTH = new Set(['auth', 'hello', 'quit', 'reset'])

/**
 * One client of a Redis listener: bytes → commands → plans → the pool.
 *
 * A client with a state of its own (a transaction, a wait, a subscription, a password to give) is `#special`: its commands
 * take the longer way through {@link Session.#acceptSpecial}. Where a command changes the connection on which it runs,
 * it waits until all earlier ones are answered (`#fenced`), so that their order stays.
 */
export class Session extends CommandSession {
  readonly #host: SessionHost
  readonly #decoder: RequestDecoder
  /** For the parts of split commands; most clients send none. */
  #partDecoder: RequestDecoder | undefined
  #client: ClientState
  readonly #modes = new ClientModes()
  /** Any of the states above holds: looked at for every command. */
  #special = false
  /** No command is taken until all earlier ones are answered. */
  #fenced = false

  constructor(accepted: Socket, id: number, host: SessionHost) {
    super(accepted, host, host.limits.clientInputBytesMax)
    const { socket } = this
    this.#host = host
    this.#decoder = new RequestDecoder(host.limits)
    this.#client = {
      ...UNSPOKEN,
      id,
      address: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`,
      localAddress: `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`,
      connectedAtMs: Date.now(),
      authenticated: !host.passwordNeeded,
    }
    this.#special = host.passwordNeeded
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
    return { ...this.#client, mode: this.#modes.name }
  }

  /** CLIENT UNBLOCK; false when it is in no blocking command. */
  unblock(withError: boolean): boolean {
    return this.#modes.unblock(withError)
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
    const shown = request.silent ? start : end
    if (!this.replies.answered(request, bytes, start, shown, stable)) return
    if (this.replies.empty) this.#allAnswered()
    this.#host.turn.mark(this)
  }

  #allAnswered(): void {
    this.#modes.wait = undefined
    this.#fenced = false
    if (this.#special) this.#refreshSpecial()
  }

  /** A message of a subscription: a RESP3 push, told in the client's version. */
  push(bytes: Buffer, start: number, end: number): void {
    if (this.gone) return
    this.replies.writeMessage(bytes, start, end, pushMark(this.#client.resp))
    this.#host.turn.mark(this)
    const { subscriberOutputBytesMax } = this.#host.limits
    if (this.replies.outputBytes(this.socket) > subscriberOutputBytesMax) this.tooSlow()
  }

  /** The pool of its subscriptions is gone. */
  silenced(): void {
    this.destroy()
  }

  protected override release(): void {
    this.#modes.end()
  }

  protected override sayTooLong(): void {
    this.sayError('PROTOCOL', 'ERR Protocol error: too many bytes in one command')
  }

  /** Redis takes the end of its input for the end of the client; who waits or subscribes would never learn of another. */
  protected override get endsWithInput(): boolean {
    return this.#modes.wait !== undefined || this.#modes.subscribes
  }

  protected override take(bytes: Buffer, at: number, end: number, stable: boolean): number {
    const decoder = this.#decoder
    decoder.frame.stable = stable
    const decoded = decoder.next(bytes, at, end)
    if (decoded === DECODED.needMore) return 0
    if (decoded === DECODED.error) {
      this.sayError('PROTOCOL', decoder.error)
      this.refuse()
      return end - at
    }
    if (decoded === DECODED.frame && !this.#accept(decoder.frame)) return 0
    return decoder.taken
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
    if (this.replies.empty) return true
    this.comeAgain()
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
    const { subscribes, transaction } = this.#modes
    if (subscribes && this.#client.resp === 2)
      return this.#acceptAsSubscriber(plan, command, frame, pool)
    if (transaction?.active === true && name !== 'quit' && name !== 'reset')
      return this.#acceptInTransaction(transaction, plan, command, frame, pool)
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
      // A key of another owner is for the transaction to find.
      transaction.queue(command, frame, plan.type === 'error' ? plan.text : undefined, target)
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
    if (plan.type === 'owner') pool.run(this.enqueue(command), frame, plan.keyIndex, frame.stable)
    else if (plan.type === 'all') pool.runAll(this.enqueue(command), frame, plan.gather)
    else if (plan.type === 'split') {
      this.#partDecoder ??= new RequestDecoder(this.#host.limits)
      runParts(plan, this.enqueue(command), pool, this.#partDecoder)
    } else if (pool.fleet !== undefined) this.#routeSpecial(plan, command, frame, pool, pool.fleet)
  }

  #routeSpecial(
    plan: RedisPlan,
    command: RedisCommand,
    frame: RequestFrame,
    pool: Pool,
    fleet: Fleet,
  ): void {
    const { limits, scripts } = this.#host
    switch (plan.type) {
      case 'blocking': {
        const { bytes, start, end } = frame
        const { keyIndex, timeoutIndex, unitMs } = plan
        const found = findKeys(command.keys, frame, command.name)
        const call = new BlockingCall(this.enqueue(command), {
          fleet,
          position: pool.placement.positionOf(bytes, frame.from(keyIndex), frame.to(keyIndex)),
          keys: found.type === 'error' ? [] : textsOf(frame, found.indexes),
          patienceMs: patienceOf(frame.text(timeoutIndex), unitMs),
          attemptsMax: limits.failoverAttemptsMax,
        })
        this.#waitIn(call)
        call.start(bytes, start, end, frame.stable)
        return
      }
      case 'flow': {
        const whole = this.enqueue(command)
        const { keyIndex } = plan
        const facts = () => this.#host.facts()
        const call = { whole, frame, keyIndex, pool, fleet, scripts, limits, facts }
        const wait = FLOWS[plan.flow](call)
        if (wait !== undefined && this.replies.isNext(whole)) this.#waitIn(wait)
        return
      }
      case 'transaction': {
        this.#modes.transaction ??= new Transaction(this)
        this.#modes.transaction.control(command, frame, { fleet, placement: pool.placement })
        this.#refreshSpecial()
        return
      }
      case 'subscription': {
        this.#modes.subscriptions ??= new Subscriptions(this, fleet.channels)
        const whole = this.enqueue(command)
        this.fence()
        this.#modes.subscriptions.run(command.name, frame, (reply) => {
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
    this.#modes.wait = wait
    this.fence()
  }

  /** Later commands wait until all earlier ones are answered. */
  fence(): void {
    if (this.replies.empty) return
    this.#fenced = true
    this.#special = true
  }

  #refreshSpecial(): void {
    this.#special =
      this.#fenced ||
      !this.#client.authenticated ||
      this.#client.replies !== 'on' ||
      this.#modes.subscribes ||
      this.#modes.transacts
  }

  #answer(command: RedisCommand, frame: RequestFrame): void {
    const facts = this.#host.facts()
    const { reply, change, close } = answerHere(command.name, frame, this.#client, facts)
    if (command.name === 'reset') this.#modes.reset()
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
    if (this.replies.empty && this.#client.replies === 'on')
      this.replies.write(bytes, 0, bytes.length, true)
    else this.enqueue(LOCAL).settle(bytes, 0, bytes.length, true)
  }

  /** A request whose reply comes in its turn. */
  enqueue(command: RedisCommand): Request {
    const request = new Request(this, command, this.#client.resp, undefined, false)
    if (this.#client.replies !== 'on') this.#silence(request)
    this.replies.push(request)
    return request
  }

  /** CLIENT REPLY OFF, or the one command after CLIENT REPLY SKIP. */
  #silence(request: Request): void {
    request.silent = true
    if (this.#client.replies === 'skip') this.#client = { ...this.#client, replies: 'on' }
  }
}

/**
 * Words with which an HTTP request begins or goes on. A page that makes a browser send one to this port could put commands
 * into its body: as Redis does, we hang up before they are read.
 */
const SPOKEN_BY_BROWSERS = new Set(['post', 'host:'])

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
