/** What is known of one key that a backend has an old copy of. */
export interface StaleKey {
  /** True when this router has to bring it up to date. */
  own: boolean
  /** How often this router found it stale: once more while it is being copied, and the copy may be too old. */
  marks: number
  /** Other routers that will. */
  readonly from: Set<string>
  /** When it became stale, in milliseconds of the router's clock. */
  readonly since: number
  /** The copy is not wanted here at all: it is removed, and not before this time. */
  dropAt: number | undefined
  /** Other routers know of it. */
  shared: boolean
  /** Hear whether the copy is up to date now, or will not be soon. */
  waiters: ((done: boolean) => void)[] | undefined
  /** A copy is wanted here though the backend is no owner of the key. */
  wanted: boolean
  /** The copy that was wanted was made while other routers still had to bring the key up to date here. */
  held: boolean
  /** Backends that hold the key in place of this one, and are to forget it afterwards: absent without any. */
  standIns: Set<string> | undefined
}

/** Notes who holds a key in place of the backend where it is stale. */
export function standInFor(entry: StaleKey, backend: string): void {
  entry.standIns ??= new Set()
  entry.standIns.add(backend)
}

export interface StaleLimits {
  readonly journalKeysMax: number
  readonly journalBytesMax: number
}

/** What one entry costs beside its key. */
export const STALE_ENTRY_BYTES = 256

/**
 * The journal of one backend: keys that were written or deleted elsewhere while it could not take part. Such a key is neither
 * read nor written there until it is copied again, or deleted. `whole` means every key.
 */
export class StaleKeys {
  /** Every key: nothing here may be read. */
  whole = false
  /** This router has to empty the backend before it is used. */
  wholeOwn = false
  /** Other routers that will. */
  readonly wholeFrom = new Set<string>()
  /**
   * `flush`: it is emptied. `verify`: its keys are compared with those of the other owners, which know better.
   */
  wholeWay: 'flush' | 'verify' = 'flush'
  /** Set while the keys are copied back: the journal goes on meanwhile. */
  refilling = false
  /** The journal overflowed while the keys were copied back: from the start. */
  refillAgain = false
  /** The journal overflowed and `onOverflow` is `serve`: nothing is noted until the backend is back. */
  ignoring = false
  /** Other routers whose commands may still run here late: nothing is brought up to date before they are gone. */
  readonly ghostsFrom = new Map<string, number>()
  /** Keys that this router has to bring up to date, in the order in which they became stale. */
  readonly todo = new Set<string>()
  /** Keys of `todo` that wait until the backend serves them at all: it starts slowly. */
  readonly later = new Set<string>()
  /** Keys that it has to remove, in the order of their time. */
  readonly drops = new Set<string>()

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

  hasAny(keys: readonly string[]): boolean {
    if (this.none) return false
    return this.whole || keys.some((key) => this.#keys.has(key))
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
    const bytes = key.length + STALE_ENTRY_BYTES
    const { journalKeysMax, journalBytesMax } = this.#limits
    if (this.#keys.size >= journalKeysMax || this.#bytes + bytes > journalBytesMax) return undefined
    this.#bytes += bytes
    const entry: StaleKey = {
      own: false,
      marks: 0,
      from: new Set(),
      since: now,
      dropAt: undefined,
      shared: false,
      waiters: undefined,
      wanted: false,
      held: false,
      standIns: undefined,
    }
    this.#keys.set(key, entry)
    return entry
  }

  /** This router has brought the key up to date; true when no other one still has to. */
  settle(key: string): boolean {
    const entry = this.#keys.get(key)
    if (entry === undefined) return false
    entry.own = false
    entry.shared = false
    entry.wanted = false
    const { waiters } = entry
    entry.waiters = undefined
    for (const waiter of waiters ?? []) waiter(true)
    if (entry.from.size > 0) return false
    this.remove(key, true)
    return true
  }

  /** The key is up to date, or nobody cares any more. */
  remove(key: string, done: boolean): void {
    const entry = this.#keys.get(key)
    if (entry === undefined) return
    this.#keys.delete(key)
    this.todo.delete(key)
    this.later.delete(key)
    this.drops.delete(key)
    this.#bytes -= key.length + STALE_ENTRY_BYTES
    for (const waiter of entry.waiters ?? []) waiter(done)
  }

  /** Keys that waited for the backend to serve them are looked at again. */
  retry(): void {
    for (const key of this.later) this.todo.add(key)
    this.later.clear()
  }

  /** Forgets what this router has to bring up to date; other routers still will do theirs. */
  clearOwn(): void {
    for (const [key, entry] of [...this.#keys])
      if (entry.from.size === 0) this.remove(key, false)
      else this.#disown(key, entry)
  }

  /** Another router no longer brings up to date what it said it would. */
  forgetFrom(router: string): void {
    for (const [key, entry] of [...this.#keys]) {
      entry.from.delete(router)
      if (!entry.own && entry.from.size === 0) this.remove(key, false)
    }
  }

  #disown(key: string, entry: StaleKey): void {
    entry.own = false
    entry.shared = false
    this.todo.delete(key)
    this.later.delete(key)
    this.drops.delete(key)
    const { waiters } = entry
    entry.waiters = undefined
    for (const waiter of waiters ?? []) waiter(false)
  }

  clear(): void {
    for (const key of [...this.#keys.keys()]) this.remove(key, false)
  }
}
