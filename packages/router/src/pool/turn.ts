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
  #marked: Flushable[] = []
  #spare: Flushable[] = []
  #scheduled = false

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
    this.#marked.push(flushable)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#run)
  }

  readonly #run = (): void => {
    this.#scheduled = false
    const marked = this.#marked
    this.#marked = this.#spare
    this.#spare = marked
    for (const flushable of marked) {
      flushable.marked = false
      flushable.flush()
    }
    marked.length = 0
  }
}
