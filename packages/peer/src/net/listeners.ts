import type { Counters } from './counters.ts'
import type { PeerLog } from './options.ts'

/** Calls the application; what it throws is counted and logged, and never breaks a link or reaches another listener. */
export class ListenerGuard {
  readonly #counters: Counters
  readonly #log: PeerLog

  constructor(counters: Counters, log: PeerLog) {
    this.#counters = counters
    this.#log = log
  }

  report(error: unknown, what: string): void {
    this.#counters.listenerErrors++
    this.#log.error({ error }, `${what} threw`)
  }
}

/** The listeners of one event, called in the order in which they were added. */
export class ListenerList<Args extends readonly unknown[]> {
  readonly #name: string
  readonly #guard: ListenerGuard
  #listeners: readonly ((...args: Args) => void)[] = []

  constructor(name: string, guard: ListenerGuard) {
    this.#name = name
    this.#guard = guard
  }

  get isEmpty(): boolean {
    return this.#listeners.length === 0
  }

  /** Adds `listener`; the answer removes it again. */
  add(listener: (...args: Args) => void): () => void {
    const entry = (...args: Args): void => listener(...args)
    this.#listeners = [...this.#listeners, entry]
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry)
    }
  }

  emit(...args: Args): void {
    for (const listener of this.#listeners) {
      try {
        listener(...args)
      } catch (error) {
        this.#guard.report(error, `a listener of ${this.#name}`)
      }
    }
  }
}
