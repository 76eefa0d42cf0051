import type { Effects, Member, MemberEvent, Millis, TimerKey } from '../core/effects.ts'
import type { Address, Message } from '../core/messages.ts'
import type { Pcg32 } from '../core/random.ts'
import type { Swim } from '../core/swim.ts'
import type { ScheduledEvent } from './event-heap.ts'
import type { SimulatedClock } from './simulated-clock.ts'

/** Datagrams that a kernel holds for a process which does not read or write; more are lost. */
export const SOCKET_PACKETS_MAX = 1024

/** A timer of the machine: the event in the world's time, and the moment that was asked for in the node's own. */
export interface NodeTimer {
  readonly event: ScheduledEvent
  readonly at: Millis
}

/** One process of the simulation. A restart makes a new machine behind the same id and address. */
export interface SimulatedNode {
  readonly id: string
  /** Its name in the protocol: the id, unless a test plays a name conflict. */
  readonly name: string
  /** Position in the order of `add`; it gives the address and the random streams. */
  readonly index: number
  readonly to: Address
  /** Fates of its packets. */
  readonly network: Pcg32
  clock: SimulatedClock
  readonly timers: Map<TimerKey, NodeTimer>
  /** Timers that came due, and packets that arrived, while it did not run or could not read. */
  readonly overdue: (() => void)[]
  readonly socket: { readonly from: Address; readonly messages: readonly Message[] }[]
  /** Packets that it could not send. */
  readonly outbox: { readonly to: Address; readonly messages: readonly Message[] }[]
  /** What it told the application, while the simulation is small enough to keep it. */
  readonly events: { readonly at: Millis; readonly event: MemberEvent }[]
  /** Members that the process before the last stop knew: its file of known peers. */
  remembered: readonly Address[]
  swim: Swim
  out: Effects
  /** Counts starts; a number that changed says that an answer came too late. */
  instance: number
  meta: Uint8Array
  status: 'up' | 'paused' | 'down' | 'left'
  /** Its packets wait, both ways, while its timers run. */
  isBlocked: boolean
  /** Counts changes of its slowness, so that a rhythm that was replaced ends. */
  rhythm: number
}

/** Can it read and answer now? */
export const isResponsive = (node: SimulatedNode): boolean =>
  node.status === 'up' && !node.isBlocked

/** What one node believes. Names are sorted. */
export interface View {
  /** Members that are alive. */
  alive(): readonly string[]
  /** Members that are alive or suspect: what the ring is made of. */
  members(): readonly string[]
  suspects(): readonly string[]
  dead(): readonly string[]
  left(): readonly string[]
  state(name: string): Member['state'] | 'unknown'
  member(name: string): Member | undefined
  readonly events: readonly MemberEvent[]
  readonly incarnation: number
  readonly healthScore: number
  readonly queued: number
}

export function viewOfNode(node: SimulatedNode): View {
  const { swim } = node
  const named = (...states: readonly Member['state'][]) =>
    [...swim.members()]
      .filter((member) => states.includes(member.state))
      .map((member) => member.name)
      .sort()
  return {
    alive: () => named('alive'),
    members: () => named('alive', 'suspect'),
    suspects: () => named('suspect'),
    dead: () => named('dead'),
    left: () => named('left'),
    state: (name) => swim.member(name)?.state ?? 'unknown',
    member: (name) => swim.member(name),
    get events() {
      return node.events.map((entry) => entry.event)
    },
    get incarnation() {
      return swim.incarnation
    },
    get healthScore() {
      return swim.healthScore
    },
    get queued() {
      return swim.queued
    },
  }
}

/** A node that never started has no effects. */
export const NO_EFFECTS: Effects = {
  sendPacket: () => {},
  exchangeState: () => {},
  pingOverStream: () => {},
  setTimer: () => {},
  clearTimer: () => {},
  notify: () => {},
}
