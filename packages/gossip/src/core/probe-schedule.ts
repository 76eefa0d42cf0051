import type { Context } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import type { Row } from './membership.ts'

/**
 * Who is probed next: round robin over a random order, so that every member is probed within
 * 2n − 1 intervals. Each round ends with forgetting the long gone and a new shuffle.
 */
export class ProbeSchedule {
  readonly #context: Context
  #cursor = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** The next member to probe; undefined when there is nobody. O(1) amortised. */
  next(now: Millis, out: Effects): Row | undefined {
    const { membership } = this.#context
    // Twice the table: a full circle may begin just before the end of a round.
    for (let step = 0; step < 2 * membership.size + 1; step++) {
      const row = membership.rows[this.#cursor]
      if (row === undefined) {
        this.#endRound(now, out)
        continue
      }
      this.#cursor++
      if (row !== membership.self && !membership.isGone(row)) return row
    }
    return undefined
  }

  #endRound(now: Millis, out: Effects): void {
    const { config, membership } = this.#context
    this.#cursor = 0
    for (const name of membership.reap(now - config.gossipToTheDeadMs)) {
      out.notify({ type: 'reap', name })
    }
    membership.reshuffle()
  }
}
