/** Something that happened on this member: for operators, in `GET /v1/events`. */
export interface NodeEvent {
  /** Counts from 1 in this process. */
  readonly seq: number
  /** ISO 8601. */
  readonly at: string
  /** Such as `member-join` or `backend-out`. */
  readonly type: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** Events that are kept for those who connect later; older ones are forgotten. */
export const EVENTS_KEPT_MAX = 1_024

/** The last events, and those who listen for more. */
export class EventLog {
  readonly #now: () => number
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  #events: NodeEvent[] = []
  #seq = 0

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  add(type: string, facts: Readonly<Record<string, unknown>> = {}): void {
    const event = { seq: ++this.#seq, at: new Date(this.#now()).toISOString(), type, facts }
    this.#events.push(event)
    // Trimmed in blocks, so that one more event does not move all the others.
    if (this.#events.length >= 2 * EVENTS_KEPT_MAX)
      this.#events = this.#events.slice(-EVENTS_KEPT_MAX)
    for (const listener of this.#listeners) listener(event)
  }

  /** Those after number `seq` that are kept, oldest first. */
  since(seq: number): readonly NodeEvent[] {
    return this.#events.slice(-EVENTS_KEPT_MAX).filter((event) => event.seq > seq)
  }

  /** Calls `listener` for every further event, in order; it must not throw. The answer removes it. */
  listen(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
