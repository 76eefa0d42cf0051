import type { Effects, MemberEvent, Millis, PacketManner, TimerKey } from '../core/effects.ts'
import type { Address, Message, NodeState, StateExchange } from '../core/messages.ts'
import type { Swim } from '../core/swim.ts'
import type { RefusedRow, StreamMessage } from '../wire/stream-message.ts'
import type { WireContext } from '../wire/wire-context.ts'
import { type Handling, StreamAcceptor } from './acceptor.ts'
import { formatAddress } from './addresses.ts'
import { Alarm } from './alarm.ts'
import type { Counters } from './counters.ts'
import { Datagrams } from './datagrams.ts'
import { GossipError, systemCode } from './errors.ts'
import type { Foreigner } from './kinship.ts'
import type { LimitedLog } from './limited-log.ts'
import { STREAM_ONLY_ANSWERS, STREAM_ONLY_WINDOW_MS } from './limits.ts'
import type { Sockets } from './sockets.ts'
import { StreamBudget } from './stream-budget.ts'
import { StreamClient } from './stream-client.ts'

export interface DriverOptions {
  /** Our own name. */
  readonly name: string
  readonly swim: Swim
  readonly sockets: Sockets
  readonly context: WireContext
  readonly counters: Counters
  readonly log: LimitedLog
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => Millis
  /** Of each stream, from its first to its last byte. */
  readonly streamTimeoutMs: number
  readonly allowsHost: (host: string) => boolean
  readonly onEvent: (event: MemberEvent) => void
  /** Bytes of a user message, by datagram or stream. */
  readonly onUser: (payload: Uint8Array, from: Address) => void
  /** A member that shows that a state is of another cluster. */
  readonly foreigner: (rows: readonly NodeState[]) => Foreigner | undefined
  /** The user state that came with a push/pull. */
  readonly onUserState: (userState: Uint8Array) => void
}

