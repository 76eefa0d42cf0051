import type { ApiPlan, ApiRing } from '../../admin/view.ts'
import { NodeError } from '../../errors.ts'
import { askAdmin } from '../admin-client.ts'
import { percent } from '../percent.ts'
import { formatTable } from '../table.ts'
import { firstPool, type PoolQuery } from './ring.ts'

const TRANSFERS_SHOWN_MAX = 20
const PORT = /:\d+$/

export interface PlanQuery extends PoolQuery {
  readonly add?: string
  readonly remove?: string
}

/** `ringway plan`: what a change of one node would move, from whom to whom. Nothing is changed. */
export async function printPlan(options: PlanQuery): Promise<void> {
  const { add, remove } = options
  if ((add === undefined) === (remove === undefined))
    throw new NodeError(
      'CONFIG_INVALID',
      'plan needs one change; allowed: either --add NAME[:WEIGHT] or --remove NAME',
    )
  const pool = options.pool ?? (await firstPool(options))
  const ring = await askAdmin<ApiRing>(`/v1/pools/${encodeURIComponent(pool)}/ring`, options)
  const body =
    add === undefined
      ? { pool, remove }
      : {
          pool,
          add: parseNode(
            add,
            ring.nodes.map(({ id }) => id),
          ),
        }
  const plan = await askAdmin<ApiPlan>('/v1/plan', options, { method: 'POST', body })
  console.log(options.json ? JSON.stringify(plan, null, 2) : describe(plan, ring.placement))
}

/**
 * `NAME` or `NAME:WEIGHT`. Where the nodes of a ring are named `HOST:PORT`, a single number after a colon is the port.
 */
export function parseNode(
  text: string,
  names: readonly string[],
): { readonly id: string; readonly weight?: number } {
  const match = /^(?<id>.+):(?<weight>\d{1,9}(?:\.\d{1,9})?)$/.exec(text)
  const { id = text, weight } = match?.groups ?? {}
  if (weight === undefined) return { id: text }
  const namesHavePorts = names.some((name) => PORT.test(name))
  if (namesHavePorts && !PORT.test(id)) return { id: text }
  return { id, weight: Number(weight) }
}

function describe(plan: ApiPlan, placement: string): string {
  const { before, after, moved, movedAtLeast, nodes, transfers, sampledKeys, arcs } = plan
  const how = sampledKeys === undefined ? `${arcs} arcs` : `counted over ${sampledKeys} keys`
  const hidden = transfers.length - TRANSFERS_SHOWN_MAX
  return [
    `pool ${plan.pool} (${placement}): ${before.nodes} -> ${after.nodes} nodes; ${percent(moved)} of the keys move (${how}), the least possible is ${percent(movedAtLeast)}`,
    '',
    formatTable(
      ['NODE', 'CHANGE', 'WEIGHT', 'BEFORE', 'AFTER', 'GAINS', 'LOSES'],
      nodes.map((node) => [
        node.id,
        node.change,
        String(node.weightAfter ?? node.weightBefore ?? 1),
        percent(node.shareBefore),
        percent(node.shareAfter),
        percent(node.gains),
        percent(node.loses),
      ]),
    ),
    '',
    formatTable(
      ['FROM', 'TO', 'SHARE OF ALL KEYS'],
      transfers
        .slice(0, TRANSFERS_SHOWN_MAX)
        .map(({ before: from = 'nobody', after: to = 'nobody', share }) => [
          from,
          to,
          percent(share),
        ]),
    ),
    ...(hidden > 0 ? [`and ${hidden} more; --json has all`] : []),
  ].join('\n')
}
