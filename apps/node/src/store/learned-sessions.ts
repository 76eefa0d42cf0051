import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { LearnedSessions, PoolDriver } from '@ringway/router'
import { NodeError } from '../errors.ts'
import { createNodeStore, type NodeStore } from './node-store.ts'

/** How long a session that nobody uses is remembered. */
export const LEARNED_SESSION_TTL_MS = 24 * 3_600_000
/** A session in use is lengthened by the first router that finds it this near to its end. */
const LENGTHEN_BELOW_MS = LEARNED_SESSION_TTL_MS / 2
/** No attempt begins later than this; the router itself waits for `queueTimeoutMs` (5 s). */
const PERSIST_MS = 3_000
const PERSIST_PAUSE_MS = 50

/**
 * Learned sessions in the embedded store: every router of the cluster finds the backend of a session. Keys are hashes of
 * the ids, so that who may read the store cannot take over sessions. A store that answers with an error (its slots move, a copy
 * is late) is asked again for a while; a wrong backend would end the session. Then the session counts as not known, and the
 * response waits no longer.
 */
export function createLearnedSessions(
  driver: PoolDriver,
  onError: (error: unknown) => void,
): LearnedSessions {
  const store = createNodeStore(driver, () => false)
  return {
    get: (pool, session, done) => {
      void persist(() => find(store, storeKey(pool, session)))
        .catch(report(onError, undefined))
        .then(done)
    },
    put: (pool, session, backend, done) => {
      const key = storeKey(pool, session)
      void persist(() => store.set(key, backend, { ttlMs: LEARNED_SESSION_TTL_MS }))
        .catch(report(onError, undefined))
        .then(done)
    },
  }
}

/** Once more after an error, until it has been too long; what is done here may be done twice. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PERSIST_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof NodeError || performance.now() >= deadline) throw error
      await pause(PERSIST_PAUSE_MS, undefined, { ref: false })
    }
  }
}

async function find(store: NodeStore, key: string): Promise<string | undefined> {
  const backend = await store.get(key)
  if (backend === null) return undefined
  const left = Number(await store.command('PTTL', key))
  if (left >= 0 && left < LENGTHEN_BELOW_MS)
    await store.command('PEXPIRE', key, String(LEARNED_SESSION_TTL_MS))
  return backend
}

function storeKey(pool: string, session: string): string {
  const hash = createHash('sha256').update(pool).update('\0').update(session).digest('base64url')
  return `ringway:session:${hash}`
}

function report<T>(onError: (error: unknown) => void, otherwise: T): (error: unknown) => T {
  return (error) => {
    onError(error)
    return otherwise
  }
}
