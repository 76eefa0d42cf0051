import type { BackendEntry } from '../config/options.ts'

/** What an operator changed about one backend of one pool, over the file. All members hold the same. */
export interface Override {
  readonly pool: string
  readonly backend: string
  /** The later one wins: milliseconds since 1970, above every version that its author knew. */
  readonly version: number
  /** Member on which it was made; decides between equal versions. */
  readonly by: string
  /** Present: the backend was added, and this is how it is reached. */
  readonly added?: Pick<BackendEntry, 'url' | 'weight' | 'zone'>
  readonly removed?: true
  readonly draining?: true
  readonly weight?: number
}

/** Changes of an operator. */
export type BackendChange =
  | { readonly type: 'add'; readonly entry: Pick<BackendEntry, 'url' | 'weight' | 'zone'> }
  | { readonly type: 'remove' }
  | { readonly type: 'drain' }
  | { readonly type: 'undrain' }
  | { readonly type: 'weight'; readonly weight: number }
  /** Back to what the file says. */
  | { readonly type: 'reset' }

/** Overrides of all pools that are held; one more backend is refused. */
export const OVERRIDES_MAX = 4_096

/** Whether an override says anything; one that does not still outranks older ones. */
export function isEmptyOverride({ added, removed, draining, weight }: Override): boolean {
  return (added ?? removed ?? draining ?? weight) === undefined
}

/**
 * The overrides of this member: the last writer wins, by version and then by name, so that members which heard the same
 * changes in any order hold the same.
 */
export class Overrides {
  readonly #byKey = new Map<string, Override>()
  #highest = 0

  /** Those that say something, in the order of pool and backend. */
  get list(): readonly Override[] {
    return this.all.filter((override) => !isEmptyOverride(override))
  }

  /** Also those that were taken back: what other members have to hear. */
  get all(): readonly Override[] {
    return [...this.#byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
  }

  get(pool: string, backend: string): Override | undefined {
    const found = this.#byKey.get(keyOf(pool, backend))
    return found && !isEmptyOverride(found) ? found : undefined
  }

  /** The override after a change; not taken yet. */
  next(pool: string, backend: string, change: BackendChange, by: string, now: number): Override {
    const before = this.#byKey.get(keyOf(pool, backend))
    const version = Math.max(Math.floor(now), this.#highest + 1)
    const head = { pool, backend, version, by }
    return { ...head, ...changed(before, change) }
  }

  /** Takes one if it is newer than what is known of its backend and there is room. */
  merge(override: Override): boolean {
    const key = keyOf(override.pool, override.backend)
    const known = this.#byKey.get(key)
    if (known !== undefined && !isNewer(override, known)) return false
    if (known === undefined && this.#byKey.size >= OVERRIDES_MAX) return false
    this.#byKey.set(key, override)
    this.#highest = Math.max(this.#highest, override.version)
    return true
  }
}

type Facts = Pick<Override, 'added' | 'removed' | 'draining' | 'weight'>

function changed(before: Facts = {}, change: BackendChange): Facts {
  const kept = {
    ...(before.added === undefined ? {} : { added: before.added }),
    ...(before.draining === undefined ? {} : { draining: before.draining }),
    ...(before.weight === undefined ? {} : { weight: before.weight }),
  }
  switch (change.type) {
    case 'add':
      return { added: change.entry }
    case 'remove':
      return { removed: true }
    case 'drain':
      return { ...kept, draining: true }
    case 'undrain': {
      const { draining: _, ...rest } = kept
      return rest
    }
    case 'weight':
      return { ...kept, weight: change.weight }
    case 'reset':
      return {}
  }
}

function isNewer(one: Override, other: Override): boolean {
  return one.version > other.version || (one.version === other.version && one.by > other.by)
}

function keyOf(pool: string, backend: string): string {
  return `${pool}\0${backend}`
}
