import type { Effects, Millis, TimerKey } from '../core/effects.ts'
import type { Address, Message } from '../core/messages.ts'
import { isResponsive, type SimulatedNode, SOCKET_PACKETS_MAX } from './simulated-node.ts'
import { SimulatedStreams } from './simulated-streams.ts'
import type { World } from './world.ts'

/** Does what the machines want done, as a driver over UDP and TCP would: timers, datagrams, streams. */
export class SimulatedDriver {
  readonly #world: World
  readonly #streams: SimulatedStreams

  constructor(world: World) {
    this.#world = world
    this.#streams = new SimulatedStreams(world, (node, from, messages) =>
      this.#deliver(node, from, messages),
    )
  }

  /** The effects of the machine that runs on this node now; those of earlier ones come to nothing. */
  effectsOf(node: SimulatedNode): Effects {
    const { instance } = node
    const isCurrent = () =>
      node.instance === instance && node.status !== 'down' && node.status !== 'left'
    return {
      sendPacket: (to, messages) => this.send(node, to, messages),
      exchangeState: (to, local) => this.#streams.exchange(node, to, local, isCurrent),
      pingOverStream: (to, name, seq, deadline) =>
        this.#streams.ping({ node, to, name, seq, deadline, isCurrent }),
      setTimer: (key, at) => this.#setTimer(node, key, at, isCurrent),
      clearTimer: (key) => node.timers.delete(key),
      notify: (event) => this.#world.notify(node, event),
    }
  }

  /** The node's clock changed: its timers come due at other moments. */
  reschedule(node: SimulatedNode): void {
    const { instance } = node
    const isCurrent = () =>
      node.instance === instance && node.status !== 'down' && node.status !== 'left'
    for (const [key, { at }] of [...node.timers]) this.#setTimer(node, key, at, isCurrent)
  }

  /** One datagram; a blocked process keeps it until it can send. */
  send(node: SimulatedNode, to: Address, messages: readonly Message[]): void {
    const { counts, heap, network, now, wire } = this.#world
    if (node.isBlocked) {
      if (node.outbox.length < SOCKET_PACKETS_MAX) node.outbox.push({ to, messages })
      else counts.packetsDropped++
      return
    }
    counts.packets++
    for (const { type } of messages) counts.messages[type]++
    const { content, bytes } = wire.packet(messages)
    counts.packetBytes += bytes
    const target = this.#world.byAddress.get(to.host)
    const fates = network.fates(node.network)
    if (fates.length === 0) counts.packetsLost++
    if (fates.length > 1) counts.packetsDoubled++
    if (target === undefined) return
    for (const delay of fates) {
      heap.push(now + delay, () => {
        if (network.isOpen(node, target)) this.#deliver(target, node.to, content)
      })
    }
  }

  receive(node: SimulatedNode, from: Address, messages: readonly Message[]): void {
    const { now, trace } = this.#world
    const local = node.clock.read(now)
    for (const message of messages) {
      trace.mark(now, node.id, message.type, 'seq' in message ? message.seq : 0)
      node.swim.receive(from, message, local, node.out)
    }
    this.#world.afterCall(node)
  }

  #setTimer(node: SimulatedNode, key: TimerKey, at: Millis, isCurrent: () => boolean): void {
    const { heap, now } = this.#world
    const event = heap.push(Math.max(node.clock.worldAt(at), now), () => {
      if (isCurrent() && node.timers.get(key)?.event === event) this.#fire(node, key)
    })
    node.timers.set(key, { event, at })
  }

  #fire(node: SimulatedNode, key: TimerKey): void {
    const timer = node.timers.get(key)
    if (timer === undefined) return
    if (node.status === 'paused') {
      node.overdue.push(() => {
        if (node.timers.get(key) === timer) this.#fire(node, key)
      })
      return
    }
    const { now, trace } = this.#world
    node.timers.delete(key)
    trace.mark(now, node.id, key)
    node.swim.fire(key, node.clock.reach(timer.at, now), node.out)
    this.#world.afterCall(node)
  }

  #deliver(target: SimulatedNode, from: Address, messages: readonly Message[]): void {
    if (isResponsive(target)) this.receive(target, from, messages)
    else if (target.status === 'down' || target.status === 'left') return
    else if (target.socket.length < SOCKET_PACKETS_MAX) target.socket.push({ from, messages })
    else this.#world.counts.packetsDropped++
  }
}
