/** Something that writes once at the end of a turn of the event loop. */
export interface Flushable {
  /** Set while it waits for the end of the turn. */
  marked: boolean
  flush(): void
}

/**
 * Ends a turn of the event loop: everything that was marked while sockets were read is written once, after all of them
 * were read. This is what makes many small requests cheap: one system call per connection and turn, not per command.
 */
export class Turn {
  /** Milliseconds, as of the last event: commands are stamped with it instead of each reading the clock. */
  now: number

  readonly #clock: () => number
  // Arrays that keep their length: giving it up and growing again would be done once per turn.
  #marked: Flushable[] = []
  #spare: Flushable[] = []
  #count = 0

  constructor(clock: () => number) {
    this.#clock = clock
    this.now = clock()
  }

  /** Reads the clock; called at the beginning of each event. */
  begin(): void {
    this.now = this.#clock()
  }

  mark(flushable: Flushable): void {
    if (flushable.marked) return
    flushable.marked = true
    this.#marked[this.#count] = flushable
    this.#count++
    if (this.#count === 1) setImmediate(this.#run)
  }

  readonly #run = (): void => {
    const marked = this.#marked
    const count = this.#count
    this.#marked = this.#spare
    this.#spare = marked
    this.#count = 0
    for (let i = 0; i < count; i++) {
      const flushable = marked[i] as Flushable
      // Who ends in between is not kept alive by this list.
      marked[i] = NOBODY
      flushable.marked = false
      flushable.flush()
    }
  }
}

const NOBODY: Flushable = { marked: true, flush: () => {} }
