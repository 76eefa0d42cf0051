import type { ApiPool, ApiRing } from '../../admin/view.ts'
import { type AdminClientOptions, askAdmin } from '../admin-client.ts'
import { percent } from '../percent.ts'
import { formatTable } from '../table.ts'

export interface PoolQuery extends AdminClientOptions {
  readonly json?: boolean
  readonly pool?: string
}

/** `ringway ring`: the nodes of a pool's ring and how much of it each of them owns. */
export async function printRing(options: PoolQuery): Promise<void> {
  const pool = options.pool ?? (await firstPool(options))
  const ring = await askAdmin<ApiRing>(`/v1/pools/${encodeURIComponent(pool)}/ring`, options)
  if (options.json) {
    console.log(JSON.stringify(ring, null, 2))
    return
  }
  const total = ring.nodes.reduce((sum, { weight }) => sum + weight, 0)
  console.log(
    `pool ${ring.pool}: ${ring.placement}, ${ring.nodes.length} nodes, digest ${ring.digest}`,
  )
  console.log(
    formatTable(
      ['NODE', 'WEIGHT', 'ZONE', 'SHARE', 'AGAINST ITS WEIGHT'],
      ring.nodes.map(({ id, weight, zone, share }) => [
        id,
        String(weight),
        zone ?? '-',
        percent(share),
        `${((share * total) / weight).toFixed(3)} x`,
      ]),
    ),
  )
}

/** The pool that commands mean when none is named. */
export async function firstPool(options: AdminClientOptions): Promise<string> {
  const { pools } = await askAdmin<{ pools: readonly ApiPool[] }>('/v1/pools', options)
  return pools[0]?.name ?? ''
}
