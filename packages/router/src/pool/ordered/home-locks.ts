import type { RouterLimits } from '../../limits.ts'
import { LostAsk } from '../copies/ask.ts'
import type { Turn } from '../turn.ts'
import type { OrderedMessage } from './message.ts'

/** How long a home may take to give a key: after that the copy is tried again later. */
export const LOCK_WAIT_MS = 5_000
/** How long another router may have a key: longer than any copy takes whose backends answer in time. */
export const LOCK_HOLD_MS = 20_000

export interface HomeLockTools {
  readonly pool: string
  readonly limits: RouterLimits
  readonly turn: Turn
  readonly send: (to: string, message: OrderedMessage) => boolean
  /** Gets the place of a key for itself; answers with what gives it back. `undefined` when it is not ours to give. */
  readonly enter: (key: Uint8Array) => Promise<() => void> | undefined
}

interface Asked {
  readonly home: string
  readonly since: number
  readonly resolve: (release: () => void) => void
  readonly reject: (error: LostAsk) => void
}

interface Given {
  readonly since: number
  release: (() => void) | undefined
}

/** Copies are made by whoever noticed that one is missing, and a key's home gives it the key meanwhile, so that nobody writes it. */
export class HomeLocks {
  readonly #tools: HomeLockTools
  readonly #asked = new Map<number, Asked>()
  /** By router and its number. */
  readonly #given = new Map<string, Map<number, Given>>()
  #denied: Asked[] = []
  #lastId = 0

  constructor(tools: HomeLockTools) {
    this.#tools = tools
  }

  /**
   * Asks the home of a key for it; resolves with what gives it back.
   * @throws LostAsk when it is not given in time
   */
  ask(home: string, key: Uint8Array): Promise<() => void> {
    const id = ++this.#lastId
    const { pool, send, turn } = this.#tools
    return new Promise((resolve, reject) => {
      const asked = { home, since: turn.now, resolve, reject }
      if (send(home, { pool, type: 'lock', id, key })) this.#asked.set(id, asked)
      else this.#denied.push(asked)
    })
  }

  /**
   * The key cannot be given yet.
   * @throws LostAsk at the next tick
   */
  later(): Promise<() => void> {
    return new Promise((resolve, reject) => {
      this.#denied.push({ home: 'of ours', since: this.#tools.turn.now, resolve, reject })
    })
  }

  take(from: string, message: OrderedMessage): void {
    switch (message.type) {
      case 'lock':
        this.#lock(from, message.id, message.key)
        return
      case 'unlock':
        this.#unlock(from, message.id)
        return
      case 'granted':
        this.#granted(from, message.id)
        return
      case 'denied': {
        const asked = this.#asked.get(message.id)
        if (asked?.home !== from) return
        this.#asked.delete(message.id)
        // Asked again at once, it would be denied again.
        this.#denied.push(asked)
        return
      }
      default:
    }
  }

  gone(name: string): void {
    for (const id of [...(this.#given.get(name)?.keys() ?? [])]) this.#unlock(name, id)
    for (const [id, asked] of this.#asked)
      if (asked.home === name) {
        this.#asked.delete(id)
        this.#denied.push(asked)
      }
  }

  tick(now: number): void {
    for (const [id, asked] of this.#asked) {
      if (now - asked.since < LOCK_WAIT_MS) break
      this.#asked.delete(id)
      this.#denied.push(asked)
      this.#say(asked.home, 'unlock', id)
    }
    const denied = this.#denied
    this.#denied = []
    for (const { home, reject } of denied)
      reject(new LostAsk(`router ${home}, which orders the writes of a key, did not give it`))
    for (const [from, given] of this.#given)
      for (const [id, { since }] of given) if (now - since > LOCK_HOLD_MS) this.#unlock(from, id)
  }

  close(): void {
    for (const name of [...this.#given.keys()]) this.gone(name)
    this.#denied.push(...this.#asked.values())
    this.#asked.clear()
    for (const { home, reject } of this.#denied.splice(0))
      reject(new LostAsk(`the pool was closed while router ${home} was asked for a key`))
  }

  #lock(from: string, id: number, key: Uint8Array): void {
    const { enter, limits, turn } = this.#tools
    const all = this.#given.get(from) ?? new Map<number, Given>()
    const entered = all.size < limits.homeLocksMax && !all.has(id) ? enter(key) : undefined
    if (entered === undefined) {
      this.#say(from, 'denied', id)
      return
    }
    const given: Given = { since: turn.now, release: undefined }
    all.set(id, given)
    this.#given.set(from, all)
    void entered.then((release) => {
      if (this.#given.get(from)?.get(id) !== given) release()
      else {
        given.release = release
        this.#say(from, 'granted', id)
      }
    })
  }

  #unlock(from: string, id: number): void {
    const all = this.#given.get(from)
    const given = all?.get(id)
    if (all === undefined || given === undefined) return
    all.delete(id)
    if (all.size === 0) this.#given.delete(from)
    given.release?.()
  }

  #granted(from: string, id: number): void {
    const asked = this.#asked.get(id)
    if (asked?.home !== from) {
      this.#say(from, 'unlock', id)
      return
    }
    this.#asked.delete(id)
    asked.resolve(() => this.#say(from, 'unlock', id))
  }

  #say(to: string, type: 'granted' | 'denied' | 'unlock', id: number): void {
    this.#tools.send(to, { pool: this.#tools.pool, type, id })
  }
}
