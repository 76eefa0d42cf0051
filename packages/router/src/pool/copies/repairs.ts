import type { Backend } from '../backend.ts'
import { LostAsk } from './ask.ts'
import type { CopiesHost, CopiesTools } from './copies-host.ts'
import type { Copied, Copying, KeyListing } from './copying.ts'
import type { KeyLocks } from './key-locks.ts'
import type { Sharing } from './shared-keys.ts'
import { type StaleKey, standInFor } from './stale-keys.ts'

/** Keys that are brought up to date at once. */
export const REPAIRS_IN_FLIGHT_MAX = 64
/** How long a copy that is not wanted any more stays, so that other routers have turned to the right one. */
export const DROP_DELAY_MS = 1_000
/** How long late commands of other routers are waited for. */
const GHOSTS_WAIT_MS = 10_000
/** How often that begins anew because too much was written meanwhile; after that the backend serves with what it has. */
const REFILLS_MAX = 3

/**
 * Brings stale keys of the backends that are back up to date: each is copied from the owner that has it, or deleted.
 *
 *   journal ─► lock its place ─► DUMP, PTTL at the source ─► RESTORE at the backend ─► out of the journal
 */
export class Repairs {
  readonly #host: CopiesHost
  readonly #tools: CopiesTools
  readonly #copying: Copying
  readonly #locks: KeyLocks
  readonly #sharing: Sharing
  readonly #caughtUp = new Map<Backend, number>()
  #inFlight = 0
  readonly #warming = new Set<string>()
  /** Backends that may have keys which nobody noted and which they do not own. */
  readonly #strays = new Set<Backend>()
  #closed = false

  constructor(
    host: CopiesHost,
    tools: CopiesTools,
    copying: Copying,
    locks: KeyLocks,
    sharing: Sharing,
  ) {
    this.#host = host
    this.#tools = tools
    this.#copying = copying
    this.#locks = locks
    this.#sharing = sharing
  }

  close(): void {
    this.#closed = true
  }

  /** There may be something to do at a backend. O(1) when there is not. */
  wake(backend: Backend): void {
    if (this.#closed || !backend.reachable) return
    const { stale } = backend
    if (stale.whole) {
      if (stale.wholeOwn && !stale.refilling && !this.#hasGhosts(backend))
        void this.#refill(backend)
      return
    }
    if (stale.todo.size > 0 && !this.#hasGhosts(backend)) this.#begin(backend, stale.todo)
    if (stale.drops.size > 0) this.#dropDue(backend)
    if (this.#strays.has(backend)) void this.#findStrays(backend)
  }

  /** Brings keys of one place up to date now, whoever would have to, and waits for the place. */
  async bringUp(backend: Backend, keys: readonly string[], forced = false): Promise<void> {
    const [first] = keys
    if (first === undefined) return
    await this.#alone(Buffer.from(first, 'latin1'), async () => {
      for (const key of keys) {
        const entry = backend.stale.get(key)
        if (entry !== undefined && !this.#closed) await this.#bringUp(backend, key, entry, forced)
      }
    })
  }

  /**
   * Gives a cold owner a copy of what another owner has. Writes wait meanwhile, so nothing that was written or deleted since is
   * overwritten or brought back.
   */
  async warm(owner: Backend, source: Backend, key: string): Promise<void> {
    if (this.#inFlight >= REPAIRS_IN_FLIGHT_MAX || this.#warming.has(key)) return
    const bytes = Buffer.from(key, 'latin1')
    this.#inFlight++
    this.#warming.add(key)
    try {
      await this.#alone(bytes, async () => {
        const well =
          owner.usable && source.usable && !owner.stale.has(key) && !source.stale.has(key)
        if (well) await this.#copying.copyMissing(source, owner, bytes)
      })
    } finally {
      this.#warming.delete(key)
      this.#inFlight--
    }
  }

  #begin(backend: Backend, keys: Set<string>): void {
    for (const key of keys) {
      if (this.#inFlight >= REPAIRS_IN_FLIGHT_MAX) return
      keys.delete(key)
      if (this.#isServed(backend, key)) void this.#run(backend, key)
      else backend.stale.later.add(key)
    }
  }

  /** A backend that starts slowly does not need keys yet that others serve for it. */
  #isServed(backend: Backend, key: string): boolean {
    if (backend.share === 1 || backend.stale.get(key)?.wanted === true) return true
    return backend.takes(this.#placeOf(Buffer.from(key, 'latin1')))
  }

  #dropDue(backend: Backend): void {
    const { stale } = backend
    for (const key of stale.drops) {
      const dropAt = stale.get(key)?.dropAt ?? 0
      if (dropAt > this.#tools.turn.now || this.#inFlight >= REPAIRS_IN_FLIGHT_MAX) return
      stale.drops.delete(key)
      void this.#run(backend, key)
    }
  }

  async #run(backend: Backend, key: string): Promise<void> {
    this.#inFlight++
    try {
      await this.bringUp(backend, [key])
    } catch (error) {
      if (!(error instanceof LostAsk)) throw error
      // One of the two was lost: the key stays in the journal, and is tried again when both can be reached.
      this.#putBack(backend, key)
    } finally {
      this.#inFlight--
    }
    this.wake(backend)
  }

  #putBack(backend: Backend, key: string): void {
    const entry = backend.stale.get(key)
    if (entry?.own !== true) return
    backend.stale.todo.add(key)
    const { waiters } = entry
    entry.waiters = undefined
    for (const waiter of waiters ?? []) waiter(false)
  }

  async #bringUp(backend: Backend, key: string, entry: StaleKey, forced: boolean): Promise<void> {
    const bytes = Buffer.from(key, 'latin1')
    const { marks } = entry
    const ranks = this.#ranksOf(bytes)
    const owners = this.#host.replicas
    const isOwner = ranks.slice(0, owners).includes(backend)
    const source =
      isOwner || entry.wanted
        ? ranks.find((other) => other !== backend && other.usable && !other.stale.has(key))
        : undefined
    if (source === undefined) await this.#copying.remove(backend, bytes)
    else this.#report(backend, await this.#copying.copy(source, backend, bytes))
    // Written by nobody meanwhile: its place is ours.
    if (isOwner && source !== undefined && ranks.indexOf(source) >= owners)
      standInFor(entry, source.id)
    if (entry.marks === marks) this.#settled(backend, key, entry, forced)
    // Written on a private connection meanwhile (EXEC), whom no lock keeps out.
    else if (backend.stale.get(key) === entry) backend.stale.todo.add(key)
  }

