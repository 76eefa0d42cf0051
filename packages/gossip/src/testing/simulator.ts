import { NO_BYTES, sameBytes } from '../core/bytes.ts'
import { type SwimConfig, swimConfig } from '../core/config.ts'
import type { Rigging } from '../core/context.ts'
import type { Effects, MemberEvent, Millis } from '../core/effects.ts'
import type { Address } from '../core/messages.ts'
import { pcg32 } from '../core/random.ts'
import type { Swim } from '../core/swim.ts'
import { Checkers } from './checkers.ts'
import { settleMs } from './durations.ts'
import { EventHeap } from './event-heap.ts'
import { SimulatedDriver, type World } from './simulated-driver.ts'
import { metaOf, SimulatedMachines, toOf } from './simulated-machines.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import { NO_EFFECTS, type SimulatedNode, type View, viewOfNode } from './simulated-node.ts'
import { emptyCounts, type SimulationCounts } from './simulation-counts.ts'
import { SimulationError } from './simulation-error.ts'
import type { SimulationOptions } from './simulation-options.ts'
import { Trace } from './trace.ts'

/** Larger runs keep no event lists: they would be as many as pairs of members. */
const RECORDED_NODES_MAX = 64
const SETTLED_CHECK_EVERY_MS = 1_000
/** A node that joined nobody tries again after this time. */
const JOIN_RETRY_MS = 1_000
/** A node that left answers for this long before its process ends, as Serf does. */
const LINGER_MS = 1_000
const START_SPREAD_MS = 100

/** Starts a virtual cluster; see `Simulation`. */
export function simulate(options: SimulationOptions): Simulation {
  return new Simulation(options)
}

/**
 * A cluster in virtual time. Verbs change the world and return the simulation, so that a test reads
 * as a story; only `advance` and `advanceUntil` let time pass.
 *
 * Invariants are checked while it runs, and a broken one throws a `SimulationError` with the seed.
 *
 * @example
 * const sim = simulate({ seed: 0x5eed, nodes: ['a', 'b', 'c'] })
 * sim.advance(seconds(5)).partition(['a'], ['b', 'c']).advance(seconds(30))
 * sim.view('b').alive() // ['b', 'c']
 */
