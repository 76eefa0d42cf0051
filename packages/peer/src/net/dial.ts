import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Frame } from '../wire/frame.ts'
import type { Hello } from '../wire/hello.ts'
import { judgeHello } from '../wire/judge-hello.ts'
import { PeerError } from '../wire/peer-error.ts'
import { decodeRefusal, encodeRefusal, type Refusal } from '../wire/refusal.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { HubContext } from './context.ts'
import { describeDialFailure, isKeyRefusal } from './failure.ts'
import type { LinkKey } from './keyring.ts'
import type { PeerTarget } from './options.ts'
import { dialOptions } from './tls-psk.ts'

/** How a dial failed. */
export interface DialFailure {
  readonly reason: string
  /** Present when the hello was refused, by the other side or by us. */
  readonly refusal: Refusal | undefined
  /** The instance that answered, when it said so. */
  readonly theirInstance: string | undefined
  /** The other side does not know the key: another one may do. */
  readonly keyRefused: boolean
}

/** What a dial ends in: exactly one of them, unless it is cancelled. */
export interface DialEvents {
  greeted(dial: Dial, hello: Hello, connection: Connection): void
  failed(dial: Dial, failure: DialFailure): void
}

/** One attempt to reach a peer: TCP, TLS with one key, our hello, its hello. */
export class Dial implements ConnectionOwner {
  readonly target: PeerTarget
  readonly key: LinkKey | undefined

  readonly #context: HubContext
  readonly #events: DialEvents
  readonly #connection: Connection
  #timer: NodeJS.Timeout | undefined
  #connected = false
  #greetingSince: number | undefined
  #over = false

  constructor(
    target: PeerTarget,
    key: LinkKey | undefined,
    context: HubContext,
    events: DialEvents,
  ) {
    this.target = target
    this.key = key
    this.#context = context
    this.#events = events
    context.counters.dials++
    const { counters, now, limits } = context
    const socket = this.#openSocket()
    this.#connection = new Connection(socket, this, {
      counters,
      now,
      keyIdentity: key?.identity,
    })
    socket.once('connect', () => {
      this.#connected = true
    })
    socket.once(key === undefined ? 'connect' : 'secureConnect', () => this.#greet())
    this.#expectWithin(limits.connectTimeoutMs, 'did not answer')
  }

  /** Milliseconds since our hello was sent; undefined before. */
  greetingMs(now: number): number | undefined {
    return this.#greetingSince === undefined ? undefined : now - this.#greetingSince
  }

  /** Ends the attempt without a word to anyone. */
  cancel(): void {
    if (!this.#finish()) return
    this.#connection.discard()
  }

  frame(frame: Frame): void {
    if (frame.type === 'hello') this.#judge(frame.body)
    else if (frame.type === 'helloRefused') this.#refused(decodeRefusal(frame.body))
    else throw new PeerError('HELLO_INVALID', `a ${frame.type} came instead of a hello`)
  }

  closed(error: unknown): void {
    const tls = this.key !== undefined
    const secured = this.#greetingSince !== undefined
    this.#fail(
      describeDialFailure(this.target, error, { tls, connected: this.#connected, secured }),
      undefined,
      undefined,
      tls && !secured && isKeyRefusal(error),
    )
  }

  #openSocket(): Socket {
    const { host, port } = this.target
    return this.key === undefined
      ? connectPlain({ host, port })
      : connectTls({ host, port, ...dialOptions(this.key) })
  }

  #greet(): void {
    if (this.#over) return
    this.#greetingSince = this.#context.now()
    this.#expectWithin(this.#context.limits.helloTimeoutMs, 'sent no hello')
    this.#connection.write(this.#context.encodeOurHello(this.target))
    this.#connection.flush()
  }

  #judge(body: Uint8Array): void {
    const { self, cluster } = this.#context.options
    const verdict = judgeHello(body, { ...self, cluster, expected: this.target })
    if (verdict.type === 'accepted') {
      if (this.#finish()) this.#events.greeted(this, verdict.hello, this.#connection)
      return
    }
    const { refusal } = verdict
    this.#context.counters.hellosRefused++
    this.#connection.end(encodeRefusal(refusal), this.#context.limits.closeTimeoutMs)
    this.#fail(`we refused the hello: ${refusal.reason}`, refusal, verdict.theirInstance)
  }

  #refused(refusal: Refusal): void {
    this.#connection.discard()
    this.#fail(
      `our hello was refused: ${refusal.reason} (${refusal.code})`,
      refusal,
      refusal.instance,
    )
  }

  #expectWithin(timeoutMs: number, what: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const message = `${what} within ${timeoutMs} ms`
      this.#connection.destroy(new PeerError('HANDSHAKE_FAILED', message, { timeoutMs }))
    }, timeoutMs)
  }

  #fail(
    reason: string,
    refusal: Refusal | undefined,
    theirInstance: string | undefined,
    keyRefused = false,
  ): void {
    if (!this.#finish()) return
    this.#context.counters.dialFailures++
    this.#events.failed(this, { reason, refusal, theirInstance, keyRefused })
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    clearTimeout(this.#timer)
    return true
  }
}
