import { type BodyPacker, unpackBody } from '../wire/body.ts'
import {
  encodeFailure,
  encodeGoodbye,
  encodeMessage,
  encodePing,
  encodePong,
  encodeReply,
  encodeRequest,
  type Frame,
} from '../wire/frame.ts'
import { REQUEST_TIMEOUT_MS_MAX } from '../wire/limits.ts'
import { PeerError } from '../wire/peer-error.ts'
import type { Connection, ConnectionOwner } from './connection.ts'
import type { Counters } from './counters.ts'
import { describeLinkFailure } from './failure.ts'
import { InboundRequests } from './inbound-requests.ts'
import type { ListenerGuard } from './listeners.ts'
import type { PeerAddress, PeerLimits } from './options.ts'
import { callDone, type RequestDone, RequestTable } from './request-table.ts'

/** The member at the other end of a link. */
export interface Peer {
  readonly name: string
  /** 16 hexadecimal digits, drawn at each start of that member. */
  readonly instance: string
  /** What the other application put into its hello. */
  readonly fields: Readonly<Record<string, string>>
  /** The address that was dialed; for an accepted link the address it came from. */
  readonly address: PeerAddress
}

/** What a link tells its slot and the application. */
export interface LinkEvents {
  /** Exactly once, and the last thing that is heard of the link. */
  down(link: Link, reason: string): void
  message(link: Link, message: unknown): void
  /** False when nobody handles requests. */
  request(
    link: Link,
    message: unknown,
    respond: (reply: unknown) => void,
    fail: (code: string, text: string) => void,
  ): boolean
}

/** What all links of a hub share. */
export interface LinkContext {
  readonly limits: PeerLimits
  readonly counters: Counters
  readonly guard: ListenerGuard
  readonly now: () => number
  readonly pack: BodyPacker
  readonly events: LinkEvents
}

/** Round trips are measured at least once in this many heartbeats, however busy the link is. */
const HEARTBEATS_PER_RTT = 4
const NONCE_MAX = 0xffff_ffff

/** One link that is up: messages, requests, heartbeats. */
export class Link implements ConnectionOwner {
  readonly peer: Peer
  readonly connection: Connection
  readonly since: number
  rttMs: number | undefined

  readonly #context: LinkContext
  readonly #requests: RequestTable
  readonly #inbound: InboundRequests
  #pingNonce = 0
  #pingSentAt = 0
  #isUp = true

