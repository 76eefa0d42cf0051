import type { RingPlan } from '@ringway/ring'
import type { EventLog } from '../event-log.ts'
import type { MemberAction } from '../fleet/member-action.ts'
import type { BackendChange } from '../fleet/override.ts'
import type { BackendOrigin } from '../fleet/pool-backends.ts'
import type { ReloadReport } from '../reload/reloader.ts'

/** What the admin API shows. The node implements it; the routes know nothing else of the node. */
export interface AdminView {
  readonly name: string
  readiness(): Readiness
  members(): readonly ApiMember[]
  pools(): readonly ApiPool[]
  /** Undefined when there is no such pool. */
  lookup(pool: string, key: string): ApiLookup | undefined
  /** Undefined when there is no such pool. */
  ring(pool: string): ApiRing | undefined
  /** Undefined when there is no such pool; without a name the first one. */
  plan(pool: string | undefined, change: PlanChange): ApiPlan | PlanRefusal | undefined
  /**
   * Changes a backend of a pool at run time, on all members; undefined once it is removed.
   * @throws NodeError NO_SUCH_POOL, NO_SUCH_BACKEND, CHANGE_REFUSED or CONFIG_INVALID
   */
  changeBackend(pool: string, backend: string, change: BackendChange): ApiBackend | undefined
  /**
   * Drains a member, takes it back, or has it leave: whichever member is asked.
   * @throws NodeError NO_SUCH_MEMBER, CHANGE_REFUSED
   */
  actOnMember(name: string, action: MemberAction): Promise<void>
  /**
   * Reads the configuration again and takes it, whole or not at all.
   * @throws NodeError CONFIG_INVALID, CONFIG_UNREADABLE, INSECURE, PORT_IN_USE, CHANGE_REFUSED or CLOSED
   */
  reload(): Promise<ReloadReport>
  readonly events: Pick<EventLog, 'since' | 'listen'>
  /** Prometheus text format. */
  metrics(): Promise<string>
}

export interface Readiness {
  readonly ready: boolean
  /** Why not, or `ready`. */
  readonly reason: string
}

export interface ApiMember {
  readonly name: string
  /** Gossip address, `host:port`. */
  readonly address: string
  readonly state: 'alive' | 'suspect' | 'dead' | 'left'
  readonly incarnation: number
  /** False for a member that is not Ringway, such as a Serf agent. */
  readonly ringway: boolean
  readonly zone?: string
  readonly weight?: number
  readonly instance?: string
  readonly phase?: 'joining' | 'active' | 'draining'
  readonly version?: string
  /** `host:port` of the peer link. */
  readonly peer?: string
  readonly linked?: boolean
  /** Why the last attempt to link failed, until a link is up. */
  readonly linkProblem?: string
  readonly rttMs?: number
  readonly definitionsDiffer?: boolean
}

export interface ApiPool {
  readonly name: string
  readonly protocol: 'store' | 'redis' | 'memcached' | 'http'
  readonly placement: string
  /** Absent where the placement has one only. */
  readonly keyHash?: string
  readonly replicas: number
  readonly digest: string
  readonly backends: readonly ApiBackend[]
  /** Backends of the file that were removed at run time. */
  readonly removed?: readonly ApiOverride[]
  readonly store?: ApiStore
}

export interface ApiBackend {
  readonly id: string
  readonly address: string
  readonly weight: number
  readonly zone?: string
  readonly state: string
  /** Share of the key space, 0 to 1. */
  readonly share: number
  /** Where it comes from; absent in store pools. */
  readonly origin?: BackendOrigin
  /** What an operator changed about it at run time. */
  readonly override?: ApiOverride
}

export interface ApiOverride {
  readonly backend: string
  readonly version: number
  /** Member on which it was made. */
  readonly by: string
  readonly added?: boolean
  readonly removed?: boolean
  readonly draining?: boolean
  readonly weight?: number
}

/** This member's part of the store. */
export interface ApiStore {
  /** True while every slot has as many holders as `replicas` asks for, or as there are members. */
  readonly safe: boolean
  readonly slotsHeld: number
  readonly slotsOwned: number
  readonly slotsActing: number
  readonly slotsUnderReplicated: number
  readonly entries: number
  readonly bytes: number
  readonly maxBytes: number
}

export interface ApiLookup {
  readonly pool: string
  readonly key: string
  /** Position of the key on the ring, unsigned; 32 bits for most placements. */
  readonly hash: number
  readonly slot: number
  readonly owners: readonly string[]
  /** Store pools: the member that orders the slot's writes now. */
  readonly acting?: string
  readonly digest: string
}

/** The ring of one pool: who owns how much. */
export interface ApiRing {
  readonly pool: string
  readonly protocol: string
  readonly placement: string
  /** The other options of the ring, with their defaults. */
  readonly options: Readonly<Record<string, unknown>>
  readonly digest: string
  readonly nodes: readonly {
    readonly id: string
    readonly weight: number
    readonly zone?: string
    /** Share of the key space, 0 to 1. */
    readonly share: number
  }[]
}

/** A change of one node, to be planned. */
export type PlanChange =
  | {
      readonly type: 'add'
      readonly id: string
      readonly weight?: number
      readonly zone?: string
    }
  | { readonly type: 'remove'; readonly id: string }

/** Why there is no plan. */
export interface PlanRefusal {
  readonly type: 'refused'
  readonly error: 'NO_SUCH_NODE' | 'NODE_EXISTS'
  readonly message: string
}

/** What a change would move, and from whom to whom. */
export interface ApiPlan extends Omit<RingPlan, 'arcs' | 'before' | 'after'> {
  readonly pool: string
  readonly before: { readonly digest: string; readonly nodes: number }
  readonly after: { readonly digest: string; readonly nodes: number }
  /** How many arcs change hands; 0 where they are counted by sample. */
  readonly arcs: number
}
