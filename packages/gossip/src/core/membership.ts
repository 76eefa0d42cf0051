import type { Member, Millis } from './effects.ts'
import type { Peer } from './member.ts'
import type { RemoteState } from './messages.ts'
import type { PeerIndex } from './peer-index.ts'
import { type Random, shuffle } from './random.ts'
import type { Suspicion } from './suspicion.ts'

/** Names a record of one table, as long as the record is there. */
export type Row = number

const RTT_UNKNOWN = -1
const RTT_MICROS_MAX = 0x7fff_ffff

/** A state is kept as its place in this list; 0 says that the table has no such row. */
const STATES = [undefined, 'alive', 'suspect', 'dead', 'left'] as const
const ABSENT = 0
const ALIVE = STATES.indexOf('alive')
const SUSPECT = STATES.indexOf('suspect')

/** Columns grow by an eighth: little waste, and still only a few copies of each element. */
const GROWTH_SHIFT = 3
const GROWTH_LEAST = 8

/**
 * The member table: one column per fact, indexed by the place of the member's name, and the rows in
 * probe order. It costs 25 bytes a member (and what the index keeps of its peer), so that a simulation
 * can hold the views of ten thousand members of each other.
 *
 * The order is random and stays so: a new row takes a random place, and each round of probes ends
 * with a shuffle.
 */
export class Membership {
  readonly self: Row
  readonly #index: PeerIndex
  readonly #random: Random
  #states = new Uint8Array(0)
  #peers = new Uint32Array(0)
  #incarnations = new Uint32Array(0)
  #since = new Float64Array(0)
  #rttMicros = new Int32Array(0)
  #order = new Uint32Array(0)
  #size = 0
  /** The used part of the order, made when it is asked for. */
  #rows: Uint32Array | undefined
  /** Few at any time. */
  readonly #suspicions = new Map<Row, Suspicion>()
  readonly #released = new Set<Row>()

  constructor(self: Peer, incarnation: number, index: PeerIndex, random: Random) {
    this.#index = index
    this.#random = random
    this.self = this.#add(self, incarnation, 0)
  }

  /** Every record: ourselves, and the dead and left that are not yet reaped. */
  get size(): number {
    return this.#size
  }

  /** All rows in probe order. The array is valid until the next `insert` or `reap`. */
  get rows(): Uint32Array {
    this.#rows ??= this.#order.subarray(0, this.#size)
    return this.#rows
  }

