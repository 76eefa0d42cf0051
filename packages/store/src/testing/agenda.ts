interface Entry {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** What happens next on the virtual clock: a binary heap; equal times keep the order in which they were planned. */
export class Agenda {
  readonly #heap: Entry[] = []
  #order = 0
  now: number

  constructor(startAt: number) {
    this.now = startAt
  }

  at(time: number, run: () => void): void {
    const heap = this.#heap
    const entry: Entry = { at: Math.max(time, this.now), order: this.#order++, run }
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = entry
  }

  after(delay: number, run: () => void): void {
    this.at(this.now + delay, run)
  }

  /** Runs everything up to and including `time`. */
  runUntil(time: number): void {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.at > time) break
      this.#removeFirst()
      this.now = first.at
      first.run()
    }
    this.now = time
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      let smaller = left
      if (right !== undefined && isBefore(right, left)) {
        smaller = right
        child++
      }
      if (!isBefore(smaller, last)) break
      heap[i] = smaller
      i = child
    }
    heap[i] = last
  }
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)
