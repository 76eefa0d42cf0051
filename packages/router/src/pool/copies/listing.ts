import type { Backend } from '../backend.ts'
import type { CopiesHost } from './copies-host.ts'

/** Which backends are asked about the keys of a pool, and who of them speaks for a key that several have. */
export interface Listing {
  /** Backends to be asked, in their order. */
  readonly ids: readonly string[]
  /** Listings with equal views show a key at the same backend; empty where each has its keys for itself. */
  readonly view: string
  /** True for a key that this backend is to report. */
  shows(id: string, key: Buffer): boolean
  /** How many of the backends asked have a key of this one's pool on average: exact while none is missing. */
  copies(id: string): number
}

/**
 * With copies a key is reported by the first of its owners that serves all its keys. One that is still being brought up to date
 * reports nothing: the other owners have everything that it lacks.
 *
 * Keys are only found where a backend for them is asked. When as many are missing as a key has copies, backends that catch up or
 * are drained are asked, too; when that does not suffice, those that cannot be reached are asked all the same, and the error that
 * this gives says which.
 */
export function listingOf(host: CopiesHost, isCatchingUp: (backend: Backend) => boolean): Listing {
  const { replicas, backends } = host
  const inPool = backends.filter(({ state }) => state !== 'out')
  const ids = inPool.map(({ id }) => id)
  if (replicas === 1) return { ids, view: '', shows: () => true, copies: () => 1 }
  const enough = (some: readonly Backend[]) => backends.length - some.length < replicas
  const well = inPool.filter((each) => isWell(each) && !isCatchingUp(each))
  const reached = inPool.filter((each) => each.reachable && !each.stale.whole)
  const shown = new Set(enough(well) ? well : reached)
  const copies = (Math.min(replicas, backends.length) * shown.size) / Math.max(backends.length, 1)
  const names = [...shown].map(({ id }) => id)
  return {
    ids: enough([...shown]) ? names : ids,
    view: JSON.stringify([host.ringDigest, replicas, names]),
    shows: (id, key) => reporterOf(host, shown, key)?.id === id,
    copies: () => copies,
  }
}

function isWell(backend: Backend): boolean {
  return backend.usable && backend.share === 1 && !backend.stale.whole
}

function reporterOf(
  host: CopiesHost,
  shown: ReadonlySet<Backend>,
  key: Buffer,
): Backend | undefined {
  const place = host.placement.positionOf(key, 0, key.length)
  const [first] = host.ranksAt(place, 1)
  if (first !== undefined && shown.has(first) && first.stale.none) return first
  const text = key.toString('latin1')
  const ranks = host.ranksAt(place, host.backends.length).filter((each) => shown.has(each))
  return ranks.find(({ stale }) => !stale.has(text)) ?? ranks[0]
}
