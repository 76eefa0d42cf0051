import { sameBytes } from './bytes.ts'
import type { Peer } from './member.ts'

/** Nobody: what a free place or number holds. */
const NONE = -1

/**
 * Numbers for names and peers, so that a member table keeps numbers in typed arrays, and so that tables
 * which share an index (a simulation of many members) share one copy of every peer.
 *
 * A name has a *place* as long as any table knows it, and every different peer of that name a *number*.
 * Both are counted by their holders and used again when the last one lets go, so that names which come
 * and go for ever cost no more than those that are there. All operations are O(1).
 */
export class PeerIndex {
  readonly #placeByName = new Map<string, number>()
  readonly #placeHolders: number[] = []
  /** The number of the latest peer at each place: the one that others most likely bring too. */
  readonly #latest: number[] = []
  readonly #freePlaces: number[] = []
  readonly #peers: (Peer | undefined)[] = []
  readonly #peerHolders: number[] = []
  readonly #freeNumbers: number[] = []

  /** Places are below this. */
  get placesMax(): number {
    return this.#placeHolders.length
  }

  placeOf(name: string): number | undefined {
    return this.#placeByName.get(name)
  }

  /** The peer of a number that somebody holds. */
  peer(number: number): Peer {
    const peer = this.#peers[number]
    if (peer === undefined) throw new RangeError(`no peer has the number ${number}`)
    return peer
  }

  /** The place of a name, held once more; `leave` lets go. */
  enter(name: string): number {
    const known = this.#placeByName.get(name)
    const place = known ?? this.#freePlaces.pop() ?? this.#placeHolders.length
    if (known === undefined) {
      this.#placeByName.set(name, place)
      this.#placeHolders[place] = 0
      this.#latest[place] = NONE
    }
    this.#placeHolders[place] = (this.#placeHolders[place] ?? 0) + 1
    return place
  }

  leave(name: string, place: number): void {
    const holders = (this.#placeHolders[place] ?? 0) - 1
    this.#placeHolders[place] = holders
    if (holders > 0) return
    this.#placeByName.delete(name)
    this.#freePlaces.push(place)
  }

  /** The number of this peer, or of an equal one, held once more; `drop` lets go. */
  hold(place: number, peer: Peer): number {
    const latest = this.#latest[place] ?? NONE
    const known = this.#peers[latest]
    const isKnown = known !== undefined && isSamePeer(known, peer)
    const number = isKnown ? latest : (this.#freeNumbers.pop() ?? this.#peers.length)
    if (!isKnown) {
      this.#peers[number] = peer
      this.#peerHolders[number] = 0
      this.#latest[place] = number
    }
    this.#peerHolders[number] = (this.#peerHolders[number] ?? 0) + 1
    return number
  }

  drop(place: number, number: number): void {
    const holders = (this.#peerHolders[number] ?? 0) - 1
    this.#peerHolders[number] = holders
    if (holders > 0) return
    this.#peers[number] = undefined
    this.#freeNumbers.push(number)
    if (this.#latest[place] === number) this.#latest[place] = NONE
  }
}

function isSamePeer(a: Peer, b: Peer): boolean {
  if (a === b) return true
  return (
    a.port === b.port &&
    a.to.host === b.to.host &&
    a.to.port === b.to.port &&
    sameBytes(a.address, b.address) &&
    sameBytes(a.meta, b.meta) &&
    sameBytes(a.versions, b.versions)
  )
}
