import type { Machine } from './machine.ts'
import type { FlushMessage, RefusedMessage, WriteMessage } from './messages.ts'
import { SELF } from './view.ts'

/**
 * The side that stores what a primary ordered: as an owner, a learner or a stand-in alike. The epoch alone decides
 * whether the sender may still order writes; what the ring says does not matter here.
 */
export class Replica {
  readonly #machine: Machine

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** A write of a primary: stored unless a higher epoch is promised. */
  receive(from: number, message: WriteMessage): void {
    const slot = message.r[0]
    if (!this.#accept(from, message.id, slot, message.e)) return
    const { entries, view } = this.#machine
    // Meant for a learner, and this member does not fill the slot any more: it would never get rid of it.
    if (message.id === 0 && !view.owns(SELF, slot)) return
    const result = entries.merge(message.r)
    if (result === 'clock' || result === 'full') {
      this.#refuse(from, message.id, slot, result)
      return
    }
    if (result === 'applied') this.#machine.pushes.received(message.r)
    if (message.id !== 0) this.#machine.send(from, { t: 'a', id: message.id })
  }

  receiveFlush(from: number, message: FlushMessage): void {
    if (!this.#accept(from, message.id, message.s, message.e)) return
    const { clock, entries, now } = this.#machine
    if (!clock.observe(message.n, now)) {
      this.#refuse(from, message.id, message.s, 'clock')
      return
    }
    entries.flush(message.s, message.n)
    if (message.id !== 0) this.#machine.send(from, { t: 'a', id: message.id })
  }

  #accept(from: number, id: number, slot: number, signed: number): boolean {
    const { view, planted, clock, now, campaigns } = this.#machine
    const epoch = Math.abs(signed)
    const promised = view.promised[slot] ?? 0
    if (epoch === promised || planted === 'accept-from-stale-primary') return true
    if (epoch > promised && !clock.observe(epoch, now)) {
      this.#refuse(from, id, slot, 'clock')
      return false
    }
    if (epoch > promised) campaigns.learnClaim(slot, epoch, from, signed < 0)
    // A claim made while cut off is not learned where the member with the better one can be reached.
    if (view.promised[slot] === epoch) return true
    this.#refuse(from, id, slot, 'primary')
    return false
  }

  #refuse(from: number, id: number, slot: number, why: RefusedMessage['why']): void {
    const { view, counters, campaigns } = this.#machine
    if (why === 'full') counters.refusedFull++
    // Learners are not waited for; one that misses a write stops being a copy in order, and pulls again.
    if (id === 0) return
    this.#machine.send(from, {
      t: 'n',
      id,
      why,
      p: view.promised[slot] ?? 0,
      c: campaigns.claimRow(slot),
    })
  }
}
