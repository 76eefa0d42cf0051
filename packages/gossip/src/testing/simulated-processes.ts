import { NO_BYTES } from '../core/bytes.ts'
import type { Rigging } from '../core/context.ts'
import type { Address } from '../core/messages.ts'
import { emptyTally, type SwimTally } from '../core/tally.ts'
import { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedDriver } from './simulated-driver.ts'
import { metaOf, type SimulatedMachines } from './simulated-machines.ts'
import { isResponsive, type SimulatedNode } from './simulated-node.ts'
import { sumOf } from './simulation-counts.ts'
import type { World } from './world.ts'

/** A process that hangs for `blockedMs`, runs for `openMs`, and so on. */
export interface Rhythm {
  readonly blockedMs: number
  readonly openMs: number
}

/** Starts, stops and disturbs processes. */
export class SimulatedProcesses {
  readonly #world: World
  readonly #machines: SimulatedMachines
  readonly #driver: SimulatedDriver
  /** What machines met that run no more. */
  #retired: SwimTally = emptyTally()

  constructor(world: World, machines: SimulatedMachines, driver: SimulatedDriver) {
    this.#world = world
    this.#machines = machines
    this.#driver = driver
  }

  /** What all machines met, those that ended among them. */
  get tally(): SwimTally {
    const running = [...this.#world.nodes.values()].map(({ swim }) => swim.tally)
    return sumOf([this.#retired, ...running])
  }

  /** A fresh machine behind the node; nothing of an earlier one is left but its file of known peers. */
  begin(node: SimulatedNode, rigging: Rigging, meta?: Uint8Array): void {
    const { counts, now } = this.#world
    counts.starts++
    if (node.instance > 0 && this.#isSuspected(node)) counts.restartsInSuspicion++
    this.#retired = sumOf([this.#retired, node.swim.tally])
    node.instance++
    node.meta = meta ?? metaOf(node.id, node.instance)
    node.clock = new SimulatedClock()
    node.swim = this.#machines.make(node.name, node.index, node.instance, node.meta, rigging)
    node.out = this.#driver.effectsOf(node)
    node.status = 'up'
    node.isBlocked = false
    node.swim.start(node.clock.read(now), node.out)
  }

  stop(node: SimulatedNode, status: 'down' | 'left'): void {
    node.remembered = knownPeersOf(node)
    node.status = status
    node.rhythm++
    node.timers.clear()
    node.overdue.length = 0
    node.socket.length = 0
    node.outbox.length = 0
  }

  pause(node: SimulatedNode): void {
    if (node.status === 'up') node.status = 'paused'
  }

  /** As after SIGCONT: overdue timers first, then what waited in the socket. */
  resume(node: SimulatedNode): void {
    if (node.status !== 'paused') return
    node.status = 'up'
    for (const fire of node.overdue.splice(0)) fire()
    this.#drain(node)
  }

  setBlocked(node: SimulatedNode, isBlocked: boolean): void {
    if (node.isBlocked === isBlocked) return
    node.isBlocked = isBlocked
    if (isBlocked) return
    for (const { to, messages } of node.outbox.splice(0)) this.#driver.send(node, to, messages)
    this.#drain(node)
  }

  /** Blocks it now, and again and again; undefined ends that. */
  setRhythm(node: SimulatedNode, rhythm: Rhythm | undefined): void {
    node.rhythm++
    this.setBlocked(node, false)
    if (rhythm !== undefined) this.#beat(node, rhythm, node.rhythm, true)
  }

  skew(node: SimulatedNode, rate: number, jumpMs: number): void {
    node.clock.skew(this.#world.now, rate, jumpMs)
    this.#driver.reschedule(node)
  }

  #beat(node: SimulatedNode, rhythm: Rhythm, turn: number, isBlocked: boolean): void {
    if (node.rhythm !== turn) return
    this.setBlocked(node, isBlocked)
    const { heap, now } = this.#world
    heap.push(now + (isBlocked ? rhythm.blockedMs : rhythm.openMs), () =>
      this.#beat(node, rhythm, turn, !isBlocked),
    )
  }

  #drain(node: SimulatedNode): void {
    if (!isResponsive(node)) return
    for (const { from, messages } of node.socket.splice(0)) {
      this.#driver.receive(node, from, messages)
    }
  }

  #isSuspected(node: SimulatedNode): boolean {
    for (const other of this.#world.nodes.values()) {
      const isWitness = other !== node && other.status === 'up'
      if (isWitness && other.swim.member(node.name)?.state === 'suspect') return true
    }
    return false
  }
}

/** A node that is not started. */
export function dormantNode(
  base: Pick<SimulatedNode, 'id' | 'name' | 'index' | 'to' | 'network' | 'swim' | 'out'>,
): SimulatedNode {
  return {
    ...base,
    clock: new SimulatedClock(),
    timers: new Map(),
    overdue: [],
    socket: [],
    outbox: [],
    events: [],
    remembered: [],
    instance: 0,
    meta: NO_BYTES,
    status: 'down',
    isBlocked: false,
    rhythm: 0,
  }
}

function knownPeersOf(node: SimulatedNode): readonly Address[] {
  const known: Address[] = []
  for (const { address, name, state } of node.swim.members()) {
    if (name !== node.name && (state === 'alive' || state === 'suspect')) known.push(address)
  }
  return known
}
