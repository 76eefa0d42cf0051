import { NO_BYTES, sameBytes } from '../core/bytes.ts'
import { type SwimConfig, swimConfig } from '../core/config.ts'
import type { MemberEvent, Millis } from '../core/effects.ts'
import { pcg32 } from '../core/random.ts'
import type { Swim } from '../core/swim.ts'
import { Checkers } from './checkers.ts'
import { settleMs } from './durations.ts'
import { EventHeap } from './event-heap.ts'
import { SimulatedDriver } from './simulated-driver.ts'
import { SimulatedJoins } from './simulated-joins.ts'
import { SimulatedMachines, toOf } from './simulated-machines.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import {
  isResponsive,
  NO_EFFECTS,
  type SimulatedNode,
  type View,
  viewOfNode,
} from './simulated-node.ts'
import { dormantNode, type Rhythm, SimulatedProcesses } from './simulated-processes.ts'
import { BytesWire, DECODED_WIRE } from './simulated-wire.ts'
import { emptyCounts, flatten, type SimulationCounts } from './simulation-counts.ts'
import { placeOf, SimulationError, type SimulationErrorCode } from './simulation-error.ts'
import type { SimulationOptions } from './simulation-options.ts'
import { Trace } from './trace.ts'
import type { World } from './world.ts'

/** Larger runs keep no event lists: they would be as many as pairs of members. */
const RECORDED_NODES_MAX = 64
const SETTLED_CHECK_EVERY_MS = 1_000
/** A node that left answers for this long before its process ends, as Serf does. */
const LINGER_MS = 1_000

