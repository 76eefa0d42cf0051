import type { ApiBackend } from '../../admin/view.ts'
import { NodeError } from '../../errors.ts'
import { type AdminClientOptions, type AdminRequest, askAdmin } from '../admin-client.ts'

export interface BackendFlags extends AdminClientOptions {
  readonly json?: boolean
  readonly id?: string
  readonly weight?: number
  readonly zone?: string
}

/** `ringway backend ACTION POOL ID`: a change that all members keep until it is reset. */
export async function changeBackend(
  action: 'remove' | 'drain' | 'undrain' | 'reset',
  pool: string,
  id: string,
  flags: BackendFlags,
): Promise<void> {
  const path = `${backendsPath(pool)}/${encodeURIComponent(id)}`
  if (action === 'remove') await say(path, { method: 'DELETE' }, flags, `${id} is removed`)
  else await say(`${path}/${action}`, { method: 'POST' }, flags, `${id}: ${action} is done`)
}

/** `ringway backend weight POOL ID WEIGHT`. */
export async function weighBackend(
  pool: string,
  id: string,
  text: string,
  flags: BackendFlags,
): Promise<void> {
  const weight = Number(text)
  if (!(weight > 0))
    throw new NodeError('CONFIG_INVALID', `found weight ${text}; allowed: a number above 0`)
  const path = `${backendsPath(pool)}/${encodeURIComponent(id)}/weight`
  await say(path, { method: 'POST', body: { weight } }, flags, `${id} has weight ${weight}`)
}

/** `ringway backend add POOL URL`. */
export async function addBackend(pool: string, url: string, flags: BackendFlags): Promise<void> {
  const { id, weight, zone } = flags
  const body = {
    url,
    ...(id === undefined ? {} : { id }),
    ...(weight === undefined ? {} : { weight }),
    ...(zone === undefined ? {} : { zone }),
  }
  await say(backendsPath(pool), { method: 'POST', body }, flags, `${id ?? url} is added`)
}

async function say(
  path: string,
  request: AdminRequest,
  flags: BackendFlags,
  done: string,
): Promise<void> {
  const backend = await askAdmin<Partial<ApiBackend>>(path, flags, request)
  if (flags.json) console.log(JSON.stringify(backend, null, 2))
  else console.log(`${done}; all members keep it until it is reset`)
}

function backendsPath(pool: string): string {
  return `/v1/pools/${encodeURIComponent(pool)}/backends`
}
