import { createHash } from 'node:crypto'
import type { LearnedSessions, PoolDriver } from '@ringway/router'
import { createNodeStore, type NodeStore } from './node-store.ts'

/** How long a session that nobody uses is remembered. */
export const LEARNED_SESSION_TTL_MS = 24 * 3_600_000
/** A session in use is lengthened by the first router that finds it this near to its end. */
const LENGTHEN_BELOW_MS = LEARNED_SESSION_TTL_MS / 2

/**
 * Learned sessions in the embedded store: every router of the cluster finds the backend of a session. Keys are hashes of
 * the ids, so that who may read the store cannot take over sessions. When the store cannot answer, a session counts as not known,
 * and the response does not wait.
 */
export function createLearnedSessions(
  driver: PoolDriver,
  onError: (error: unknown) => void,
): LearnedSessions {
  const store = createNodeStore(driver, () => false)
  return {
    get: (pool, session, done) => {
      void find(store, storeKey(pool, session)).catch(report(onError, undefined)).then(done)
    },
    put: (pool, session, backend, done) => {
      void store
        .set(storeKey(pool, session), backend, { ttlMs: LEARNED_SESSION_TTL_MS })
        .catch(report(onError, undefined))
        .then(done)
    },
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
