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
    const { peer, incarnation } = this.#context.membership.self
    return {
      type: 'alive',
      incarnation,
      node: peer.name,
      address: peer.address,
      port: peer.port,
      meta: peer.meta,
      versions: peer.versions,
    }
  }

  /** Tells everybody what we are now. */
  announce(now: Millis, out: Effects): void {
    this.#gossip.announce(this.#context.membership.self.peer.name, this.statement(), out, now)
  }

  /** A claim about us that is not true and could be believed: answer above it. */
  refute(accusedIncarnation: number, now: Millis, out: Effects): void {
    if (this.#context.planted === 'skip-refutation') return
    this.raise(accusedIncarnation)
    // Whoever must defend himself was late: a sign of his own bad health.
    judgeOurselves(this.#context, 1, out)
    this.announce(now, out)
  }

  /** Our next incarnation: strictly above the given one, or the rumour outlives the answer. */
  raise(aboveIncarnation: number): void {
    const { self } = this.#context.membership
    const next = Math.max(self.incarnation, aboveIncarnation) + 1
    self.incarnation = Math.min(INCARNATION_MAX, next)
  }
}