  constructor(peer: Peer, connection: Connection, context: LinkContext) {
    this.peer = peer
    this.connection = connection
    this.since = context.now()
    this.#context = context
    this.#requests = new RequestTable(context.counters, context.guard)
    this.#inbound = new InboundRequests(context.limits.inboundRequestsMax, context.now)
    connection.openFully()
    connection.setOwner(this)
    // From the dialer this ping also confirms the link to the accepting side, which is up only then.
    this.#ping()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** False when too much waits. @throws PeerError `MESSAGE_INVALID`, `MESSAGE_TOO_LARGE`. */
  send(message: unknown): boolean {
    const { counters, pack } = this.#context
    if (!this.#hasRoom(0)) return this.#refuse()
    const frame = encodeMessage(pack, message)
    if (!this.#isUp) return false
    if (!this.#hasRoom(frame.length)) return this.#refuse()
    counters.messagesOut++
    this.connection.write(frame)
    return true
  }

  request(message: unknown, timeoutMs: number, done: RequestDone): void {
    const error = this.#tryRequest(message, timeoutMs, done)
    if (error !== undefined) process.nextTick(callDone, done, error, undefined, this.#context.guard)
  }

  #tryRequest(message: unknown, timeoutMs: number, done: RequestDone): PeerError | undefined {
    if (!(timeoutMs >= 0 && timeoutMs <= REQUEST_TIMEOUT_MS_MAX))
      return new PeerError(
        'OPTIONS_INVALID',
        `timeoutMs is ${timeoutMs}; 0 to ${REQUEST_TIMEOUT_MS_MAX} are allowed`,
      )
    const { counters, limits, pack } = this.#context
    if (this.#requests.size >= limits.requestsMax || !this.#hasRoom(0)) return this.#queueFull()
    const id = this.#requests.nextId()
    let frame: Uint8Array
    try {
      frame = encodeRequest(pack, id, Math.ceil(timeoutMs), message)
    } catch (error) {
      if (error instanceof PeerError) return error
      throw error
    }
    if (!this.#isUp) return new PeerError('LINK_DOWN')
    if (!this.#hasRoom(frame.length)) return this.#queueFull()
    counters.requestsOut++
    this.#requests.add(id, timeoutMs, done)
    this.connection.write(frame)
    return undefined
  }

  /** Says goodbye, after what waits, and closes; the slot hears `down` at once. */
  close(reason: string): void {
    if (!this.#isUp) return
    this.connection.end(encodeGoodbye(reason), this.#context.limits.closeTimeoutMs)
    this.#down(reason, 'LINK_DOWN')
  }

  /** As {@link close}, for the end of the whole hub. */
  closeForGood(reason: string): void {
    if (!this.#isUp) return
    this.connection.end(encodeGoodbye(reason), this.#context.limits.closeTimeoutMs)
    this.#down(reason, 'CLOSED')
  }

  /** Drops the connection and what waits. */
  drop(reason: string): void {
    if (!this.#isUp) return
    this.connection.discard()
    this.#down(reason, 'LINK_DOWN')
  }

  /** Our own event loop stalled: the peer gets another full period. */
  forgiveSilence(now: number): void {
    this.connection.lastReceivedAt = now
  }

  /** Sends a ping if it is time, and drops a silent link. */
  tick(now: number): void {
    if (!this.#isUp) return
    const { limits, counters } = this.#context
    const silentMs = now - this.connection.lastReceivedAt
    if (silentMs >= limits.silenceMs) {
      counters.silences++
      this.drop(`no byte came for ${Math.round(silentMs)} ms`)
      return
    }
    const idle = now - this.connection.lastSentAt >= limits.heartbeatMs
    if (idle || now - this.#pingSentAt >= limits.heartbeatMs * HEARTBEATS_PER_RTT) this.#ping()
  }

  frame(frame: Frame): void {
    const { counters, events } = this.#context
    switch (frame.type) {
      case 'message':
        counters.messagesIn++
        events.message(this, unpackBody(frame.body))
        return
      case 'request':
        this.#handleRequest(frame.id, frame.timeoutMs, frame.body)
        return
      case 'reply':
        // A reply that nobody waits for is not worth decoding.
        this.#requests.settle(
          frame.id,
          undefined,
          this.#requests.has(frame.id) ? unpackBody(frame.body) : undefined,
        )
        return
      case 'failure':
        this.#requests.settle(
          frame.id,
          new PeerError('REQUEST_FAILED', frame.text, {
            failure: frame.code,
            peer: this.peer.name,
          }),
          undefined,
        )
        return
      case 'ping':
        this.connection.write(encodePong(frame.nonce))
        return
      case 'pong':
        if (frame.nonce === this.#pingNonce) this.rttMs = this.#context.now() - this.#pingSentAt
        return
      case 'goodbye':
        this.drop(`the peer said goodbye: ${frame.text}`)
        return
      case 'hello':
      case 'helloRefused':
        throw new PeerError('FRAME_INVALID', 'the peer sent a second hello')
    }
  }

  closed(error: unknown): void {
    if (error instanceof PeerError) this.#context.counters.protocolErrors++
    this.#down(describeLinkFailure(error), 'LINK_DOWN')
  }

  #down(reason: string, code: 'LINK_DOWN' | 'CLOSED'): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#inbound.clear()
    this.#requests.failAll(
      new PeerError(code, `the link to ${this.peer.name} went down: ${reason}`, {
        peer: this.peer.name,
      }),
    )
    this.#context.events.down(this, reason)
  }

  #handleRequest(id: number, timeoutMs: number, body: Uint8Array): void {
    const { counters, events, pack, guard } = this.#context
    counters.requestsIn++
    if (!this.#inbound.open(id, timeoutMs)) {
      counters.requestsBusy++
      this.connection.write(encodeFailure(id, 'BUSY', 'too many requests wait for this member'))
      return
    }
    const fail = (code: string, text: string): void => {
      if (this.#inbound.close(id)) this.connection.write(encodeFailure(id, code, text))
    }
    const respond = (reply: unknown): void => {
      if (!this.#inbound.isOpen(id)) return
      try {
        const frame = encodeReply(pack, id, reply)
        if (!this.#hasRoom(frame.length)) fail('QUEUE_FULL', 'too many bytes wait for you')
        else if (this.#inbound.close(id)) this.connection.write(frame)
      } catch (error) {
        guard.report(error, 'encoding a reply')
        fail('REPLY_INVALID', 'the reply cannot be sent')
      }
    }
    if (!events.request(this, unpackBody(body), respond, fail))
      fail('NO_HANDLER', 'this member handles no requests')
  }

  #hasRoom(bytes: number): boolean {
    return this.connection.queuedBytes + bytes <= this.#context.limits.queueBytesMax
  }

  #refuse(): false {
    this.#context.counters.queueRefusals++
    return false
  }

  #queueFull(): PeerError {
    this.#refuse()
    return new PeerError('QUEUE_FULL', undefined, { peer: this.peer.name })
  }

  #ping(): void {
    this.#pingNonce = this.#pingNonce === NONCE_MAX ? 1 : this.#pingNonce + 1
    this.#pingSentAt = this.#context.now()
    this.connection.write(encodePing(this.#pingNonce))
  }
}
