import { formatHostPort } from '../config/address.ts'
import type { ListenerConfig } from '../config/config.ts'

/**
 * Listeners by what makes one the same after a reload: protocol and address. Of several on free ports (port 0) the first stays the
 * first.
 */
export function listenerKeys(
  listeners: readonly ListenerConfig[],
): ReadonlyMap<string, ListenerConfig> {
  const keys = new Map<string, ListenerConfig>()
  for (const listener of listeners) {
    const name = `${listener.protocol} ${formatHostPort(listener.bind)}`
    let key = name
    for (let count = 2; keys.has(key); count++) key = `${name} #${count}`
    keys.set(key, listener)
  }
  return keys
}
