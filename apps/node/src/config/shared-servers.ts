import { NodeError } from '../errors.ts'
import type { BackendConfig, PoolConfig } from './config.ts'

/**
 * A pool with copies deletes those that are not where they belong, and empties what it cannot trust: the keys of another pool in
 * the same database would go with them.
 */
export function checkSharedServers(pools: readonly PoolConfig[], source: string): void {
  const owners = new Map<string, { readonly pool: string; readonly copies: boolean }>()
  for (const pool of pools) {
    if (pool.protocol !== 'redis' && pool.protocol !== 'memcached') continue
    const copies = (pool.replicas ?? 1) > 1
    for (const [index, backend] of pool.backends.entries()) {
      const place = placeOf(backend)
      const other = owners.get(place)
      if (other === undefined) owners.set(place, { pool: pool.name, copies })
      else if (other.pool !== pool.name && (copies || other.copies))
        throw new NodeError(
          'CONFIG_INVALID',
          `${source}: pools.${pool.name}.backends.${index}: ${place} is in pool "${other.pool}" too; allowed with replicas above 1: servers, or databases of them, that are the pool's own, because a pool with copies deletes keys that do not belong where they are`,
        )
    }
  }
}

function placeOf({ address: { host, port }, access }: BackendConfig): string {
  const at = access?.path ?? `${host}:${port}`
  const database = access?.database ?? 0
  return database === 0 ? at : `${at}/${database}`
}
