import type { Backend } from '../backend.ts'
import type { CopiesHost, CopiesTools } from './copies-host.ts'
import type { KeyListing } from './copying.ts'
import type { CopyPolicy } from './policy.ts'
import { DEFAULT_COPY_POLICY } from './policy.ts'
import type { Repairs } from './repairs.ts'
import { messagesOf, type SharedChange, type SharedKeys, type Sharing } from './shared-keys.ts'
import type { StaleKey } from './stale-keys.ts'

/** A key that is still stale after this long is told to the other routers, when its backend can be reached. */
const SHARE_AFTER_MS = 50
/** Entries looked at per tick for those to be told. */
const SHARE_LOOK_MAX = 1_000

/** Which keys are stale where, as this router and the others see it. */
export class StaleSet {
  readonly #host: CopiesHost
  readonly #tools: CopiesTools
  readonly #listing: KeyListing | undefined
  readonly #sharing: Sharing
  readonly #repairs: Repairs
  readonly #learning = new Set<Backend>()
  #policy: CopyPolicy = DEFAULT_COPY_POLICY

  constructor(
    host: CopiesHost,
    tools: CopiesTools,
    listing: KeyListing | undefined,
    sharing: Sharing,
    repairs: Repairs,
  ) {
    this.#host = host
    this.#tools = tools
    this.#listing = listing
    this.#sharing = sharing
    this.#repairs = repairs
  }

  follow(policy: CopyPolicy): void {
    this.#policy = policy
  }

