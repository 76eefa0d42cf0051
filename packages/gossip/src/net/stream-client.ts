import type { Address, StateExchange } from '../core/messages.ts'
import { WireError } from '../wire/errors.ts'
import type { OutgoingStreamMessage, StreamMessage } from '../wire/stream-message.ts'
import type { WireContext } from '../wire/wire-context.ts'
import type { Counters } from './counters.ts'
import { dial, refusesConnections } from './dial.ts'
import { GossipError } from './errors.ts'
import { ADDRESS_CHECK_TIMEOUT_MS, ADDRESS_CHECKS_MAX, STREAMS_OUTBOUND_MAX } from './limits.ts'
import { PEEK } from './preflight.ts'
import type { StreamBudget } from './stream-budget.ts'

export interface StreamClientOptions {
  readonly context: WireContext
  readonly budget: StreamBudget
  readonly counters: Counters
  /** Of each stream, from its first to its last byte. */
  readonly timeoutMs: number
  readonly streamsMax?: number
}

/** A push/pull answer. */
export type ExchangeAnswer = Extract<StreamMessage, { type: 'push-pull' }>

/** The streams that we open: bounded in number, in time and in bytes, and all ended by `close`. */
export class StreamClient {
  readonly #options: StreamClientOptions
  readonly #open = new Set<AbortController>()
  readonly #checked = new Set<string>()
  #isClosed = false

  constructor(options: StreamClientOptions) {
    this.#options = options
  }

  /** Sends our state and gets theirs. Rejects as `dial` does. */
  async pushPull(to: Address, state: StateExchange, signal?: AbortSignal): Promise<ExchangeAnswer> {
    const answer = await this.#dial(to, { type: 'push-pull', state }, true, { signal })
    if (answer?.type === 'push-pull') return answer
    throw new GossipError('GOSSIP_REMOTE_ERROR', { said: answer?.type })
  }

  /** The full state of a member, without joining it. Rejects as `dial` does. */
  async peek(to: Address, signal?: AbortSignal): Promise<StateExchange> {
    return (await this.pushPull(to, PEEK, signal)).state
  }

  /** True when the member answered in time and with our number. */
  async ping(to: Address, node: string, seq: number, timeoutMs: number): Promise<boolean> {
    this.#options.counters.add('streamPings')
    const answer = await this.#dial(to, { type: 'ping', seq, node }, true, { timeoutMs })
    return answer?.type === 'ack' && answer.seq === seq
  }

  /** Rejects as `dial` does; there is no answer to wait for. */
  async sendUser(to: Address, payload: Uint8Array): Promise<void> {
    await this.#dial(to, { type: 'user', payload }, false, {})
  }

  /** Best effort, for a second at most: a line for the log of a peer whose cluster is not ours. Never rejects. */
  async complain(to: Address, text: string): Promise<void> {
    const timeoutMs = ADDRESS_CHECK_TIMEOUT_MS
    await this.#dial(to, { type: 'error', text }, false, { timeoutMs }).catch(() => {
      // The failure is counted; our own side says the same in its log.
    })
  }

  /** True when nobody listens at this address any more; false as well while a limit forbids asking. */
  async isAbandoned(address: Address): Promise<boolean> {
    const key = `${address.host}|${address.port}`
    if (this.#isClosed || this.#checked.has(key) || this.#checked.size >= ADDRESS_CHECKS_MAX) {
      return false
    }
    this.#checked.add(key)
    try {
      return await refusesConnections(address, ADDRESS_CHECK_TIMEOUT_MS)
    } finally {
      this.#checked.delete(key)
    }
  }

  async #dial(
    to: Address,
    message: OutgoingStreamMessage,
    expectsReply: boolean,
    limits: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number },
  ): Promise<StreamMessage | undefined> {
    const { budget, context, counters, streamsMax = STREAMS_OUTBOUND_MAX } = this.#options
    if (this.#isClosed) throw new GossipError('GOSSIP_CLOSED')
    if (this.#open.size >= streamsMax) {
      throw new GossipError('GOSSIP_LIMIT', { what: 'open streams', max: streamsMax })
    }
    counters.add('streamsOut')
    const controller = new AbortController()
    const forward = () => controller.abort()
    this.#open.add(controller)
    limits.signal?.addEventListener('abort', forward, { once: true })
    if (limits.signal?.aborted) forward()
    const { timeoutMs = this.#options.timeoutMs } = limits
    const { signal } = controller
    try {
      return await dial({ to, message, context, budget, timeoutMs, expectsReply, signal })
    } catch (error) {
      counters.add('streamsFailed')
      if (error instanceof WireError) counters.addDecodeError(error.code)
      throw error
    } finally {
      limits.signal?.removeEventListener('abort', forward)
      this.#open.delete(controller)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const controller of this.#open) controller.abort()
  }
}
