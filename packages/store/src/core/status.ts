/** Counts since the machine was created. */
export interface StoreCounters {
  /** Slots that this member began to serve. */
  promotions: number
  /** Slots that it handed to the member that should serve them. */
  concessions: number
  /** Slots that another took over without asking. */
  depositions: number
  /** Campaign answers that refused a slot. */
  denials: number
  /** Copies placed on a member that does not own the slot. */
  standIns: number
  /** Writes that a replica refused because of a newer primary. */
  notPrimary: number
  /** Commands answered NOT_OWNER. */
  notOwner: number
  forwards: number
  relays: number
  retries: number
  /** Pulls that ended before all slots were granted. */
  abortedPulls: number
  grants: number
  /** Entries that came in by repair, hand-over of stand-ins or promotion and were newer. */
  merged: number
  /** Slots whose copy was given up after all owners confirmed it. */
  slotsCleared: number
  /** Members that came back with another instance. */
  restarts: number
  pauses: number
  expired: number
  evictions: number
  unknownWrites: number
  timeouts: number
  refusedClock: number
  refusedFull: number
  slotsLost: number
  lineagesLost: number
}

export function createCounters(): StoreCounters {
  return {
    promotions: 0,
    concessions: 0,
    depositions: 0,
    denials: 0,
    standIns: 0,
    notPrimary: 0,
    notOwner: 0,
    forwards: 0,
    relays: 0,
    retries: 0,
    abortedPulls: 0,
    grants: 0,
    merged: 0,
    slotsCleared: 0,
    restarts: 0,
    pauses: 0,
    expired: 0,
    evictions: 0,
    unknownWrites: 0,
    timeouts: 0,
    refusedClock: 0,
    refusedFull: 0,
    slotsLost: 0,
    lineagesLost: 0,
  }
}

export interface StoreStatus {
  readonly slots: number
  /** Slots that the ring gives to this member. */
  readonly owned: number
  readonly held: number
  /** Slots that this member serves. */
  readonly acting: number
  /** Slots that it is about to serve and asks the others about. */
  readonly promoting: number
  /** Slots that it owns and does not hold yet. */
  readonly filling: number
  /** Slots that it serves and of which an owner has no confirmed copy. */
  readonly underReplicated: number
  /** Slots that it does not own and still has entries of. */
  readonly leftOver: number
  /** Slots without a primary that this member knows and reaches. */
  readonly unserved: number
  /** Every acknowledged write in the slots this member serves survives `replicas - 1` faults. */
  readonly safe: boolean
  readonly entries: number
  readonly bytes: number
  readonly maxBytes: number
  readonly pendingCommands: number
  readonly pendingWrites: number
  readonly reachable: readonly string[]
  readonly counters: Readonly<StoreCounters>
}
