/** One read on its way to a backend, and those that wait for its reply, too. */
export interface Flight<Rider> {
  /** The bytes of the command with its RESP version: who asks the same may join. */
  readonly question: string
  readonly place: number
  readonly riders: Rider[]
}

export interface FlightLimits {
  /** Reads on their way that others may join; one more goes alone. */
  readonly coalesceFlightsMax: number
  /** Reads that join one; one more goes alone, and others may join that one. */
  readonly coalesceRidersMax: number
}

/** A write on its way: its places, or `all` when it may change any key. */
export interface Write {
  readonly places: readonly number[] | 'all'
  readonly numbering: number
}

/**
 * Which reads may share one reply. A read joins a flight only if that began after the last write of its key:
 *
 *   GET k ─────────── flight ───────────►          joined by any GET k
 *            SET k ══════════════►                 closes it: who is aboard stays, nobody joins
 *                      GET k ──────►               goes alone: the write is not answered yet
 *                                    GET k ─────►  a new flight
 *
 * So no read is older than a write that was answered before it came, and a client that pipelines reads its own writes.
 * Places stand for keys: two keys at one place close each other's flights, which is harmless.
 * Pure. O(1) per read, O(flights of its places) per write.
 */
export class Flights<Rider> {
  readonly #limits: FlightLimits
  readonly #open = new Map<string, Flight<Rider>>()
  readonly #byPlace = new Map<number, Set<Flight<Rider>>>()
  /** Writes on their way, by place. */
  readonly #writes = new Map<number, number>()
  /** Of these, how many may change any key. */
  #writesOfAll = 0
  /** Writes on their way since the last {@link renumber}, and those from before. */
  #writing = 0
  #older = 0
  #numbering = 0

  constructor(limits: FlightLimits) {
    this.#limits = limits
  }

  /** Flights that may be joined. */
  get open(): number {
    return this.#open.size
  }

  /** True when the read waits for the reply of another one. */
  join(question: string, rider: Rider): boolean {
    const flight = this.#open.get(question)
    if (flight === undefined) return false
    if (flight.riders.length >= this.#limits.coalesceRidersMax) {
      this.#close(flight)
      return false
    }
    flight.riders.push(rider)
    return true
  }

  /** Begins a flight that others may join; undefined when the read has to go alone. */
  begin(question: string, place: number): Flight<Rider> | undefined {
    if (this.#writesOfAll > 0 || this.#older > 0 || this.#writes.has(place)) return undefined
    if (this.#open.size >= this.#limits.coalesceFlightsMax || this.#open.has(question))
      return undefined
    const flight: Flight<Rider> = { question, place, riders: [] }
    this.#open.set(question, flight)
    const there = this.#byPlace.get(place)
    if (there === undefined) this.#byPlace.set(place, new Set([flight]))
    else there.add(flight)
    return flight
  }

  /** The reply is there: nobody joins any more, and those aboard get it. */
  land(flight: Flight<Rider>): readonly Rider[] {
    this.#close(flight)
    return flight.riders
  }

  /** A write sets out. */
  writeBegins(places: Write['places']): Write {
    this.#writing++
    if (places === 'all') {
      this.#writesOfAll++
      this.#closeAll()
    } else
      for (const place of places) {
        this.#writes.set(place, (this.#writes.get(place) ?? 0) + 1)
        this.closeAt(place)
      }
    return { places, numbering: this.#numbering }
  }

  /** A write was answered; to be told before its client hears of it. */
  writeEnds({ places, numbering }: Write): void {
    if (numbering !== this.#numbering) {
      this.#older--
      return
    }
    this.#writing--
    if (places === 'all') this.#writesOfAll--
    else for (const place of places) this.#leave(place)
  }

  /** Nobody joins a flight of this place any more. */
  closeAt(place: number): void {
    const there = this.#byPlace.get(place)
    if (there !== undefined) for (const flight of [...there]) this.#close(flight)
  }

  /** From now on keys have other places: what is on its way is known by the old ones. */
  renumber(): void {
    this.#closeAll()
    this.#older += this.#writing
    this.#writing = 0
    this.#writesOfAll = 0
    this.#writes.clear()
    this.#numbering++
  }

  #leave(place: number): void {
    const left = (this.#writes.get(place) ?? 0) - 1
    if (left > 0) this.#writes.set(place, left)
    else this.#writes.delete(place)
  }

  #closeAll(): void {
    this.#open.clear()
    this.#byPlace.clear()
  }

  #close(flight: Flight<Rider>): void {
    if (this.#open.get(flight.question) === flight) this.#open.delete(flight.question)
    const there = this.#byPlace.get(flight.place)
    if (there?.delete(flight) === true && there.size === 0) this.#byPlace.delete(flight.place)
  }
}