/** Hears every event of every node. */
export type SimulationListener = (id: string, event: MemberEvent, at: Millis) => void

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
  readonly counts: SimulationCounts = emptyCounts()
  readonly #options: SimulationOptions
  readonly #heap = new EventHeap()
  readonly #trace = new Trace()
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #byAddress = new Map<string, SimulatedNode>()
  readonly #byName = new Map<string, SimulatedNode[]>()
  readonly #listeners: SimulationListener[] = []
  readonly #machines: SimulatedMachines
  readonly #checkers: Checkers
  readonly #processes: SimulatedProcesses
  readonly #joins: SimulatedJoins
  readonly #isRecording: boolean
  #now: Millis = 0
  #lastFaultAt: Millis = 0

  constructor(options: SimulationOptions) {
    const { begin = 'joined', nodes, planted, profile = 'lan', seed } = options
    this.#options = options
    this.seed = seed
    this.config = swimConfig(profile, options.config)
    this.network = new SimulatedNetwork(options.network ?? {})
    this.#checkers = new Checkers({
      config: this.config,
      nodes: this.#nodes,
      isAcquainted: begin === 'acquainted',
      isLossy: () => this.network.conditions.loss > 0,
      fail: (text) => this.#broken(text),
    })
    const world = this.#world()
    this.#machines = new SimulatedMachines(seed, this.config, planted)
    this.#processes = new SimulatedProcesses(world, this.#machines, new SimulatedDriver(world))
    this.#joins = new SimulatedJoins(world, (node) => this.start(node.id))
    const ids = typeof nodes === 'number' ? numbered(nodes) : nodes
    this.#isRecording = ids.length <= RECORDED_NODES_MAX
    for (const id of ids) this.add(id)
    if (begin === 'acquainted') this.#startAcquainted()
    else if (begin === 'joined') this.#joins.startTogether([...this.#nodes.values()])
    if (this.#isChecked) this.#scheduleSettledCheck()
  }

  /** Virtual milliseconds since the beginning. */
  get now(): Millis {
    return this.#now
  }

  get ids(): readonly string[] {
    return [...this.#nodes.keys()]
  }

  /** Seed, time, and how to replay the run, for messages of expectations. */
  get label(): string {
    const { replay } = this.#options
    return placeOf({ seed: this.seed, atMs: this.#now, replay })
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
  act(id: string, action: (swim: Swim, now: Millis, out: SimulatedNode['out']) => void): this {
    const node = this.#node(id)
    action(node.swim, node.clock.read(this.#now), node.out)
    this.#afterCall(node)
    return this
  }

  /** Calls `listener` with every event from now on. */
  watch(listener: SimulationListener): this {
    this.#listeners.push(listener)
    return this
  }

  /** Fingerprint of all that happened so far. */
  traceHash(): string {
    return this.#trace.hash()
  }

  /** How often each case was met, by name: counts of the world, of messages, of events and of the machines. */
  coverage(): Record<string, number> {
    return flatten(this.counts, this.#processes.tally)
  }

  /** Adds a process that is not started. `name` makes it claim another's name. */
  add(id: string, name = id): this {
    const index = this.#nodes.size
    const node = dormantNode({
      id,
      name,
      index,
      to: toOf(index),
      network: pcg32(this.seed, 2 * index + 1),
      swim: this.#machines.make(name, index, 0, NO_BYTES, {}),
      out: NO_EFFECTS,
    })
    this.#nodes.set(id, node)
    this.#byAddress.set(node.to.host, node)
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), node])
    return this
  }

  /** Starts a process that is down: a fresh machine, by default with the metadata `id#instance`. */
  start(id: string, meta?: Uint8Array): this {
    const node = this.#node(id)
    if (node.status === 'up' || node.status === 'paused') return this
    this.#fault()
    this.#checkers.forget(id)
    this.#processes.begin(node, {}, meta)
    return this
  }

  /** Joins through a seed; without one, through any node that is up, again and again until it works. */
  join(id: string, seedId?: string): this {
    const node = this.#node(id)
    if (seedId !== undefined) {
      const { to } = this.#node(seedId)
      return this.act(id, (swim, now, out) => swim.join(to, now, out))
    }
    this.#joins.anyone(node)
    return this
  }

  /** The process ends at once and says nothing. */
  kill(id: string): this {
    const node = this.#node(id)
    if (node.status === 'down') return this
    this.#fault()
    this.#processes.stop(node, 'down')
    return this
  }

  /** A fresh process of the same name and address, which joins again. A running one is killed first. */
  restart(id: string, meta?: Uint8Array): this {
    return this.kill(id).start(id, meta).join(id)
  }

  /** As `restart`, but without seeds: it calls the members that the process before knew when it ended. */
  restartFromSnapshot(id: string): this {
    this.kill(id).start(id)
    this.#joins.remembered(this.#node(id))
    return this
  }

  /** Stops the process as SIGSTOP does: its timers wait, its socket fills. */
  pause(id: string): this {
    this.#processes.pause(this.#node(id))
    this.#fault()
    return this
  }

  /** As after SIGCONT: overdue timers first, then what waited in the socket. */
  resume(id: string): this {
    this.#fault()
    this.#processes.resume(this.#node(id))
    return this
  }

  /** Its packets wait, both ways, while its timers run: a process that is too busy to read and write. */
  block(id: string): this {
    this.#fault()
    this.#processes.setBlocked(this.#node(id), true)
    return this
  }

  unblock(id: string): this {
    this.#fault()
    this.#processes.setBlocked(this.#node(id), false)
    return this
  }

  /** Blocks a node for `blockedMs`, leaves it alone for `openMs`, and so on; `undefined` makes it well. */
  slow(id: string, rhythm: Rhythm | undefined): this {
    this.#fault()
    this.#processes.setRhythm(this.#node(id), rhythm)
    return this
  }

  /** The node's clock runs at `rate` times the true speed from now on, after a jump ahead. A restart ends it. */
  skew(id: string, { rate = 1, jumpMs = 0 }: { rate?: number; jumpMs?: number }): this {
    this.#fault()
    this.#processes.skew(this.#node(id), rate, jumpMs)
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
        throw this.#error('NEVER_HAPPENED', `never within ${withinMs} ms: ${what}`)
      }
      this.advance(everyMs)
    }
    return this.#now - begun
  }

  /** Do all running nodes hold exactly the running nodes alive, with their true metadata? O(n²). */
  get isConverged(): boolean {
    const live = [...this.#nodes.values()].filter((node) => node.status === 'up')
    return this.#joins.pending === 0 && live.every((observer) => sees(observer, live))
  }

  /**
   * Checks now what must hold once faults are over: all hold each other alive with their true metadata, and
   * nobody else, and none has news left. While it runs, large simulations check some nodes at a time.
   * O(observers × n).
   *
   * @param observersMax - How many nodes are asked, evenly chosen; by default all.
   * @throws SimulationError `INVARIANT_BROKEN`
   */
  checkSettled(observersMax: number = Number.POSITIVE_INFINITY): this {
    this.#checkers.settledFor(observersMax)
    return this
  }

  get #isChecked(): boolean {
    return this.#options.checked !== false
  }

  #world(): World {
    const now = () => this.#now
    const wire =
      this.#options.wire === 'bytes'
        ? new BytesWire(this.config.membersMax, (text) => this.#broken(text))
        : DECODED_WIRE
    return {
      get now() {
        return now()
      },
      seed: this.seed,
      heap: this.#heap,
      trace: this.#trace,
      network: this.network,
      wire,
      counts: this.counts,
      config: this.config,
      nodes: this.#nodes,
      byAddress: this.#byAddress,
      afterCall: (node) => this.#afterCall(node),
      notify: (node, event) => this.#notify(node, event),
    }
  }

  #node(id: string): SimulatedNode {
    const node = this.#nodes.get(id)
    if (node === undefined) throw this.#error('UNKNOWN_NODE', `no node is called ${id}`)
    return node
  }

  #startAcquainted(): void {
    const known = [...this.#nodes.keys()].map((id, index) => this.#machines.acquaintance(id, index))
    for (const node of this.#nodes.values()) this.#processes.begin(node, { known })
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
      if (this.#isQuiet()) this.#checkers.settled()
      this.#scheduleSettledCheck()
    })
  }

  /** Are the faults over for so long that all must agree? */
  #isQuiet(): boolean {
    const quietMs = this.#now - this.#lastFaultAt
    if (!this.network.isWhole || quietMs < settleMs(this.config, this.#nodes.size)) return false
    for (const node of this.#nodes.values()) {
      if (node.status === 'paused' || node.isBlocked) return false
    }
    return true
  }

  #notify(node: SimulatedNode, event: MemberEvent): void {
    this.counts.events[event.type]++
    const subject = 'member' in event ? event.member.name : ''
    const incarnation = 'member' in event ? event.member.incarnation : 0
    const at = this.#now
    this.#trace.mark(at, `${node.id} ${event.type} ${subject}`, '', incarnation)
    this.#trace.keep(() => `${at} ms ${node.id}: ${event.type} ${subject} ${incarnation}`)
    if (this.#isRecording) node.events.push({ at, event })
    if (event.type === 'fail' && this.#isUp(subject)) this.counts.falseDeaths++
    if (event.type === 'left')
      this.#heap.push(at + LINGER_MS, () => this.#processes.stop(node, 'left'))
    for (const listener of this.#listeners) listener(node.id, event, at)
    if (this.#isChecked) this.#checkers.observe(node, event)
  }

  #isUp(name: string): boolean {
    return this.#byName.get(name)?.some(isResponsive) === true
  }

  #afterCall(node: SimulatedNode): void {
    if (this.#isChecked) this.#checkers.afterCall(node)
  }

  #error(code: SimulationErrorCode, text: string): SimulationError {
    const { replay } = this.#options
    return new SimulationError(
      code,
      text,
      { seed: this.seed, atMs: this.#now, replay },
      this.#trace.tail(),
    )
  }

  #broken(text: string): never {
    throw this.#error('INVARIANT_BROKEN', `invariant broken: ${text}`)
  }
}

function sees(observer: SimulatedNode, live: readonly SimulatedNode[]): boolean {
  let alive = 0
  for (const member of observer.swim.members()) if (member.state === 'alive') alive++
  if (alive !== live.length) return false
  return live.every((subject) => {
    const member = observer.swim.member(subject.name)
    return member?.state === 'alive' && sameBytes(member.meta, subject.meta)
  })
}

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `n${index}`)
