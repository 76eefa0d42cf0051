import { LOG_INTERVAL_MS, LOG_LINES_MAX } from './limits.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
/** Where lines go; `details` holds addresses, codes and counts, never keys. */
export type Log = (level: LogLevel, message: string, details?: object) => void

interface Kind {
  since: number
  lines: number
  held: number
}

/**
 * A log that a flood of bad packets cannot fill: at most five lines of one message per ten seconds; the next
 * line says how many were held back. Messages are the constant texts of this package, so kinds are few.
 */
export class LimitedLog {
  readonly #log: Log
  readonly #now: () => number
  readonly #kinds = new Map<string, Kind>()

  constructor(log: Log, now: () => number) {
    this.#log = log
    this.#now = now
  }

  write(level: LogLevel, message: string, details: object = {}): void {
    const now = this.#now()
    const kind = this.#kinds.get(message) ?? { since: now, lines: 0, held: 0 }
    this.#kinds.set(message, kind)
    if (now - kind.since >= LOG_INTERVAL_MS) {
      kind.since = now
      kind.lines = 0
    }
    if (kind.lines >= LOG_LINES_MAX) {
      kind.held += 1
      return
    }
    kind.lines += 1
    const held = kind.held
    kind.held = 0
    try {
      this.#log(level, message, held > 0 ? { ...details, heldBack: held } : details)
    } catch {
      // A log that throws has nowhere to be reported, and must not take gossip down with it.
    }
  }
}
