import type { Member, MemberEvent } from '../core/effects.ts'
import type { Address } from '../core/messages.ts'
import type { Tags } from '../wire/tags.ts'

/** A protocol range that a member understands, and the version that it speaks. */
export interface VersionRange {
  readonly min: number
  readonly max: number
  readonly current: number
}

/** A member as applications see it. */
export interface ClusterMember {
  readonly name: string
  readonly address: Address
  readonly state: 'alive' | 'suspect' | 'dead' | 'left'
  readonly incarnation: number
  /** Its metadata, read as Serf reads it; what is not a map of tags is one tag `role`. */
  readonly tags: Tags
  readonly protocol: VersionRange
  /** All zero for a plain memberlist, 2…5 for Serf. */
  readonly delegate: VersionRange
  /** Smoothed round trip of direct probes, in milliseconds; absent until the first answer. */
  readonly rttMs?: number
  readonly isSelf: boolean
}

/** What happens to members; see the core's events for when each is told. */
export type MemberlistEvent =
  | { readonly type: 'join'; readonly member: ClusterMember }
  | { readonly type: 'suspect'; readonly member: ClusterMember; readonly from: string }
  | { readonly type: 'refuted'; readonly member: ClusterMember }
  | { readonly type: 'fail'; readonly member: ClusterMember; readonly from: string }
  | { readonly type: 'leave'; readonly member: ClusterMember }
  | { readonly type: 'update'; readonly member: ClusterMember; readonly previousTags: Tags }
  /** The record of a dead or left member was forgotten. */
  | { readonly type: 'reap'; readonly name: string }
  /** A member failed again and again: sick, overloaded, or cut off now and then. Counting then begins anew. */
  | {
      readonly type: 'flap'
      readonly member: ClusterMember
      /** Failures within the last `windowMs`. */
      readonly failures: number
      readonly windowMs: number
    }
  | { readonly type: 'conflict'; readonly existing: ClusterMember; readonly other: Address }
  /** Others held us dead or left; told before the refutation, so that owners stop serving. */
  | { readonly type: 'evicted'; readonly incarnation: number; readonly from: string }
  | { readonly type: 'left' }
  | { readonly type: 'refused'; readonly subject: string; readonly reason: string }
  | { readonly type: 'health'; readonly score: number }

/** Turns the machine's records into views. */
export class MemberViews {
  readonly #selfName: string
  readonly #tagsOf: (meta: Uint8Array) => Tags

  constructor(selfName: string, tagsOf: (meta: Uint8Array) => Tags) {
    this.#selfName = selfName
    this.#tagsOf = tagsOf
  }

  view(member: Member): ClusterMember {
    const { address, incarnation, meta, name, rttMs, state, versions } = member
    return {
      name,
      address,
      state,
      incarnation,
      tags: this.#tagsOf(meta),
      protocol: rangeAt(versions, 0),
      delegate: rangeAt(versions, 3),
      ...(rttMs !== undefined && { rttMs }),
      isSelf: name === this.#selfName,
    }
  }

  event(event: MemberEvent): MemberlistEvent {
    switch (event.type) {
      case 'join':
      case 'refuted':
      case 'leave':
        return { type: event.type, member: this.view(event.member) }
      case 'suspect':
      case 'fail':
        return { type: event.type, member: this.view(event.member), from: event.from }
      case 'update': {
        const { member, previousMeta } = event
        const previousTags = this.#tagsOf(previousMeta)
        return { type: 'update', member: this.view(member), previousTags }
      }
      case 'conflict':
        return { ...event, existing: this.view(event.existing) }
      case 'reap':
      case 'evicted':
      case 'left':
      case 'refused':
      case 'health':
        return event
    }
  }
}

function rangeAt(versions: Uint8Array, at: number): VersionRange {
  const [min = 0, max = 0, current = 0] = versions.subarray(at, at + 3)
  return { min, max, current }
}
