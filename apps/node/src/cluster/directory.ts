import { type ClusterMember, readTags } from './member-tags.ts'

/** What gossip knows of a member; the part of it that the directory reads. */
export interface GossipMember {
  readonly name: string
  readonly address: { readonly host: string; readonly port: number }
  readonly state: 'alive' | 'suspect' | 'dead' | 'left'
  readonly tags: Readonly<Record<string, string>>
}

/** What a link proved, and what gossip said at that time. */
interface Proof {
  readonly instance: string
  readonly gossiped: string | undefined
}

/**
 * The live Ringway members: what gossip says, corrected by what peer links prove. A link's hello comes from the process
 * itself, so its instance is newer than the metadata that gossip had then; gossip is believed again once it changes.
 */
export class Directory {
  readonly #proofs = new Map<string, Proof>()
  #live: readonly ClusterMember[] = []

  /** Alive and suspect Ringway members in order of name; a suspect stays an owner until it is declared dead. */
  get live(): readonly ClusterMember[] {
    return this.#live
  }

  member(name: string): ClusterMember | undefined {
    return this.#live.find((member) => member.name === name)
  }

  /** A link to this instance is up. */
  prove(name: string, instance: string, members: Iterable<GossipMember>): void {
    for (const member of members)
      if (member.name === name) {
        this.#proofs.set(name, { instance, gossiped: readTags(member.tags)?.instance })
        return
      }
  }

  /** Takes over what gossip says now. */
  refresh(members: Iterable<GossipMember>): void {
    const live: ClusterMember[] = []
    const known = new Set<string>()
    for (const { name, address, state, tags } of members) {
      known.add(name)
      const facts = readTags(tags)
      if (!facts) continue
      const proof = this.#proofs.get(name)
      if (proof && facts.instance !== proof.gossiped) this.#proofs.delete(name)
      if (state !== 'alive' && state !== 'suspect') continue
      const instance = this.#proofs.get(name)?.instance ?? facts.instance
      live.push({ name, address, suspect: state === 'suspect', ...facts, instance })
    }
    for (const name of this.#proofs.keys()) if (!known.has(name)) this.#proofs.delete(name)
    this.#live = live.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}
