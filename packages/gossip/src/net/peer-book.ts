import type { Address } from '../core/messages.ts'
import { PEER_MEMORY_MS, PEERS_REMEMBERED_MAX } from './limits.ts'

/** A member that was seen once, in this run or an earlier one. */
export interface RememberedPeer {
  readonly name: string
  readonly address: Address
  /** When it was last seen alive, in milliseconds since 1970. */
  readonly seenAt: number
}

/**
 * Whom we have met, the latest seen last. Peers that left stay in it: when a whole cluster is stopped, each member sees the
 * others leave, and has nobody else to ask when it starts again.
 */
export class PeerBook {
  readonly #peers = new Map<string, RememberedPeer>()
  readonly #peersMax: number

  constructor(peersMax = PEERS_REMEMBERED_MAX) {
    this.#peersMax = peersMax
  }

  has(name: string): boolean {
    return this.#peers.has(name)
  }

  /**
   * A peer is alive at `seenAt`; what is older than what we know of it changes nothing. At the cap the peer that was
   * not seen for the longest is forgotten. O(1).
   * @returns true when a name or an address is new
   */
  see(name: string, address: Address, seenAt: number): boolean {
    const known = this.#peers.get(name)
    if (known !== undefined && known.seenAt > seenAt) return false
    this.#peers.delete(name)
    this.#peers.set(name, { name, address, seenAt })
    if (this.#peers.size > this.#peersMax) {
      const [longest] = this.#peers.keys()
      if (longest !== undefined) this.#peers.delete(longest)
    }
    return known?.address.host !== address.host || known.address.port !== address.port
  }

  /** The latest seen first; who was not seen for 72 hours is forgotten. O(n log n). */
  list(now: number): readonly RememberedPeer[] {
    for (const [name, { seenAt }] of this.#peers) {
      if (now - seenAt > PEER_MEMORY_MS) this.#peers.delete(name)
    }
    return [...this.#peers.values()].reverse().sort((one, other) => other.seenAt - one.seenAt)
  }
}
