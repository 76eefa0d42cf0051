import { connect, type Socket } from 'node:net'
import type { Address } from '../core/messages.ts'
import { labelHeader } from '../wire/label.ts'
import { NEED_MORE } from '../wire/stream-body.ts'
import { StreamDecoder } from '../wire/stream-decoder.ts'
import {
  encodeStream,
  type OutgoingStreamMessage,
  type StreamMessage,
} from '../wire/stream-message.ts'
import type { WireContext } from '../wire/wire-context.ts'
import { formatAddress } from './addresses.ts'
import { GossipError, systemCode } from './errors.ts'
import type { StreamBudget } from './stream-budget.ts'

export interface DialOptions {
  readonly to: Address
  readonly message: OutgoingStreamMessage
  readonly context: WireContext
  readonly budget: StreamBudget
  /** For everything: connecting, sending, the answer. */
  readonly timeoutMs: number
  readonly expectsReply: boolean
  readonly signal?: AbortSignal
}

/**
 * One request over a stream of its own, and its answer.
 *
 * @returns the answer, or undefined when none is expected and everything was handed to the system
 * @throws GossipError GOSSIP_UNREACHABLE | GOSSIP_TIMEOUT | GOSSIP_STREAM_CLOSED | GOSSIP_REMOTE_ERROR |
 * GOSSIP_LIMIT | GOSSIP_ABORTED; WireError for an answer that is not one
 */
export function dial(options: DialOptions): Promise<StreamMessage | undefined> {
  const { context, message, to } = options
  // Encoded before the connection exists: the state is the one of the moment of the decision.
  const request = Buffer.concat([labelHeader(context.label), encodeStream(message, context)])
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to.host, port: to.port, noDelay: true })
    new Dialog(socket, options, resolve, reject).begin(request)
  })
}

class Dialog {
  readonly #socket: Socket
  readonly #options: DialOptions
  readonly #resolve: (answer: StreamMessage | undefined) => void
  readonly #reject: (error: unknown) => void
  readonly #decoder: StreamDecoder
  readonly #account = { bytes: 0 }
  readonly #timer: NodeJS.Timeout
  readonly #abort = () => this.#fail(this.#error('GOSSIP_ABORTED'))
  #isSettled = false

  constructor(
    socket: Socket,
    options: DialOptions,
    resolve: (answer: StreamMessage | undefined) => void,
    reject: (error: unknown) => void,
  ) {
    this.#socket = socket
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#decoder = new StreamDecoder(options.context, 'dialer')
    const { timeoutMs } = options
    this.#timer = setTimeout(
      () => this.#fail(this.#error('GOSSIP_TIMEOUT', { timeoutMs })),
      timeoutMs,
    )
  }

  begin(request: Uint8Array): void {
    const { expectsReply, signal } = this.#options
    const socket = this.#socket
    socket.on('error', (error) => {
      this.#fail(this.#error('GOSSIP_UNREACHABLE', { system: systemCode(error) }))
    })
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('close', () => this.#fail(this.#error('GOSSIP_STREAM_CLOSED')))
    if (signal?.aborted) {
      this.#abort()
      return
    }
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (expectsReply) socket.write(request)
    else socket.end(request, () => this.#succeed(undefined))
  }

  #receive(chunk: Uint8Array): void {
    if (this.#isSettled) return
    if (!this.#options.budget.take(this.#account, chunk.length)) {
      this.#fail(this.#error('GOSSIP_LIMIT', { what: 'bytes of unfinished streams' }))
      return
    }
    try {
      this.#decoder.push(chunk)
      const answer = this.#decoder.next()
      if (answer === NEED_MORE) return
      if (answer.type === 'error') {
        this.#fail(this.#error('GOSSIP_REMOTE_ERROR', { said: answer.text }))
      } else this.#succeed(answer)
    } catch (error) {
      this.#fail(error)
    }
  }

  #error(
    code:
      | 'GOSSIP_ABORTED'
      | 'GOSSIP_LIMIT'
      | 'GOSSIP_REMOTE_ERROR'
      | 'GOSSIP_STREAM_CLOSED'
      | 'GOSSIP_TIMEOUT'
      | 'GOSSIP_UNREACHABLE',
    details: object = {},
  ): GossipError {
    return new GossipError(code, { peer: formatAddress(this.#options.to), ...details })
  }

  #succeed(answer: StreamMessage | undefined): void {
    if (!this.#settle()) return
    // Without an answer to come, what was written still has to leave.
    if (this.#options.expectsReply) this.#socket.destroy()
    else this.#socket.destroySoon()
    this.#resolve(answer)
  }

  #fail(error: unknown): void {
    if (!this.#settle()) return
    this.#socket.destroy()
    this.#reject(error)
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    clearTimeout(this.#timer)
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.#options.budget.release(this.#account)
    return true
  }
}

/** True when nobody listens there any more: the connection is refused or the host is gone. */
export function refusesConnections(to: Address, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: to.host, port: to.port })
    const settle = (isRefused: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(isRefused)
    }
    // Silence proves nothing: a paused or partitioned holder must keep its name.
    const timer = setTimeout(() => settle(false), timeoutMs)
    socket.on('connect', () => settle(false))
    socket.on('error', (error) => settle(REFUSALS.has(systemCode(error))))
  })
}

const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH'])
