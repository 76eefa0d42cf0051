import {
  type CheckLimits,
  type CheckRecord,
  checkDelayMs,
  recordCheck,
  UNCHECKED,
} from '../health/check.ts'
import type { LostCause } from './lost-cause.ts'

/** One check under way. */
export interface RunningCheck {
  cancel(): void
}

export interface HealthCheckerOptions extends CheckLimits {
  readonly intervalMs: number
  /** In [0, 1). */
  readonly random: () => number
  /** Begins one check, which calls `done` once, later: without a cause it passed. */
  readonly check: (done: (cause: LostCause | undefined) => void) => RunningCheck
  /** The backend is up or down now; `cause` is why the last check failed. */
  readonly turned: (up: boolean, cause: LostCause | undefined) => void
}

/** Checks one backend at intervals, one check at a time, whatever protocol it speaks. */
export class HealthChecker {
  readonly #options: HealthCheckerOptions
  #record: CheckRecord = UNCHECKED
  #timer: NodeJS.Timeout | undefined
  #running: RunningCheck | undefined
  #closed = false

  constructor(options: HealthCheckerOptions) {
    this.#options = options
    this.#schedule()
  }

  /** Up until checks have said otherwise. */
  get record(): CheckRecord {
    return this.#record
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#running?.cancel()
    this.#running = undefined
  }

  #schedule(): void {
    const { intervalMs, random } = this.#options
    this.#timer = setTimeout(() => this.#begin(), checkDelayMs(intervalMs, this.#record, random()))
    this.#timer.unref()
  }

  #begin(): void {
    this.#running = this.#options.check((cause) => this.#done(cause))
  }

  #done(cause: LostCause | undefined): void {
    if (this.#closed) return
    this.#running = undefined
    const before = this.#record
    this.#record = recordCheck(before, cause === undefined, this.#options)
    this.#schedule()
    if (this.#record.up !== before.up) this.#options.turned(this.#record.up, cause)
  }
}