  /** The row of a name. */
  find(name: string): Row | undefined {
    const place = this.#index.placeOf(name)
    return place === undefined || (this.#states[place] ?? ABSENT) === ABSENT ? undefined : place
  }

  peer(row: Row): Peer {
    return this.#index.peer(this.#peers[row] ?? Number.NaN)
  }

  state(row: Row): RemoteState {
    const state = STATES[this.#states[row] ?? ABSENT]
    if (state === undefined) throw new RangeError(`the table has no row ${row}`)
    return state
  }

  isAlive(row: Row): boolean {
    return this.#states[row] === ALIVE
  }

  /** Dead, or left. */
  isGone(row: Row): boolean {
    return (this.#states[row] ?? ABSENT) > SUSPECT
  }

  incarnation(row: Row): number {
    return this.#incarnations[row] ?? 0
  }

  /** When the state last changed. */
  since(row: Row): Millis {
    return this.#since[row] ?? 0
  }

  suspicion(row: Row): Suspicion | undefined {
    return this.#suspicions.get(row)
  }

  /** Did the address prove to be gone? Then the name may move at once. */
  isReleased(row: Row): boolean {
    return this.#released.has(row)
  }

  /** Smoothed round trip in whole microseconds; undefined until the first ack. */
  rttMicros(row: Row): number | undefined {
    const micros = this.#rttMicros[row] ?? RTT_UNKNOWN
    return micros === RTT_UNKNOWN ? undefined : micros
  }

  /** The row as the application sees it. */
  view(row: Row): Member {
    const peer = this.peer(row)
    const micros = this.rttMicros(row)
    const view = {
      name: peer.name,
      address: peer.to,
      state: this.state(row),
      incarnation: this.incarnation(row),
      meta: peer.meta,
      versions: peer.versions,
    }
    return micros === undefined ? view : { ...view, rttMs: micros / 1000 }
  }

  setState(row: Row, state: RemoteState, now: Millis): void {
    this.#states[row] = STATES.indexOf(state)
    this.#since[row] = now
  }

  setIncarnation(row: Row, incarnation: number): void {
    this.#incarnations[row] = incarnation
  }

  /** Another peer of the same name. */
  setPeer(row: Row, peer: Peer): void {
    const number = this.#index.hold(row, peer)
    this.#index.drop(row, this.#peers[row] ?? Number.NaN)
    this.#peers[row] = number
  }

  setSuspicion(row: Row, suspicion: Suspicion | undefined): void {
    if (suspicion === undefined) this.#suspicions.delete(row)
    else this.#suspicions.set(row, suspicion)
  }

  setReleased(row: Row, isReleased: boolean): void {
    if (isReleased) this.#released.add(row)
    else this.#released.delete(row)
  }

  setRttMicros(row: Row, micros: number): void {
    this.#rttMicros[row] = Math.min(micros, RTT_MICROS_MAX)
  }

  /** Adds an alive member of an unknown name at a random place of the probe order. O(1) amortised. */
  insert(peer: Peer, incarnation: number, since: Millis): Row {
    const place = this.#random.below(this.#size + 1)
    const row = this.#add(peer, incarnation, since)
    const displaced = this.#order[place] ?? row
    this.#order[place] = row
    this.#order[this.#size - 1] = displaced
    return row
  }

  /** Forgets the rows that have been gone since before `cutoff`, and returns their names. O(n). */
  reap(cutoff: Millis): readonly string[] {
    const forgotten: string[] = []
    let kept = 0
    for (const row of this.rows) {
      if (row !== this.self && this.isGone(row) && this.since(row) < cutoff) {
        forgotten.push(this.#remove(row))
      } else {
        this.#order[kept] = row
        kept++
      }
    }
    this.#size = kept
    this.#rows = undefined
    return forgotten
  }

  reshuffle(): void {
    shuffle(this.rows, this.#random)
  }

  /** Other members that are alive or suspect. O(n): for decisions that are rare. */
  countOthers(): number {
    let count = 0
    for (const row of this.rows) if (row !== this.self && !this.isGone(row)) count++
    return count
  }

  #add(peer: Peer, incarnation: number, since: Millis): Row {
    const row = this.#index.enter(peer.name)
    this.#reserve(row)
    this.#states[row] = ALIVE
    this.#peers[row] = this.#index.hold(row, peer)
    this.#incarnations[row] = incarnation
    this.#since[row] = since
    this.#rttMicros[row] = RTT_UNKNOWN
    this.#order[this.#size] = row
    this.#size++
    this.#rows = undefined
    return row
  }

  #remove(row: Row): string {
    const { name } = this.peer(row)
    this.#index.drop(row, this.#peers[row] ?? Number.NaN)
    this.#index.leave(name, row)
    this.#states[row] = ABSENT
    this.#suspicions.delete(row)
    this.#released.delete(row)
    return name
  }

  /** Makes the columns long enough for a row. */
  #reserve(row: Row): void {
    const length = this.#states.length
    if (row < length) return
    const grown = length + (length >>> GROWTH_SHIFT) + GROWTH_LEAST
    // A shared index knows how many there may be.
    const wanted = Math.max(row + 1, grown, this.#index.placesMax)
    this.#states = widened(this.#states, wanted)
    this.#peers = widened(this.#peers, wanted)
    this.#incarnations = widened(this.#incarnations, wanted)
    this.#since = widened(this.#since, wanted)
    this.#rttMicros = widened(this.#rttMicros, wanted)
    this.#order = widened(this.#order, wanted)
    this.#rows = undefined
  }
}

type Column = Uint8Array | Uint32Array | Int32Array | Float64Array

function widened<C extends Column>(column: C, length: number): C {
  const Kind = column.constructor as new (length: number) => C
  const wider = new Kind(length)
  wider.set(column)
  return wider
}
