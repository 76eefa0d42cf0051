import { type Context, judgeOurselves } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import type { GossipRound } from './gossip-round.ts'
import { INCARNATION_MAX } from './limits.ts'
import type { Alive } from './messages.ts'

/** Speaks for ourselves: what we are, and that we are alive. */
export class Refutation {
  readonly #context: Context
  readonly #gossip: GossipRound

  constructor(context: Context, gossip: GossipRound) {
    this.#context = context
    this.#gossip = gossip
  }

  /** Our own alive, as of now. */
  statement(): Alive {
    const { membership } = this.#context
    const peer = membership.peer(membership.self)
    return {
      type: 'alive',
      incarnation: membership.incarnation(membership.self),
      node: peer.name,
      address: peer.address,
      port: peer.port,
      meta: peer.meta,
      versions: peer.versions,
    }
  }

  /** Tells everybody what we are now. */
  announce(now: Millis, out: Effects): void {
    const statement = this.statement()
    this.#gossip.announce(statement.node, statement, out, now)
  }

  /** A claim about us that is not true and could be believed: answer above it. */
  refute(accusedIncarnation: number, now: Millis, out: Effects): void {
    const { membership, planted, tally } = this.#context
    if (planted === 'skip-refutation') return
    tally.refutations++
    this.raise(accusedIncarnation)
    if (planted === 'refute-at-the-same-incarnation') {
      membership.setIncarnation(membership.self, accusedIncarnation)
    }
    // Whoever must defend himself was late: a sign of his own bad health.
    judgeOurselves(this.#context, 1, out)
    this.announce(now, out)
  }

  /** Our next incarnation: strictly above the given one, or the rumour outlives the answer. */
  raise(aboveIncarnation: number): void {
    const { membership } = this.#context
    const next = Math.max(membership.incarnation(membership.self), aboveIncarnation) + 1
    membership.setIncarnation(membership.self, Math.min(INCARNATION_MAX, next))
  }
}
