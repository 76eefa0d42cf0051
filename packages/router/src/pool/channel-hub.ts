import { encodeCommand, encodeError } from '../codec/resp/encode.ts'
import { matchesGlob } from '../plan/glob.ts'
import type { LostCause } from './lost-cause.ts'
import type { Fleet } from './pool.ts'
import { SubscriptionLink } from './subscription-link.ts'

/** Names of the three kinds, each a space of names of its own. */
export type ChannelKind = 'channel' | 'pattern' | 'shard'

/** Who gets the messages of channels. */
export interface Subscriber {
  /** A RESP3 push, `bytes[start, end)`, which is overwritten after the call. */
  message(topic: Topic, bytes: Buffer, start: number, end: number): void
  /** The pool is gone. */
  silenced(): void
}

/** Called once: without a reply the subscription is in place, else the reply says why it is not. */
export type Subscribed = (error: Buffer | undefined) => void

/** One channel or pattern that clients of this router want. */
export interface Topic {
  readonly key: string
  readonly kind: ChannelKind
  readonly name: Buffer
  readonly subscribers: Set<Subscriber>
  /** Backends at which it is subscribed; true once they confirmed it. */
  readonly places: Map<string, boolean>
  readonly waiting: { readonly subscriber: Subscriber; readonly done: Subscribed }[]
}

/** What the hub asks its pool. */
export interface ChannelPlaces {
  /** The backend that owns a name now, if it can be reached. */
  placeOf(name: Buffer): string | undefined
  /** All backends that can be reached. */
  places(): readonly string[]
}

const SUBSCRIBE = { channel: 'SUBSCRIBE', pattern: 'PSUBSCRIBE', shard: 'SSUBSCRIBE' } as const
const UNSUBSCRIBE = {
  channel: 'UNSUBSCRIBE',
  pattern: 'PUNSUBSCRIBE',
  shard: 'SUNSUBSCRIBE',
} as const

/** The key of a topic: kind and name, byte by byte. */
export function topicKey(kind: ChannelKind, name: Buffer): string {
  return `${kind}:${name.toString('latin1')}`
}

/**
 * The channels of one pool. A channel is a key: its owner serves it. A pattern is subscribed at every backend, and a message
 * is published at one, so each is seen once.
 *
 *   client ─┐                       ┌─ one connection ─ backend (owner of `news`)
 *   client ─┼─ topic `news` ─ hub ──┤
 *   client ─┘                       └─ one connection ─ backend
 *
 * Whenever owners change, topics move with them. Messages published while one moves may be missed: Redis delivers at most
 * once, and so does this.
 */
export class ChannelHub {
  readonly #fleet: Fleet
  readonly #places: ChannelPlaces
  readonly #topics = new Map<string, Topic>()
  readonly #links = new Map<string, SubscriptionLink>()
  #patterns = 0
  /** A connection was lost: at the next tick its topics are subscribed anew. */
  #stale = false
  #closed = false

  constructor(fleet: Fleet, places: ChannelPlaces) {
    this.#fleet = fleet
    this.#places = places
  }

  /** Adds a subscriber; `done` may be called at once. */
  subscribe(kind: ChannelKind, name: Buffer, subscriber: Subscriber, done: Subscribed): void {
    const key = topicKey(kind, name)
    let topic = this.#topics.get(key)
    if (topic === undefined) {
      topic = { key, kind, name, subscribers: new Set(), places: new Map(), waiting: [] }
      this.#topics.set(key, topic)
      if (kind === 'pattern') this.#patterns++
    }
    topic.waiting.push({ subscriber, done })
    this.#place(topic)
    this.#settle(topic)
  }

  unsubscribe(kind: ChannelKind, name: Buffer, subscriber: Subscriber): void {
    const topic = this.#topics.get(topicKey(kind, name))
    if (topic === undefined) return
    topic.subscribers.delete(subscriber)
    const at = topic.waiting.findIndex((each) => each.subscriber === subscriber)
    if (at >= 0) topic.waiting.splice(at, 1)
    this.#dropUnwanted(topic)
  }

