import { sameBytes } from '../core/bytes.ts'
import type { SwimConfig } from '../core/config.ts'
import type { Member, MemberEvent } from '../core/effects.ts'
import { USER_BROADCASTS_MAX } from '../core/limits.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** What the checkers may know of the truth. */
export interface Truth {
  readonly config: SwimConfig
  readonly nodes: ReadonlyMap<string, SimulatedNode>
  /** Does the network lose packets all the time? Then news may be under way at any moment. */
  isLossy(): boolean
  fail(text: string): never
}

interface Known {
  incarnation: number
  host: string
  port: number
  gone: boolean
}

/**
 * Invariants that hold at every moment of every run:
 *
 * 1. In the view of one machine the incarnation of a member never falls, and one that is gone comes
 *    back only with a higher one, as long as it keeps its address.
 * 2. No queue grows over its cap.
 *
 * And once the faults are over for long enough:
 *
 * 3. Every live member holds every other live member alive, with its true metadata, and nobody else.
 * 4. Nobody has anything left to say.
 */
export class Checkers {
  readonly #truth: Truth
  readonly #known = new Map<string, Map<string, Known>>()

  constructor(truth: Truth) {
    this.#truth = truth
  }

  /** A new machine has seen nothing yet. */
  forget(id: string): void {
    this.#known.delete(id)
  }

  observe(observer: SimulatedNode, event: MemberEvent): void {
    if (event.type === 'reap') this.#viewOf(observer.id).delete(event.name)
    if (!('member' in event)) return
    const { member, type } = event
    const known = this.#viewOf(observer.id).get(member.name)
    if (known !== undefined && isSamePlace(known, member)) {
      this.#checkIncarnation(observer, type, member, known)
    }
    this.#remember(observer.id, member, type === 'fail' || type === 'leave')
  }

  afterCall(node: SimulatedNode): void {
    const { config } = this.#truth
    if (node.swim.queued > config.broadcastsMax + USER_BROADCASTS_MAX) {
      this.#truth.fail(`${node.id} has ${node.swim.queued} broadcasts queued`)
    }
  }

  /** Invariants 3 and 4. O(n²). */
  settled(): void {
    const live = [...this.#truth.nodes.values()].filter((node) => node.status === 'up')
    const contested = contestedNames(this.#truth.nodes.values())
    const byName = new Map(live.map((node) => [node.name, node]))
    for (const observer of live) {
      if (contested.has(observer.name)) continue
      for (const subject of live) {
        if (!contested.has(subject.name)) this.#checkPair(observer, subject)
      }
      this.#checkGhosts(observer, byName, contested)
      this.#checkSilence(observer)
    }
  }

  #checkPair(observer: SimulatedNode, subject: SimulatedNode): void {
    const member = observer.swim.member(subject.name)
    const state = member?.state ?? 'unknown'
    const fine = state === 'alive' || (this.#truth.isLossy() && state === 'suspect')
    if (!fine) this.#truth.fail(`${observer.id} holds ${subject.id} ${state}, but it lives`)
    if (member !== undefined && !this.#truth.isLossy()) {
      const { incarnation } = subject.swim
      if (member.incarnation !== incarnation) {
        this.#truth.fail(
          `${observer.id} holds ${subject.id} at incarnation ${member.incarnation} instead of ${incarnation}`,
        )
      }
      if (!sameBytes(member.meta, subject.meta)) {
        this.#truth.fail(`${observer.id} has old metadata of ${subject.id}`)
      }
    }
  }

  #checkGhosts(
    observer: SimulatedNode,
    live: ReadonlyMap<string, SimulatedNode>,
    contested: ReadonlySet<string>,
  ): void {
    for (const member of observer.swim.members()) {
      const present = member.state === 'alive' || member.state === 'suspect'
      if (present && !live.has(member.name) && !contested.has(member.name)) {
        this.#truth.fail(`${observer.id} holds ${member.name} ${member.state}, but it is gone`)
      }
    }
  }

  #checkSilence(observer: SimulatedNode): void {
    const { queued } = observer.swim
    if (queued > 0 && !this.#truth.isLossy() && this.#hasListeners(observer)) {
      this.#truth.fail(`${observer.id} still gossips ${queued} broadcasts`)
    }
  }

  #hasListeners(observer: SimulatedNode): boolean {
    for (const member of observer.swim.members()) {
      if (member.name !== observer.name && member.state === 'alive') return true
    }
    return false
  }

  #checkIncarnation(observer: SimulatedNode, type: string, member: Member, known: Known): void {
    const returns = known.gone && type === 'join'
    const low = returns
      ? member.incarnation <= known.incarnation
      : member.incarnation < known.incarnation
    if (!low) return
    this.#truth.fail(
      `${observer.id}: ${type} of ${member.name} at incarnation ${member.incarnation} after ${known.incarnation}`,
    )
  }

  #remember(id: string, member: Member, gone: boolean): void {
    const { host, port } = member.address
    this.#viewOf(id).set(member.name, { incarnation: member.incarnation, host, port, gone })
  }

  #viewOf(id: string): Map<string, Known> {
    let view = this.#known.get(id)
    if (view === undefined) {
      view = new Map()
      this.#known.set(id, view)
    }
    return view
  }
}

const isSamePlace = (known: Known, member: Member): boolean =>
  known.host === member.address.host && known.port === member.address.port

/** Names that several nodes claim: nothing can be said about who is right. */
function contestedNames(nodes: Iterable<SimulatedNode>): ReadonlySet<string> {
  const seen = new Set<string>()
  const contested = new Set<string>()
  for (const { name } of nodes) {
    if (seen.has(name)) contested.add(name)
    seen.add(name)
  }
  return contested
}
