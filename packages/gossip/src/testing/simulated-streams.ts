import type { Millis } from '../core/effects.ts'
import type { Address, Message, StateExchange } from '../core/messages.ts'
import { isResponsive, type SimulatedNode } from './simulated-node.ts'
import type { World } from './world.ts'

/** Does the machine that asked still run? */
type IsCurrent = () => boolean

type Deliver = (node: SimulatedNode, from: Address, messages: readonly Message[]) => void

/** One push/pull under way. */
interface Call {
  readonly node: SimulatedNode
  readonly to: Address
  readonly isCurrent: IsCurrent
  readonly timeoutAt: Millis
}

/** One fallback ping under way; the deadline is the asker's. */
export interface StreamPing {
  readonly node: SimulatedNode
  readonly to: Address
  readonly name: string
  readonly seq: number
  readonly deadline: Millis
  readonly isCurrent: IsCurrent
}

const EPHEMERAL_PORT = 40_000

/** Streams between processes: push/pull, and pings where datagrams do not get through. */
export class SimulatedStreams {
  readonly #world: World
  readonly #deliver: Deliver

  constructor(world: World, deliver: Deliver) {
    this.#world = world
    this.#deliver = deliver
  }

  /**
   * Dialer ── its half ──► acceptor: answers with its own, then merges ── its half ──► dialer merges.
   * Whatever goes wrong on the way, the dialer notices only by silence, except a closed port.
   */
  exchange(node: SimulatedNode, to: Address, local: StateExchange, isCurrent: IsCurrent): void {
    const { byAddress, config, counts, heap, network, now } = this.#world
    counts.exchanges++
    const target = byAddress.get(to.host)
    const delay = network.streamDelayMs(node.network)
    const call: Call = { node, to, isCurrent, timeoutAt: now + config.streamTimeoutMs }
    if (target === undefined || delay === undefined || node.isBlocked) {
      this.#failCall(call, call.timeoutAt)
      return
    }
    const offered = this.#carry(local)
    heap.push(now + delay, () => this.#accept(call, target, offered))
  }

  ping(ping: StreamPing): void {
    const { byAddress, counts, heap, network, now } = this.#world
    const { node, to } = ping
    counts.streamPings++
    const target = byAddress.get(to.host)
    const there = network.streamDelayMs(node.network)
    const back = network.streamDelayMs(node.network)
    if (target === undefined || there === undefined || back === undefined || node.isBlocked) return
    heap.push(now + there, () => this.#answer(ping, target, back))
  }

  #answer(ping: StreamPing, target: SimulatedNode, back: Millis): void {
    const { counts, heap, now, wire } = this.#world
    const { deadline, isCurrent, name, node, seq, to } = ping
    const answers = isResponsive(target) && target.name === name && this.#canTalk(node, target)
    if (!answers || now + back > node.clock.worldAt(deadline)) return
    counts.streamBytes += wire.streamPing(name, seq)
    heap.push(now + back, () => {
      if (!isCurrent() || !this.#canTalk(node, target)) return
      counts.streamPingsAnswered++
      this.#deliver(node, to, [{ type: 'ack', seq, payload: new Uint8Array(0) }])
    })
  }

  #accept(call: Call, target: SimulatedNode, offered: StateExchange): void {
    const { heap, network, now, trace } = this.#world
    const isUp = target.status === 'up' || target.status === 'paused'
    const isSilent = (isUp && !isResponsive(target)) || !this.#canTalk(call.node, target)
    if (isSilent || !isUp) {
      this.#failCall(call, isSilent ? call.timeoutAt : now)
      return
    }
    const reply = this.#carry(target.swim.localState(offered.join))
    trace.mark(now, target.id, 'accept', offered.nodes.length)
    const dialer: Address = { host: call.node.to.host, port: EPHEMERAL_PORT }
    target.swim.mergeState(dialer, offered, target.clock.read(now), target.out)
    this.#world.afterCall(target)
    const delay = network.streamDelayMs(target.network)
    if (delay === undefined) this.#failCall(call, call.timeoutAt)
    else heap.push(now + delay, () => this.#finish(call, target, reply))
  }

  #finish(call: Call, target: SimulatedNode, reply: StateExchange): void {
    const { now, trace } = this.#world
    const { node, to } = call
    if (!call.isCurrent() || node.status !== 'up') return
    if (node.isBlocked || !this.#canTalk(node, target)) {
      this.#failCall(call, call.timeoutAt)
      return
    }
    trace.mark(now, node.id, 'merge', reply.nodes.length)
    node.swim.mergeState(to, reply, node.clock.read(now), node.out)
    this.#world.afterCall(node)
  }

  #failCall(call: Call, at: Millis): void {
    const { counts, heap, now } = this.#world
    const { isCurrent, node, to } = call
    counts.exchangesFailed++
    heap.push(Math.max(at, now), () => {
      if (isCurrent()) node.swim.exchangeFailed(to, node.clock.read(this.#world.now), node.out)
    })
  }

  #carry(state: StateExchange): StateExchange {
    const { content, bytes } = this.#world.wire.state(state)
    this.#world.counts.streamBytes += bytes
    return content
  }

  /** A stream needs both directions. */
  #canTalk(a: SimulatedNode, b: SimulatedNode): boolean {
    const { network } = this.#world
    return network.isOpen(a, b) && network.isOpen(b, a)
  }
}
