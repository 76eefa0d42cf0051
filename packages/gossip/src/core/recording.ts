import type { Effects, MemberEvent, Millis, TimerKey } from './effects.ts'
import type { Address, Message, StateExchange } from './messages.ts'

/** One packet, exchange or stream ping that the machine asked for. */
export type Sent =
  | { readonly type: 'packet'; readonly to: Address; readonly messages: readonly Message[] }
  | { readonly type: 'exchange'; readonly to: Address; readonly local: StateExchange }
  | {
      readonly type: 'stream-ping'
      readonly to: Address
      readonly node: string
      readonly seq: number
      readonly deadline: Millis
    }

/** Effects that are only written down, for tests and for drivers that prefer to drain. */
export interface RecordedEffects extends Effects {
  readonly sent: Sent[]
  readonly events: MemberEvent[]
  /** Timers that are set, by key. */
  readonly timers: Map<TimerKey, Millis>
  /** Messages of all packets, in order. */
  messages(): Message[]
  /** Forgets what was sent and told; timers stay. */
  clear(): void
}

export function recordEffects(): RecordedEffects {
  const sent: Sent[] = []
  const events: MemberEvent[] = []
  const timers = new Map<TimerKey, Millis>()
  return {
    sent,
    events,
    timers,
    sendPacket: (to, messages) => sent.push({ type: 'packet', to, messages: [...messages] }),
    exchangeState: (to, local) => sent.push({ type: 'exchange', to, local }),
    pingOverStream: (to, node, seq, deadline) =>
      sent.push({ type: 'stream-ping', to, node, seq, deadline }),
    setTimer: (key, at) => timers.set(key, at),
    clearTimer: (key) => timers.delete(key),
    notify: (event) => events.push(event),
    messages: () => sent.flatMap((item) => (item.type === 'packet' ? item.messages : [])),
    clear: () => {
      sent.length = 0
      events.length = 0
    },
  }
}
