import type { StoreCommand } from './commands/store-command.ts'
import { findStoreCommand } from './commands/store-commands.ts'
import type { EntryTable } from './entry-table.ts'
import { StoreError } from './store-error.ts'

/** Bugs that tests plant one at a time to prove that the history checker finds them. */
export type PlantedBug =
  | 'acknowledge-before-replicating'
  | 'promote-without-asking'
  | 'accept-from-stale-primary'
  | 'restart-keeps-holdings'
  | 'drop-tombstone'
  | 'skip-stand-in'
  | 'serve-while-filling'
  | 'drop-before-confirmed'
  | 'forget-promise'
  | 'read-unacknowledged'
  | 'ignore-pause'
  | 'retry-sent-write'

/** Finds a command by its name, whatever its case. */
export type CommandFinder = (name: Uint8Array) => StoreCommand | undefined

export interface StoreOptions {
  /** Unique name of this member. */
  readonly name: string
  /** Drawn anew at each start of the process, for example 16 hex digits. */
  readonly instance: string
  /** Bytes for all copies that this member holds. Default 256 MiB. */
  readonly maxMemoryBytes?: number
  /** Where entries live. Default: outside the V8 heap, `maxMemoryBytes` of it. */
  readonly table?: EntryTable
  /** Default: the Redis string commands. */
  readonly findCommand?: CommandFinder
  /** A number in [0, bound); chooses what to evict. */
  readonly random: (bound: number) => number
  /** Named in error replies. Default `store`. */
  readonly pool?: string
  /** Copies of each entry, 1-8. Default 2. */
  readonly replicas?: number
  /** Fewer reachable copies than this refuse writes with -NOREPLICAS, 1-replicas. Default 1. */
  readonly minCopies?: number
  /** A power of two up to 16384; fewer only in simulations. Default 16384. */
  readonly slotCount?: number
  /** What the smaller side of a partition does: serve, or answer -CLUSTERDOWN. Default `available`. */
  readonly partitionPolicy?: 'available' | 'majority'
  /** Default `allkeys-lru`. */
  readonly maxMemoryPolicy?: 'allkeys-lru' | 'noeviction'
  /** A command is answered by then, 1-60000 ms. Default 2000. */
  readonly commandTimeoutMs?: number
  /** A silent owner is replaced by a stand-in after this, ms. Default 200. */
  readonly replicaTimeoutMs?: number
  /** A member that takes over waits at most this long for one that does not answer, ms. Default 500. */
  readonly promotionTimeoutMs?: number
  /** A gap between two calls that counts as a suspension of the process, ms. Default 1000. */
  readonly pauseMs?: number
  /** A linked member not heard for this long is taken for unreachable, ms; at least pauseMs + 2 × beatMs. Default 1600. */
  readonly silenceMs?: number
  /** Interval of heartbeats and upkeep, ms. Default 250. */
  readonly beatMs?: number
  /** Interval of the timer while something waits, ms. Default 20. */
  readonly tickMs?: number
  /** Slots that nobody alive holds are founded anew after this, ms. Default 2000. */
  readonly lostSlotMs?: number
  /** Interval of digest comparison between owners, ms. Default 10000. */
  readonly repairIntervalMs?: number
  /** How long deletions are remembered, ms. Default 3600000. */
  readonly tombstoneMs?: number
  /** A peer clock further ahead than this is refused, ms. Default 5000. */
  readonly clockDriftMaxMs?: number
  /** Bytes per second of hand-over data that this member gives; 0 is unlimited. Default 0. */
  readonly handOverBytesPerSecond?: number
  /** For tests that prove the checker only. */
  readonly plantedBug?: PlantedBug
}

export type ResolvedOptions = Required<Omit<StoreOptions, 'plantedBug' | 'table'>> & {
  readonly plantedBug: PlantedBug | undefined
}

