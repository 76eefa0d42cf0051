import type { MemberAction } from '../../fleet/member-action.ts'
import { type AdminClientOptions, askAdmin } from '../admin-client.ts'

const DONE = {
  drain: 'hands its slots over and takes no new ones; `ringway undrain` takes it back',
  undrain: 'takes part again',
  leave: 'hands its slots over, leaves the cluster and ends',
} as const satisfies Record<MemberAction, string>

/** `ringway drain|undrain|leave NAME`, asked of any member. */
export async function actOnMember(
  action: MemberAction,
  name: string,
  options: AdminClientOptions,
): Promise<void> {
  const path = `/v1/members/${encodeURIComponent(name)}/${action}`
  await askAdmin(path, options, { method: 'POST' })
  console.log(`${name} ${DONE[action]}`)
}
