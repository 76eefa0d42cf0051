import type { SwimConfig } from '../core/config.ts'
import type { Effects, MemberEvent, Millis } from '../core/effects.ts'
import type { Address, Message, StateExchange } from '../core/messages.ts'
import type { EventHeap } from './event-heap.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import { type SimulatedNode, SOCKET_PACKETS_MAX } from './simulated-node.ts'
import type { SimulationCounts } from './simulation-counts.ts'
import type { SimulationOptions } from './simulation-options.ts'
import type { Trace } from './trace.ts'

/** What all drivers of a simulation share. */
export interface World {
  readonly now: Millis
  readonly heap: EventHeap
  readonly trace: Trace
  readonly network: SimulatedNetwork
  readonly counts: SimulationCounts
  readonly config: SwimConfig
  readonly options: SimulationOptions
  readonly byAddress: ReadonlyMap<string, SimulatedNode>
  /** A call into a machine has returned. */
  afterCall(node: SimulatedNode): void
  notify(node: SimulatedNode, event: MemberEvent): void
}

/** Does the machine that asked still run? */
type IsCurrent = () => boolean

/** One push/pull under way. */
interface Call {
  readonly node: SimulatedNode
  readonly to: Address
  readonly isCurrent: IsCurrent
  readonly timeoutAt: Millis
}

const EPHEMERAL_PORT = 40_000

