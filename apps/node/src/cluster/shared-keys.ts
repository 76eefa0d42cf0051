import type { PeerHub } from '@ringway/peer'
import type { Router, SharedChange, SharedKeys } from '@ringway/router'

/** The first element of our messages: other kinds travel on the same links. */
const TAG = 'shared-keys'
const TYPES = new Set(['stale', 'clean', 'stale-all', 'clean-all', 'ghosts', 'no-ghosts'])
const CHANGES_MAX = 10_000

/**
 * Carries what routers know of stale keys over peer links, so that an outage which one of them saw is known to all. Links keep
 * order; a message that could not be sent breaks its link, and the whole is told again when it is up.
 */
export class SharedKeysCarrier {
  readonly #hub: PeerHub
  readonly #up = new Set<string>()
  #router: Router | undefined

  constructor(hub: PeerHub) {
    this.#hub = hub
  }

  /** Begins to pass on what others tell. */
  attach(router: Router): void {
    this.#router = router
    this.#hub.onMessage(({ name }, message) => {
      const shared = parse(message)
      if (shared && this.#router) router.post({ type: 'shared-keys', from: name, message: shared })
    })
    this.#hub.onUp(({ name }) => {
      this.#up.add(name)
      for (const message of router.sharedKeys()) this.#send(name, message)
    })
    this.#hub.onDown(({ name }) => {
      this.#up.delete(name)
      if (this.#router) router.post({ type: 'router-gone', name })
    })
  }

  /** To all members with a link. */
  share(message: SharedKeys): void {
    if (this.#router === undefined) return
    for (const name of this.#up) this.#send(name, message)
  }

  /** Stops passing on: the router takes no more messages. */
  detach(): void {
    this.#router = undefined
  }

  #send(name: string, { pool, changes }: SharedKeys): void {
    if (!this.#hub.send(name, [TAG, pool, changes]))
      this.#hub.drop(name, 'what is known of stale keys could not be sent')
  }
}

/** True for a message of ours, which is none of the store's. */
export function isSharedKeys(message: unknown): boolean {
  return Array.isArray(message) && message[0] === TAG
}

function parse(message: unknown): SharedKeys | undefined {
  if (!isSharedKeys(message)) return undefined
  const [, pool, changes] = message as unknown[]
  if (typeof pool !== 'string' || !Array.isArray(changes) || changes.length > CHANGES_MAX)
    return undefined
  const known = changes.filter(isChange)
  return { pool, changes: known }
}

/** A neighbouring release may know more kinds of changes: those are left out. */
function isChange(value: unknown): value is SharedChange {
  if (typeof value !== 'object' || value === null) return false
  const { type, backend, keys } = value as Record<string, unknown>
  return (
    typeof type === 'string' &&
    TYPES.has(type) &&
    typeof backend === 'string' &&
    Array.isArray(keys) &&
    keys.every((key) => typeof key === 'string')
  )
}
