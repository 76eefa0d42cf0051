import type { Socket } from 'node:net'
import type { Address } from '../core/messages.ts'
import { WireError, type WireErrorCode } from '../wire/errors.ts'
import { NEED_MORE } from '../wire/stream-body.ts'
import { StreamDecoder } from '../wire/stream-decoder.ts'
import {
  encodeStream,
  type OutgoingStreamMessage,
  type StreamMessage,
} from '../wire/stream-message.ts'
import type { WireContext } from '../wire/wire-context.ts'
import { plainHost } from './addresses.ts'
import type { Counters } from './counters.ts'
import type { LimitedLog } from './limited-log.ts'
import { STREAMS_INBOUND_MAX } from './limits.ts'
import type { StreamBudget } from './stream-budget.ts'

/** What to do about a request: an answer, and what has to wait until the answer is on its way. */
export interface Handling {
  readonly reply?: OutgoingStreamMessage
  readonly afterReply?: () => void
}

export interface AcceptorOptions {
  readonly context: WireContext
  readonly budget: StreamBudget
  readonly counters: Counters
  readonly log: LimitedLog
  readonly timeoutMs: number
  readonly allowsHost: (host: string) => boolean
  readonly handle: (message: StreamMessage, from: Address) => Handling
  readonly streamsMax?: number
}

/** Silence instead of an error reply: these say nothing about the cluster to a stranger. */
const SILENT: ReadonlySet<WireErrorCode> = new Set(['WIRE_LABEL', 'WIRE_TYPE_UNKNOWN'])

/** Texts of memberlist, so that its operators find them where they know them. */
const REPLY_TEXTS: Readonly<Partial<Record<WireErrorCode, string>>> = {
  WIRE_NOT_ENCRYPTED: 'Encryption is configured but remote state is not encrypted',
  WIRE_UNEXPECTED_ENCRYPTED: 'Remote state is encrypted and encryption is not configured',
  WIRE_ENCRYPTION: 'No installed keys could decrypt the message',
}

/** Serves the streams that others open: one request each, at most one answer, then the end. */
export class StreamAcceptor {
  readonly #options: AcceptorOptions
  readonly #open = new Set<Socket>()

  constructor(options: AcceptorOptions) {
    this.#options = options
  }

  get openStreams(): number {
    return this.#open.size
  }

  accept(socket: Socket): void {
    const { allowsHost, counters, streamsMax = STREAMS_INBOUND_MAX } = this.#options
    const from = { host: plainHost(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    // A socket that is already gone has no address; its errors must be heard all the same.
    socket.on('error', () => socket.destroy())
    if (from.host === '' || !allowsHost(from.host)) {
      counters.add('refusedSources')
      socket.destroy()
    } else if (this.#open.size >= streamsMax) {
      counters.add('streamsRefused')
      socket.destroy()
    } else this.#serve(socket, from)
  }

  #serve(socket: Socket, from: Address): void {
    const { budget, context, counters, timeoutMs } = this.#options
    counters.add('streamsIn')
    this.#open.add(socket)
    const decoder = new StreamDecoder(context, 'acceptor')
    const account = { bytes: 0 }
    let isAnswered = false
    const timer = setTimeout(() => socket.destroy(), timeoutMs)
    socket.on('close', () => {
      clearTimeout(timer)
      budget.release(account)
      this.#open.delete(socket)
      if (!isAnswered && !decoder.isIdle) counters.add('streamsFailed')
    })
    socket.on('data', (chunk) => {
      if (isAnswered) return
      if (!budget.take(account, chunk.length)) {
        counters.add('streamsRefused')
        socket.destroy()
        return
      }
      isAnswered = this.#receive(socket, from, decoder, chunk)
      // The answer gets a full deadline of its own, however long the request took.
      if (isAnswered) timer.refresh()
    })
  }

  /** True once the request is dealt with, for better or worse. */
  #receive(socket: Socket, from: Address, decoder: StreamDecoder, chunk: Uint8Array): boolean {
    try {
      decoder.push(chunk)
      const message = decoder.next()
      if (message === NEED_MORE) return false
      this.#answer(socket, message, from)
    } catch (error) {
      this.#refuse(socket, from, error)
    }
    return true
  }

  #answer(socket: Socket, message: StreamMessage, from: Address): void {
    const { context, handle } = this.#options
    const { reply, afterReply } = handle(message, from)
    if (reply === undefined) socket.end()
    else socket.end(encodeStream(reply, context))
    afterReply?.()
  }

  #refuse(socket: Socket, from: Address, error: unknown): void {
    const { context, counters, log } = this.#options
    counters.add('streamsFailed')
    if (!(error instanceof WireError)) {
      counters.add('containedErrors')
      log.write('error', 'a stream handler failed', { from, error: String(error) })
      socket.destroy()
      return
    }
    counters.addDecodeError(error.code)
    log.write('warn', 'a stream was refused', { from, code: error.code, ...error.details })
    if (SILENT.has(error.code)) socket.destroy()
    else {
      const text = REPLY_TEXTS[error.code] ?? error.message
      socket.end(encodeStream({ type: 'error', text }, context))
    }
  }

  /** Ends every open stream. */
  close(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