/** Does what the machines want done, as a driver over UDP and TCP would: timers, datagrams, streams. */
export class SimulatedDriver {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** The effects of the machine that runs on this node now; those of earlier ones come to nothing. */
  effectsOf(node: SimulatedNode): Effects {
    const { instance } = node
    const isCurrent = () =>
      node.instance === instance && node.status !== 'down' && node.status !== 'left'
    return {
      sendPacket: (to, messages) => this.#send(node, to, messages),
      exchangeState: (to, local) => this.#exchange(node, to, local, isCurrent),
      pingOverStream: (to, name, seq, deadline) =>
        this.#streamPing(node, to, name, seq, deadline, isCurrent),
      setTimer: (key, at) => {
        const event = this.#world.heap.push(Math.max(at, this.#world.now), () => {
          if (isCurrent() && node.timers.get(key) === event) this.#fire(node, key)
        })
        node.timers.set(key, event)
      },
      clearTimer: (key) => node.timers.delete(key),
      notify: (event) => this.#world.notify(node, event),
    }
  }

  #fire(node: SimulatedNode, key: string): void {
    if (node.status === 'paused') {
      const event = node.timers.get(key)
      node.overdue.push(() => {
        if (node.timers.get(key) === event) this.#fire(node, key)
      })
      return
    }
    node.timers.delete(key)
    this.#world.trace.mark(this.#world.now, node.id, key)
    node.swim.fire(key, this.#world.now, node.out)
    this.#world.afterCall(node)
  }

  #send(node: SimulatedNode, to: Address, messages: readonly Message[]): void {
    this.#world.counts.packets++
    const target = this.#world.byAddress.get(to.host)
    const fates = this.#world.network.fates(node.network)
    if (fates.length === 0) this.#world.counts.packetsLost++
    if (fates.length > 1) this.#world.counts.packetsDoubled++
    if (target === undefined) return
    const carried = this.#world.options.carry?.(messages) ?? messages
    for (const delay of fates) {
      this.#world.heap.push(this.#world.now + delay, () => {
        if (this.#world.network.isOpen(node, target)) this.#deliver(target, node.to, carried)
      })
    }
  }

  #deliver(target: SimulatedNode, from: Address, messages: readonly Message[]): void {
    if (target.status === 'up') this.receive(target, from, messages)
    else if (target.status === 'paused' && target.socket.length < SOCKET_PACKETS_MAX) {
      target.socket.push({ from, messages })
    }
  }

  receive(node: SimulatedNode, from: Address, messages: readonly Message[]): void {
    for (const message of messages) {
      this.#world.trace.mark(
        this.#world.now,
        node.id,
        message.type,
        'seq' in message ? message.seq : 0,
      )
      node.swim.receive(from, message, this.#world.now, node.out)
    }
    this.#world.afterCall(node)
  }

  /**
   * Dialer ── its half ──► acceptor: answers with its own, then merges ── its half ──► dialer merges.
   * Whatever goes wrong on the way, the dialer notices only by silence, except a closed port.
   */
  #exchange(node: SimulatedNode, to: Address, local: StateExchange, isCurrent: IsCurrent): void {
    const world = this.#world
    world.counts.exchanges++
    const target = world.byAddress.get(to.host)
    const delay = world.network.streamDelayMs(node.network)
    const call: Call = { node, to, isCurrent, timeoutAt: world.now + world.config.streamTimeoutMs }
    if (target === undefined || delay === undefined) {
      this.#failCall(call, call.timeoutAt)
      return
    }
    const offered = world.options.carryState?.(local) ?? local
    world.heap.push(world.now + delay, () => this.#accept(call, target, offered))
  }

  #accept(call: Call, target: SimulatedNode, offered: StateExchange): void {
    const world = this.#world
    const isSilent = target.status === 'paused' || !this.#canTalk(call.node, target)
    if (isSilent || target.status !== 'up') {
      this.#failCall(call, isSilent ? call.timeoutAt : world.now)
      return
    }
    const answer = target.swim.localState(offered.join)
    const reply = world.options.carryState?.(answer) ?? answer
    world.trace.mark(world.now, target.id, 'accept', offered.nodes.length)
    const dialer: Address = { host: call.node.to.host, port: EPHEMERAL_PORT }
    target.swim.mergeState(dialer, offered, world.now, target.out)
    world.afterCall(target)
    const delay = world.network.streamDelayMs(target.network)
    if (delay === undefined) this.#failCall(call, call.timeoutAt)
    else world.heap.push(world.now + delay, () => this.#finish(call, target, reply))
  }

  #finish(call: Call, target: SimulatedNode, reply: StateExchange): void {
    const world = this.#world
    const { node, to } = call
    if (!call.isCurrent() || node.status !== 'up') return
    if (!this.#canTalk(node, target)) {
      this.#failCall(call, call.timeoutAt)
      return
    }
    world.trace.mark(world.now, node.id, 'merge', reply.nodes.length)
    node.swim.mergeState(to, reply, world.now, node.out)
    world.afterCall(node)
  }

  #failCall(call: Call, at: Millis): void {
    const world = this.#world
    world.counts.exchangesFailed++
    world.heap.push(Math.max(at, world.now), () => {
      if (call.isCurrent()) call.node.swim.exchangeFailed(call.to, world.now, call.node.out)
    })
  }

  #streamPing(
    node: SimulatedNode,
    to: Address,
    name: string,
    seq: number,
    deadline: Millis,
    isCurrent: IsCurrent,
  ): void {
    this.#world.counts.streamPings++
    const target = this.#world.byAddress.get(to.host)
    const there = this.#world.network.streamDelayMs(node.network)
    const back = this.#world.network.streamDelayMs(node.network)
    if (target === undefined || there === undefined || back === undefined) return
    this.#world.heap.push(this.#world.now + there, () => {
      const answers = target.status === 'up' && target.name === name && this.#canTalk(node, target)
      if (!answers || this.#world.now + back > deadline) return
      this.#world.heap.push(this.#world.now + back, () => {
        if (!isCurrent() || !this.#canTalk(node, target)) return
        this.#deliver(node, to, [{ type: 'ack', seq, payload: new Uint8Array(0) }])
      })
    })
  }

  /** A stream needs both directions. */
  #canTalk(a: SimulatedNode, b: SimulatedNode): boolean {
    return this.#world.network.isOpen(a, b) && this.#world.network.isOpen(b, a)
  }
}
