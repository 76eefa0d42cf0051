import type { Millis, TimerKey } from '../core/effects.ts'

interface Entry {
  readonly key: TimerKey
  at: Millis
  /** Where it lies in the heap. */
  index: number
}

/**
 * Deadlines by key in a binary heap that knows where each key lies, so that moving and clearing a timer
 * are O(log n) as well. How many there are is the machine's own bound (members, probes, relays).
 */
export class TimerHeap {
  readonly #heap: Entry[] = []
  readonly #byKey = new Map<TimerKey, Entry>()

  get size(): number {
    return this.#heap.length
  }

  /** The next deadline, or undefined when nothing is planned. */
  get nextAt(): Millis | undefined {
    return this.#heap[0]?.at
  }

  /** Plans `key`, or moves it. */
  set(key: TimerKey, at: Millis): void {
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      known.at = at
      this.#settle(known)
      return
    }
    const entry: Entry = { key, at, index: this.#heap.length }
    this.#heap.push(entry)
    this.#byKey.set(key, entry)
    this.#rise(entry)
  }

  clear(key: TimerKey): void {
    const entry = this.#byKey.get(key)
    if (entry !== undefined) this.#remove(entry)
  }

  /** Takes the earliest key whose deadline is at or before `now`. */
  takeDue(now: Millis): TimerKey | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.#remove(first)
    return first.key
  }

  #remove(entry: Entry): void {
    this.#byKey.delete(entry.key)
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    last.index = entry.index
    this.#heap[last.index] = last
    this.#settle(last)
  }

  #settle(entry: Entry): void {
    this.#rise(entry)
    this.#sink(entry)
  }

  #rise(entry: Entry): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1]
      if (parent === undefined || parent.at <= entry.at) return
      this.#swap(entry, parent)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1]
      const right = this.#heap[2 * entry.index + 2]
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (child === undefined || child.at >= entry.at) return
      this.#swap(entry, child)
    }
  }

  #swap(one: Entry, other: Entry): void {
    const { index } = one
    one.index = other.index
    other.index = index
    this.#heap[one.index] = one
    this.#heap[other.index] = other
  }
}
