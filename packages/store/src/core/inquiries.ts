import type { Machine } from './machine.ts'
import type { WhoMessage } from './messages.ts'
import { packRanges, packRuns, unpackRanges, unpackRuns } from './runs.ts'
import { IDLE, NOBODY, SELF, SERVING } from './view.ts'

/** A slot without a known primary is asked about after this, and again at this interval. */
const INQUIRY_MS = 1_000

/**
 * Claims are told once, when they are made. A member can miss one for good: it knew of a higher claim at that time,
 * whose maker has given it up since. So whoever knows nobody for a slot asks; who serves it answers with its claim, or
 * campaigns anew where the asking member has promised more than that claim is worth.
 */
export class Inquiries {
  readonly #machine: Machine
  readonly #since: Float64Array
  #askAt = 0

  constructor(machine: Machine) {
    this.#machine = machine
    this.#since = new Float64Array(machine.view.slotCount)
  }

  /** Called with every heartbeat. */
  run(): void {
    const { view, now } = this.#machine
    const due: number[] = []
    for (let slot = 0; slot < view.slotCount; slot++) {
      if (view.role[slot] !== IDLE || view.isUp(view.claimant[slot] ?? NOBODY)) {
        this.#since[slot] = 0
        continue
      }
      const since = this.#since[slot] ?? 0
      if (since === 0) this.#since[slot] = now
      else if (now - since >= INQUIRY_MS) due.push(slot)
    }
    if (due.length === 0 || now < this.#askAt) return
    this.#askAt = now + INQUIRY_MS
    this.#machine.broadcast({
      t: 'who',
      s: packRanges(due),
      p: packRuns(due.map((slot) => Math.max(view.promised[slot] ?? 0, view.epoch[slot] ?? 0))),
    })
  }

  answer(from: number, message: WhoMessage): void {
    const { view, campaigns } = this.#machine
    const slots = unpackRanges(message.s, view.slotCount)
    const promised = unpackRuns(message.p, slots.length)
    const claims = new Map<number, number[]>()
    const outdated: number[] = []
    slots.forEach((slot, i) => {
      if (view.claimant[slot] !== SELF || view.role[slot] !== SERVING) return
      const epoch = view.epoch[slot] ?? 0
      if (epoch < (promised[i] ?? 0)) {
        outdated.push(slot)
        return
      }
      const signed = view.signedEpoch(slot)
      const same = claims.get(signed)
      if (same === undefined) claims.set(signed, [slot])
      else same.push(slot)
    })
    for (const [e, same] of claims) this.#machine.send(from, { t: 'claim', e, s: packRanges(same) })
    if (outdated.length === 0) return
    for (const epoch of promised) this.#machine.clock.observe(epoch, this.#machine.now)
    campaigns.confirm(outdated)
  }
}
