import { Campaigns } from './campaigns.ts'
import { Commands } from './commands.ts'
import type { StoreEffects } from './effects.ts'
import { Entries } from './entries.ts'
import { Gathers } from './gathers.ts'
import { HybridClock } from './hybrid-clock.ts'
import { Inquiries } from './inquiries.ts'
import { Links } from './links.ts'
import type { Machine } from './machine.ts'
import type { StoreMessage } from './messages.ts'
import {
  type PlantedBug,
  type ResolvedOptions,
  resolveOptions,
  type StoreOptions,
} from './options.ts'
import { Pulls } from './pulls.ts'
import { Pushes } from './pushes.ts'
import { Replica } from './replica.ts'
import { reportStatus } from './report.ts'
import { packRanges, packRuns } from './runs.ts'
import { createCounters, type StoreStatus } from './status.ts'
import type { Store, StoreRequest, StoreTopology } from './store.ts'
import { Streams } from './streams.ts'
import { createEntryTable } from './table/arena-table.ts'
import { Upkeep } from './upkeep.ts'
import { IDLE, NOBODY, SELF, SERVING, View } from './view.ts'
import { Writes } from './writes.ts'

/** Looks at touched slots again at most this often per call; what is left waits for the next tick. */
const ROUNDS_MAX = 8

const NO_EFFECTS: StoreEffects = {
  reply: () => undefined,
  send: () => undefined,
  setTimer: () => undefined,
  notify: () => undefined,
}

/** Creates one member's machine. Throws `StoreError` for options outside their range. */
export function createStore(options: StoreOptions): Store {
  return new StoreMachine(options)
}

class StoreMachine implements Store, Machine {
  readonly options: ResolvedOptions
  readonly view: View
  readonly clock: HybridClock
  readonly counters = createCounters()
  readonly planted: PlantedBug | undefined
  readonly entries: Entries
  readonly commands: Commands
  readonly writes: Writes
  readonly campaigns: Campaigns
  readonly streams: Streams
  readonly pulls: Pulls
  readonly pushes: Pushes
  readonly gathers: Gathers
  readonly inquiries: Inquiries
  readonly #links: Links
  readonly #replica: Replica
  readonly #upkeep: Upkeep
  readonly #touched = new Set<number>()
  readonly #held = new Set<number>()
  readonly #dropped = new Set<number>()
  #id: number
  #calledAt = 0
  #timerAt = Number.POSITIVE_INFINITY
  now = 0
  out: StoreEffects = NO_EFFECTS

  constructor(options: StoreOptions) {
    this.options = resolveOptions(options)
    this.planted = options.plantedBug
    this.view = new View(this.options)
    this.clock = new HybridClock(this.options.clockDriftMaxMs)
    // Numbers of an earlier life of this name must not meet those of this one.
    this.#id = this.options.random(2 ** 31)
    this.entries = new Entries(
      this,
      options.table ?? createEntryTable({ maxBytes: this.options.maxMemoryBytes }),
    )
    this.commands = new Commands(this)
    this.writes = new Writes(this)
    this.campaigns = new Campaigns(this)
    this.streams = new Streams(this)
    this.pulls = new Pulls(this)
    this.pushes = new Pushes(this)
    this.gathers = new Gathers(this)
    this.inquiries = new Inquiries(this)
    this.#links = new Links(this)
    this.#replica = new Replica(this)
    this.#upkeep = new Upkeep(this)
  }

  // — calls of the host —

  found(now: number, out: StoreEffects): boolean {
    // Members that are looking for a cluster as well may be there already; one that holds anything has found it.
    if (this.view.peers.some((peer) => peer.lineage.some((lineage) => lineage !== 0))) return false
    this.#enter(now, out)
    const epoch = this.clock.next(now)
    const slots = Array.from({ length: this.view.slotCount }, (_, slot) => slot)
    for (const slot of slots) this.hold(slot, epoch)
    this.campaigns.serve(slots, epoch, false)
    this.#leave()
    return true
  }

  topology(topology: StoreTopology, now: number, out: StoreEffects): void {
    this.#enter(now, out)
    this.#links.topology(topology)
    this.#leave()
  }

