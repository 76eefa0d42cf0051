import { array, bulk, encodeError, encodeReply, integer } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import {
  type ChannelHub,
  type ChannelKind,
  type Subscriber,
  type Topic,
  topicKey,
} from '../pool/channel-hub.ts'

/** What a client's subscriptions need from its session. */
export interface SubscriptionPort {
  readonly resp: 2 | 3
  readonly subscriptionsMax: number
  /** A message for the client: a RESP3 push, `bytes[start, end)`, overwritten after the call. */
  push(bytes: Buffer, start: number, end: number): void
  /** The pool is gone. */
  silenced(): void
}

const PUSH = 0x3e
const ARRAY = 0x2a

interface Verb {
  readonly kind: ChannelKind
  readonly add: boolean
}

const VERBS: Readonly<Record<string, Verb>> = {
  subscribe: { kind: 'channel', add: true },
  unsubscribe: { kind: 'channel', add: false },
  psubscribe: { kind: 'pattern', add: true },
  punsubscribe: { kind: 'pattern', add: false },
  ssubscribe: { kind: 'shard', add: true },
  sunsubscribe: { kind: 'shard', add: false },
}

/** The channels and patterns of one client, and the confirmations that it gets for them. */
export class Subscriptions implements Subscriber {
  readonly #port: SubscriptionPort
  readonly #hub: ChannelHub
  readonly #topics = new Map<string, { readonly kind: ChannelKind; readonly name: Buffer }>()
  #shards = 0

  constructor(port: SubscriptionPort, hub: ChannelHub) {
    this.#port = port
    this.#hub = hub
  }

  /** True while the client has any: in RESP2 it may then send few other commands. */
  get active(): boolean {
    return this.#topics.size > 0
  }

  /** Runs SUBSCRIBE or one of its kin; `done` gets all confirmations in the order of the names. */
  run(name: string, frame: RequestFrame, done: (reply: Buffer) => void): void {
    const verb = VERBS[name]
    if (verb === undefined) return
    const names: Buffer[] = []
    for (let at = 1; at < frame.argc; at++) names.push(Buffer.from(frame.arg(at)))
    if (verb.add) this.#subscribe(name, verb.kind, names, done)
    else done(this.#unsubscribe(name, verb.kind, names))
  }

  message(topic: Topic, bytes: Buffer, start: number, end: number): void {
    // Before its confirmation a client does not know what the message is.
    if (this.#topics.has(topic.key)) this.#port.push(bytes, start, end)
  }

  silenced(): void {
    this.#topics.clear()
    this.#port.silenced()
  }

  /** Ends all, without a word. */
  clear(): void {
    const topics = [...this.#topics.values()]
    this.#topics.clear()
    this.#shards = 0
    for (const { kind, name } of topics) this.#hub.unsubscribe(kind, name, this)
  }

  #subscribe(
    word: string,
    kind: ChannelKind,
    names: readonly Buffer[],
    done: (reply: Buffer) => void,
  ): void {
    const { subscriptionsMax } = this.#port
    if (this.#topics.size + names.length > subscriptionsMax) {
      done(
        encodeError(
          `ERR a client has at most ${subscriptionsMax} subscriptions (subscriptionsMax)`,
        ),
      )
      return
    }
    let missing = names.length
    let failure: Buffer | undefined
    const oneDone = (error: Buffer | undefined) => {
      failure ??= error
      missing--
      if (missing > 0) return
      done(failure ?? Buffer.concat(names.map((name) => this.#confirm(word, kind, name))))
      // Nothing of a command that failed stays.
      if (failure !== undefined)
        for (const name of names)
          if (!this.#topics.has(topicKey(kind, name))) this.#hub.unsubscribe(kind, name, this)
    }
    for (const name of names) this.#hub.subscribe(kind, name, this, oneDone)
  }

  #confirm(word: string, kind: ChannelKind, name: Buffer): Buffer {
    const key = topicKey(kind, name)
    if (!this.#topics.has(key)) {
      this.#topics.set(key, { kind, name })
      if (kind === 'shard') this.#shards++
    }
    return this.#reply(word, name, kind)
  }

  #unsubscribe(word: string, kind: ChannelKind, given: readonly Buffer[]): Buffer {
    const all = [...this.#topics.values()].filter((topic) => topic.kind === kind)
    const names = given.length > 0 ? given : all.map(({ name }) => name)
    if (names.length === 0) return this.#reply(word, undefined, kind)
    return Buffer.concat(
      names.map((name) => {
        if (this.#topics.delete(topicKey(kind, name))) {
          if (kind === 'shard') this.#shards--
          this.#hub.unsubscribe(kind, name, this)
        }
        return this.#reply(word, name, kind)
      }),
    )
  }

  #reply(word: string, name: Buffer | undefined, kind: ChannelKind): Buffer {
    const count = kind === 'shard' ? this.#shards : this.#topics.size - this.#shards
    const items = [bulk(word), name === undefined ? NULL : bulk(name), integer(count)]
    const { resp } = this.#port
    const reply = encodeReply(array(items), resp)
    if (resp === 3) reply[0] = PUSH
    return reply
  }
}

const NULL = { type: 'null' } as const

/** The mark with which a message begins for a client of this version. */
export function pushMark(resp: 2 | 3): number {
  return resp === 3 ? PUSH : ARRAY
}

/** What a RESP2 subscriber may send. */
export const SUBSCRIBER_COMMANDS: ReadonlySet<string> = new Set([
  ...Object.keys(VERBS),
  'ping',
  'quit',
  'reset',
])

/** Redis's answer to PING while a RESP2 client subscribes. */
export function subscriberPong(text: Buffer | undefined): Buffer {
  return encodeReply(array([bulk('pong'), bulk(text ?? '')]), 2)
}
