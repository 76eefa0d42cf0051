import type { Machine } from './machine.ts'
import type { PartMessage } from './messages.ts'
import { PULL_SLOTS_MAX, PULLS_MAX } from './options.ts'
import { packRanges, unpackRanges, unpackRuns } from './runs.ts'
import { NOBODY, SELF } from './view.ts'

/** A pull that brings nothing for this long is started again; the giver may be slow by its rate limit. */
const PULL_SILENCE_MS = 30_000
/** A slot that its primary refused to give is asked for again after this. */
const PULL_RETRY_MS = 50

interface Pull {
  readonly id: number
  readonly from: number
  readonly slots: Set<number>
  heardAt: number
}

/**
 * The taking side of hand-overs. An owner that does not hold a slot pulls it from the member that serves it, and holds
 * it when the grant arrives. When that member changes, is lost, or refuses, the pull starts again with the next one;
 * entries that have come stay, they are merged by version.
 */
export class Pulls {
  readonly #machine: Machine
  readonly #pulls = new Map<number, Pull>()
  readonly #wanted = new Set<number>()
  /** Slots in a running pull. */
  readonly #pulling = new Set<number>()
  readonly #retryAt = new Map<number, number>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get busy(): boolean {
    return this.#pulls.size > 0 || this.#wanted.size > 0
  }

  consider(slot: number): void {
    const { view } = this.#machine
    if (view.owns(SELF, slot) && !view.holds(SELF, slot)) {
      if (!this.#pulling.has(slot)) this.#wanted.add(slot)
    } else this.#wanted.delete(slot)
  }

  /** Starts pulls, at most `PULLS_MAX` at a time. */
  run(): void {
    if (this.#wanted.size === 0 || this.#pulls.size >= PULLS_MAX) return
    const { view, now } = this.#machine
    const groups = new Map<number, number[]>()
    for (const slot of this.#wanted) {
      const from = view.claimant[slot] ?? NOBODY
      if (from === NOBODY || from === SELF || !view.isUp(from)) continue
      if ((this.#retryAt.get(slot) ?? 0) > now) continue
      const group = groups.get(from)
      if (group === undefined) groups.set(from, [slot])
      else if (group.length < PULL_SLOTS_MAX) group.push(slot)
    }
    for (const [from, slots] of groups) if (this.#pulls.size < PULLS_MAX) this.#start(from, slots)
  }

  #start(from: number, unordered: readonly number[]): void {
    const slots = [...unordered].sort((a, b) => a - b)
    const { now, entries } = this.#machine
    const pull: Pull = { id: this.#machine.nextId(), from, slots: new Set(slots), heardAt: now }
    this.#pulls.set(pull.id, pull)
    for (const slot of slots) {
      this.#wanted.delete(slot)
      this.#pulling.add(slot)
      this.#retryAt.delete(slot)
    }
    this.#machine.send(from, {
      t: 'pull',
      id: pull.id,
      s: packRanges(slots),
      g: slots.map((slot) => entries.table.slotDigest(slot)),
    })
    if (this.#machine.planted === 'serve-while-filling') {
      const lineages = this.#machine.view.peers[from]?.lineage
      for (const slot of slots) this.#machine.hold(slot, lineages?.[slot] ?? 0)
      this.#machine.campaigns.serve(slots, this.#machine.clock.next(now), false)
    }
  }

  part(from: number, message: PartMessage): void {
    const pull = this.#pulls.get(message.id)
    // An answer to a pull that was given up: not acknowledged, so that the other side stops as well.
    if (pull === undefined || pull.from !== from) return
    if (message.end === 0) this.#machine.send(from, { t: 'more', id: pull.id, k: 0 })
    const { view, now, entries, pushes } = this.#machine
    pull.heardAt = now
    const granted = unpackRanges(message.gr, view.slotCount)
    const lineages = unpackRuns(message.l, granted.length)
    const different: number[] = []
    granted.forEach((slot, i) => {
      if (!pull.slots.delete(slot)) return
      this.#pulling.delete(slot)
      if (entries.table.slotDigest(slot) !== message.g[i]) different.push(slot)
      this.#machine.hold(slot, lineages[i] ?? 0)
    })
    // What this member has beyond the copy it was given: written while it was apart, or not passed on yet.
    pushes.offer(from, different)
    for (const slot of unpackRanges(message.x, view.slotCount)) {
      if (!pull.slots.delete(slot)) continue
      this.#pulling.delete(slot)
      this.#retryAt.set(slot, now + PULL_RETRY_MS)
      this.#machine.touch(slot)
    }
    if (message.end === 1) this.#end(pull, pull.slots.size > 0)
  }

  #end(pull: Pull, aborted: boolean): void {
    this.#pulls.delete(pull.id)
    if (aborted) this.#machine.counters.abortedPulls++
    for (const slot of pull.slots) {
      this.#pulling.delete(slot)
      this.#machine.touch(slot)
    }
  }

  lost(member: number): void {
    for (const pull of [...this.#pulls.values()]) if (pull.from === member) this.#end(pull, true)
  }

  review(): void {
    const { now } = this.#machine
    for (const pull of [...this.#pulls.values()])
      if (now - pull.heardAt > PULL_SILENCE_MS) this.#end(pull, true)
  }
}
