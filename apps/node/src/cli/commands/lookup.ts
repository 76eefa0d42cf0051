import type { ApiLookup } from '../../admin/view.ts'
import { type AdminClientOptions, askAdmin } from '../admin-client.ts'
import { firstPool } from './ring.ts'

/** `ringway lookup KEY`: the owners of a key, primary first. */
export async function printLookup(
  key: string,
  options: AdminClientOptions & { readonly json?: boolean; readonly pool?: string },
): Promise<void> {
  const pool = options.pool ?? (await firstPool(options))
  const path = `/v1/pools/${encodeURIComponent(pool)}/lookup?key=${encodeURIComponent(key)}`
  const lookup = await askAdmin<ApiLookup>(path, options)
  if (options.json) {
    console.log(JSON.stringify(lookup, null, 2))
    return
  }
  console.log(`key     ${lookup.key}`)
  console.log(`pool    ${lookup.pool}`)
  console.log(`slot    ${lookup.slot}`)
  console.log(`owners  ${lookup.owners.join(', ') || 'nobody'}`)
  if (lookup.acting !== undefined && lookup.acting !== lookup.owners[0])
    console.log(`acting  ${lookup.acting} (orders the writes until the first owner holds the slot)`)
  console.log(`ring    ${lookup.digest}`)
}
