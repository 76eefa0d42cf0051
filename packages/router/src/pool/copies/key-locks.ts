import type { RespVersion } from '../../codec/resp/encode.ts'
import type { Request } from '../request.ts'

/** A command that waits until the keys at its place may be used. */
export interface HeldCommand {
  readonly request: Request
  /** One whole command; nobody changes the bytes. */
  readonly bytes: Buffer
}

interface Lock {
  /** Writes in flight, all of one RESP version: each version has a connection of its own, and two have no common order. */
  writers: number
  resp: RespVersion
  /** A copy of the key is being made: nothing else writes meanwhile. */
  exclusive: boolean
  readonly copiers: (() => void)[]
  waiting: HeldCommand[]
}

/**
 * Who may write at a place of the ring. Writes share it, copying a key (DUMP here, RESTORE there) has it alone; commands
 * that may not run yet wait in the order in which they came. O(1) each.
 *
 *   writes … → copy → the writes that waited → copy → …
 */
export class KeyLocks {
  /** Bytes and number of the commands that wait. */
  heldBytes = 0
  held = 0
  readonly #locks = new Map<number, Lock>()
  readonly #again: (command: HeldCommand) => void

  /** @param again runs a command that waited; it asks for its place anew */
  constructor(again: (command: HeldCommand) => void) {
    this.#again = again
  }

  /** Begins a write; false when it has to be held. */
  share(place: number, resp: RespVersion): boolean {
    const lock = this.#locks.get(place)
    if (lock === undefined) {
      this.#locks.set(place, { writers: 1, resp, exclusive: false, copiers: [], waiting: [] })
      return true
    }
    if (lock.exclusive || lock.copiers.length > 0 || lock.waiting.length > 0) return false
    if (lock.writers > 0 && lock.resp !== resp) return false
    lock.writers++
    lock.resp = resp
    return true
  }

  /** True when a read would overtake a write that waits. */
  blocks(place: number): boolean {
    return this.#locks.size > 0 && (this.#locks.get(place)?.waiting.length ?? 0) > 0
  }

  /** Puts a command behind those that wait; only after `share` or `blocks` said so, or with a copier to come. */
  hold(place: number, command: HeldCommand): void {
    this.#lock(place).waiting.push(command)
    this.held++
    this.heldBytes += command.bytes.length
  }

  /** Ends a write. */
  release(place: number): void {
    const lock = this.#locks.get(place)
    if (lock === undefined) return
    lock.writers--
    this.#next(place, lock)
  }

  /** Resolves once the place is the caller's alone, until `leave`. */
  enter(place: number): Promise<void> {
    const lock = this.#lock(place)
    if (lock.writers === 0 && !lock.exclusive) {
      lock.exclusive = true
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      lock.copiers.push(resolve)
    })
  }

  leave(place: number): void {
    const lock = this.#locks.get(place)
    if (lock === undefined) return
    lock.exclusive = false
    this.#runWaiting(lock)
    this.#next(place, lock)
  }

  /** Resolves when nobody holds any more what is held now. */
  async allReleased(): Promise<void> {
    const places = [...this.#locks.keys()]
    await Promise.all(
      places.map(async (place) => {
        await this.enter(place)
        this.leave(place)
      }),
    )
  }

  /** Everything that waits, for a pool that ends. */
  clear(): readonly HeldCommand[] {
    const all = Array.from(this.#locks.values()).flatMap(({ waiting }) => waiting)
    this.#locks.clear()
    this.held = 0
    this.heldBytes = 0
    return all
  }

  #lock(place: number): Lock {
    let lock = this.#locks.get(place)
    if (lock === undefined) {
      lock = { writers: 0, resp: 2, exclusive: false, copiers: [], waiting: [] }
      this.#locks.set(place, lock)
    }
    return lock
  }

  #next(place: number, lock: Lock): void {
    if (lock.writers > 0 || lock.exclusive) return
    const copier = lock.copiers.shift()
    if (copier !== undefined) {
      lock.exclusive = true
      copier()
      return
    }
    if (lock.waiting.length > 0) this.#runWaiting(lock)
    // Those that waited may hold the place again by now.
    if (lock.writers > 0 || lock.exclusive || lock.waiting.length > 0) return
    if (this.#locks.get(place) === lock) this.#locks.delete(place)
  }

  #runWaiting(lock: Lock): void {
    const { waiting } = lock
    lock.waiting = []
    // A copier that came meanwhile has to wait for these: they were here first.
    const copiers = lock.copiers.splice(0)
    for (const command of waiting) {
      this.held--
      this.heldBytes -= command.bytes.length
      this.#again(command)
    }
    lock.copiers.unshift(...copiers)
  }
}
