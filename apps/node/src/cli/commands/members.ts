import type { ApiMember, ApiPool } from '../../admin/view.ts'
import { type AdminClientOptions, askAdmin } from '../admin-client.ts'
import { formatTable } from '../table.ts'

/** `ringway members`: one line per member that the node knows. */
export async function printMembers(
  options: AdminClientOptions & { readonly json?: boolean },
): Promise<void> {
  const reply = await askAdmin<{ members: readonly ApiMember[] }>('/v1/members', options)
  if (options.json) {
    console.log(JSON.stringify(reply, null, 2))
    return
  }
  console.log(
    formatTable(
      ['NAME', 'ADDRESS', 'STATE', 'PHASE', 'ZONE', 'WEIGHT', 'LINK', 'RTT', 'NOTE'],
      reply.members.map(row),
    ),
  )
  const { pools } = await askAdmin<{ pools: readonly ApiPool[] }>('/v1/pools', options)
  for (const line of pools.flatMap(overrideLines)) console.log(line)
}

/** What operators changed over the file, so that nobody wonders why a pool is not what the file says. */
export function overrideLines({ name, backends, removed = [] }: ApiPool): readonly string[] {
  const changed = backends.flatMap(({ override }) => (override ? [override] : []))
  return [...changed, ...removed].map(({ backend, by, added, removed, draining, weight }) => {
    const what = [
      ...(added ? ['added'] : []),
      ...(removed ? ['removed'] : []),
      ...(draining ? ['draining'] : []),
      ...(weight === undefined ? [] : [`weight ${weight}`]),
    ]
    return `pool ${name}: backend ${backend}: ${what.join(', ')} (at run time, on ${by})`
  })
}

function row(member: ApiMember): string[] {
  return [
    member.name,
    member.address,
    member.state,
    member.phase ?? '-',
    member.zone ?? '-',
    member.weight === undefined ? '-' : String(member.weight),
    member.linked === undefined ? '-' : member.linked ? 'up' : 'down',
    member.rttMs === undefined ? '-' : `${member.rttMs.toFixed(1)} ms`,
    note(member),
  ]
}

function note(member: ApiMember): string {
  if (!member.ringway) return 'not a Ringway member'
  if (member.linkProblem !== undefined) return member.linkProblem
  return member.definitionsDiffer ? 'its pool definitions differ from this node' : ''
}
