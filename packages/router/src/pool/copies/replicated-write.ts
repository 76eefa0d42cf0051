import type { Backend } from '../backend.ts'
import type { LostCause } from '../lost-cause.ts'
import { type LossTaker, Request, type RequestOwner } from '../request.ts'

/** What a write needs from the pool's copies. */
export interface WriteHost {
  /** The backend missed the write, or may have: its keys are brought up to date later. */
  missed(backend: Backend, keys: readonly string[]): void
  /** Brings keys up to date at a backend now; tells once whether that was done. */
  bringUp(backend: Backend, keys: readonly string[], done: (done: boolean) => void): void
  /** No backend has run it: it looks for other ones. */
  writeAgain(whole: Request, bytes: Buffer): void
  writeFailed(whole: Request, code: string, text: string): void
  /** The write no longer holds its place. */
  writeEnded(place: number): void
}

export interface WritePlan {
  readonly place: number
  readonly keys: readonly string[]
  /** Who runs the command, the primary first. */
  readonly targets: readonly Backend[]
  /** Who may get copies of the keys afterwards, so that enough have them. */
  readonly spares: readonly Backend[]
  /** Backends that have to have it before the client hears. */
  readonly needed: number
  /** True when two owners' replies mean equal states. */
  readonly isSame: (one: Buffer, other: Buffer) => boolean
}

/**
 * One write on its way to the owners of its keys.
 *
 *   client's request ─┬─ part ─► primary ──reply──┐
 *                     └─ part ─► replica ──reply──┴─► the first owner's reply, once enough have answered
 *
 * Each owner has one connection per RESP version and gets the writes of a key in the same order. An owner that is lost on
 * the way, or that answers something else than the primary, is brought up to date by a copy.
 */
export class ReplicatedWrite implements RequestOwner, LossTaker {
  readonly #host: WriteHost
  readonly #whole: Request
  readonly #plan: WritePlan
  readonly #parts: Request[] = []
  readonly #replies: (Buffer | undefined)[]
  readonly #gone: boolean[]
  #pending: number
  #acks = 0
  #settled = false
  #maybeApplied = false
  #bytes: Buffer | undefined
  #cause = ''
  #code = ''

  constructor(host: WriteHost, whole: Request, plan: WritePlan) {
    this.#host = host
    this.#whole = whole
    this.#plan = plan
    this.#pending = plan.targets.length
    this.#replies = plan.targets.map(() => undefined)
    this.#gone = plan.targets.map(() => false)
  }

  send(bytes: Buffer, start: number, end: number, stable: boolean): void {
    const { command, resp } = this.#whole
    for (const _ of this.#plan.targets) {
      const part = new Request(this, command, resp, undefined, true)
      part.taker = this
      this.#parts.push(part)
    }
    for (const [i, target] of this.#plan.targets.entries())
      target.send(this.#parts[i] as Request, bytes, start, end, stable)
  }

  answered(part: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const index = this.#parts.indexOf(part)
    this.#acks++
    this.#pending--
    // One target, one reply: it goes through as it came.
    if (this.#parts.length === 1) {
      this.#replies[index] = NOTHING
      if (this.#acks >= this.#plan.needed) this.#settle(bytes, start, end, stable)
      else this.#replies[index] = Buffer.from(bytes.subarray(start, end))
    } else this.#replies[index] = Buffer.from(bytes.subarray(start, end))
    this.#advance()
  }

  lost(part: Request, backend: Backend, sent: boolean, cause: LostCause): void {
    const { chunk, from, to } = part
    // Every part carries the same bytes, and they are needed when none of them was run.
    if (chunk !== undefined) this.#bytes ??= Buffer.from(chunk.bytes.subarray(from, to))
    part.chunk = undefined
    this.#gone[this.#parts.indexOf(part)] = true
    this.#maybeApplied ||= sent
    this.#cause = `backend ${backend.id} ${cause.text}`
    this.#code = cause.code
    this.#pending--
    this.#advance()
  }

  /** The place in the targets of the first owner that is not lost. */
  get #first(): number {
    return this.#gone.indexOf(false)
  }

  #advance(): void {
    const first = this.#first
    const reply = this.#replies[first]
    if (!this.#settled && reply !== undefined && this.#acks >= this.#plan.needed)
      this.#settle(reply, 0, reply.length, true)
    if (this.#pending === 0) this.#finish(first)
  }

  #finish(first: number): void {
    const { place, keys, targets, isSame } = this.#plan
    if (first < 0) {
      this.#host.writeEnded(place)
      this.#fail()
      return
    }
    const reply = this.#replies[first] as Buffer
    for (const [i, target] of targets.entries())
      if (this.#gone[i] || !isSame(reply, this.#replies[i] ?? NOTHING))
        this.#host.missed(target, keys)
    this.#host.writeEnded(place)
    if (!this.#settled) this.#copyToSpares(reply)
  }

  /** No owner has answered. */
  #fail(): void {
    const { command } = this.#whole
    const again = !this.#maybeApplied || command.retry === 'safe'
    if (again && this.#bytes !== undefined) {
      this.#whole.failures++
      this.#host.writeAgain(this.#whole, this.#bytes)
      return
    }
    if (this.#maybeApplied && this.#plan.targets.length > 1)
      for (const target of this.#plan.targets) this.#host.missed(target, this.#plan.keys)
    const fate = this.#maybeApplied ? '; the write may have been applied' : ''
    this.#host.writeFailed(this.#whole, this.#code, `${this.#cause}${fate}`)
  }

  /** Too few owners ran it: others get copies of the keys until enough have them. */
  #copyToSpares(reply: Buffer): void {
    const { keys, spares, needed, targets } = this.#plan
    const lost = targets.filter((_, i) => this.#gone[i])
    const usable = spares.filter((spare) => spare.usable && !lost.includes(spare))
    let missing = needed - this.#acks
    let open = 0
    const more = (): void => {
      const spare = usable.shift()
      if (spare === undefined) {
        if (open === 0 && !this.#settled) this.#tooFew(needed - missing)
        return
      }
      open++
      this.#host.bringUp(spare, keys, (done) => {
        open--
        if (done) missing--
        if (missing === 0 && !this.#settled) this.#settle(reply, 0, reply.length, true)
        else if (!done || open === 0) more()
      })
    }
    for (let i = missing; i > 0; i--) more()
  }

  #tooFew(acks: number): void {
    const lost = this.#cause === '' ? '' : `: ${this.#cause}`
    this.#settled = true
    this.#host.writeFailed(
      this.#whole,
      'TOO_FEW_COPIES',
      `the write was applied by ${acks} of the ${this.#plan.needed} backends that ack asks for${lost}`,
    )
  }

  #settle(bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.#settled = true
    this.#whole.settle(bytes, start, end, stable)
  }
}

const NOTHING = Buffer.alloc(0)
