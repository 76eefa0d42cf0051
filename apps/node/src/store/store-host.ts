import { randomInt } from 'node:crypto'
import type { PeerHub } from '@ringway/peer'
import { SLOT_COUNT } from '@ringway/ring'
import type { PoolDriver, ReplySink, RoutedCommand } from '@ringway/router'
import {
  createEntryTable,
  createMessageParser,
  createStore,
  findStoreCommand,
  type Store,
  type StoreEffects,
  type StoreEvent,
  type StoreMessage,
  type StoreOptions,
  type StoreStatus,
  type StoreTopology,
} from '@ringway/store'
import { isOrdered } from '../cluster/ordered-writes.ts'
import { isSharedKeys } from '../cluster/shared-keys.ts'
import { isFleetMessage } from '../fleet/fleet-message.ts'

const CLOSED_REPLY = new TextEncoder().encode('-ERR the node is closed\r\n')

export interface StoreHostOptions {
  readonly hub: PeerHub
  readonly store: Omit<StoreOptions, 'table' | 'findCommand' | 'random'>
  readonly maxMemoryBytes: number
  /** Milliseconds since 1970, never going back. */
  readonly now: () => number
  readonly onEvent: (event: StoreEvent) => void
  /** A member sent something that this release does not know; it was ignored. */
  readonly onStrange: (member: string) => void
}

/**
 * The driver of the store machine: it owns the one timer, carries the machine's messages over peer links, and turns
 * client commands into calls. The machine is synchronous; whatever it wants done while it runs is only noted here.
 */
export class StoreHost implements PoolDriver {
  readonly #store: Store
  readonly #hub: PeerHub
  readonly #now: () => number
  readonly #replies = new ReplyRouter()
  readonly #effects: StoreEffects
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor({ hub, store, maxMemoryBytes, now, onEvent, onStrange }: StoreHostOptions) {
    this.#hub = hub
    this.#now = now
    this.#store = createStore({
      ...store,
      // A seed of its own, so that no client can choose keys that collide.
      table: createEntryTable({ maxBytes: maxMemoryBytes, hashSeed: randomInt(2 ** 32) }),
      findCommand: findStoreCommand,
      random: (bound) => Math.floor(Math.random() * bound),
    })
    this.#effects = {
      reply: (token, reply) => this.#replies.put(token, reply),
      send: (member, message) => this.#send(member, message),
      setTimer: (at) => this.#setTimer(at),
      notify: onEvent,
    }
    const parse = createMessageParser(SLOT_COUNT)
    hub.onMessage(({ name }, message) => {
      if (this.#closed || isSharedKeys(message) || isOrdered(message) || isFleetMessage(message))
        return
      const parsed = parse(message)
      if (parsed) this.#store.receive(name, parsed, now(), this.#effects)
      else onStrange(name)
    })
  }

  dispatch(command: RoutedCommand, sink: ReplySink, part: number): void {
    const token = this.#replies.expect(sink, part)
    if (this.#closed) {
      this.#replies.put(token, CLOSED_REPLY)
      return
    }
    this.#store.execute(
      { token, args: command.args, keyIndex: command.keyIndex, resp: command.resp },
      this.#now(),
      this.#effects,
    )
  }

  found(): boolean {
    return this.#store.found(this.#now(), this.#effects)
  }

  topology(topology: StoreTopology): void {
    if (!this.#closed) this.#store.topology(topology, this.#now(), this.#effects)
  }

  linkUp(member: string, instance: string): void {
    if (!this.#closed) this.#store.linkUp(member, instance, this.#now(), this.#effects)
  }

  linkDown(member: string): void {
    if (!this.#closed) this.#store.linkDown(member, this.#now(), this.#effects)
  }

  /** Serve nothing until the others confirm that this member still may. */
  doubt(): void {
    if (!this.#closed) this.#store.doubt(this.#now(), this.#effects)
  }

  handedOver(): boolean {
    return this.#store.handedOver()
  }

  primaryOf(slot: number): string | undefined {
    return this.#store.primaryOf(slot)
  }

  status(): StoreStatus {
    return this.#store.status()
  }

  /** Commands that still wait are answered with an error: for a write that means that its outcome is unknown. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#replies.putAll(CLOSED_REPLY)
  }

  #send(member: string, message: StoreMessage): void {
    // A link delivers everything in order or breaks: a message that does not fit in the queue breaks it.
    if (!this.#hub.send(member, message)) this.#hub.drop(member, 'too much waits for this member')
  }

  #setTimer(at: number): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(
      () => this.#store.tick(this.#now(), this.#effects),
      Math.max(0, at - this.#now()),
    )
  }
}

/** Commands that wait for their reply, by token; tokens are reused. Replies leave after the machine's call has returned. */
class ReplyRouter {
  readonly #sinks: (ReplySink | undefined)[] = []
  readonly #parts: number[] = []
  readonly #free: number[] = []
  #due: { readonly sink: ReplySink; readonly part: number; readonly reply: Uint8Array }[] = []

  expect(sink: ReplySink, part: number): number {
    const token = this.#free.pop() ?? this.#sinks.length
    this.#sinks[token] = sink
    this.#parts[token] = part
    return token
  }

  put(token: number, reply: Uint8Array): void {
    const sink = this.#sinks[token]
    if (!sink) return
    this.#sinks[token] = undefined
    this.#free.push(token)
    if (this.#due.length === 0) queueMicrotask(this.#flush)
    this.#due.push({ sink, part: this.#parts[token] ?? 0, reply })
  }

  putAll(reply: Uint8Array): void {
    for (const token of this.#sinks.keys()) this.put(token, reply)
  }

  readonly #flush = (): void => {
    const due = this.#due
    this.#due = []
    for (const { sink, part, reply } of due) sink.reply(part, reply)
  }
}
