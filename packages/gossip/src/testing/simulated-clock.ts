import type { Millis } from '../core/effects.ts'

/**
 * The clock that one process reads: it may run fast or slow, and jump ahead. Like the monotonic clock
 * of a real process it never runs backwards.
 */
export class SimulatedClock {
  #rate = 1
  /** A moment of the world, and what this clock showed then. */
  #worldBase: Millis = 0
  #localBase: Millis = 0
  #latest: Millis = 0

  /** What the clock shows. */
  read(world: Millis): Millis {
    this.#latest = Math.max(this.#latest, this.#localAt(world))
    return this.#latest
  }

  /** What the clock shows when a timer for `local` fires: never less than was asked for. */
  reach(local: Millis, world: Millis): Millis {
    this.#latest = Math.max(this.#latest, local)
    return this.read(world)
  }

  /** When, in whole milliseconds of the world, the clock will show `local`. */
  worldAt(local: Millis): Millis {
    return Math.ceil(this.#worldBase + (local - this.#localBase) / this.#rate)
  }

  /** From now on it runs at `rate` times the world's speed, and is `jumpMs` ahead of where it was. */
  skew(world: Millis, rate: number, jumpMs: number): void {
    this.#localBase = this.#localAt(world) + jumpMs
    this.#worldBase = world
    this.#rate = rate
  }

  #localAt(world: Millis): Millis {
    return this.#localBase + (world - this.#worldBase) * this.#rate
  }
}
