import type { Socket } from 'node:net'
import { createBodyPacker } from '../wire/body.ts'
import { encodeHello, type Hello } from '../wire/hello.ts'
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../wire/limits.ts'
import { PeerError } from '../wire/peer-error.ts'
import type { Refusal } from '../wire/refusal.ts'
import type { HubContext } from './context.ts'
import { createCounters, type PeerStats } from './counters.ts'
import { Greeting, type GreetingEvents } from './greeting.ts'
import { Keyring } from './keyring.ts'
import type { Link, Peer } from './link.ts'
import { Listener } from './listener.ts'
import { ListenerGuard, ListenerList } from './listeners.ts'
import {
  checkTargets,
  type PeerAddress,
  type PeerHubOptions,
  type PeerTarget,
  type ResolvedOptions,
  resolveOptions,
} from './options.ts'
import type { PeerHub, PeerSender } from './peer-hub.ts'
import { callDone, type RequestDone } from './request-table.ts'
import { type PeerLinkInfo, Slot } from './slot.ts'

/**
 * Listens, and makes the links that setPeers asks for.
 *
 * @example
 * const hub = await createPeerHub({
 *   self: { name: 'a', instance: '00112233aabbccdd' },
 *   cluster: 'default',
 *   bind: { host: '127.0.0.1', port: 7947 },
 * })
 * hub.onMessage((from, message) => console.log(from.name, message))
 * hub.setPeers([{ name: 'b', host: '127.0.0.1', port: 7948 }])
 * @throws PeerError `OPTIONS_INVALID`, `INSECURE_BIND`, `BIND_FAILED`.
 */
export const createPeerHub = async (options: PeerHubOptions): Promise<PeerHub> => {
  const resolved = resolveOptions(options)
  const keys = options.keys ?? []
  const hub = new Hub(resolved, keys.length > 0 ? new Keyring(keys) : undefined)
  await hub.listen()
  return hub
}

const TICKS_PER_HEARTBEAT = 2
const TICK_MS_MIN = 5

class Hub implements PeerHub, GreetingEvents {
  address: PeerAddress

