import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import { isCoalescable } from '../../plan/coalescable.ts'
import { Request, type RequestOwner } from '../request.ts'
import { type Flight, type FlightLimits, Flights, type Write } from './flights.ts'

export interface CoalescingLimits extends FlightLimits {
  /** Bytes of a read that may be shared; a longer one goes alone. */
  readonly coalesceBytesMax: number
}

/** Lets reads of one pool share replies: {@link Flights} says which. */
export class Coalescing {
  /** Reads that were answered with the reply to another one. */
  joined = 0
  readonly flights: Flights<Request>
  readonly #limits: CoalescingLimits

  constructor(limits: CoalescingLimits) {
    this.#limits = limits
    this.flights = new Flights(limits)
  }

  /** True for a command that may share its reply, as the client sent it. */
  applies({ command, ordinals }: Request, frame: RequestFrame, keyIndex: number): boolean {
    if (ordinals !== undefined || !isCoalescable(command)) return false
    if (frame.end - frame.start > this.#limits.coalesceBytesMax) return false
    // `get a b` of memcached, whose keys have one owner.
    return 'keys' in command || frame.argc === keyIndex + 1
  }

  /** The request that runs in place of this read; undefined when it waits for the reply to another one. */
  read(request: Request, frame: RequestFrame, place: number): Request | undefined {
    const { resp, command } = request
    // Replies of the two versions look different.
    const question = `${resp}${frame.bytes.toString('latin1', frame.start, frame.end)}`
    if (this.flights.join(question, request)) {
      this.joined++
      return undefined
    }
    const flight = this.flights.begin(question, place)
    if (flight === undefined) return request
    return new Request(new Leader(this.flights, flight, request), command, resp, undefined, false)
  }

  /** The request that runs in place of this write. */
  write(request: Request, places: Write['places']): Request {
    const write = this.flights.writeBegins(places)
    const owner = new WatchedWrite(request, () => this.flights.writeEnds(write))
    return new Request(owner, request.command, request.resp, request.ordinals, request.bound)
  }
}

/** The read whose reply everybody aboard gets. */
class Leader implements RequestOwner {
  readonly #flights: Flights<Request>
  readonly #flight: Flight<Request>
  readonly #own: Request

  constructor(flights: Flights<Request>, flight: Flight<Request>, own: Request) {
    this.#flights = flights
    this.#flight = flight
    this.#own = own
  }

  answered(_read: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const riders = this.#flights.land(this.#flight)
    this.#own.settle(bytes, start, end, stable)
    for (const rider of riders) rider.settle(bytes, start, end, stable)
  }
}

/** Tells when a write is over, be it in one piece or, after a backend was lost, in several. */
class WatchedWrite implements RequestOwner {
  readonly #whole: Request
  readonly #over: () => void
  #pending = 1
  /** Who waits for the pieces. */
  #owner: RequestOwner | undefined

  constructor(whole: Request, over: () => void) {
    this.#whole = whole
    this.#over = over
  }

  answered(part: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.#pending--
    if (this.#pending === 0) this.#over()
    if (this.#owner === undefined) this.#whole.settle(bytes, start, end, stable)
    else this.#owner.answered(part, bytes, start, end, stable)
  }

  replaced(parts: number): void {
    this.#pending += parts - 1
    if (this.#owner === undefined) this.#owner = this.#whole.regather(parts)
    else this.#owner.replaced?.(parts)
  }
}
