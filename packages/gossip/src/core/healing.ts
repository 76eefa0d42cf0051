import type { Context } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import type { Row } from './membership.ts'
import type { Address } from './messages.ts'

/** A member that was given up. */
export interface Lost {
  readonly to: Address
  /** At which it was declared dead. */
  readonly incarnation: number
  readonly until: Millis
}

/**
 * Retries members that were declared dead, so that a partition heals by itself. It remembers them
 * after the table forgot them, for `healForMs`.
 *
 * Every `healIntervalMs` (± half of it) one lost member is tried, with a chance of lost ÷ alive, so that the
 * cluster as a whole, and not each member, knocks once per interval on each closed door.
 */
export class Healing {
  readonly #context: Context
  readonly #exchange: (to: Address, out: Effects) => void
  readonly #lost = new Map<string, Lost>()
  #armed = false

  constructor(context: Context, exchange: (to: Address, out: Effects) => void) {
    this.#context = context
    this.#exchange = exchange
  }

  get size(): number {
    return this.#lost.size
  }

  /** A member was given up. At the cap the longest lost is forgotten. */
  lose(row: Row, now: Millis, out: Effects): void {
    const { config, membership, planted } = this.#context
    if (config.healForMs === 0 || planted === 'no-healing') return
    const { name, to } = membership.peer(row)
    this.#lost.delete(name)
    if (this.#lost.size >= config.membersMax) {
      const [longest] = this.#lost.keys()
      if (longest !== undefined) this.#lost.delete(longest)
    }
    const incarnation = membership.incarnation(row)
    this.#lost.set(name, { to, incarnation, until: now + config.healForMs })
    this.#arm(now, out)
  }

  /** What is remembered of a member that was given up and is not back. */
  lost(name: string): Lost | undefined {
    return this.#lost.get(name)
  }

  /** The member is back, or said goodbye; what was remembered of it, if it was lost. */
  find(name: string): Lost | undefined {
    const lost = this.#lost.get(name)
    if (lost !== undefined) this.#lost.delete(name)
    return lost
  }

  fire(now: Millis, out: Effects): void {
    this.#armed = false
    for (const [name, lost] of this.#lost) if (lost.until <= now) this.#lost.delete(name)
    if (this.#lost.size === 0 || this.#context.phase !== 'running') return
    const chosen = this.#choose()
    if (chosen !== undefined) {
      this.#context.tally.healsTried++
      this.#exchange(chosen.to, out)
    }
    this.#arm(now, out)
  }

  #choose(): Lost | undefined {
    const { membership, options } = this.#context
    const others = membership.countOthers()
    if (others > 0 && options.random.below(others) >= this.#lost.size) return undefined
    let skip = options.random.below(this.#lost.size)
    for (const lost of this.#lost.values()) {
      if (skip === 0) return lost
      skip--
    }
    return undefined
  }

  #arm(now: Millis, out: Effects): void {
    if (this.#armed) return
    this.#armed = true
    const { config, options } = this.#context
    const jitter = options.random.below(config.healIntervalMs)
    out.setTimer('heal', now + (config.healIntervalMs >>> 1) + jitter)
  }
}