  #settled(backend: Backend, key: string, entry: StaleKey, forced: boolean): void {
    const { stale } = backend
    const { shared, wanted } = entry
    let gone = stale.settle(key)
    if (shared) this.#sharing.tell('clean', backend.id, key)
    if (forced && !gone) {
      stale.remove(key, true)
      gone = true
    }
    this.#caughtUp.set(backend, (this.#caughtUp.get(backend) ?? 0) + 1)
    entry.held ||= wanted
    if (gone) this.removed(backend, key, entry)
    if (!stale.none) return
    const keys = this.#caughtUp.get(backend) ?? 0
    this.#caughtUp.delete(backend)
    this.#tools.log({
      type: 'backend-caught-up',
      pool: this.#host.name,
      backend: backend.id,
      keys,
    })
  }

  /** No router has to bring the key up to date any more: who held it instead forgets it. */
  removed(backend: Backend, key: string, { held, standIns }: StaleKey): void {
    backend.refresh()
    if (held) this.#standsIn(backend, Buffer.from(key, 'latin1'))
    if (standIns === undefined) return
    const ranks = this.#ranksOf(Buffer.from(key, 'latin1'))
    for (const id of standIns) {
      const other = this.#host.backendNamed(id)
      if (other !== undefined && other !== backend && ranks.indexOf(other) >= this.#host.replicas)
        this.#dropLater(other, key)
    }
  }

  /** Its rightful owner has the key again: what the stand-in has would be old one day. */
  #dropLater(backend: Backend, key: string): void {
    const { stale } = backend
    const entry = stale.mark(key, this.#tools.turn.now)
    if (entry === undefined) {
      void this.#copying.remove(backend, Buffer.from(key, 'latin1')).catch(ignoreLost)
      return
    }
    entry.own = true
    entry.dropAt = this.#tools.turn.now + DROP_DELAY_MS
    entry.shared = true
    this.#sharing.tell('stale', backend.id, key)
    stale.drops.add(key)
    backend.refresh()
  }

  /** A backend whose content cannot be trusted: it is emptied or compared, and gets what others have. */
  async #refill(backend: Backend): Promise<void> {
    const { stale } = backend
    stale.refilling = true
    let keys = 0
    try {
      for (let round = 0; round === 0 || (stale.refillAgain && round < REFILLS_MAX); round++) {
        stale.refillAgain = false
        stale.clearOwn()
        // Others forget with us what we told them before.
        this.#sharing.tell('stale-all', backend.id)
        keys = await this.#refillOnce(backend)
      }
    } catch (error) {
      stale.refilling = false
      if (!(error instanceof LostAsk)) throw error
      // It stays out of use and is tried again from the start when it can be reached.
      return
    }
    stale.whole = stale.wholeFrom.size > 0
    stale.wholeOwn = false
    stale.refilling = false
    this.#sharing.tell('clean-all', backend.id)
    backend.refresh()
    this.#tools.log({ type: 'backend-refilled', pool: this.#host.name, backend: backend.id, keys })
    this.wake(backend)
    this.forgetStandIns(backend)
  }

  /**
   * Nobody noted which keys others held for a backend whose every key was stale. It has them again now: once all backends can be
   * reached, copies at those that do not own them go, before they are old.
   */
  forgetStandIns(backend: Backend): void {
    const { backends, replicas } = this.#host
    if (this.#copying.listing === undefined || replicas === 1 || backend.stale.whole) return
    for (const other of backends) if (other !== backend) this.#strays.add(other)
    for (const other of backends) this.wake(other)
  }

  /** Looks through the keys of a backend for those that it does not own. */
  async #findStrays(backend: Backend): Promise<void> {
    const { listing } = this.#copying
    const isWell = this.#host.backends.every((each) => each.reachable && !each.stale.whole)
    if (!isWell || listing === undefined) return
    this.#strays.delete(backend)
    try {
      await this.#eachKey(listing, backend, async (key) => this.#standsIn(backend, key))
    } catch (error) {
      if (!(error instanceof LostAsk)) throw error
      this.#strays.add(backend)
    }
  }

  /**
   * A backend has a copy of a key. When it does not own the key, the copy goes once every owner is up to date: at once, or with the
   * last of them.
   */
  #standsIn(backend: Backend, key: Buffer): boolean {
    const owners = this.#host.ranksAt(this.#placeOf(key), this.#host.replicas)
    const text = key.toString('latin1')
    if (owners.includes(backend) || backend.stale.has(text)) return false
    let needed = false
    for (const owner of owners) {
      const missing = owner.stale.get(text)
      if (missing !== undefined) standInFor(missing, backend.id)
      // One that is out or being drained is brought up to date as well.
      else if (owner.reachable && !owner.stale.whole) continue
      else this.#strays.add(backend)
      needed = true
    }
    if (!needed) this.#dropLater(backend, text)
    return !needed
  }

  async #refillOnce(backend: Backend): Promise<number> {
    const { listing } = this.#copying
    const compared = this.#host.replicas > 1 ? listing : undefined
    if (backend.stale.wholeWay === 'flush' || compared === undefined)
      await this.#copying.empty(backend)
    else
      await this.#eachKey(compared, backend, (key) => this.#removeUnknown(compared, backend, key))
    let keys = 0
    if (compared !== undefined)
      for (const other of this.#host.backends)
        if (other !== backend && other.usable)
          keys += await this.#eachKey(compared, other, (key) =>
            this.#refillKey(other, backend, key),
          )
    return keys
  }

  /** Runs over all keys of a backend; how many of them `take` says yes to. Ends early when the backend is lost. */
  async #eachKey(
    listing: KeyListing,
    source: Backend,
    take: (key: Buffer) => Promise<boolean>,
  ): Promise<number> {
    let taken = 0
    let from: string | undefined
    do {
      const { keys, next } = await listing.page(source, from)
      for (let at = 0; at < keys.length; at += REPAIRS_IN_FLIGHT_MAX) {
        const group = keys.slice(at, at + REPAIRS_IN_FLIGHT_MAX)
        const done = await Promise.all(group.map(take))
        taken += done.filter(Boolean).length
      }
      from = next
    } while (from !== undefined && !this.#closed)
    return taken
  }

  /** A key that the other owner does not have was deleted while the backend was away. */
  async #removeUnknown(listing: KeyListing, backend: Backend, key: Buffer): Promise<boolean> {
    const place = this.#placeOf(key)
    const source = this.#otherOwner(backend, key, place)
    if (source === undefined) return false
    return await this.#alone(key, async () => {
      const known = await listing.has(source, key)
      if (!known) await this.#copying.remove(backend, key)
      return !known
    })
  }

  async #refillKey(source: Backend, target: Backend, key: Buffer): Promise<boolean> {
    const place = this.#placeOf(key)
    if (this.#otherOwner(target, key, place) !== source) return false
    return await this.#alone(key, async () => {
      const { type } = await this.#copying.copy(source, target, key)
      return type === 'copied'
    })
  }

  /** While nobody writes the key, here or through another router. */
  async #alone<T>(key: Buffer, work: () => Promise<T>): Promise<T> {
    const place = this.#placeOf(key)
    await this.#locks.enter(place)
    try {
      const release = await this.#host.lockKey(key)
      try {
        return await work()
      } finally {
        release?.()
      }
    } finally {
      this.#locks.leave(place)
    }
  }

  /** The first owner of a key beside `backend` that has it up to date; `undefined` when `backend` is no owner. */
  #otherOwner(backend: Backend, key: Buffer, place: number): Backend | undefined {
    const owners = this.#host.ranksAt(place, this.#host.replicas)
    if (!owners.includes(backend)) return undefined
    const text = key.toString('latin1')
    return owners.find((each) => each !== backend && each.usable && !each.stale.has(text))
  }

  #hasGhosts(backend: Backend): boolean {
    const { ghostsFrom } = backend.stale
    const { now } = this.#tools.turn
    for (const [router, since] of ghostsFrom)
      if (now - since > GHOSTS_WAIT_MS) ghostsFrom.delete(router)
    return ghostsFrom.size > 0
  }

  #report(backend: Backend, copied: Copied): void {
    if (copied.type !== 'refused') return
    const { name } = this.#host
    this.#tools.log({
      type: 'copy-refused',
      pool: name,
      backend: backend.id,
      cause: copied.text,
    })
  }

  #placeOf(key: Buffer): number {
    return this.#host.placement.positionOf(key, 0, key.length)
  }

  #ranksOf(key: Buffer): readonly Backend[] {
    return this.#host.ranksAt(this.#placeOf(key), this.#host.backends.length)
  }
}

/** What was asked for is done later, or is no longer needed. */
function ignoreLost(error: unknown): undefined {
  if (!(error instanceof LostAsk)) throw error
  return undefined
}
