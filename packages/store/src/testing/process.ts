import { createStore } from '../core/create-store.ts'
import type { StoreEffects, StoreEvent } from '../core/effects.ts'
import type { StoreMessage } from '../core/messages.ts'
import { SLOT_COUNT_MAX, type StoreOptions } from '../core/options.ts'
import { createMessageParser } from '../core/parse-message.ts'
import type { Store, StoreMember, StoreRequest } from '../core/store.ts'
import type { Agenda } from './agenda.ts'
import type { Endpoint, Network } from './network.ts'
import { WireRules } from './wire-rules.ts'

export interface ProcessOptions {
  readonly store: StoreOptions
  /** Added to the virtual time: this machine's clock. */
  readonly skewMs: number
  readonly note: (kind: string, from: string, to: string) => void
}

/** One process of the simulated cluster: a machine, its clock, its timer, what it believes about the members. */
export class Process implements Endpoint {
  readonly name: string
  readonly instance: string
  readonly store: Store
  running = true
  alive = true
  readonly believed = new Map<string, StoreMember>()
  readonly #agenda: Agenda
  readonly #network: Network
  readonly #options: ProcessOptions
  readonly #effects: StoreEffects
  readonly #replies = new Map<number, (reply: Uint8Array) => void>()
  readonly #queued: (() => void)[] = []
  readonly events: StoreEvent[] = []
  readonly rules: WireRules
  readonly #parse: (value: unknown) => StoreMessage | undefined
  #timer = 0
  #token = 0

  constructor(agenda: Agenda, network: Network, options: ProcessOptions) {
    this.#agenda = agenda
    this.#network = network
    this.#options = options
    this.name = options.store.name
    this.instance = options.store.instance
    this.store = createStore(options.store)
    this.#parse = createMessageParser(options.store.slotCount ?? SLOT_COUNT_MAX)
    this.rules = new WireRules(this.name, options.store.slotCount ?? SLOT_COUNT_MAX)
    this.#effects = {
      reply: (token, reply) => this.#replied(token, reply),
      send: (member, message) => {
        options.note(message.t, this.name, member)
        this.rules.sent(member, message)
        network.send(this, member, message)
      },
      setTimer: (at) => this.#setTimer(at),
      notify: (event) => this.events.push(event),
    }
  }

  get now(): number {
    return Math.floor(this.#agenda.now + this.#options.skewMs)
  }

  start(): void {
    this.#network.attach(this)
    this.deliver(() => this.store.tick(this.now, this.#effects))
  }

  found(): void {
    this.deliver(() => this.store.found(this.now, this.#effects))
  }

  kill(): void {
    this.alive = false
    this.running = false
    this.#queued.length = 0
    this.#network.detach(this)
  }

  pause(): void {
    this.running = false
  }

  resume(): void {
    if (!this.alive) return
    this.running = true
    for (const run of this.#queued.splice(0)) run()
  }

  deliver(run: () => void): void {
    if (!this.alive) return
    if (this.running) run()
    else this.#queued.push(run)
  }

  believe(member: StoreMember | undefined, name: string): void {
    this.deliver(() => {
      if (member === undefined) this.believed.delete(name)
      else this.believed.set(name, member)
      this.store.topology(
        { members: [...this.believed.values()], knownCount: this.believed.size },
        this.now,
        this.#effects,
      )
    })
  }

  execute(args: StoreRequest['args'], keyIndex: number, done: (reply: Uint8Array) => void): void {
    this.deliver(() => {
      const token = ++this.#token
      this.#replies.set(token, done)
      this.store.execute({ token, args, keyIndex, resp: 2 }, this.now, this.#effects)
    })
  }

  #replied(token: number, reply: Uint8Array): void {
    const done = this.#replies.get(token)
    if (done === undefined) throw new Error(`${this.name} answered command ${token} twice`)
    this.#replies.delete(token)
    const copy = reply.slice()
    // After the machine's call has returned, as a socket would.
    this.#agenda.after(0, () => {
      if (this.alive) done(copy)
    })
  }

  #setTimer(at: number): void {
    const timer = ++this.#timer
    this.#agenda.at(at - this.#options.skewMs, () => {
      if (timer !== this.#timer) return
      this.deliver(() => {
        if (timer === this.#timer) this.store.tick(this.now, this.#effects)
      })
    })
  }

  linkUp(peer: string, instance: string): void {
    this.#options.note('up', peer, this.name)
    this.store.linkUp(peer, instance, this.now, this.#effects)
  }

  linkDown(peer: string): void {
    this.#options.note('down', peer, this.name)
    this.store.linkDown(peer, this.now, this.#effects)
  }

  receive(from: string, message: StoreMessage): void {
    const parsed = this.#parse(message)
    if (parsed === undefined) throw new Error(`${from} sent a malformed ${message.t}`)
    this.rules.received(from, parsed)
    this.store.receive(from, parsed, this.now, this.#effects)
  }
}