/** A join that waits for its push/pull. */
interface Joining {
  readonly signal: AbortSignal | undefined
  readonly resolve: (refused: readonly string[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * The only owner of the machine: every datagram, stream, timer and call of the application becomes one call
 * of it, and its effects become packets, streams and timers.
 *
 *   sockets ─▶ decode ─▶ ┌──────┐ ─▶ sendPacket / exchangeState / pingOverStream ─▶ sockets
 *   timers  ───────────▶ │ swim │ ─▶ setTimer / clearTimer ─▶ one heap, one setTimeout
 *   calls   ───────────▶ └──────┘ ─▶ notify ─▶ queue ─▶ listeners, after the call has returned
 */
export class Driver implements Effects {
  /** The streams that we open. */
  readonly streams: StreamClient
  readonly #options: DriverOptions
  readonly #alarm: Alarm
  readonly #datagrams: Datagrams
  readonly #acceptor: StreamAcceptor
  readonly #events: MemberEvent[] = []
  #isDelivering = false
  #isClosed = false
  #streamOnlyAnswers = 0
  #streamOnlySince = Number.NEGATIVE_INFINITY
  /** The join whose exchange the machine is about to ask for. */
  #joining: Joining | undefined

  constructor(options: DriverOptions) {
    this.#options = options
    const { context, counters, log, now, sockets, streamTimeoutMs: timeoutMs, allowsHost } = options
    const budget = new StreamBudget()
    this.streams = new StreamClient({ budget, context, counters, timeoutMs })
    this.#acceptor = new StreamAcceptor({
      budget,
      context,
      counters,
      log,
      timeoutMs,
      allowsHost,
      handle: (message, from) => this.#serve(message, from),
    })
    this.#datagrams = new Datagrams({
      socket: sockets.udp,
      isIpv6: sockets.address.host.includes(':'),
      context,
      counters,
      log,
      allowsHost,
      receive: (message, from) => this.#receive(message, from),
    })
    this.#alarm = new Alarm({
      now,
      fire: (key) => this.#run((at) => options.swim.fire(key, at, this)),
      lagged: (lagMs) => {
        counters.addLag(lagMs)
        this.#run((at) => options.swim.lag(lagMs, at, this))
      },
    })
  }

  start(): void {
    const { log, sockets, swim } = this.#options
    this.#datagrams.start()
    sockets.tcp.on('connection', (socket) => this.#acceptor.accept(socket))
    sockets.tcp.on('error', (error) => {
      log.write('warn', 'the stream listener reports an error', { system: systemCode(error) })
    })
    this.call((now) => swim.start(now, this))
  }

  /**
   * One call of the machine on behalf of the application; its errors are the caller's.
   * @throws GossipError GOSSIP_CLOSED, and what the machine throws
   */
  call<R>(work: (now: Millis) => R): R {
    if (this.#isClosed) throw new GossipError('GOSSIP_CLOSED')
    try {
      return work(this.#options.now())
    } finally {
      this.#deliver()
      this.#alarm.rearm()
    }
  }

  /** One call on behalf of the network or a timer: nobody is there to catch, so errors end here. */
  #run(work: (now: Millis) => void): void {
    if (this.#isClosed) return
    try {
      this.call(work)
    } catch (error) {
      this.#contain('the gossip machine failed', error)
    }
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#contain('a listener failed', error)
    }
  }

  #contain(message: string, error: unknown): void {
    this.#options.counters.add('containedErrors')
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#options.log.write('error', message, { error: text })
  }

  #receive(message: Message, from: Address): void {
    const { counters, onUser, swim } = this.#options
    if (this.#isClosed) return
    if (message.type === 'user') {
      this.#guard(() => onUser(message.payload, from))
      return
    }
    if (message.type === 'ack') counters.add('acks')
    this.#run((now) => swim.receive(from, message, now, this))
  }

  #serve(message: StreamMessage, from: Address): Handling {
    const { counters, log, name, onUser, swim } = this.#options
    switch (message.type) {
      case 'push-pull': {
        const { refused, refusedCount, state } = message
        const foreigner = this.#options.foreigner(state.nodes)
        if (foreigner !== undefined) return this.#turnAway(foreigner, from)
        this.#noteRefused(refused, refusedCount, from)
        const reply = { type: 'push-pull', state: swim.localState(state.join) } as const
        // Peers expect our state as it was before theirs is merged.
        return { reply, afterReply: () => this.#merge(from, state) }
      }
      case 'ping':
        if (message.node !== '' && message.node !== name) return {}
        return { reply: { type: 'ack', seq: message.seq, payload: new Uint8Array(0) } }
      case 'user':
        if (message.payload.length > 0) this.#guard(() => onUser(message.payload, from))
        return {}
      case 'error':
        log.write('warn', 'a peer refuses our cluster', { from, said: message.text })
        counters.add('streamsFailed')
        return {}
      case 'ack':
        // Answers to what nobody asked on this stream.
        counters.add('streamsFailed')
        return {}
    }
  }

  /** Nothing of another cluster's state is taken, and it gets nothing of ours but the reason. */
  #turnAway(foreigner: Foreigner, from: Address): Handling {
    const { counters, log } = this.#options
    counters.add('foreignStates')
    log.write('warn', 'the state of another cluster was refused', { from, ...foreigner })
    return {
      reply: { type: 'error', text: `${foreigner.member} may not join: ${foreigner.reason}` },
    }
  }

  /** @returns the reasons for which rows were refused */
  #merge(from: Address, state: StateExchange): readonly string[] {
    const { counters, onUserState, swim } = this.#options
    counters.add('exchanges')
    const refused: string[] = []
    this.#run((now) => {
      swim.mergeState(from, state, now, this)
      for (const event of this.#events) if (event.type === 'refused') refused.push(event.reason)
    })
    if (state.userState.length > 0) this.#guard(() => onUserState(state.userState))
    return refused
  }

  #noteRefused(rows: readonly RefusedRow[], count: number, from: Address): void {
    if (count === 0) return
    const { counters, log } = this.#options
    for (const { error } of rows) counters.addDecodeError(error.code)
    const told = rows.map(({ index, error }) => `${index}: ${error.message}`)
    log.write('warn', 'rows of a push/pull were refused', { from, count, rows: told })
  }

  sendPacket(to: Address, messages: readonly Message[], how?: PacketManner): void {
    if (!this.#isClosed) this.#datagrams.send(to, messages, how?.checksum ?? false)
  }

  exchangeState(to: Address, local: StateExchange): void {
    const joining = this.#joining
    this.#joining = undefined
    void this.#exchange(to, local, joining)
  }

  /** Never rejects: the outcome goes to the machine, and to the join that asked for it. */
  async #exchange(to: Address, local: StateExchange, joining?: Joining): Promise<void> {
    try {
      const { refused, refusedCount, state } = await this.streams.pushPull(
        to,
        local,
        joining?.signal,
      )
      const foreigner = this.#options.foreigner(state.nodes)
      if (foreigner !== undefined) {
        this.#options.counters.add('foreignStates')
        throw new GossipError('GOSSIP_CLUSTER_MISMATCH', { peer: formatAddress(to), ...foreigner })
      }
      this.#noteRefused(refused, refusedCount, to)
      const reasons = this.#merge(to, state)
      joining?.resolve(reasons)
    } catch (error) {
      this.#run((now) => this.#options.swim.exchangeFailed(to, now, this))
      if (joining !== undefined) joining.reject(error)
      else if (!this.#isClosed) {
        this.#options.log.write('warn', 'a state exchange failed', { to, why: String(error) })
      }
    }
  }

  pingOverStream(to: Address, node: string, seq: number, deadline: Millis): void {
    void this.#pingOverStream(to, node, seq, Math.max(1, deadline - this.#options.now()))
  }

  /** One answer that came only over a stream is a lost datagram or a busy moment; several in a row are worth a line. */
  #noteStreamOnly(member: string, to: Address): void {
    const now = this.#options.now()
    if (now - this.#streamOnlySince > STREAM_ONLY_WINDOW_MS) {
      this.#streamOnlySince = now
      this.#streamOnlyAnswers = 0
    }
    this.#streamOnlyAnswers++
    if (this.#streamOnlyAnswers < STREAM_ONLY_ANSWERS) return
    this.#options.log.write('warn', 'members answer streams but not datagrams: is UDP blocked?', {
      member,
      to,
    })
  }

  async #pingOverStream(to: Address, node: string, seq: number, timeoutMs: number): Promise<void> {
    const { log } = this.#options
    try {
      if (!(await this.streams.ping(to, node, seq, timeoutMs))) return
      this.#noteStreamOnly(node, to)
      this.#receive({ type: 'ack', seq, payload: new Uint8Array(0) }, to)
    } catch (error) {
      // Silence is the machine's signal; the reason only helps a reader.
      log.write('debug', 'a ping over a stream failed', { to, why: String(error) })
    }
  }

  /**
   * Push/pull with one member that makes us known to it.
   * @returns reasons for which rows of its state were refused
   */
  join(to: Address, signal?: AbortSignal): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      try {
        this.call((now) => {
          this.#joining = { signal, resolve, reject }
          this.#options.swim.join(to, now, this)
        })
      } catch (error) {
        reject(error)
      } finally {
        this.#joining = undefined
      }
    })
  }

  setTimer(key: TimerKey, at: Millis): void {
    this.#alarm.set(key, at)
  }

  clearTimer(key: TimerKey): void {
    this.#alarm.clear(key)
  }

  notify(event: MemberEvent): void {
    this.#events.push(event)
  }

  /** Hands events out once the machine has returned, so that listeners may call us again. */
  #deliver(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      const told = event
      this.#observe(told)
      this.#guard(() => this.#options.onEvent(told))
    }
    this.#isDelivering = false
  }

  #observe(event: MemberEvent): void {
    const { log, name } = this.#options
    if (event.type === 'refused') {
      log.write('warn', 'a record was refused', { subject: event.subject, reason: event.reason })
    } else if (event.type === 'conflict' && event.existing.name !== name) {
      void this.#checkOldAddress(event.existing.name, event.existing.address)
    }
  }

  /** A restarted process may have a new address: if nobody listens at the old one, the name is free. */
  async #checkOldAddress(name: string, address: Address): Promise<void> {
    const { log, swim } = this.#options
    if (!(await this.streams.isAbandoned(address)) || this.#isClosed) return
    log.write('info', 'a name moves: its old address refuses connections', { name, address })
    this.#run(() => swim.releaseAddress(name))
  }

  /** Closes sockets, streams and timers; nothing is called afterwards. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#alarm.close()
    this.streams.close()
    this.#acceptor.close()
    const { tcp, udp } = this.#options.sockets
    await Promise.all([
      new Promise<void>((resolve) => tcp.close(() => resolve())),
      new Promise<void>((resolve) => udp.close(() => resolve())),
    ])
  }
}
