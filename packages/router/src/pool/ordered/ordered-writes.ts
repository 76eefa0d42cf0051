import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import type { OrderedByTopology } from '../../topology.ts'
import type { RunPart } from '../copies/copying.ts'
import type { Ordering, Request } from '../request.ts'
import type { Turn } from '../turn.ts'
import { Arrivals } from './arrivals.ts'
import { type Forward, type ForwardOwner, Forwards } from './forwards.ts'
import { HomeLocks } from './home-locks.ts'
import { Homes } from './homes.ts'
import { FORWARD_HOPS_MAX, type OrderedMessage } from './message.ts'
import { Places, type WaitingCommand } from './places.ts'

/** A router whose clock stood still for this long was taken for gone by others: it orders nothing before it has looked around. */
const STALL_MS = 1_000

/** What the order of writes tells; for logs. */
export interface OrderedEvent {
  /** Routers did not say in time that they are done with keys that have a new home: their last writes may cross ours. */
  readonly type: 'write-home-unsettled'
  readonly pool: string
  readonly routers: readonly string[]
}

export interface OrderedTools {
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly log: (event: OrderedEvent) => void
  /** Carries a message to one router, in order; false when it could not be sent. */
  readonly forward: ((to: string, message: OrderedMessage) => boolean) | undefined
}

/** What the order of writes needs from the pool around it. */
export interface OrderedHost {
  readonly name: string
  readonly placement: Placement
  /** Runs a command here; its bytes stay. */
  runHere(request: Request, frame: RequestFrame, keyIndex: number): void
  /** Takes a command as {@link OrderedWrites.take} does, and runs it here when it is ours. */
  rerun(request: Request, bytes: Buffer): void
  /** All keys of a command, as binary text. */
  keysOf(request: Request, frame: RequestFrame, keyIndex: number): readonly string[]
  /** Takes a command of several keys apart; false when it has one. */
  runByKey(request: Request, frame: RequestFrame, run: RunPart): boolean
  /** Resolves when every write that is under way here is over. */
  writesEnded(): Promise<void>
  /** Gets a place for itself, until the answer is called. */
  enter(place: number): Promise<() => void>
  /** A command may have been run at some owners of its keys and not at others. */
  maybeWritten(request: Request, bytes: Buffer): void
  fail(request: Request, code: string, text: string): void
}

/**
 * One order for the writes of a key, though several routers have clients that write it: they go through its home.
 *
 *   write ─► its home is another router ─► Forwards ─► peer link ─► Arrivals there ─► as if its client were there
 *        └─► it is ours ─► runs here, once its old home has settled
 *   read  ─► here, unless an earlier command of its place is under way elsewhere: then behind it
 */
export class OrderedWrites implements ForwardOwner {
  readonly counters = { forwarded: 0, served: 0, returned: 0, unknown: 0 }

  readonly #host: OrderedHost
  readonly #tools: OrderedTools
  readonly #homes: Homes
  readonly #places = new Places()
  readonly #forwards: Forwards
  readonly #arrivals: Arrivals
  readonly #locks: HomeLocks
  #tickedAt: number
  #leaving = false
  #lastNumber = 0

