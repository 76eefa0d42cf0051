import type { Ordering, Request } from '../request.ts'

/** A command with its bytes, which nobody changes. */
export interface WaitingCommand {
  readonly request: Request
  readonly bytes: Buffer
  readonly ordering: Ordering
}

/** A place whose commands are with another router, or wait. */
interface Place {
  /** Who has those that are under way. */
  target: string | undefined
  underWay: number
  waiting: WaitingCommand[]
}

/**
 * Which places have commands under way at another router, or waiting: the ones after them, reads included, must not overtake
 * them. O(1) each, but for {@link Places.takeAll}.
 */
export class Places {
  /** Commands that wait, and their bytes. */
  count = 0
  bytes = 0
  readonly #places = new Map<number, Place>()

  get none(): boolean {
    return this.#places.size === 0
  }

  isBusy(place: number): boolean {
    return this.#places.has(place)
  }

  isWaiting(place: number): boolean {
    return (this.#places.get(place)?.waiting.length ?? 0) > 0
  }

  /** Who has the commands of a place that are under way. */
  targetOf(place: number): string | undefined {
    const known = this.#places.get(place)
    return known !== undefined && known.underWay > 0 ? known.target : undefined
  }

  sent(place: number, target: string): void {
    const known = this.#placeAt(place)
    known.target = target
    known.underWay++
  }

  /** One is no longer under way; the commands that waited for it when it was the last. */
  answered(place: number): readonly WaitingCommand[] {
    const known = this.#places.get(place)
    if (known === undefined) return NONE
    known.underWay--
    if (known.underWay > 0) return NONE
    this.#places.delete(place)
    return this.#taken(known.waiting)
  }

  /** Puts a command where its number belongs: most often at the end. */
  wait(place: number, command: WaitingCommand): void {
    const { waiting } = this.#placeAt(place)
    let at = waiting.length
    while (at > 0 && isAfter(waiting[at - 1], command)) at--
    waiting.splice(at, 0, command)
    this.count++
    this.bytes += command.bytes.length
  }

  /** One that is under way came back, and waits now: those behind it wait on. */
  returned(place: number, command: WaitingCommand): void {
    this.wait(place, command)
    this.#placeAt(place).underWay--
  }

  /** All commands that wait, those of a place in their order. */
  takeAll(): readonly WaitingCommand[] {
    if (this.count === 0) return NONE
    const all: WaitingCommand[] = []
    for (const [place, known] of this.#places) {
      all.push(...this.#taken(known.waiting))
      known.waiting = []
      if (known.underWay === 0) this.#places.delete(place)
    }
    return all
  }

  #taken(commands: readonly WaitingCommand[]): readonly WaitingCommand[] {
    for (const { bytes } of commands) {
      this.count--
      this.bytes -= bytes.length
    }
    return commands
  }

  #placeAt(place: number): Place {
    let known = this.#places.get(place)
    if (known === undefined) {
      known = { target: undefined, underWay: 0, waiting: [] }
      this.#places.set(place, known)
    }
    return known
  }
}

function isAfter(one: WaitingCommand | undefined, other: WaitingCommand): boolean {
  return one !== undefined && one.ordering.number > other.ordering.number
}

const NONE: readonly WaitingCommand[] = []
