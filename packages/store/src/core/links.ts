import { millisOf } from './hybrid-clock.ts'
import type { Machine } from './machine.ts'
import {
  type BeatMessage,
  type ClaimMessage,
  type DropMessage,
  type HelloMessage,
  type HoldMessage,
  type PartMessage,
  STORE_PROTOCOL_VERSION,
} from './messages.ts'
import { packRuns, unpackRanges, unpackRuns } from './runs.ts'
import type { StoreTopology } from './store.ts'
import { NOBODY, type Peer, SELF, SERVING } from './view.ts'

/** Links, hellos and what members tell of their holdings and claims. */
export class Links {
  readonly #machine: Machine

  constructor(machine: Machine) {
    this.#machine = machine
  }

  topology(topology: StoreTopology): void {
    const { view } = this.#machine
    for (const peer of view.applyTopology(topology, this.#machine.now)) this.#restarted(peer)
    this.#machine.touchAll()
    this.#machine.commands.stir()
  }

  up(name: string, instance: string): void {
    const { view, now, entries, clock } = this.#machine
    const peer = view.admit(name, instance)
    if (peer === undefined || peer.index === SELF) return
    if (peer.linked) this.down(name)
    if (peer.instance !== instance) {
      view.replaceInstance(peer, instance)
      this.#restarted(peer)
    }
    peer.linked = true
    peer.silent = false
    peer.mute = false
    peer.drifted = false
    peer.session++
    view.forgetOrders()
    const served: number[] = []
    for (let slot = 0; slot < view.slotCount; slot++)
      served.push(view.role[slot] === SERVING ? view.signedEpoch(slot) : 0)
    this.#machine.send(peer.index, {
      t: 'hi',
      v: STORE_PROTOCOL_VERSION,
      i: view.self.instance,
      z: view.slotCount,
      w: view.self.writer,
      n: clock.highest,
      c: now,
      h: packRuns(view.holdings),
      s: packRuns(served),
      f: entries.allFlushRows(),
    })
  }

  down(name: string): void {
    const { view } = this.#machine
    const peer = view.find(name)
    if (peer === undefined || !peer.linked || peer.index === SELF) return
    peer.linked = false
    peer.session++
    if (this.#machine.planted !== 'restart-keeps-holdings') view.forgetHoldings(peer)
    view.refreshUp(peer)
    view.forgetOrders()
    this.#lost(peer)
    this.#machine.writes.forgetLearner(peer.index)
    this.#machine.writes.forgetCopies(peer.index)
    this.#machine.streams.lost(peer.index)
    this.#machine.pulls.lost(peer.index)
    this.#machine.pushes.lost(peer.index)
    this.#machine.gathers.lost(peer.index)
    this.#machine.commands.lost(peer.index)
  }

  /** The member cannot be reached any more, or not now. */
  #lost(peer: Peer): void {
    this.#machine.campaigns.lost(peer.index)
    // Without most of the others it is likelier that they go on without this member.
    if (this.#machine.view.isCutOff(this.#machine.now)) this.#machine.campaigns.doubt()
    this.#machine.touchAll()
    this.#machine.commands.stir()
  }

  #restarted(peer: Peer): void {
    this.#machine.counters.restarts++
    this.#machine.writes.forgetApplied(peer.index)
    this.#machine.touchAll()
  }

  /** Members that fall silent are taken for unreachable although the link stands. */
  review(): void {
    const { view, now, options } = this.#machine
    for (const peer of view.peers) {
      if (!peer.up || peer.index === SELF || now - peer.heardAt <= options.silenceMs) continue
      peer.silent = true
      view.refreshUp(peer)
      peer.synced = false
      this.#lost(peer)
    }
  }

  heard(peer: Peer): void {
    const { view, now } = this.#machine
    peer.heardAt = now
    peer.mute = false
    if (!peer.silent) return
    peer.silent = false
    if (view.refreshUp(peer)) this.#gained(peer)
  }

