import type { Awareness } from './awareness.ts'
import type { BroadcastQueue } from './broadcast-queue.ts'
import type { SwimConfig } from './config.ts'
import type { Effects } from './effects.ts'
import type { Peer } from './member.ts'
import type { Membership } from './membership.ts'
import type { SwimOptions } from './options.ts'
import type { SwimTally } from './tally.ts'

/** Life of a machine; it never goes back. */
export type Phase = 'idle' | 'running' | 'leaving' | 'left'

/**
 * Mistakes that a test plants to prove that the checkers would notice them. Never set outside tests.
 * @internal
 */
export const PLANTED_BUGS = [
  'skip-refutation',
  'suspicion-never-ends',
  'stale-alive-revives',
  'revive-the-forgotten',
  'dead-by-hearsay',
  'no-gossip-of-deaths',
  'no-healing',
  'no-gossip-to-the-dead',
  'skip-reminder',
  'unbounded-retransmit',
  'refute-before-eviction',
  'refute-at-the-same-incarnation',
  'forget-nacks',
  'ignore-confirmations',
  'count-the-first-accuser-twice',
  'blame-peers-for-lag',
  'keep-suspicion-secret',
  'steal-name',
] as const

export type PlantedBug = (typeof PLANTED_BUGS)[number]

/**
 * What a test may do to a machine that no user can.
 * @internal
 */
export interface Rigging {
  readonly planted?: PlantedBug
  /** Members that it knows alive from the beginning, without a join and without gossip about it. */
  readonly known?: readonly { readonly peer: Peer; readonly incarnation: number }[]
}

/** What the parts of one machine share. */
export interface Context {
  readonly options: SwimOptions
  readonly config: SwimConfig
  readonly membership: Membership
  /** News about members, by name. */
  readonly broadcasts: BroadcastQueue
  /** Opaque payloads of the application. */
  readonly userBroadcasts: BroadcastQueue
  readonly awareness: Awareness
  readonly tally: SwimTally
  readonly planted: PlantedBug | undefined
  phase: Phase
  /** Sequence number of the latest ping; u32, wraps. */
  seq: number
}

export function nextSeq(context: Context): number {
  context.seq = (context.seq + 1) >>> 0
  return context.seq
}

/** Changes our health score, and says so if it moved. */
export function judgeOurselves(context: Context, delta: number, out: Effects): void {
  if (context.awareness.apply(delta)) {
    out.notify({ type: 'health', score: context.awareness.score })
  }
}