  linkUp(member: string, instance: string, now: number, out: StoreEffects): void {
    this.#enter(now, out)
    this.#links.up(member, instance)
    this.#leave()
  }

  linkDown(member: string, now: number, out: StoreEffects): void {
    this.#enter(now, out)
    this.#links.down(member)
    this.#leave()
  }

  receive(from: string, message: StoreMessage, now: number, out: StoreEffects): void {
    this.#enter(now, out)
    const peer = this.view.find(from)
    if (peer?.linked === true && peer.index !== SELF) {
      this.#upkeep.heard()
      if (message.t === 'hi') this.#links.hello(peer, message)
      else if (peer.known) {
        this.#links.heard(peer)
        if (this.#upkeep.endLoneliness()) this.campaigns.doubt()
        this.#dispatch(peer.index, message)
      }
    }
    this.#leave()
  }

  execute(request: StoreRequest, now: number, out: StoreEffects): void {
    this.#enter(now, out)
    this.commands.execute(request)
    this.#leave()
  }

  tick(now: number, out: StoreEffects): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#enter(now, out)
    this.#links.review()
    if (this.#upkeep.isAlone() || this.#lacksMajority()) this.campaigns.doubt()
    this.campaigns.review()
    this.writes.review()
    this.streams.review()
    this.pulls.review()
    this.pushes.review()
    this.commands.review()
    this.gathers.review()
    this.#upkeep.run()
    this.pushes.run()
    this.campaigns.run()
    this.pulls.run()
    this.#leave()
  }

  doubt(now: number, out: StoreEffects): void {
    this.#enter(now, out)
    this.campaigns.doubt()
    this.#leave()
  }

  handedOver(): boolean {
    const { view, entries } = this
    if (this.writes.size > 0) return false
    for (let slot = 0; slot < view.slotCount; slot++)
      if (view.holds(SELF, slot) || view.role[slot] !== IDLE || entries.table.slotSize(slot) > 0)
        return false
    return true
  }

  primaryOf(slot: number): string | undefined {
    const index = this.view.claimant[slot] ?? NOBODY
    if (index === SELF && this.view.role[slot] !== SERVING) return undefined
    return this.view.isUp(index) ? this.view.nameOf(index) : undefined
  }

  ownersOf(slot: number): readonly string[] {
    const { view } = this
    const owners: string[] = []
    for (let i = slot * view.replicas; i < (slot + 1) * view.replicas; i++) {
      const owner = view.owners[i] ?? NOBODY
      if (owner !== NOBODY) owners.push(view.nameOf(owner))
    }
    return owners
  }

  holds(slot: number): boolean {
    return this.view.holds(SELF, slot)
  }

  status(): StoreStatus {
    return reportStatus(this)
  }

  // — for the parts —

  nextId(): number {
    return ++this.#id
  }

  send(index: number, message: StoreMessage): void {
    const peer = this.view.peers[index]
    if (peer?.linked === true && index !== SELF) this.out.send(peer.name, message)
  }

  broadcast(message: StoreMessage): void {
    for (const peer of this.view.peers)
      if (peer.index !== SELF && peer.linked) this.out.send(peer.name, message)
  }

  touch(slot: number): void {
    this.#touched.add(slot)
  }

  touchAll(): void {
    for (let slot = 0; slot < this.view.slotCount; slot++) this.#touched.add(slot)
  }

  hold(slot: number, lineage: number): void {
    if (lineage === 0 || this.view.holdings[slot] === lineage) return
    this.view.holdings[slot] = lineage
    this.#held.add(slot)
    this.#dropped.delete(slot)
    this.touch(slot)
  }

  unhold(slot: number): void {
    if (this.view.holdings[slot] === 0) return
    this.view.holdings[slot] = 0
    this.#held.delete(slot)
    this.#dropped.add(slot)
    this.touch(slot)
  }

  // — inside —

  #enter(now: number, out: StoreEffects): void {
    // A clock that steps back would reorder everything that is ordered by it.
    const time = Math.max(now, this.now)
    const paused = this.#calledAt !== 0 && time - this.#calledAt > this.options.pauseMs
    this.now = time
    this.out = out
    this.#calledAt = time
    if (!paused) return
    // Others may have gone on without this member: nothing is served before they have been asked.
    this.counters.pauses++
    if (this.planted !== 'ignore-pause') this.campaigns.resumed()
  }