  #gained(peer: Peer): void {
    this.#machine.touchAll()
    this.#machine.campaigns.gained(peer.index)
    this.#machine.pushes.repairMember(peer.index)
    this.#machine.commands.stir()
  }

  hello(peer: Peer, message: HelloMessage): void {
    const { view, now, clock, campaigns, out } = this.#machine
    if (message.v !== STORE_PROTOCOL_VERSION || message.z !== view.slotCount) {
      const reason = `protocol ${message.v}, ${message.z} slots; here ${STORE_PROTOCOL_VERSION}, ${view.slotCount}`
      out.notify({ type: 'incompatible', member: peer.name, reason })
      return
    }
    if (message.i !== peer.instance) {
      view.replaceInstance(peer, message.i)
      this.#restarted(peer)
    }
    const away = peer.heardAt === 0 ? 0 : now - peer.heardAt
    peer.heardAt = now
    peer.writer = message.w
    if (!this.#checkClock(peer, Math.max(message.n, 0), message.c)) return
    clock.observe(message.n, now)
    this.#machine.entries.applyFlushes(message.f)
    const lineages = unpackRuns(message.h, view.slotCount)
    const epochs = unpackRuns(message.s, view.slotCount)
    const theirs = view.learnHoldings(peer)
    for (let slot = 0; slot < view.slotCount; slot++) {
      if (this.#machine.planted !== 'restart-keeps-holdings' || lineages[slot] !== 0)
        theirs[slot] = lineages[slot] ?? 0
      this.#compareLineage(peer, slot)
    }
    peer.known = true
    peer.synced = false
    view.refreshUp(peer)
    for (let slot = 0; slot < view.slotCount; slot++) {
      const epoch = epochs[slot] ?? 0
      if (epoch !== 0) this.#learnClaim(peer, slot, epoch)
      else if (view.claimant[slot] === peer.index) view.claimant[slot] = NOBODY
      if (epoch > 0) campaigns.meet(slot, peer.index)
    }
    if (away > this.#machine.options.tombstoneMs) this.#dropOldCopy(peer)
    campaigns.gained(peer.index)
    this.#gained(peer)
  }

  /** After longer than tombstones live, what the other deleted meanwhile cannot be told from what it never had. */
  #dropOldCopy(peer: Peer): void {
    const { view, entries, out } = this.#machine
    let dropped = 0
    for (let slot = 0; slot < view.slotCount; slot++) {
      if (view.claimant[slot] !== peer.index || !view.holds(SELF, slot)) continue
      entries.table.clearSlot(slot)
      this.#machine.unhold(slot)
      dropped++
    }
    if (dropped > 0) out.notify({ type: 'copy-expired', slots: dropped })
  }

  /** Two holders of different lineages: the older one stays. */
  #compareLineage(peer: Peer, slot: number): void {
    const { view, campaigns } = this.#machine
    const mine = view.holdings[slot] ?? 0
    const theirs = peer.lineage[slot] ?? 0
    if (mine !== 0 && theirs !== 0 && theirs < mine) campaigns.loseLineage(slot, peer.index)
  }

  #learnClaim(peer: Peer, slot: number, epoch: number): void {
    const { view, campaigns } = this.#machine
    const mine = view.holdings[slot] ?? 0
    const theirs = peer.lineage[slot] ?? 0
    // A younger lineage serves until it hears of this one; its epochs mean nothing here.
    if (mine !== 0 && theirs > mine) return
    campaigns.learnClaim(slot, Math.abs(epoch), peer.index, epoch < 0)
  }

  #checkClock(peer: Peer, version: number, clockMs: number): boolean {
    const { now, options, view, out } = this.#machine
    const aheadMs = Math.max(clockMs, millisOf(version)) - now
    const drifted = aheadMs > options.clockDriftMaxMs
    if (drifted && !peer.drifted) {
      this.#machine.counters.refusedClock++
      out.notify({ type: 'clock-drift', member: peer.name, aheadMs })
    }
    if (drifted === peer.drifted) return !drifted
    peer.drifted = drifted
    if (peer.known && view.refreshUp(peer)) {
      if (drifted) this.#lost(peer)
      else this.#gained(peer)
    }
    return !drifted
  }

  beat(from: number, message: BeatMessage): void {
    const peer = this.#machine.view.peers[from]
    if (peer === undefined) return
    if (this.#checkClock(peer, message.n, message.c))
      this.#machine.clock.observe(message.n, this.#machine.now)
  }

  holds(from: number, message: HoldMessage): void {
    const { view } = this.#machine
    const peer = view.peers[from]
    if (peer === undefined) return
    const slots = unpackRanges(message.s, view.slotCount)
    const lineages = unpackRuns(message.l, slots.length)
    slots.forEach((slot, i) => {
      view.noteHolding(from, slot, lineages[i] ?? 0)
      this.#compareLineage(peer, slot)
      this.#machine.touch(slot)
    })
  }

  drops(from: number, message: DropMessage): void {
    const { view } = this.#machine
    for (const slot of unpackRanges(message.s, view.slotCount)) {
      view.noteHolding(from, slot, 0)
      // It pulls again if it wants to; until then it needs no writes that nobody waits for.
      this.#machine.writes.unlearn(slot, from)
      if (view.claimant[slot] === from) view.claimant[slot] = NOBODY
      this.#machine.touch(slot)
    }
  }

  claims(from: number, message: ClaimMessage): void {
    const { view } = this.#machine
    const peer = view.peers[from]
    if (peer === undefined) return
    for (const slot of unpackRanges(message.s, view.slotCount))
      this.#learnClaim(peer, slot, message.e)
  }

  /** A chunk of entries: merged whatever became of the request, because newer is newer. */
  part(from: number, message: PartMessage): void {
    const { entries, pushes, pulls, campaigns } = this.#machine
    entries.applyFlushes(message.f)
    for (const row of message.es) if (entries.merge(row) === 'applied') pushes.received(row)
    if (message.k === 0) {
      pulls.part(from, message)
      return
    }
    campaigns.progress(message.id)
    this.#machine.send(from, { t: 'more', id: message.id, k: 1 })
  }
}
