import { type ClusterMember, readTags } from './member-tags.ts'

/** What gossip knows of a member; the part of it that the directory reads. */
export interface GossipMember {
  readonly name: string
  readonly address: { readonly host: string; readonly port: number }
  readonly state: 'alive' | 'suspect' | 'dead' | 'left'
  readonly tags: Readonly<Record<string, string>>
}

/**
 * The live Ringway members: what gossip says, corrected by what peer links prove. A link's hello comes from the process
 * itself, so its instance is newer than any metadata still on its way through gossip.
 */
export class Directory {
  readonly #linked = new Map<string, string>()

  linkUp(name: string, instance: string): void {
    this.#linked.set(name, instance)
  }

  linkDown(name: string): void {
    this.#linked.delete(name)
  }

  /** Alive and suspect Ringway members in order of name; a suspect stays an owner until it is declared dead. */
  live(members: Iterable<GossipMember>): readonly ClusterMember[] {
    const live: ClusterMember[] = []
    for (const { name, address, state, tags } of members) {
      if (state !== 'alive' && state !== 'suspect') continue
      const facts = readTags(tags)
      if (!facts) continue
      const instance = this.#linked.get(name) ?? facts.instance
      live.push({ name, address, suspect: state === 'suspect', ...facts, instance })
    }
    return live.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}
