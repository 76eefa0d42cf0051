/** What is known of one key that a backend has an old copy of. */
export interface StaleKey {
  /** True when this router has to bring it up to date. */
  own: boolean
  /** Other routers that have to. */
  readonly from: Set<string>
  /** When it became stale, in milliseconds of the router's clock. */
  readonly since: number
  /** The copy is not wanted here at all: it is removed, and not before this time. */
  dropAt: number | undefined
  /** Other routers know of it. */
  shared: boolean
  /** It is being brought up to date. */
  busy: boolean
  /** Hear whether the copy is up to date now, or will not be soon. */
  waiters: ((done: boolean) => void)[] | undefined
  /** A backend that holds the key instead, and is to forget it afterwards. */
  standIn: string | undefined
}

export interface StaleLimits {
  readonly journalKeysMax: number
  readonly journalBytesMax: number
}

/** What one entry costs beside its key. */
const ENTRY_BYTES = 160

/**
 * The journal of one backend: keys that were written or deleted elsewhere while it could not take part. Such a key is neither
 * read nor written there until it is copied again, or deleted. `whole` means every key.
 */
export class StaleKeys {
  /** Every key: nothing here may be read. */
  whole = false
  /** Routers, other than this one, that said so. */
  readonly wholeFrom = new Set<string>()
  /** This router has to empty the backend before it is used. */
  wholeOwn = false
  /** Set while the keys are copied back after the backend was emptied: the journal goes on meanwhile. */
  refilling = false
  /** The journal overflowed and `onOverflow: serve`: nothing is noted until the backend is back. */
  ignoring = false

  #bytes = 0
  readonly #keys = new Map<string, StaleKey>()
  readonly #limits: StaleLimits

  constructor(limits: StaleLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#keys.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** True when everything here is up to date. */
  get none(): boolean {
    return this.#keys.size === 0 && !this.whole
  }

  has(key: string): boolean {
    return this.whole || this.#keys.has(key)
  }

  get(key: string): StaleKey | undefined {
    return this.#keys.get(key)
  }

  entries(): IterableIterator<[string, StaleKey]> {
    return this.#keys.entries()
  }

  /** The entry of a key, made if it is new; `undefined` when the journal is full. */
  mark(key: string, now: number): StaleKey | undefined {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    const bytes = key.length + ENTRY_BYTES
    const { journalKeysMax, journalBytesMax } = this.#limits
    if (this.#keys.size >= journalKeysMax || this.#bytes + bytes > journalBytesMax) return undefined
    this.#bytes += bytes
    const entry: StaleKey = {
      own: false,
      from: new Set(),
      since: now,
      dropAt: undefined,
      shared: false,
      busy: false,
      waiters: undefined,
      standIn: undefined,
    }
    this.#keys.set(key, entry)
    return entry
  }

  /** The key is up to date, or nobody cares any more. */
  remove(key: string, done: boolean): void {
    const entry = this.#keys.get(key)
    if (entry === undefined) return
    this.#keys.delete(key)
    this.#bytes -= key.length + ENTRY_BYTES
    for (const waiter of entry.waiters ?? []) waiter(done)
  }

  clear(): void {
    for (const key of [...this.#keys.keys()]) this.remove(key, false)
  }
}
