import type { Millis } from '../core/effects.ts'

/** Something that happens at a moment of virtual time. */
export interface ScheduledEvent {
  readonly at: Millis
  /** Insertion order, which decides between equal times: so runs repeat exactly. */
  readonly order: number
  readonly run: () => void
}

/** Binary heap by (at, order). `push` and `pop` are O(log n). */
export class EventHeap {
  readonly #events: ScheduledEvent[] = []
  #orders = 0

  get size(): number {
    return this.#events.length
  }

  peek(): ScheduledEvent | undefined {
    return this.#events[0]
  }

  push(at: Millis, run: () => void): ScheduledEvent {
    this.#orders++
    const event = { at, order: this.#orders, run }
    this.#events.push(event)
    this.#rise(this.#events.length - 1, event)
    return event
  }

  pop(): ScheduledEvent | undefined {
    const first = this.#events[0]
    const last = this.#events.pop()
    if (last !== undefined && last !== first) this.#sink(last)
    return first
  }

  #rise(start: number, event: ScheduledEvent): void {
    const events = this.#events
    let index = start
    while (index > 0) {
      const above = (index - 1) >>> 1
      const parent = events[above]
      if (parent === undefined || isBefore(parent, event)) break
      events[index] = parent
      index = above
    }
    events[index] = event
  }

  #sink(event: ScheduledEvent): void {
    const events = this.#events
    let index = 0
    for (;;) {
      const below = this.#smallerChild(index)
      const child = events[below]
      if (child === undefined || isBefore(event, child)) break
      events[index] = child
      index = below
    }
    events[index] = event
  }

  #smallerChild(index: number): number {
    const left = 2 * index + 1
    const a = this.#events[left]
    const b = this.#events[left + 1]
    return a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}