  readonly #options: ResolvedOptions
  readonly #context: HubContext
  readonly #listener: Listener
  readonly #slots = new Map<string, Slot>()
  readonly #greetings = new Set<Greeting>()
  readonly #up: ListenerList<[Peer]>
  readonly #down: ListenerList<[Peer, string]>
  readonly #message: ListenerList<[PeerSender, unknown]>
  readonly #request: ListenerList<
    [PeerSender, unknown, (reply: unknown) => void, (code: string, text: string) => void]
  >
  readonly #wrongInstance: ListenerList<[string, string]>
  readonly #tickMs: number
  #ticker: NodeJS.Timeout | undefined
  #lastTick = 0
  #linksUp = 0
  #listed = false
  #listTurn = 0
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions, keyring: Keyring | undefined) {
    this.#options = options
    this.address = options.bind
    this.#tickMs = Math.max(TICK_MS_MIN, options.limits.heartbeatMs / TICKS_PER_HEARTBEAT)
    const counters = createCounters()
    const guard = new ListenerGuard(counters, options.log)
    this.#up = new ListenerList('onUp', guard)
    this.#down = new ListenerList('onDown', guard)
    this.#message = new ListenerList('onMessage', guard)
    this.#request = new ListenerList('onRequest', guard)
    this.#wrongInstance = new ListenerList('onWrongInstance', guard)
    this.#context = {
      options,
      limits: options.limits,
      log: options.log,
      now: options.now,
      random: options.random,
      counters,
      guard,
      keyring,
      pack: createBodyPacker((bytes) => Buffer.allocUnsafeSlow(bytes)),
      encodeOurHello: (target) => this.#encodeHello(target),
      events: {
        down: (link, reason) => this.#linkDown(link, reason),
        message: (link, message) => this.#message.emit(link.peer, message),
        request: (link, message, respond, fail) => this.#handle(link, message, respond, fail),
      },
    }
    this.#listener = new Listener(this.#context, (socket, keyIdentity, timeoutMs) => {
      this.#greetings.add(new Greeting(socket, keyIdentity, timeoutMs, this.#context, this))
    })
  }

  async listen(): Promise<void> {
    this.address = await this.#listener.listen(this.#options.bind)
    this.#lastTick = this.#options.now()
    this.#ticker = setInterval(() => this.#tick(), this.#tickMs)
  }

  setPeers(peers: readonly PeerTarget[]): void {
    checkTargets(peers, this.#options.limits.peersMax)
    if (this.#closing !== undefined) return
    this.#listed = true
    const wanted = new Map(peers.map((peer) => [peer.name, { ...peer }]))
    wanted.delete(this.#options.self.name)
    const now = this.#options.now()
    const turn = ++this.#listTurn
    // A listener that hears of a closed link may set a newer list meanwhile: then the rest of this one is void.
    for (const slot of [...this.#slots.values()]) {
      if (this.#listTurn === turn && !wanted.has(slot.name)) slot.unwant(now)
    }
    if (this.#listTurn !== turn) return
    for (const target of wanted.values()) this.#slotOf(target.name).want(target)
    this.#forgetIdle()
  }

  send(to: string, message: unknown): boolean {
    return this.#slots.get(to)?.link?.send(message) ?? false
  }

  request(
    to: string,
    message: unknown,
    options: { readonly timeoutMs: number },
    done: RequestDone,
  ): void {
    const link = this.#slots.get(to)?.link
    if (link !== undefined) {
      link.request(message, options.timeoutMs, done)
      return
    }
    const error =
      this.#closing === undefined
        ? new PeerError('LINK_DOWN', `there is no link to ${to}`, { peer: to })
        : new PeerError('CLOSED')
    process.nextTick(callDone, done, error, undefined, this.#context.guard)
  }

  drop(name: string, reason: string): void {
    const link = this.#slots.get(name)?.link
    if (link !== undefined) process.nextTick(() => link.drop(reason))
  }

  isUp(name: string): boolean {
    return this.#slots.get(name)?.link !== undefined
  }

  links(): readonly PeerLinkInfo[] {
    return [...this.#slots.values()].map((slot) => slot.show())
  }

  onUp(listener: (peer: Peer) => void): () => void {
    return this.#up.add(listener)
  }

  onDown(listener: (peer: Peer, reason: string) => void): () => void {
    return this.#down.add(listener)
  }

  onMessage(listener: (from: PeerSender, message: unknown) => void): () => void {
    return this.#message.add(listener)
  }

  onRequest(
    listener: (
      from: PeerSender,
      message: unknown,
      respond: (reply: unknown) => void,
      fail: (code: string, text: string) => void,
    ) => void,
  ): () => void {
    return this.#request.add((from, message, respond, fail) => {
      try {
        listener(from, message, respond, fail)
      } catch (error) {
        fail('HANDLER_FAILED', 'the handler of this member threw')
        throw error
      }
    })
  }

  onWrongInstance(listener: (name: string, actualInstance: string) => void): () => void {
    return this.#wrongInstance.add(listener)
  }

  stats(): PeerStats {
    return {
      ...this.#context.counters,
      linksUp: this.#linksUp,
      pendingConnections: this.#listener.pendingConnections,
    }
  }

  setKeys(keys: readonly Uint8Array[]): void {
    const { keyring } = this.#context
    if (keyring === undefined)
      throw new PeerError(
        'OPTIONS_INVALID',
        'this hub was created without keys: its links are plain until it is created anew',
      )
    keyring.replace(keys)
    for (const greeting of [...this.#greetings]) {
      if (keyring.find(greeting.connection.keyIdentity ?? '') === undefined) this.#cancel(greeting)
    }
    for (const slot of [...this.#slots.values()]) slot.keysChanged()
  }

  close(options?: { readonly timeoutMs?: number }): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    this.#listTurn++
    let finish: (ended: Promise<void>) => void = () => {}
    // Set before the first listener hears of it, so that one that closes the hub again gets this same promise.
    this.#closing = new Promise((resolve) => {
      finish = resolve
    })
    finish(this.#close(options?.timeoutMs ?? this.#options.limits.closeTimeoutMs))
    return this.#closing
  }

  consider(greeting: Greeting, hello: Hello): Refusal | undefined {
    const known = this.#slots.has(hello.name)
    if (!known && this.#slots.size >= this.#options.limits.peersMax) {
      const { name, instance } = this.#options.self
      return { code: 'BUSY', reason: `member ${name} has as many links as it may have`, instance }
    }
    return this.#slotOf(hello.name).consider(greeting)
  }

  confirmed(greeting: Greeting, hello: Hello, first: Parameters<Slot['confirmed']>[2]): void {
    this.#greetings.delete(greeting)
    this.#listener.settled(greeting.address)
    this.#slotOf(hello.name).confirmed(greeting, hello, first, this.#listed)
  }

  gone(greeting: Greeting, hello: Hello | undefined): void {
    this.#greetings.delete(greeting)
    if (hello === undefined) return
    this.#slots.get(hello.name)?.greetingGone(greeting)
    this.#forgetIdle()
  }

  #cancel(greeting: Greeting): void {
    greeting.cancel()
    this.#greetings.delete(greeting)
  }

  async #close(timeoutMs: number): Promise<void> {
    clearInterval(this.#ticker)
    const links = [...this.#slots.values()].flatMap((slot) => slot.link ?? [])
    const ended = links.map((link) => socketClosed(link.connection.socket, timeoutMs))
    for (const slot of [...this.#slots.values()]) slot.close('the member is shutting down')
    for (const greeting of [...this.#greetings]) this.#cancel(greeting)
    this.#slots.clear()
    await Promise.all([...ended, this.#listener.close(timeoutMs)])
  }

  #slotOf(name: string): Slot {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = new Slot(name, this.#context, {
      up: (link) => {
        this.#linksUp++
        this.#context.counters.linksOpened++
        this.#options.log.info(
          { peer: name, instance: link.peer.instance },
          `the link to ${name} is up`,
        )
        this.#up.emit(link.peer)
      },
      wrongInstance: (peer, actual) => this.#wrongInstance.emit(peer, actual),
    })
    this.#slots.set(name, slot)
    return slot
  }

  #linkDown(link: Link, reason: string): void {
    const { name } = link.peer
    this.#linksUp--
    this.#context.counters.linksClosed++
    this.#options.log.info(
      { peer: name, instance: link.peer.instance },
      `the link to ${name} is down: ${reason}`,
    )
    this.#slots.get(name)?.linkDown(link)
    this.#down.emit(link.peer, reason)
  }

  #handle(
    link: Link,
    message: unknown,
    respond: (reply: unknown) => void,
    fail: (code: string, text: string) => void,
  ): boolean {
    if (this.#request.isEmpty) return false
    this.#request.emit(link.peer, message, respond, fail)
    return true
  }

  #tick(): void {
    const { limits, now } = this.#options
    const at = now()
    const lateMs = at - this.#lastTick - this.#tickMs
    this.#lastTick = at
    if (lateMs > limits.silenceMs / 2) {
      // Our own loop stood still: what the peers sent meanwhile has not been read yet.
      this.#context.counters.stalls++
      for (const slot of this.#slots.values()) slot.link?.forgiveSilence(at)
    }
    // After this turn's reads, so that a byte that waits in the socket already counts; but as of now, so that a stall between
    // here and there does not.
    setImmediate(() => {
      if (this.#closing !== undefined) return
      for (const slot of [...this.#slots.values()]) slot.tick(at)
      this.#forgetIdle()
    })
  }

  #forgetIdle(): void {
    for (const [name, slot] of this.#slots) {
      if (slot.isIdle) this.#slots.delete(name)
    }
  }

  #encodeHello(target: PeerTarget | undefined): Uint8Array {
    const { self, cluster, fields } = this.#options
    return encodeHello({
      protocolMin: PROTOCOL_MIN,
      protocolMax: PROTOCOL_MAX,
      cluster,
      name: self.name,
      instance: self.instance,
      ...(target && { targetName: target.name }),
      ...(target?.instance !== undefined && { targetInstance: target.instance }),
      fields,
    })
  }
}

const socketClosed = (socket: Socket, timeoutMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), timeoutMs)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