  /** A key was written elsewhere; `undefined` when that is not noted one by one. */
  mark(backend: Backend, key: string): StaleKey | undefined {
    const { stale } = backend
    // What is filled again anyway is not noted; another router that does may be past this key already.
    if (stale.whole && !stale.refilling && stale.wholeFrom.size === 0) return undefined
    if (!backend.reachable && (this.#policy.onReturn === 'serve' || stale.ignoring))
      return undefined
    if (!backend.reachable && this.#policy.onReturn === 'flush') {
      this.markWhole(backend, 'flush')
      return undefined
    }
    const entry = stale.mark(key, this.#tools.turn.now)
    if (entry === undefined) {
      this.#overflow(backend)
      return undefined
    }
    // What others were told is over once it was brought up to date.
    if (!entry.own) entry.shared = false
    entry.own = true
    entry.marks++
    entry.dropAt = undefined
    stale.drops.delete(key)
    stale.todo.add(key)
    // Another router may not hold back: it has to know at once.
    if (!backend.reachable || backend.share < 1) this.#share(backend, key, entry)
    backend.refresh()
    return entry
  }

  /** Nothing at the backend can be trusted. */
  markWhole(backend: Backend, way: 'flush' | 'verify'): void {
    const { stale } = backend
    if (stale.wholeOwn) {
      if (way === 'flush') stale.wholeWay = way
      return
    }
    stale.whole = true
    stale.wholeOwn = true
    stale.wholeWay = way
    stale.clearOwn()
    this.#sharing.tell('stale-all', backend.id)
    backend.refresh()
  }

  avoided(backend: Backend): void {
    if (backend.hasGhosts) this.#sharing.tell('ghosts', backend.id)
    // Now it cannot be reached: what waits for it has to be known to all.
    for (const [key, entry] of backend.stale.entries())
      if (entry.own) this.#share(backend, key, entry)
  }

  ghostsGone(backend: Backend): void {
    this.#sharing.tell('no-ghosts', backend.id)
  }

  /**
   * Compares the run of the server with the one known before: a server that was restarted has lost its keys, or has old ones.
   * @throws LostAsk
   */
  async checkRun(backend: Backend): Promise<void> {
    const run = await this.#listing?.runOf(backend)
    if (run === undefined) return
    if (backend.runId !== undefined && backend.runId !== run) this.markWhole(backend, 'verify')
    backend.runId = run
  }

  tick(): void {
    const { now } = this.#tools.turn
    for (const backend of this.#host.backends) {
      const wanted = this.#host.replicas > 1 && this.#listing !== undefined
      if (wanted && backend.runId === undefined && backend.connections > 0) this.#learnRun(backend)
      let looked = 0
      for (const [key, entry] of backend.stale.entries()) {
        if (entry.own && now - entry.since > SHARE_AFTER_MS) this.#share(backend, key, entry)
        if (++looked >= SHARE_LOOK_MAX) break
      }
    }
  }

  /** Takes what another router tells. A backend or key that is not known here is no harm. */
  take(router: string, { changes }: SharedKeys): void {
    for (const change of changes) {
      const backend = this.#host.backendNamed(change.backend)
      if (backend !== undefined) this.#apply(router, backend, change)
    }
  }

  snapshot(): readonly SharedKeys[] {
    const changes: SharedChange[] = []
    for (const backend of this.#host.backends) {
      const { id, stale } = backend
      if (backend.hasGhosts) changes.push({ type: 'ghosts', backend: id, keys: [] })
      if (stale.wholeOwn) changes.push({ type: 'stale-all', backend: id, keys: [] })
      for (const keys of ownKeys(backend)) changes.push({ type: 'stale', backend: id, keys })
    }
    return messagesOf(this.#host.name, changes)
  }

  routerGone(router: string): void {
    for (const backend of this.#host.backends) {
      const { stale } = backend
      stale.ghostsFrom.delete(router)
      if (stale.wholeFrom.delete(router)) stale.wholeOwn = true
      for (const [key, entry] of stale.entries()) {
        if (!entry.from.delete(router)) continue
        entry.own = true
        stale.todo.add(key)
      }
      this.#repairs.wake(backend)
    }
  }

  #apply(router: string, backend: Backend, { type: kind, keys }: SharedChange): void {
    const { stale } = backend
    switch (kind) {
      case 'stale':
        for (const key of keys) {
          const entry = stale.mark(key, this.#tools.turn.now)
          if (entry === undefined) {
            this.#overflow(backend)
            break
          }
          entry.from.add(router)
        }
        break
      case 'clean':
        for (const key of keys) this.#cleaned(router, backend, key)
        break
      case 'stale-all':
        stale.whole = true
        stale.wholeFrom.add(router)
        // It looks at every key again, and has forgotten those that it told one by one.
        stale.forgetFrom(router)
        break
      case 'clean-all':
        stale.wholeFrom.delete(router)
        if (!stale.whole || stale.wholeOwn || stale.wholeFrom.size > 0) break
        stale.whole = false
        this.#repairs.forgetStandIns(backend)
        break
      case 'ghosts':
        stale.ghostsFrom.set(router, this.#tools.turn.now)
        break
      case 'no-ghosts':
        stale.ghostsFrom.delete(router)
        break
      default:
        kind satisfies never
    }
    backend.refresh()
    this.#repairs.wake(backend)
  }

  #cleaned(router: string, backend: Backend, key: string): void {
    const entry = backend.stale.get(key)
    if (entry === undefined) return
    entry.from.delete(router)
    if (entry.own || entry.from.size > 0) return
    backend.stale.remove(key, true)
    this.#repairs.removed(backend, key, entry)
  }

  #share(backend: Backend, key: string, entry: StaleKey): void {
    if (entry.shared) return
    entry.shared = true
    this.#sharing.tell('stale', backend.id, key)
  }

  #overflow(backend: Backend): void {
    const { onOverflow } = this.#policy
    const { stale } = backend
    const { name } = this.#host
    this.#tools.log({
      type: 'journal-overflow',
      pool: name,
      backend: backend.id,
      action: onOverflow,
    })
    if (stale.refilling) {
      stale.refillAgain = true
      stale.clear()
      return
    }
    if (onOverflow === 'flush') {
      const compared = this.#host.replicas > 1 && this.#listing !== undefined
      this.markWhole(backend, compared ? 'verify' : 'flush')
      return
    }
    for (const [key, entry] of stale.entries())
      if (entry.shared) this.#sharing.tell('clean', backend.id, key)
    stale.clear()
    stale.ignoring = true
    backend.refresh()
  }

  #learnRun(backend: Backend): void {
    if (this.#learning.has(backend)) return
    this.#learning.add(backend)
    const over = (): void => {
      this.#learning.delete(backend)
    }
    // A backend that is lost meanwhile is asked when it is back.
    this.checkRun(backend).then(over, over)
  }
}

function* ownKeys(backend: Backend): Iterable<readonly string[]> {
  const all = [...backend.stale.entries()].filter(([, { own }]) => own).map(([key]) => key)
  for (let at = 0; at < all.length; at += 500) yield all.slice(at, at + 500)
}
