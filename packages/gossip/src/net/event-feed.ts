import { EVENTS_QUEUED_MAX } from './limits.ts'

interface TypedEvent {
  readonly type: string
}

/** Told to a slow reader of `events()` in place of what it missed. */
export interface LostEvents {
  readonly type: 'lost'
  /** Events that were dropped since the reader's last one. */
  readonly count: number
}

/** Of one type's listener: only the events with that `type`. */
export type ListenerOf<E extends TypedEvent, T extends E['type']> = (
  event: Extract<E, { type: T }>,
) => void

/**
 * Hands events to listeners by type and to asynchronous readers. A listener that throws is reported and
 * does not keep the others from being called.
 */
export class EventFeed<E extends TypedEvent> {
  readonly #listeners = new Map<string, Set<(event: E) => void>>()
  readonly #readers = new Set<Reader<E>>()
  readonly #failed: (error: unknown) => void
  #isClosed = false

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  on<T extends E['type']>(type: T, listener: ListenerOf<E, T>): void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    listeners.add(listener as (event: E) => void)
  }

  off<T extends E['type']>(type: T, listener: ListenerOf<E, T>): void {
    this.#listeners.get(type)?.delete(listener as (event: E) => void)
  }

  emit(event: E): void {
    for (const listener of this.#listeners.get(event.type) ?? []) {
      try {
        listener(event)
      } catch (error) {
        this.#failed(error)
      }
    }
    for (const reader of this.#readers) reader.push(event)
  }

  /** All events from now on, until `close` or the reader's own `return`. */
  read(): AsyncIterableIterator<E | LostEvents> {
    const reader = new Reader<E>(() => this.#readers.delete(reader))
    if (this.#isClosed) reader.end()
    else this.#readers.add(reader)
    return reader
  }

  close(): void {
    this.#isClosed = true
    for (const reader of this.#readers) reader.end()
    this.#readers.clear()
    this.#listeners.clear()
  }
}

type Answer<E> = IteratorResult<E | LostEvents, undefined>

/** One `for await` loop: a bounded queue on one side, waiting calls of `next` on the other. */
class Reader<E> implements AsyncIterableIterator<E | LostEvents> {
  readonly #queue: E[] = []
  readonly #waiting: ((answer: Answer<E>) => void)[] = []
  readonly #release: () => void
  #lost = 0
  #isEnded = false

  constructor(release: () => void) {
    this.#release = release
  }

  push(event: E): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting({ done: false, value: event })
      return
    }
    this.#queue.push(event)
    if (this.#queue.length <= EVENTS_QUEUED_MAX) return
    // The newest events are the ones that are still true.
    this.#queue.shift()
    this.#lost += 1
  }

  end(): void {
    this.#isEnded = true
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined })
  }

  next(): Promise<Answer<E>> {
    if (this.#lost > 0) {
      const count = this.#lost
      this.#lost = 0
      return Promise.resolve({ done: false, value: { type: 'lost', count } })
    }
    const event = this.#queue.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<Answer<E>> {
    this.#release()
    this.#queue.length = 0
    this.#lost = 0
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