  /** Owners may have changed: every topic is subscribed where it belongs, and nowhere else. */
  rebalance(): void {
    if (this.#closed) return
    this.#stale = false
    for (const topic of [...this.#topics.values()]) {
      this.#place(topic)
      this.#settle(topic)
    }
  }

  tick(now: number): void {
    if (this.#stale) this.rebalance()
    for (const link of this.#links.values()) link.tick(now)
  }

  /**
   * How many receivers a message has: the backend counts this router as one per topic, whoever is behind it. With several
   * routers each of the others counts as one.
   */
  receivers(kind: 'channel' | 'shard', name: Buffer, counted: number): number {
    const owner = this.#places.placeOf(name)
    let upstream = 0
    let local = 0
    for (const topic of this.#matching(kind, name)) {
      // While a topic moves to this owner, its subscribers do not get the message.
      if (owner === undefined || topic.places.get(owner) !== true) continue
      if (topic.subscribers.size > 0) upstream++
      local += topic.subscribers.size
    }
    return counted < upstream ? counted : counted - upstream + local
  }

  /** As {@link receivers}, of the subscribers of the name itself. */
  subscribers(kind: 'channel' | 'shard', name: Buffer, counted: number): number {
    const local = this.#topics.get(topicKey(kind, name))?.subscribers.size ?? 0
    return local === 0 || counted === 0 ? counted : counted - 1 + local
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#closed = true
    const topics = [...this.#topics.values()]
    this.#topics.clear()
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
    for (const topic of topics) {
      for (const { done } of topic.waiting) done(NO_POOL)
      for (const subscriber of topic.subscribers) subscriber.silenced()
    }
  }

  /** A backend pushed a message for a topic. */
  deliver(key: string, bytes: Buffer, start: number, end: number): void {
    const topic = this.#topics.get(key)
    if (topic === undefined) return
    for (const subscriber of topic.subscribers) subscriber.message(topic, bytes, start, end)
  }

  /** A backend confirmed a subscription. */
  confirmed(key: string, backendId: string): void {
    const topic = this.#topics.get(key)
    if (topic?.places.has(backendId) !== true) return
    topic.places.set(backendId, true)
    this.#settle(topic)
  }

  /** A backend refused a command on its subscription connection: whoever waits there learns why. */
  refused(backendId: string, reply: Buffer): void {
    for (const topic of [...this.#topics.values()]) {
      if (topic.places.get(backendId) !== false) continue
      topic.places.delete(backendId)
      this.#fail(topic, reply)
    }
  }

  linkEnded(backendId: string, reply: Buffer, cause: LostCause): void {
    this.#links.delete(backendId)
    this.#stale = true
    for (const topic of [...this.#topics.values()]) {
      const confirmed = topic.places.get(backendId)
      topic.places.delete(backendId)
      // Another connection would be refused likewise.
      if (confirmed === false && cause.code === 'NO_RESP3') this.#fail(topic, reply)
    }
  }

  #matching(kind: 'channel' | 'shard', name: Buffer): Topic[] {
    const found: Topic[] = []
    const own = this.#topics.get(topicKey(kind, name))
    if (own !== undefined) found.push(own)
    if (kind === 'shard' || this.#patterns === 0) return found
    const text = name.toString('latin1')
    for (const topic of this.#topics.values())
      if (topic.kind === 'pattern' && matchesGlob(topic.name.toString('latin1'), text))
        found.push(topic)
    return found
  }

  /** Subscribes a topic where it belongs and is not, and ends it where it is and does not belong. */
  #place(topic: Topic): void {
    const wanted = this.#wanted(topic)
    for (const id of wanted) if (!topic.places.has(id)) this.#subscribeAt(topic, id)
    for (const id of [...topic.places.keys()])
      if (!wanted.includes(id)) this.#unsubscribeAt(topic, id)
    if (wanted.length === 0) this.#fail(topic, NOWHERE)
  }

  #wanted(topic: Topic): readonly string[] {
    if (topic.kind === 'pattern') return this.#places.places()
    const owner = this.#places.placeOf(topic.name)
    return owner === undefined ? [] : [owner]
  }

  #subscribeAt(topic: Topic, id: string): void {
    const link = this.#linkTo(id)
    if (Buffer.isBuffer(link)) {
      this.#fail(topic, link)
      return
    }
    topic.places.set(id, false)
    link.subscribe(topic.key, encodeCommand([Buffer.from(SUBSCRIBE[topic.kind]), topic.name]))
  }

  #unsubscribeAt(topic: Topic, id: string): void {
    topic.places.delete(id)
    const link = this.#links.get(id)
    if (link === undefined) return
    link.unsubscribe(encodeCommand([Buffer.from(UNSUBSCRIBE[topic.kind]), topic.name]))
    for (const each of this.#topics.values()) if (each.places.has(id)) return
    this.#links.delete(id)
    link.close()
  }

  #linkTo(id: string): SubscriptionLink | Buffer {
    const known = this.#links.get(id)
    if (known !== undefined) return known
    const link = SubscriptionLink.open(this, this.#fleet, id)
    if (!Buffer.isBuffer(link)) this.#links.set(id, link)
    return link
  }

  /** Everywhere confirmed: whoever waited is a subscriber now. */
  #settle(topic: Topic): void {
    if (topic.places.size === 0) return
    for (const confirmed of topic.places.values()) if (!confirmed) return
    for (const { subscriber, done } of topic.waiting.splice(0)) {
      topic.subscribers.add(subscriber)
      done(undefined)
    }
  }

  #fail(topic: Topic, reply: Buffer): void {
    for (const { done } of topic.waiting.splice(0)) done(reply)
    this.#dropUnwanted(topic)
  }

  #dropUnwanted(topic: Topic): void {
    if (topic.subscribers.size > 0 || topic.waiting.length > 0) return
    if (!this.#topics.delete(topic.key)) return
    if (topic.kind === 'pattern') this.#patterns--
    for (const id of [...topic.places.keys()]) this.#unsubscribeAt(topic, id)
  }
}

const NOWHERE = encodeError('ERR no backend that could serve this channel can be reached')
const NO_POOL = encodeError('ERR the pool of this channel is gone')
