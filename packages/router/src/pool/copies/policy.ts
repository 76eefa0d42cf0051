/** How a Redis or memcached pool keeps copies of its keys; structured-cloneable. */
export interface CopyPolicy {
  /** How many of a key's owners have to apply a write before it is answered. */
  readonly ack: 'one' | 'quorum' | 'all'
  /** Which owner answers a read: the first, any of them in turn, or the one that is closest (same zone, then fastest). */
  readonly read: 'primary' | 'any' | 'nearest'
  /** What a backend has to do before it serves again after others wrote its keys. */
  readonly onReturn: 'replay' | 'flush' | 'serve'
  /** What happens when more keys were written meanwhile than are remembered. */
  readonly onOverflow: 'flush' | 'serve'
  /** Keys remembered per backend. */
  readonly journalKeysMax: number
  /** Bytes of the journal of one backend. */
  readonly journalBytesMax: number
  /** A read that finds nothing asks the next owner, and gives the first one a copy. */
  readonly warmUp: boolean
  /** Writes of a key go through one of all routers, so that all owners get them in one order (`PoolTopology.orderedBy`). */
  readonly orderWrites: boolean
}

export const DEFAULT_COPY_POLICY: CopyPolicy = {
  ack: 'one',
  read: 'primary',
  onReturn: 'replay',
  onOverflow: 'flush',
  journalKeysMax: 100_000,
  journalBytesMax: 64 * 1024 * 1024,
  warmUp: false,
  orderWrites: false,
}

/** Owners that have to apply a write. */
export function acksNeeded(ack: CopyPolicy['ack'], replicas: number): number {
  switch (ack) {
    case 'one':
      return 1
    case 'quorum':
      return Math.floor(replicas / 2) + 1
    case 'all':
      return replicas
    default:
      return ack satisfies never
  }
}
