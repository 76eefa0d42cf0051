import type { StoreMessage } from '../core/messages.ts'
import { unpackRanges } from '../core/runs.ts'
import type { Violation } from './history.ts'

/**
 * Rules that every member has to keep by what it says on the wire, whatever clients happen to see of it: redundancy of
 * the protocol hides a broken promise from clients most of the time.
 */
export class WireRules {
  readonly #name: string
  readonly #slotCount: number
  readonly #promised = new Map<number, number>()
  readonly #asks = new Map<string, { readonly epoch: number; readonly slots: readonly number[] }>()
  readonly #writes = new Map<
    string,
    { readonly epoch: number; readonly slot: number; readonly stale: boolean }
  >()
  readonly violations: Violation[] = []

  constructor(name: string, slotCount: number) {
    this.#name = name
    this.#slotCount = slotCount
  }

  received(from: string, message: StoreMessage): void {
    if (message.t === 'ask')
      this.#asks.set(`${from} ${message.id}`, {
        epoch: message.e,
        slots: unpackRanges(message.s, this.#slotCount),
      })
    if (message.t !== 'w' || message.id === 0) return
    const slot = message.r[0]
    const promised = this.#promised.get(slot) ?? 0
    const epoch = Math.abs(message.e)
    const key = `${from} ${message.id}`
    this.#writes.set(key, { epoch, slot, stale: epoch < promised })
  }

  sent(to: string, message: StoreMessage): void {
    if (message.t === 'vote') this.#voted(to, message.id, new Set(message.no.map(([slot]) => slot)))
    if (message.t !== 'a') return
    const key = `${to} ${message.id}`
    const write = this.#writes.get(key)
    this.#writes.delete(key)
    if (write?.stale === true)
      this.violations.push({
        rule: 'accepted from a stale primary',
        key: `slot ${write.slot}`,
        detail: `${this.#name} took a write of ${to} with epoch ${write.epoch}, below its promise`,
      })
  }

  #voted(to: string, id: number, refused: ReadonlySet<number>): void {
    const key = `${to} ${id}`
    const ask = this.#asks.get(key)
    this.#asks.delete(key)
    if (ask === undefined) return
    for (const slot of ask.slots)
      if (!refused.has(slot) && ask.epoch > (this.#promised.get(slot) ?? 0))
        this.#promised.set(slot, ask.epoch)
  }
}
