import type { Subject } from './subjects.ts'

/** The numbers of nodes in the tables. */
export const NODE_COUNTS = [5, 10, 50, 100] as const
/** Keys that are counted: at 100 nodes, counting alone makes the busiest of equal ones 1.06 times the mean. */
export const COUNTED_KEYS = 200_000

/** What a table shows of one placement at one number of nodes. */
export interface Quality {
  readonly nodes: number
  /** The busiest node against the mean. */
  readonly busiest: number
  /** Shares of all keys. `joined`: one more at the end; `left`: one from the middle goes; between nodes that stay. */
  readonly joinMoves: number
  readonly joinShuffles: number
  readonly leaveMoves: number
  readonly leaveShuffles: number
}

/** The same names as in the benchmark of the ring. */
export function serverNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:6379`)
}

function countedKeys(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `user:${String((i * 7919) % 1e8).padStart(8, '0')}:profil`,
  )
}

/** Counts keys and what moves. */
export function measureQuality(subject: Subject): Quality[] {
  const keys = countedKeys(COUNTED_KEYS)
  return NODE_COUNTS.map((nodes) => {
    const ids = serverNames(nodes)
    const joining = serverNames(nodes + 1)[nodes] as string
    const leaving = ids[nodes >> 1] as string
    const before = subject.build(ids)
    const joined = subject.build([...ids, joining])
    const left =
      subject.without?.(ids, leaving) ?? subject.build(ids.filter((id) => id !== leaving))
    const counts = new Map<string, number>()
    const moved = { joinMoves: 0, joinShuffles: 0, leaveMoves: 0, leaveShuffles: 0 }
    for (const key of keys) {
      const was = before(key) ?? ''
      counts.set(was, (counts.get(was) ?? 0) + 1)
      const afterJoin = joined(key)
      if (afterJoin !== was) moved.joinMoves++
      if (afterJoin !== was && afterJoin !== joining) moved.joinShuffles++
      const afterLeave = left(key)
      if (afterLeave !== was) moved.leaveMoves++
      if (afterLeave !== was && was !== leaving) moved.leaveShuffles++
    }
    return {
      nodes,
      busiest: (Math.max(...counts.values()) * nodes) / keys.length,
      joinMoves: moved.joinMoves / keys.length,
      joinShuffles: moved.joinShuffles / keys.length,
      leaveMoves: moved.leaveMoves / keys.length,
      leaveShuffles: moved.leaveShuffles / keys.length,
    }
  })
}

const percent = (share: number): string =>
  share === 0 ? '0' : share < 0.0001 ? '<0.01 %' : `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`

/** Balance, and movement between nodes that stay, as Markdown. */
export function qualityTable(rows: ReadonlyMap<string, readonly Quality[]>): string {
  const head = NODE_COUNTS.join(' | ')
  const lines = [
    `| busiest ÷ mean at … nodes | ${head} |`,
    `|---|${NODE_COUNTS.map(() => '---:|').join('')}`,
    ...[...rows].map(
      ([name, all]) => `| ${name} | ${all.map(({ busiest }) => busiest.toFixed(2)).join(' | ')} |`,
    ),
    '',
    'One node joins at the end / one from the middle leaves: keys that move between two nodes that stay.',
    '',
    `| join / leave at … nodes | ${head} |`,
    `|---|${NODE_COUNTS.map(() => '---:|').join('')}`,
    ...[...rows].map(
      ([name, all]) =>
        `| ${name} | ${all.map(({ joinShuffles, leaveShuffles }) => `${percent(joinShuffles)} / ${percent(leaveShuffles)}`).join(' | ')} |`,
    ),
  ]
  return lines.join('\n')
}