export class Simulation {
  readonly seed: number
  readonly config: SwimConfig
  readonly network: SimulatedNetwork
  readonly counts: SimulationCounts
  readonly #options: SimulationOptions
  readonly #heap = new EventHeap()
  readonly #trace = new Trace()
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #byAddress = new Map<string, SimulatedNode>()
  readonly #machines: SimulatedMachines
  readonly #checkers: Checkers
  readonly #driver: SimulatedDriver
  readonly #isRecording: boolean
  #now: Millis = 0
  #lastFaultAt: Millis = 0
  #startsPending = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.seed = options.seed
    this.config = swimConfig(options.profile ?? 'lan', options.config)
    this.#machines = new SimulatedMachines(options.seed, this.config, options.planted)
    this.network = new SimulatedNetwork(options.network ?? {})
    this.counts = emptyCounts()
    const ids = typeof options.nodes === 'number' ? numbered(options.nodes) : options.nodes
    this.#isRecording = ids.length <= RECORDED_NODES_MAX
    this.#checkers = new Checkers({
      config: this.config,
      nodes: this.#nodes,
      isLossy: () => this.network.conditions.loss > 0,
      fail: (text) => this.#broken(text),
    })
    this.#driver = new SimulatedDriver(this.#world())
    for (const id of ids) this.add(id)
    if (options.begin === 'acquainted') this.#startAcquainted(ids)
    else if (options.begin !== 'manual') this.#startTogether(ids)
    if (options.checked !== false) this.#scheduleSettledCheck()
  }

  /** Virtual milliseconds since the beginning. */
  get now(): Millis {
    return this.#now
  }

  get ids(): readonly string[] {
    return [...this.#nodes.keys()]
  }

  /** Seed and time, for messages of expectations. */
  get label(): string {
    return `seed 0x${this.seed.toString(16)}, at ${this.#now} ms`
  }

  /** Is the process up, not paused, and not on its way out? */
  isRunning(id: string): boolean {
    const { status, swim, name } = this.#node(id)
    return status === 'up' && swim.member(name)?.state === 'alive'
  }

  /** What a node believes. */
  view(id: string): View {
    return viewOfNode(this.#node(id))
  }

  /** The machine of a node, for what the verbs do not offer; effects go through `act`. */
  swim(id: string): Swim {
    return this.#node(id).swim
  }

  /** Calls a machine as its driver would. */
  act(id: string, action: (swim: Swim, now: Millis, out: Effects) => void): this {
    const node = this.#node(id)
    action(node.swim, this.#now, node.out)
    this.#afterCall(node)
    return this
  }

  /** Fingerprint of all that happened so far. */
  traceHash(): string {
    return this.#trace.hash()
  }

  /** Adds a process that is not started. `name` makes it claim another's name. */
  add(id: string, name = id): this {
    const index = this.#nodes.size
    const to: Address = toOf(index)
    const network = pcg32(this.seed, 2 * index + 1)
    const node: SimulatedNode = {
      id,
      name,
      index,
      to,
      network,
      timers: new Map(),
      overdue: [],
      socket: [],
      events: [],
      swim: this.#machines.make(name, index, 0, NO_BYTES, {}),
      out: NO_EFFECTS,
      instance: 0,
      meta: NO_BYTES,
      status: 'down',
    }
    this.#nodes.set(id, node)
    this.#byAddress.set(to.host, node)
    return this
  }

  /** Starts a process that is down: a fresh machine, by default with the metadata `id#instance`. */
  start(id: string, meta?: Uint8Array): this {
    return this.#begin(this.#node(id), {}, meta)
  }

  #begin(node: SimulatedNode, rigging: Rigging, meta?: Uint8Array): this {
    const { id } = node
    if (node.status === 'up' || node.status === 'paused') return this
    this.#fault()
    this.counts.starts++
    node.instance++
    node.meta = meta ?? metaOf(id, node.instance)
    node.swim = this.#machines.make(node.name, node.index, node.instance, node.meta, rigging)
    node.out = this.#driver.effectsOf(node)
    node.status = 'up'
    this.#checkers.forget(id)
    node.swim.start(this.#now, node.out)
    return this
  }

  /** Joins through a seed; without one, through any node that is up, again and again until it works. */
  join(id: string, seedId?: string): this {
    const node = this.#node(id)
    if (seedId !== undefined)
      return this.act(id, (swim, now, out) => swim.join(this.#node(seedId).to, now, out))
    this.#joinAnyone(node, node.instance)
    return this
  }

  /** The process ends at once and says nothing. */
  kill(id: string): this {
    const node = this.#node(id)
    if (node.status === 'down') return this
    this.#fault()
    this.#stop(node, 'down')
    return this
  }

  /** A fresh process of the same name and address, which joins again. A running one is killed first. */
  restart(id: string, meta?: Uint8Array): this {
    return this.kill(id).start(id, meta).join(id)
  }

  /** Stops the process as SIGSTOP does: its timers wait, its socket fills. */
  pause(id: string): this {
    const node = this.#node(id)
    if (node.status === 'up') node.status = 'paused'
    this.#fault()
    return this
  }

  /** As after SIGCONT: overdue timers first, then what waited in the socket. */
  resume(id: string): this {
    const node = this.#node(id)
    if (node.status !== 'paused') return this
    this.#fault()
    node.status = 'up'
    for (const fire of node.overdue.splice(0)) fire()
    for (const { from, messages } of node.socket.splice(0))
      this.#driver.receive(node, from, messages)
    return this
  }

  /** Says goodbye; the process ends when that has spread. */
  leave(id: string): this {
    this.#fault()
    return this.act(id, (swim, now, out) => swim.leave(now, out))
  }

  setMeta(id: string, meta: Uint8Array): this {
    this.#fault()
    this.#node(id).meta = meta
    return this.act(id, (swim, now, out) => swim.setMeta(meta, now, out))
  }

  /** Nothing passes between the two groups, either way. */
  partition(groupA: readonly string[], groupB: readonly string[]): this {
    return this.cut(groupA, groupB).cut(groupB, groupA)
  }

  /** Nothing passes from the first group to the second; the other way stays open. */
  cut(from: readonly string[], to: readonly string[]): this {
    this.#fault()
    for (const sender of from) {
      for (const receiver of to) this.network.cut(this.#node(sender), this.#node(receiver))
    }
    return this
  }

  /** All links work again. */
  heal(): this {
    this.#fault()
    this.network.mend()
    return this
  }

  /** Lets time pass. */
  advance(durationMs: number): this {
    const end = this.#now + durationMs
    for (let next = this.#heap.peek(); next && next.at <= end; next = this.#heap.peek())
      this.#step()
    this.#now = end
    return this
  }

  /**
   * Lets time pass until something is true, and returns how long it took (to `everyMs`).
   * @throws SimulationError `NEVER_HAPPENED` after `withinMs`.
   */
  advanceUntil(what: string, isTrue: () => boolean, withinMs: number, everyMs = 50): number {
    const begun = this.#now
    while (!isTrue()) {
      if (this.#now - begun >= withinMs) {
        const text = `never within ${withinMs} ms: ${what}`
        throw new SimulationError('NEVER_HAPPENED', text, this.seed, this.#now, this.#trace.tail())
      }
      this.advance(everyMs)
    }
    return this.#now - begun
  }

  /** Do all running nodes hold exactly the running nodes alive, with their true metadata? O(n²). */
  get isConverged(): boolean {
    const live = [...this.#nodes.values()].filter((node) => node.status === 'up')
    return this.#startsPending === 0 && live.every((observer) => this.#sees(observer, live))
  }

  #world(): World {
    const now = () => this.#now
    return {
      get now() {
        return now()
      },
      heap: this.#heap,
      trace: this.#trace,
      network: this.network,
      counts: this.counts,
      config: this.config,
      options: this.#options,
      byAddress: this.#byAddress,
      afterCall: (node) => this.#afterCall(node),
      notify: (node, event) => this.#notify(node, event),
    }
  }

  #sees(observer: SimulatedNode, live: readonly SimulatedNode[]): boolean {
    let alive = 0
    for (const member of observer.swim.members()) if (member.state === 'alive') alive++
    if (alive !== live.length) return false
    return live.every((subject) => {
      const member = observer.swim.member(subject.name)
      return member?.state === 'alive' && sameBytes(member.meta, subject.meta)
    })
  }

  #node(id: string): SimulatedNode {
    const node = this.#nodes.get(id)
    if (node === undefined) {
      throw new SimulationError('UNKNOWN_NODE', `no node is called ${id}`, this.seed, this.#now)
    }
    return node
  }

  #startAcquainted(ids: readonly string[]): void {
    const known = ids.map((id, index) => this.#machines.acquaintance(id, index))
    for (const id of ids) {
      this.#begin(this.#node(id), { known: known.filter(({ peer }) => peer.name !== id) })
    }
  }

  #startTogether(ids: readonly string[]): void {
    const random = pcg32(this.seed, 0x5743)
    ids.forEach((id, index) => {
      // The first is up before anybody calls it.
      const at = index === 0 ? 0 : 1 + random.below(START_SPREAD_MS)
      this.#startsPending++
      this.#heap.push(at, () => {
        this.#startsPending--
        this.start(id)
        if (index > 0) this.join(id)
      })
    })
  }

  #joinAnyone(node: SimulatedNode, instance: number): void {
    if (node.instance !== instance || !this.isRunning(node.id) || this.#hasCompany(node)) return
    const seed = this.#someoneElse(node)
    if (seed !== undefined) {
      this.act(node.id, (swim, now, out) => swim.join(seed.to, now, out))
    }
    this.#heap.push(this.#now + JOIN_RETRY_MS, () => this.#joinAnyone(node, instance))
  }

  /** The first that is up is everybody's seed, as in a static list; now and then another one. */
  #someoneElse(node: SimulatedNode): SimulatedNode | undefined {
    const others = [...this.#nodes.values()].filter(
      (other) => other !== node && other.status === 'up',
    )
    return this.#now === 0 || others.length < 2
      ? others[0]
      : others[node.network.below(others.length)]
  }

  #hasCompany(node: SimulatedNode): boolean {
    for (const member of node.swim.members()) if (member.name !== node.name) return true
    return false
  }

  #stop(node: SimulatedNode, status: 'down' | 'left'): void {
    node.status = status
    node.timers.clear()
    node.overdue.length = 0
    node.socket.length = 0
  }

  #fault(): void {
    this.#lastFaultAt = this.#now
  }

  #step(): void {
    const event = this.#heap.pop()
    if (event === undefined) return
    this.#now = event.at
    event.run()
  }

  #scheduleSettledCheck(): void {
    this.#heap.push(this.#now + SETTLED_CHECK_EVERY_MS, () => {
      const quietMs = this.#now - this.#lastFaultAt
      const paused = [...this.#nodes.values()].some((node) => node.status === 'paused')
      const isQuiet =
        this.network.isWhole && !paused && quietMs >= settleMs(this.config, this.#nodes.size)
      if (isQuiet) this.#checkers.settled()
      this.#scheduleSettledCheck()
    })
  }

  #notify(node: SimulatedNode, event: MemberEvent): void {
    this.counts.events[event.type]++
    const subject = 'member' in event ? event.member.name : ''
    const incarnation = 'member' in event ? event.member.incarnation : 0
    this.#trace.mark(this.#now, `${node.id} ${event.type} ${subject}`, '', incarnation)
    const at = this.#now
    this.#trace.keep(() => `${at} ms ${node.id}: ${event.type} ${subject} ${incarnation}`)
    if (this.#isRecording) node.events.push({ at, event })
    if (event.type === 'fail' && this.#isUp(subject)) this.counts.falseDeaths++
    if (event.type === 'left') this.#heap.push(at + LINGER_MS, () => this.#stop(node, 'left'))
    if (this.#options.checked !== false) this.#checkers.observe(node, event)
  }

  #isUp(name: string): boolean {
    for (const node of this.#nodes.values())
      if (node.name === name && node.status === 'up') return true
    return false
  }

  #afterCall(node: SimulatedNode): void {
    if (this.#options.checked !== false) this.#checkers.afterCall(node)
  }

  #broken(text: string): never {
    const what = `invariant broken: ${text}`
    throw new SimulationError('INVARIANT_BROKEN', what, this.seed, this.#now, this.#trace.tail())
  }
}

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `n${index}`)
