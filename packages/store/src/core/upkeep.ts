import type { Machine } from './machine.ts'
import { isSafe } from './report.ts'
import { NOBODY, SELF } from './view.ts'

/** What has to be done by the clock: heartbeats, silence, lost slots, repair, expiry. */
export class Upkeep {
  readonly #machine: Machine
  #beatAt = 0
  #repairAt = 0
  #lostSince = 0
  #heardAt = 0
  /** Nobody was heard for `pauseMs`, and that has been acted upon. */
  #alone = false
  #safe: boolean | undefined

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get nextAt(): number {
    return this.#beatAt
  }

  heard(): void {
    this.#heardAt = this.#machine.now
  }

  /** True when somebody is heard again after this member was alone. */
  endLoneliness(): boolean {
    const ended = this.#alone
    this.#alone = false
    return ended
  }

  run(): void {
    const { now, options, view } = this.#machine
    this.#machine.entries.expire()
    if (now < this.#beatAt) return
    this.#beatAt = now + options.beatMs
    for (const peer of view.peers)
      if (peer.index !== SELF && peer.linked && peer.known)
        this.#machine.send(peer.index, { t: 'beat', n: this.#machine.clock.highest, c: now })
    this.#findLostSlots()
    this.#machine.inquiries.run()
    this.#machine.campaigns.confirmWeak()
    if (now >= this.#repairAt) {
      // Spread, so that members do not compare all at once.
      this.#repairAt = now + options.repairIntervalMs + options.random(options.repairIntervalMs)
      for (const peer of view.peers)
        if (peer.index !== SELF && peer.up) this.#machine.pushes.repairMember(peer.index)
    }
    this.#noteSafety()
  }

  /**
   * True once when no member was heard for `pauseMs`: whoever is cut off from everybody must stop serving before the
   * others may have given it up.
   */
  isAlone(): boolean {
    const { now, options, view } = this.#machine
    if (this.#alone || view.liveCount < 2 || now - this.#heardAt <= options.pauseMs) return false
    this.#alone = true
    return true
  }

  /** Slots that nobody alive has are founded anew by their first owner, when everyone alive has been asked, and for long enough. */
  #findLostSlots(): void {
    const { view, now, options } = this.#machine
    const complete = view.peers.every((peer) => !peer.live || peer.up)
    // Where nobody has served yet nothing is lost: hosts say who founds the cluster.
    const wasServed = view.peers.some((peer) => peer.live && peer.state === 'active')
    if (!complete || !wasServed || view.peers.length === 1) {
      this.#lostSince = now
      return
    }
    const lost: number[] = []
    for (let slot = 0; slot < view.slotCount; slot++)
      if (!view.peers.some((peer) => (peer.lineage[slot] ?? 0) !== 0)) lost.push(slot)
    if (lost.length === 0) this.#lostSince = now
    if (lost.length === 0 || now - this.#lostSince < options.lostSlotMs) return
    const mine = lost.filter((slot) => (view.owners[slot * view.replicas] ?? NOBODY) === SELF)
    if (mine.length === 0) return
    const lineage = this.#machine.clock.next(now)
    for (const slot of mine) this.#machine.hold(slot, lineage)
    this.#machine.counters.slotsLost += mine.length
    this.#machine.out.notify({ type: 'slots-lost', slots: mine.length })
  }

  #noteSafety(): void {
    const safe = isSafe(this.#machine)
    if (safe === this.#safe) return
    this.#safe = safe
    this.#machine.out.notify({ type: 'safe', safe })
  }
}
