import type { BackendTopology } from '../../topology.ts'

/**
 * How sessions stay.
 * - `hash`: the key's owner on the ring, for keys that the client chooses before the session exists;
 * - `pinned`: a signed cookie of ours names the backend;
 * - `learned`: the router reads the session id from the response and remembers its backend in the embedded store.
 */
export const STICKIES = ['hash', 'pinned', 'learned'] as const
export type Sticky = (typeof STICKIES)[number]

/** What a cookie or a learned session says. */
export type Binding =
  /** There is none, or it cannot be trusted. */
  | { readonly type: 'none' }
  /** It is genuine, and names a backend that is not in the pool any more. */
  | { readonly type: 'gone' }
  | { readonly type: 'bound'; readonly backend: string; readonly renew: boolean }

/** What to do with a request of a session. */
export type StickyPlan =
  /** Choose a backend by key and balance, and bind the session to the one that answers. */
  | { readonly type: 'place' }
  /**
   * Go to this backend, avoided or not. A connection that it refuses is tried again for `pinnedRetryMs`; after that the next
   * owner answers this one request, and the binding stays as it is: only *out* binds anew.
   */
  | { readonly type: 'stay'; readonly backend: string; readonly renew: boolean }

export const NO_BINDING: Binding = { type: 'none' }
export const GONE: Binding = { type: 'gone' }
const PLACE: StickyPlan = { type: 'place' }

/** How long a refused connection to a bound backend is tried again, in milliseconds: a restart keeps its sessions. */
export const PINNED_RETRY_MS = 1_000

/**
 * A session stays while its backend lives, however the ring changes: a draining backend keeps its own.
 * @param state of the bound backend
 */
export function planSticky(
  binding: Binding,
  state: BackendTopology['state'] | undefined,
): StickyPlan {
  if (binding.type !== 'bound' || state === undefined || state === 'out') return PLACE
  return { type: 'stay', backend: binding.backend, renew: binding.renew }
}
