import { sameBytes } from '../core/bytes.ts'
import type { SwimConfig } from '../core/config.ts'
import type { Member, MemberEvent } from '../core/effects.ts'
import { USER_BROADCASTS_MAX } from '../core/limits.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** What the checkers may know of the truth. */
export interface Truth {
  readonly config: SwimConfig
  readonly nodes: ReadonlyMap<string, SimulatedNode>
  /** Did all nodes know all from the beginning, without events? */
  readonly isAcquainted: boolean
  /** Does the network lose packets all the time? Then news may be under way at any moment. */
  isLossy(): boolean
  fail(text: string): never
}

/** What the events of one observer said about one member so far. Equal ones are shared by all observers. */
interface Known {
  readonly incarnation: number
  readonly host: string
  readonly port: number
  readonly life: Life
}

type Life = 'present' | 'suspect' | 'gone'

type Told = Extract<MemberEvent, { readonly member: Member }>['type']

/** Which events may follow which, and where they lead. Whoever is not known may only join. */
const LIVES: Record<Told, { readonly after: readonly Life[]; readonly to: Life }> = {
  join: { after: ['gone'], to: 'present' },
  update: { after: ['present'], to: 'present' },
  suspect: { after: ['present'], to: 'suspect' },
  refuted: { after: ['suspect'], to: 'present' },
  fail: { after: ['present', 'suspect'], to: 'gone' },
  leave: { after: ['present', 'suspect'], to: 'gone' },
}

/** Pairs of observer and member that are compared at one time; the rest have their turn later. */
const PAIRS_PER_TURN = 100_000

/**
 * Invariants that hold at every moment of every run:
 *
 * 1. In the view of one machine the incarnation of a member never falls, and one that is gone comes
 *    back only with a higher one, as long as it keeps its address.
 * 2. Events tell a life: join, then suspect, refuted, update, then fail or leave, then join or reap.
 * 3. No queue grows over its cap, and no health score leaves its range.
 * 4. The own incarnation of a machine never falls, and whoever was evicted says so before it denies it.
 *
 * And once the faults are over for long enough:
 *
 * 5. Every live member holds every other live member alive, with its true metadata, and nobody else.
 * 6. Nobody has anything left to say.
 */
export class Checkers {
  readonly #truth: Truth
  readonly #known = new Map<string, Map<string, Known>>()
  readonly #latest = new Map<string, Known>()
  /** The own incarnation of each machine, as it was after its last call. */
  readonly #own = new Map<string, number>()
  #turn = 0

  constructor(truth: Truth) {
    this.#truth = truth
  }

  /** A new machine has seen nothing yet. */
  forget(id: string): void {
    this.#known.delete(id)
    this.#own.delete(id)
  }

  observe(observer: SimulatedNode, event: MemberEvent): void {
    if (event.type === 'reap') this.#checkReap(observer, event.name)
    if (event.type === 'evicted' && observer.swim.incarnation > event.incarnation) {
      this.#truth.fail(`${observer.id} denied its death before it told that it was evicted`)
    }
    if (!('member' in event)) return
    const { member, type } = event
    const known = this.#viewOf(observer.id).get(member.name)
    this.#checkLife(observer, type, member, known)
    if (known !== undefined && isSamePlace(known, member)) {
      this.#checkIncarnation(observer, type, member, known)
    }
    this.#remember(observer.id, member, LIVES[type].to)
  }

  afterCall(node: SimulatedNode): void {
    const { awarenessMaxMultiplier, broadcastsMax } = this.#truth.config
    const { healthScore, incarnation, queued } = node.swim
    if (queued > broadcastsMax + USER_BROADCASTS_MAX) {
      this.#truth.fail(`${node.id} has ${queued} broadcasts queued`)
    }
    if (healthScore < 0 || healthScore >= awarenessMaxMultiplier) {
      this.#truth.fail(`${node.id} has a health score of ${healthScore}`)
    }
    const before = this.#own.get(node.id) ?? 0
    if (incarnation < before) {
      this.#truth.fail(`${node.id} fell from incarnation ${before} to ${incarnation}`)
    }
    if (incarnation !== before) this.#own.set(node.id, incarnation)
  }

  /** Invariants 5 and 6, for as many observers as fit in one turn. */
  settled(): void {
    const live = [...this.#truth.nodes.values()].filter((node) => node.status === 'up')
    const turns = Math.max(1, Math.ceil(live.length ** 2 / PAIRS_PER_TURN))
    this.#turn++
    this.#settled(
      live.filter((_, index) => index % turns === this.#turn % turns),
      live,
    )
  }

  /** Invariants 5 and 6 in the eyes of at most `observersMax`, evenly chosen. O(observers × n). */
  settledFor(observersMax: number): void {
    const live = [...this.#truth.nodes.values()].filter((node) => node.status === 'up')
    const stride = Math.max(1, Math.ceil(live.length / observersMax))
    this.#settled(
      live.filter((_, index) => index % stride === 0),
      live,
    )
  }

  #settled(observers: readonly SimulatedNode[], live: readonly SimulatedNode[]): void {
    const contested = contestedNames(this.#truth.nodes.values())
    const byName = new Map(live.map((node) => [node.name, node]))
    for (const observer of observers) {
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
    const returns = known.life === 'gone' && type === 'join'
    const low = returns
      ? member.incarnation <= known.incarnation
      : member.incarnation < known.incarnation
    if (!low) return
    this.#truth.fail(
      `${observer.id}: ${type} of ${member.name} at incarnation ${member.incarnation} after ${known.incarnation}`,
    )
  }

  #checkLife(observer: SimulatedNode, type: Told, member: Member, known: Known | undefined): void {
    const isFirst = known === undefined
    const allowed: readonly (Life | undefined)[] = LIVES[type].after
    const unknown = this.#truth.isAcquainted ? 'present' : undefined
    const life = known?.life ?? unknown
    // Whoever restarts in an acquainted cluster knows nobody.
    if ((isFirst && type === 'join') || allowed.includes(life)) return
    this.#truth.fail(`${observer.id}: ${type} of ${member.name}, which was ${life ?? 'unknown'}`)
  }

  #checkReap(observer: SimulatedNode, name: string): void {
    const life = this.#viewOf(observer.id).get(name)?.life
    if (life !== 'gone') this.#truth.fail(`${observer.id}: reap of ${name}, which was ${life}`)
    this.#viewOf(observer.id).delete(name)
  }

  #remember(id: string, member: Member, life: Life): void {
    const { address, incarnation, name } = member
    const { host, port } = address
    const latest = this.#latest.get(name)
    const isSame =
      latest?.incarnation === incarnation && latest.life === life && isSamePlace(latest, member)
    const known = isSame ? latest : { incarnation, host, port, life }
    if (!isSame) this.#latest.set(name, known)
    this.#viewOf(id).set(name, known)
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

/** Names that several running nodes claim: nothing can be said about who is right. */
function contestedNames(nodes: Iterable<SimulatedNode>): ReadonlySet<string> {
  const seen = new Set<string>()
  const contested = new Set<string>()
  for (const { name, status } of nodes) {
    if (status === 'down' || status === 'left') continue
    if (seen.has(name)) contested.add(name)
    seen.add(name)
  }
  return contested
}