export const SLOT_COUNT_MAX = 16384
export const REPLICAS_MAX = 8
/** Members known at one time, the dead ones remembered included. */
export const MEMBERS_MAX = 1024
/** Commands that wait for a primary, a forward or an acknowledgement; one more is refused. */
export const PENDING_COMMANDS_MAX = 65_536
/** Writes that wait for copies; one more is refused. */
export const PENDING_WRITES_MAX = 65_536
/** Reads that wait on one unacknowledged write. */
export const WAITERS_PER_WRITE_MAX = 4_096
/** Entry bytes in one message; a single larger entry travels alone. */
export const PART_BYTES_MAX = 256 * 1024
/** Rows in one message: taking them in must not hold up the event loop. */
export const PART_ROWS_MAX = 512
/** Chunks of one stream that are sent ahead of their acknowledgement. */
export const PARTS_IN_FLIGHT_MAX = 3
/** Slots in one pull. */
export const PULL_SLOTS_MAX = 1_024
/** Pulls that one member has under way. */
export const PULLS_MAX = 4
/** Keys in one reply to KEYS. */
export const KEYS_REPLY_MAX = 1_000_000
/** Evictions to make room for one entry. */
export const EVICTIONS_PER_WRITE_MAX = 256
/** Expired entries removed per upkeep. */
export const EXPIRED_PER_UPKEEP_MAX = 1_024

const DEFAULTS = {
  maxMemoryBytes: 256 * 1024 * 1024,
  findCommand: findStoreCommand,
  pool: 'store',
  replicas: 2,
  minCopies: 1,
  slotCount: SLOT_COUNT_MAX,
  partitionPolicy: 'available',
  maxMemoryPolicy: 'allkeys-lru',
  commandTimeoutMs: 2_000,
  replicaTimeoutMs: 200,
  promotionTimeoutMs: 500,
  pauseMs: 1_000,
  silenceMs: 1_600,
  beatMs: 250,
  tickMs: 20,
  lostSlotMs: 2_000,
  repairIntervalMs: 10_000,
  tombstoneMs: 3_600_000,
  clockDriftMaxMs: 5_000,
  handOverBytesPerSecond: 0,
} as const

const RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  maxMemoryBytes: [1, Number.MAX_SAFE_INTEGER],
  replicas: [1, REPLICAS_MAX],
  minCopies: [1, REPLICAS_MAX],
  slotCount: [1, SLOT_COUNT_MAX],
  commandTimeoutMs: [1, 60_000],
  replicaTimeoutMs: [1, 60_000],
  promotionTimeoutMs: [1, 60_000],
  pauseMs: [10, 600_000],
  silenceMs: [10, 600_000],
  beatMs: [1, 60_000],
  tickMs: [1, 1_000],
  lostSlotMs: [0, 3_600_000],
  repairIntervalMs: [10, 86_400_000],
  tombstoneMs: [1_000, 86_400_000],
  clockDriftMaxMs: [0, 86_400_000],
  handOverBytesPerSecond: [0, Number.MAX_SAFE_INTEGER],
}

/** Fills in the defaults. Throws `StoreError` STORE_OPTION_INVALID that names the option, what was found and what is allowed. */
export function resolveOptions(options: StoreOptions): ResolvedOptions {
  const resolved = { ...DEFAULTS, ...options, plantedBug: options.plantedBug }
  for (const [option, [min, max]] of Object.entries(RANGES)) {
    const found = (resolved as Record<string, unknown>)[option]
    if (typeof found !== 'number' || !Number.isInteger(found) || found < min || found > max)
      throw new StoreError('STORE_OPTION_INVALID', { option, found, min, max })
  }
  if (resolved.name.length === 0) throw new StoreError('STORE_OPTION_INVALID', { option: 'name' })
  if ((resolved.slotCount & (resolved.slotCount - 1)) !== 0)
    throw new StoreError('STORE_OPTION_INVALID', {
      option: 'slotCount',
      found: resolved.slotCount,
      allowed: 'a power of two',
    })
  if (resolved.minCopies > resolved.replicas)
    throw new StoreError('STORE_OPTION_INVALID', {
      option: 'minCopies',
      found: resolved.minCopies,
      max: resolved.replicas,
    })
  // A resumed process must notice its pause before the others may have given it up.
  const silenceMin = resolved.pauseMs + 2 * resolved.beatMs
  if (resolved.silenceMs < silenceMin)
    throw new StoreError('STORE_OPTION_INVALID', {
      option: 'silenceMs',
      found: resolved.silenceMs,
      min: silenceMin,
    })
  return resolved
}
