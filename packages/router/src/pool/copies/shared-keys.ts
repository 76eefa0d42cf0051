import type { Flushable, Turn } from '../turn.ts'

/**
 * What routers tell each other about stale keys, so that none of them reads an old copy because it did not see the outage.
 * Structured-cloneable; the embedding program carries it, in order, to every other router.
 */
export interface SharedKeys {
  readonly pool: string
  readonly changes: readonly SharedChange[]
}

/**
 * `stale`: these keys have a newer value, or none, elsewhere. `clean`: the sender brought them up to date. `stale-all` and
 * `clean-all`: the same for every key. `ghosts`: commands of the sender may still run there late; `no-ghosts`: no longer.
 * Keys are binary text: one character per byte.
 */
export interface SharedChange {
  readonly type: 'stale' | 'clean' | 'stale-all' | 'clean-all' | 'ghosts' | 'no-ghosts'
  readonly backend: string
  readonly keys: readonly string[]
}

/** Keys in one message; more go into a further one. */
export const SHARED_KEYS_MAX = 1_000

/** Collects changes of one pool and sends them at the end of the turn, in the order in which they happened. */
export class Sharing implements Flushable {
  marked = false
  readonly #pool: string
  readonly #turn: Turn
  readonly #send: ((message: SharedKeys) => void) | undefined
  #changes: { type: SharedChange['type']; backend: string; keys: string[] }[] = []

  constructor(pool: string, turn: Turn, send: ((message: SharedKeys) => void) | undefined) {
    this.#pool = pool
    this.#turn = turn
    this.#send = send
  }

  tell(type: SharedChange['type'], backend: string, key?: string): void {
    if (this.#send === undefined) return
    const last = this.#changes.at(-1)
    const fits = last?.type === type && last.backend === backend
    if (fits && last.keys.length < SHARED_KEYS_MAX) {
      if (key !== undefined) last.keys.push(key)
    } else this.#changes.push({ type, backend, keys: key === undefined ? [] : [key] })
    this.#turn.mark(this)
  }

  flush(): void {
    const changes = this.#changes
    this.#changes = []
    for (const message of messagesOf(this.#pool, changes)) this.#send?.(message)
  }
}

/** Changes as messages of at most {@link SHARED_KEYS_MAX} keys. */
export function messagesOf(pool: string, changes: readonly SharedChange[]): readonly SharedKeys[] {
  const messages: SharedKeys[] = []
  let part: SharedChange[] = []
  let keys = 0
  for (const change of changes) {
    if (keys + change.keys.length > SHARED_KEYS_MAX && part.length > 0) {
      messages.push({ pool, changes: part })
      part = []
      keys = 0
    }
    part.push(change)
    keys += change.keys.length
  }
  if (part.length > 0) messages.push({ pool, changes: part })
  return messages
}