  constructor(host: OrderedHost, tools: OrderedTools) {
    this.#host = host
    this.#tools = tools
    const { limits, turn } = tools
    this.#tickedAt = turn.now
    this.#homes = new Homes(limits.homeChangeWaitMs)
    const send = (to: string, message: OrderedMessage) => this.#send(to, message)
    const shared = { pool: host.name, limits, turn, send }
    this.#forwards = new Forwards(shared, this)
    this.#arrivals = new Arrivals({
      ...shared,
      placement: host.placement,
      run: (request, { hops, from }, frame, keyIndex) => {
        this.counters.served++
        request.ordering = { ...this.#newOrdering(hops), from }
        if (!this.take(request, frame, keyIndex, true)) host.runHere(request, frame, keyIndex)
      },
    })
    this.#locks = new HomeLocks({ ...shared, enter: (key) => this.#enterFor(key) })
  }

  /** Commands at other routers, and those that wait to go there or to be run here. */
  get open(): { readonly open: number; readonly waiting: number } {
    return { open: this.#forwards.count, waiting: this.#places.count }
  }

  /** Takes the routers of a newer topology. */
  follow(topology: OrderedByTopology | undefined): void {
    if (this.#homes.follow(topology, this.#tools.turn.now)) this.#ringChanged()
  }

  /** False when the command is to be run here, now. Its bytes stay when it is stable. */
  take(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): boolean {
    const { command, ordinals, ordering } = request
    if (!('keys' in command) || keyIndex < 0) return false
    const isOrdered = command.access !== 'read' || (ordering?.hops ?? 0) > 0
    if (!isOrdered && this.#places.none) return false
    const { placement } = this.#host
    if (ordinals !== undefined && ordinals.length > 1) {
      if (!isOrdered && !this.#touchesBusy(request, frame, keyIndex)) return false
      return this.#host.runByKey(request, frame, (part, own, at) => {
        if (!this.take(part, own, at, true)) this.#host.runHere(part, own, at)
      })
    }
    const place = Homes.placeOf(
      placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex)),
    )
    return this.#takeAt(place, request, isOrdered, () => bytesOf(frame, stable))
  }

  /** Takes what another router says. */
  receive(from: string, message: OrderedMessage): void {
    const { turn } = this.#tools
    turn.begin()
    switch (message.type) {
      case 'commands':
        if (this.#isStalled) this.#arrivals.refuse(from, message.commands)
        else this.#arrivals.take(from, message.commands)
        return
      case 'replies':
        this.#forwards.take(from, message.replies)
        return
      case 'settled':
        this.#homes.settled(from, message.ring)
        if (this.#homes.unsettled.length === 0) this.#runWaiting()
        return
      case 'leaving':
        if (this.#homes.leaving(from, turn.now)) this.#ringChanged()
        return
      default:
        this.#locks.take(from, message)
    }
  }

  /** The link to another router is down. */
  routerGone(name: string): void {
    const { turn } = this.#tools
    this.#forwards.gone(name)
    this.#arrivals.gone(name)
    this.#locks.gone(name)
    if (this.#homes.down(name, turn.now)) this.#ringChanged()
    else this.#runWaiting()
  }

  /**
   * Gets a key from its home, so that nobody writes it; answers with what gives it back.
   * @throws LostAsk
   */
  async lockKey(key: Uint8Array): Promise<() => void> {
    const { placement } = this.#host
    const place = Homes.placeOf(placement.positionOf(key, 0, key.length))
    const home = this.#homes.homeOf(place)
    if (home !== undefined) return await this.#locks.ask(home, key)
    const isReady = this.#homes.isReady(place, this.#tools.turn.now)
    return isReady ? NOTHING_TO_RELEASE : await this.#locks.later()
  }

  tick(now: number): void {
    this.#tickedAt = this.#tools.turn.now
    this.#forwards.tick(now)
    this.#locks.tick(now)
    const { unsettled } = this.#homes
    if (this.#homes.isOverdue(now))
      this.#tools.log({ type: 'write-home-unsettled', pool: this.#host.name, routers: unsettled })
    this.#runWaiting()
  }

  /** From now on others order what we did; true once they do, and nothing of theirs is open here. */
  leave(): boolean {
    if (!this.#leaving) {
      const { others } = this.#homes
      this.#leaving = true
      for (const name of others) this.#send(name, { pool: this.#host.name, type: 'leaving' })
      if (this.#homes.leave(this.#tools.turn.now)) this.#ringChanged()
    }
    return this.#homes.unsettled.length === 0 && this.#arrivals.isDone
  }

  close(): void {
    this.#locks.close()
    for (const { request } of this.#places.takeAll())
      this.#host.fail(request, 'REMOVED', 'the pool was closed; the write was not applied')
    this.#forwards.close()
  }

  answered({ request, place }: Forward, reply: Uint8Array): void {
    const bytes = Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength)
    request.settle(bytes, 0, bytes.length, false)
    this.#over(place)
  }

  notRun(forward: Forward): void {
    this.counters.returned++
    this.#places.returned(forward.place, forward)
  }

  lost(forward: Forward, why: 'gone' | 'late' | 'closed'): void {
    const { request, bytes, place, target } = forward
    const isRead = 'keys' in request.command && request.command.access === 'read'
    if (isRead && why === 'gone') {
      this.#places.returned(place, forward)
      return
    }
    this.counters.unknown++
    if (!isRead && why === 'gone') this.#host.maybeWritten(request, bytes)
    const fate = isRead || !forward.sent ? '' : '; the write may have been applied'
    const router = `router ${target}, which orders the writes of this key,`
    this.#host.fail(request, 'HOME_LOST', `${router} ${this.#lossText(why)}${fate}`)
    this.#over(place)
  }

  #lossText(why: 'gone' | 'late' | 'closed'): string {
    switch (why) {
      case 'gone':
        return 'was lost'
      case 'late':
        return `did not answer within ${this.#tools.limits.forwardTimeoutMs} ms`
      case 'closed':
        return 'had not answered when the pool was closed'
      default:
        return why satisfies never
    }
  }

  #takeAt(place: number, request: Request, isOrdered: boolean, bytes: () => Buffer): boolean {
    const places = this.#places
    const { now } = this.#tools.turn
    const target = places.targetOf(place)
    if (places.isWaiting(place)) this.#wait(place, request, bytes())
    else if (!isOrdered) {
      if (target === undefined) return false
      this.#forward(place, target, request, bytes())
    } else {
      const home = this.#homes.homeOf(place)
      const mustWait = (target !== undefined && target !== home) || this.#isStalled
      if (mustWait || (home === undefined && !this.#homes.isReady(place, now)))
        this.#wait(place, request, bytes())
      else if (home === undefined) return false
      else if (this.#isSentBack(home, request.ordering)) Arrivals.notHome(request)
      else this.#forward(place, home, request, bytes())
    }
    return true
  }

  /**
   * Its sender did not know yet that it orders the key itself: forwarded to it, the command would wait there behind itself, which
   * is under way here.
   */
  #isSentBack(home: string, ordering: Ordering | undefined): boolean {
    if (ordering === undefined) return false
    return ordering.hops >= FORWARD_HOPS_MAX || ordering.from === home
  }

  #forward(place: number, target: string, request: Request, bytes: Buffer): void {
    const { forwardBytesMax } = this.#tools.limits
    if (bytes.length > forwardBytesMax) {
      const text = `the command has ${bytes.length} bytes, and ${forwardBytesMax} is the most that is carried to router ${target}, which orders the writes of this key; it was not applied`
      this.#host.fail(request, 'FORWARD_TOO_LARGE', text)
    } else if (this.#hasRoom(request, bytes)) {
      this.counters.forwarded++
      this.#places.sent(place, target)
      this.#forwards.add({ request, bytes, ordering: this.#orderingOf(request) }, place, target)
    }
  }

  #wait(place: number, request: Request, bytes: Buffer): void {
    if (!this.#hasRoom(request, bytes)) return
    this.#places.wait(place, { request, bytes, ordering: this.#orderingOf(request) })
  }

  #orderingOf(request: Request): Ordering {
    request.ordering ??= this.#newOrdering(0)
    return request.ordering
  }

  #newOrdering(hops: number): Ordering {
    return { hops, since: this.#tools.turn.now, number: ++this.#lastNumber }
  }

  #hasRoom(request: Request, bytes: Buffer): boolean {
    const { forwardQueueMax, forwardQueueBytesMax } = this.#tools.limits
    const count = this.#forwards.count + this.#places.count
    const held = this.#forwards.bytes + this.#places.bytes
    if (count < forwardQueueMax && held + bytes.length <= forwardQueueBytesMax) return true
    const text = `${count} commands (${held} bytes) wait for the routers that order their keys, which is the limit; this one was not applied`
    this.#host.fail(request, 'QUEUE_FULL', text)
    return false
  }

  #over(place: number): void {
    this.#rerun(this.#places.answered(place))
  }

  #runWaiting(): void {
    this.#rerun(this.#places.takeAll())
  }

  #rerun(commands: readonly WaitingCommand[]): void {
    const { forwardTimeoutMs } = this.#tools.limits
    const { now } = this.#tools.turn
    for (const { request, bytes, ordering } of commands) {
      if (now - ordering.since < forwardTimeoutMs) this.#host.rerun(request, bytes)
      else {
        const text = `no router took it for ${forwardTimeoutMs} ms; it was not applied`
        this.#host.fail(request, 'NO_HOME', text)
      }
    }
  }

  /** Tells the others once nothing that was ordered by an older ring is under way. */
  #ringChanged(): void {
    const { digest, others } = this.#homes
    void this.#host.writesEnded().then(() => {
      if (this.#homes.digest === digest) this.#settle(others)
    })
    this.#runWaiting()
  }

  #settle(names: readonly string[]): void {
    const { digest } = this.#homes
    // What we gave them by the older ring comes before: a router that leaves waits for no more after this.
    this.#forwards.flush()
    for (const name of names)
      this.#send(name, { pool: this.#host.name, type: 'settled', ring: digest })
  }

  #enterFor(key: Uint8Array): Promise<() => void> | undefined {
    const position = this.#host.placement.positionOf(key, 0, key.length)
    const place = Homes.placeOf(position)
    const isOurs = this.#homes.homeOf(place) === undefined
    if (!isOurs || !this.#homes.isReady(place, this.#tools.turn.now)) return undefined
    return this.#host.enter(position)
  }

  #touchesBusy(request: Request, frame: RequestFrame, keyIndex: number): boolean {
    const { placement } = this.#host
    return this.#host.keysOf(request, frame, keyIndex).some((key) => {
      const bytes = Buffer.from(key, 'latin1')
      return this.#places.isBusy(Homes.placeOf(placement.positionOf(bytes, 0, bytes.length)))
    })
  }

  get #isStalled(): boolean {
    return this.#tools.turn.now - this.#tickedAt > STALL_MS
  }

  #send(to: string, message: OrderedMessage): boolean {
    return this.#tools.forward?.(to, message) ?? false
  }
}

const NOTHING_TO_RELEASE = (): void => {}

/** The command in bytes that nobody changes and that keep no much larger read alive. */
function bytesOf({ bytes, start, end }: RequestFrame, stable: boolean): Buffer {
  const view = bytes.subarray(start, end)
  return stable && view.length * 2 > bytes.length ? view : Buffer.from(view)
}
