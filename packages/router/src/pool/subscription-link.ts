import type { RedisCommand } from '../plan/redis-command.ts'
import type { ChannelHub } from './channel-hub.ts'
import { type LostCause, REMOVED_CAUSE } from './lost-cause.ts'
import type { Fleet } from './pool.ts'
import type { LinkHolder, PrivateLink } from './private-links.ts'
import { readPush } from './push-frame.ts'
import { Request, type RequestOwner } from './request.ts'

/** How often a quiet connection is asked whether it still lives; its answer has `replyTimeoutMs`. */
const PING_EVERY_MS = 5_000

/** What a push says, by its first word; the topic's name is the second. */
const MESSAGES = { message: 'channel', pmessage: 'pattern', smessage: 'shard' } as const
const CONFIRMATIONS = { subscribe: 'channel', psubscribe: 'pattern', ssubscribe: 'shard' } as const

/** The one connection to a backend on which all its subscriptions of this router are. It speaks RESP3. */
export class SubscriptionLink implements LinkHolder, RequestOwner {
  readonly #hub: ChannelHub
  readonly #fleet: Fleet
  readonly #id: string
  #link: PrivateLink | undefined
  /** SUBSCRIBEs that are not confirmed, by topic: an older one says nothing about a newer. */
  readonly #outstanding = new Map<string, number>()
  #pingedAt: number | undefined
  #pinging = false

  private constructor(hub: ChannelHub, fleet: Fleet, id: string) {
    this.#hub = hub
    this.#fleet = fleet
    this.#id = id
  }

  /** A connection to the backend, or the error reply that says why there is none. */
  static open(hub: ChannelHub, fleet: Fleet, id: string): SubscriptionLink | Buffer {
    const made = new SubscriptionLink(hub, fleet, id)
    const link = fleet.pinAt(made, id, 3)
    if (Buffer.isBuffer(link)) return link
    made.#link = link
    return made
  }

  subscribe(key: string, command: Buffer): void {
    this.#outstanding.set(key, (this.#outstanding.get(key) ?? 0) + 1)
    this.#link?.sendUnanswered(command)
  }

  unsubscribe(command: Buffer): void {
    this.#link?.sendUnanswered(command)
  }

  tick(now: number): void {
    this.#pingedAt ??= now
    if (this.#pinging || now - this.#pingedAt < PING_EVERY_MS) return
    this.#pingedAt = now
    this.#pinging = true
    this.#link?.send(new Request(this, PING_ROW, 3, undefined, true), PING, 0, PING.length, true)
  }

  close(): void {
    this.#link?.close(REMOVED_CAUSE)
    this.#link = undefined
  }

  /** The PING is answered. */
  answered(): void {
    this.#pinging = false
  }

  pushed(bytes: Buffer, start: number, end: number): void {
    const push = readPush(bytes, start, end)
    if (push.count < 2) return
    const word = bytes.toString('latin1', push.from[0], push.to[0])
    const name = bytes.toString('latin1', push.from[1], push.to[1])
    if (isIn(MESSAGES, word)) this.#hub.deliver(`${MESSAGES[word]}:${name}`, bytes, start, end)
    else if (isIn(CONFIRMATIONS, word)) this.#confirm(`${CONFIRMATIONS[word]}:${name}`)
  }

  stray(bytes: Buffer, start: number, end: number): boolean {
    this.#outstanding.clear()
    this.#hub.refused(this.#id, Buffer.from(bytes.subarray(start, end)))
    return true
  }

  linkFailed(): void {}

  linkEnded(link: PrivateLink, cause: LostCause): void {
    this.#link = undefined
    this.#hub.linkEnded(this.#id, this.#fleet.lostReply(link, cause, ''), cause)
  }

  #confirm(key: string): void {
    const left = (this.#outstanding.get(key) ?? 1) - 1
    if (left > 0) {
      this.#outstanding.set(key, left)
      return
    }
    this.#outstanding.delete(key)
    this.#hub.confirmed(key, this.#id)
  }
}

const PING = Buffer.from('*1\r\n$4\r\nPING\r\n')

const PING_ROW: RedisCommand = {
  name: 'ping',
  arity: -1,
  access: 'none',
  keys: { type: 'none' },
  run: { type: 'here' },
  retry: 'never',
}

function isIn<T extends object>(table: T, word: string): word is Extract<keyof T, string> {
  return Object.hasOwn(table, word)
}
