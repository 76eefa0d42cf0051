import { swimConfig } from '../../src/core/config.ts'
import type { MemberEvent } from '../../src/core/effects.ts'
import type { Address, Alive, Dead, NodeState, Suspect } from '../../src/core/messages.ts'
import type { SwimOptions } from '../../src/core/options.ts'
import { pcg32 } from '../../src/core/random.ts'
import { type RecordedEffects, recordEffects } from '../../src/core/recording.ts'
import { createSwim, type Swim } from '../../src/core/swim.ts'
import { messageSize } from '../../src/wire/message-codec.ts'

export const VERSIONS = Uint8Array.of(1, 5, 2, 0, 0, 0)
export const PORT = 7946

/** `a` lives at 10.0.0.97, and so on: an address that can be read. */
export const addressOf = (name: string): Uint8Array => Uint8Array.of(10, 0, 0, name.charCodeAt(0))

export const placeOf = (name: string): Address => ({ host: addressOf(name).join('.'), port: PORT })

export const alive = (node: string, incarnation = 1, more: Partial<Alive> = {}): Alive => ({
  type: 'alive',
  node,
  incarnation,
  address: addressOf(node),
  port: PORT,
  meta: new Uint8Array(0),
  versions: VERSIONS,
  ...more,
})

export const suspect = (node: string, incarnation: number, from: string): Suspect => ({
  type: 'suspect',
  node,
  incarnation,
  from,
})

export const dead = (node: string, incarnation: number, from: string): Dead => ({
  type: 'dead',
  node,
  incarnation,
  from,
})

export const row = (
  name: string,
  state: NodeState['state'],
  incarnation = 1,
  more: Partial<NodeState> = {},
): NodeState => ({
  name,
  state,
  incarnation,
  address: addressOf(name),
  port: PORT,
  meta: new Uint8Array(0),
  versions: VERSIONS,
  ...more,
})

export const rows = (...nodes: readonly NodeState[]) => ({
  join: false,
  nodes,
  userState: new Uint8Array(0),
})

export function optionsOf(more: Partial<SwimOptions> = {}): SwimOptions {
  return {
    name: 'a',
    address: addressOf('a'),
    port: PORT,
    meta: new Uint8Array(0),
    versions: VERSIONS,
    config: swimConfig('lan'),
    random: pcg32(0x5eed),
    measure: messageSize,
    ...more,
  }
}

/** One machine and everything that it asked for; the test is its driver and its clock. */
export class Bench {
  readonly out: RecordedEffects = recordEffects()
  readonly swim: Swim
  now = 0

  constructor(more: Partial<SwimOptions> = {}) {
    this.swim = createSwim(optionsOf(more))
    this.swim.start(0, this.out)
    this.out.clear()
  }

  /** These members are known and alive. */
  know(...names: readonly string[]): this {
    for (const name of names) this.hear(alive(name))
    this.settle()
    return this
  }

  hear(message: Parameters<Swim['receive']>[1], from: Address = placeOf('z')): this {
    this.swim.receive(from, message, this.now, this.out)
    return this
  }

  merge(...nodes: readonly NodeState[]): this {
    this.swim.mergeState(placeOf('z'), rows(...nodes), this.now, this.out)
    return this
  }

  /** Lets the news that waits be told, and forgets what was sent. */
  settle(): this {
    for (let round = 0; round < 200 && this.swim.queued > 0; round++) {
      this.now += 1
      this.swim.fire('gossip', this.now, this.out)
      if (!this.out.timers.has('gossip')) break
    }
    this.out.clear()
    return this
  }

  /** Fires what is due until `at`, in order. */
  advanceTo(at: number): this {
    for (;;) {
      const due = [...this.out.timers].filter(([, when]) => when <= at)
      const next = due.sort(([, a], [, b]) => a - b)[0]
      if (next === undefined) break
      const [key, when] = next
      this.out.timers.delete(key)
      this.now = Math.max(this.now, when)
      this.swim.fire(key, this.now, this.out)
    }
    this.now = Math.max(this.now, at)
    return this
  }

  state(name: string): string {
    return this.swim.member(name)?.state ?? 'unknown'
  }

  events(type: MemberEvent['type']): MemberEvent[] {
    return this.out.events.filter((event) => event.type === type)
  }

  /** Types of what was told to the application, in order. */
  get told(): string[] {
    return this.out.events.map((event) => event.type)
  }

  /** The next news that would be gossiped, by tiers; at least one other member must be known. */
  gossip(): readonly unknown[] {
    const before = this.out.sent.length
    this.swim.fire('gossip', this.now, this.out)
    const packet = this.out.sent[before]
    return packet?.type === 'packet' ? packet.messages : []
  }
}
