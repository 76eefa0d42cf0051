import type { Millis, TimerKey } from '../core/effects.ts'
import { ALARM_MS_MAX, LAG_NOTICED_MS, TIMERS_PER_TURN_MAX } from './limits.ts'
import { TimerHeap } from './timer-heap.ts'

export interface AlarmOptions {
  readonly now: () => Millis
  readonly fire: (key: TimerKey) => void
  /** We were not scheduled for this long; called before the timers that are late because of it. */
  readonly lagged: (lagMs: number) => void
}

/** All timers of one machine behind one `setTimeout`, which also measures how late it comes. */
export class Alarm {
  readonly #options: AlarmOptions
  readonly #heap = new TimerHeap()
  #timeout: NodeJS.Timeout | undefined
  /** When the timeout is due; Infinity when there is none. */
  #dueAt: Millis = Number.POSITIVE_INFINITY
  #isFiring = false
  #isClosed = false

  constructor(options: AlarmOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#heap.size
  }

  set(key: TimerKey, at: Millis): void {
    this.#heap.set(key, at)
  }

  clear(key: TimerKey): void {
    this.#heap.clear(key)
  }

  /** Follows the earliest deadline; called after every batch of changes. */
  rearm(): void {
    const next = this.#heap.nextAt ?? Number.POSITIVE_INFINITY
    if (this.#isClosed || this.#isFiring || next === this.#dueAt) return
    clearTimeout(this.#timeout)
    this.#dueAt = next
    if (next === Number.POSITIVE_INFINITY) return
    const waitMs = Math.min(ALARM_MS_MAX, Math.max(0, Math.ceil(next - this.#options.now())))
    this.#timeout = setTimeout(() => this.#ring(), waitMs)
  }

  #ring(): void {
    const lagMs = this.#options.now() - this.#dueAt
    // From here on `rearm` waits for the end of `#fireDue`.
    this.#isFiring = true
    if (lagMs < LAG_NOTICED_MS) this.#fireDue()
    else {
      this.#options.lagged(lagMs)
      // While we stood still, answers have piled up in the sockets; they are read before anyone is accused.
      setImmediate(() => this.#fireDue())
    }
  }

  #fireDue(): void {
    for (let fired = 0; fired < TIMERS_PER_TURN_MAX && !this.#isClosed; fired += 1) {
      const key = this.#heap.takeDue(this.#options.now())
      if (key === undefined) break
      this.#options.fire(key)
    }
    this.#isFiring = false
    this.#dueAt = Number.POSITIVE_INFINITY
    this.rearm()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timeout)
  }
}
