import type { Effects, Member, MemberEvent, Millis, TimerKey } from '../core/effects.ts'
import type { Address, Message } from '../core/messages.ts'
import type { Pcg32 } from '../core/random.ts'
import type { Swim } from '../core/swim.ts'
import type { ScheduledEvent } from './event-heap.ts'

/** Datagrams that the kernel of a paused node holds for it; more are lost. */
export const SOCKET_PACKETS_MAX = 1024

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
  readonly timers: Map<TimerKey, ScheduledEvent>
  /** Timers that came due, and packets that arrived, while it was paused. */
  readonly overdue: (() => void)[]
  readonly socket: { readonly from: Address; readonly messages: readonly Message[] }[]
  /** What it told the application, while the simulation is small enough to keep it. */
  readonly events: { readonly at: Millis; readonly event: MemberEvent }[]
  swim: Swim
  out: Effects
  /** Counts starts; a number that changed says that an answer came too late. */
  instance: number
  meta: Uint8Array
  status: 'up' | 'paused' | 'down' | 'left'
}

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
