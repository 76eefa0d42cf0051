import { STREAMS_RECEIVED_BYTES_MAX } from './limits.ts'

/** Counts what unfinished streams have received, so that many of them together cannot fill the memory. */
export class StreamBudget {
  readonly #max: number
  #held = 0

  constructor(max = STREAMS_RECEIVED_BYTES_MAX) {
    this.#max = max
  }

  get heldBytes(): number {
    return this.#held
  }

  /** Takes `bytes` for `account`; false when that is too much for all streams together. */
  take(account: StreamAccount, bytes: number): boolean {
    if (this.#held + bytes > this.#max) return false
    this.#held += bytes
    account.bytes += bytes
    return true
  }

  /** Gives back everything that the stream has taken. */
  release(account: StreamAccount): void {
    this.#held -= account.bytes
    account.bytes = 0
  }
}

/** What one stream has received. */
export interface StreamAccount {
  bytes: number
}
