import { statSync } from 'node:fs'
import type { NodeConfig } from './config.ts'

/** Others than owner and group may read it. */
const WORLD_READABLE = 0o004
/** Keys that hold secrets, and URLs with a password. */
const SECRETS = /"(encrypt|token|password|secrets|auth)":|:\/\/[^/"]*:[^/"]*@/

/** What is allowed, and most likely not meant: one sentence each, with the key. */
export function configWarnings(config: NodeConfig): readonly string[] {
  return [...hashedCookies(config), ...unusedPools(config)]
}

/** Whether a file that holds secrets can be read by everybody on the machine. */
export function exposedSecrets(file: string, content: unknown): readonly string[] {
  const readable = (statSync(file).mode & WORLD_READABLE) !== 0
  return readable && SECRETS.test(JSON.stringify(content))
    ? [`the file holds secrets and can be read by everybody on this machine; chmod 640 ${file}`]
    : []
}

/** The first request of a session comes without the cookie that its response sets: it goes anywhere. */
function hashedCookies({ listeners }: NodeConfig): readonly string[] {
  return listeners.flatMap(({ http }, listener) =>
    (http?.routes ?? []).flatMap(({ key, sticky }, route) => {
      const cookie = key?.find((source) => source.startsWith('cookie:'))
      if (cookie === undefined || sticky !== 'hash') return []
      return [
        `listeners.${listener}.routes.${route}: sticky: hash with ${cookie}: the request that begins a session comes without the cookie, so the session may begin at one backend and go on at another; unless clients choose the cookie themselves, use sticky: pinned or learned`,
      ]
    }),
  )
}

function unusedPools({ pools, listeners }: NodeConfig): readonly string[] {
  // Without listeners there is one for each protocol.
  if (listeners.length === 0) return []
  // A pool may be named by a listener, by a route, or by another pool.
  const named = JSON.stringify([
    listeners,
    pools.map((pool) => Object.entries(pool).filter(([key]) => key !== 'name')),
  ])
  return pools
    .filter(({ name, protocol }) => protocol !== 'store' && !named.includes(JSON.stringify(name)))
    .map(({ name }) => `pools.${name}: no listener serves it`)
}