  #leave(): void {
    for (let round = 0; round < ROUNDS_MAX && this.#settle(); round++);
    this.campaigns.report()
    this.#arm()
    this.out = NO_EFFECTS
  }

  /** Acts on what the call changed. True when there may be more to do. */
  #settle(): boolean {
    let acted = false
    if (this.#touched.size > 0) {
      const slots = [...this.#touched]
      this.#touched.clear()
      for (const slot of slots) {
        this.campaigns.consider(slot)
        this.pulls.consider(slot)
        this.pushes.consider(slot)
      }
      acted = true
    }
    if (this.#held.size > 0 || this.#dropped.size > 0) this.#tellHoldings()
    if (acted) {
      this.campaigns.run()
      this.pulls.run()
      this.writes.review()
    }
    if (this.commands.stirred) {
      this.commands.review()
      acted = true
    }
    return acted
  }

  #tellHoldings(): void {
    const ascending = (slots: ReadonlySet<number>): number[] => [...slots].sort((a, b) => a - b)
    if (this.#dropped.size > 0)
      this.broadcast({ t: 'drop', s: packRanges(ascending(this.#dropped)) })
    if (this.#held.size > 0) {
      const held = ascending(this.#held)
      this.broadcast({
        t: 'hold',
        s: packRanges(held),
        l: packRuns(held.map((slot) => this.view.holdings[slot] ?? 0)),
      })
    }
    this.#dropped.clear()
    this.#held.clear()
  }

  #isBusy(): boolean {
    return (
      this.writes.size > 0 ||
      this.commands.size > 0 ||
      this.gathers.size > 0 ||
      this.campaigns.busy ||
      this.pulls.busy ||
      this.pushes.busy ||
      this.streams.size > 0
    )
  }

  #arm(): void {
    const beat = Math.max(this.#upkeep.nextAt, this.now + 1)
    const at = this.#isBusy() ? Math.min(this.now + this.options.tickMs, beat) : beat
    if (at >= this.#timerAt) return
    this.#timerAt = at
    this.out.setTimer(at)
  }

  /** Under `majority` the smaller side stops; its campaigns fail until it reaches enough members again. */
  #lacksMajority(): boolean {
    return (
      this.options.partitionPolicy === 'majority' &&
      this.view.reachableCount() * 2 <= this.view.knownCount
    )
  }

  #dispatch(from: number, message: StoreMessage): void {
    switch (message.t) {
      case 'hi':
        return
      case 'beat':
        this.#links.beat(from, message)
        return
      case 'hold':
        this.#links.holds(from, message)
        return
      case 'drop':
        this.#links.drops(from, message)
        return
      case 'claim':
        this.#links.claims(from, message)
        return
      case 'who':
        this.inquiries.answer(from, message)
        return
      case 'ask':
        this.campaigns.answer(from, message)
        return
      case 'vote':
        this.campaigns.vote(from, message)
        return
      case 'pull':
        this.streams.openPull(from, message)
        return
      case 'part':
        this.#links.part(from, message)
        return
      case 'more':
        this.streams.more(from, message.id, message.k)
        return
      case 'w':
        this.#replica.receive(from, message)
        return
      case 'z':
        this.#replica.receiveFlush(from, message)
        return
      case 'a':
        this.writes.applied(from, message.id)
        return
      case 'n':
        this.writes.refused(from, message)
        return
      case 'sum':
        this.pushes.sum(from, message)
        return
      case 'diff':
        this.pushes.diff(from, message)
        return
      case 'have':
        this.pushes.have(from, message)
        return
      case 'lack':
        this.pushes.lack(from, message)
        return
      case 'merge':
        this.pushes.merge(from, message)
        return
      case 'merged':
        this.pushes.merged(from, message)
        return
      case 'c':
        this.commands.call(from, message)
        return
      case 'r':
        this.commands.replied(from, message)
        return
      case 'o':
        this.commands.notOwner(from, message)
        return
      case 'q':
        this.gathers.asked(from, message)
        return
      case 'share':
        this.gathers.share(from, message)
        return
    }
  }
}
