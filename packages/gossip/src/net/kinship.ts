import { hostOf } from '../core/address.ts'
import type { Address, AddressBytes, NodeState } from '../core/messages.ts'
import { decodeTags, type Tags } from '../wire/tags.ts'

/** A member that wants to be in our cluster, as it describes itself. */
export interface Candidate {
  readonly name: string
  /** Port 0 means the port that we use ourselves. */
  readonly address: Address
  readonly tags: Tags
}

/** Why a candidate must stay out, in words for the operators of both sides; undefined lets it in. */
export type Admit = (candidate: Candidate) => string | undefined

/** The part of an alive, or of a row of a push/pull, that tells who it is. */
interface Described {
  readonly address: AddressBytes
  readonly port: number
  readonly meta: Uint8Array
}

/** A member that shows that a whole state is not of our cluster. */
export interface Foreigner {
  readonly member: string
  readonly reason: string
}

export interface KinshipOptions {
  readonly selfName: string
  readonly isKin: (tags: Tags) => boolean
  readonly admit: Admit
}

/**
 * Which members are ours, and which of these may be in our cluster. Members of other programs (Serf, memberlist) are
 * neither kin nor judged.
 */
export class Kinship {
  readonly #options: KinshipOptions
  /** The tags of one metadata are decoded once: most records come again and again. */
  readonly #tags = new WeakMap<Uint8Array, Tags>()

  constructor(options: KinshipOptions) {
    this.#options = options
  }

  tagsOf(meta: Uint8Array): Tags {
    const known = this.#tags.get(meta)
    if (known !== undefined) return known
    const { tags } = decodeTags(meta)
    this.#tags.set(meta, tags)
    return tags
  }

  isKin(meta: Uint8Array): boolean {
    return this.#options.isKin(this.tagsOf(meta))
  }

  /** Why this member must stay out, or undefined. */
  refusal(name: string, { address, meta, port }: Described): string | undefined {
    const tags = this.tagsOf(meta)
    if (name === this.#options.selfName || !this.#options.isKin(tags)) return undefined
    return this.#options.admit({ name, address: { host: hostOf(address), port }, tags })
  }

  /**
   * The first living kin that must stay out, when no other kin there is accepted: then it is another cluster. One that
   * must stay out among accepted ones is a stray, which costs only its own record. O(rows).
   */
  foreigner(rows: readonly NodeState[]): Foreigner | undefined {
    let foreigner: Foreigner | undefined
    for (const row of rows) {
      if (row.state !== 'alive' || row.name === this.#options.selfName) continue
      if (!this.isKin(row.meta)) continue
      const reason = this.refusal(row.name, row)
      if (reason === undefined) return undefined
      foreigner ??= { member: row.name, reason }
    }
    return foreigner
  }
}
