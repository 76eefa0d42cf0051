import type { Machine } from './machine.ts'
import type { AskMessage, ClaimRow, VoteMessage } from './messages.ts'
import { packRanges, packRuns, unpackRanges, unpackRuns } from './runs.ts'
import { CAMPAIGNING, IDLE, NOBODY, SELF, SERVING } from './view.ts'

/** A refused campaign is tried again after this, when others reach the member that serves. */
const RETRY_MS = 40
/** … when this member reaches it too and it declined to hand over. */
const CONCESSION_RETRY_MS = 200
/**
 * A member that was suspended and reaches too few of the others waits this long for links to return before it serves
 * without them: they have most likely gone on, and what it acknowledged alone would be missing there.
 */
const RESUMED_PATIENCE_MS = 2_000

interface Campaign {
  readonly id: number
  readonly epoch: number
  readonly slots: readonly number[]
  /** Asked first and alone: the member that serves now. */
  readonly incumbent: number
  readonly waiting: Set<number>
  readonly asked: Set<number>
  readonly startedAt: number
  heardAt: number
  votes: number
}

/**
 * How a member comes to serve slots. The ring says who *should*; this decides who *does*, so that two members never
 * do at the same time while anybody who matters can see both.
 *
 * ```text
 *   first holder in order, as it sees the ring and its links
 *     │
 *     ├─ the serving member is reachable ──► asks it alone; it concedes if it sees the same order, else serves on
 *     │                                        │ conceded
 *     └─ it is not ─────────────────────────►  asks every reachable member with a new epoch
 *                                              │   each promises to refuse writes of older epochs and sends the entries
 *                                              │   that differ – or refuses: I can reach the one who serves / I know a
 *                                              │   newer epoch / I hold an older lineage
 *                                              ▼
 *                                            serves, and tells all (claim)
 * ```
 *
 * A member that was suspended asks in the same way before it serves on. A member that learns of a higher claim for a
 * slot it serves stops at once (deposed): its unacknowledged writes fail, and it fills again like a new owner.
 */
export class Campaigns {
  readonly #machine: Machine
  readonly #campaigns = new Map<number, Campaign>()
  /** The campaign of a slot while its role is CAMPAIGNING. */
  readonly #of: Float64Array
  /** Slots that this member should serve and does not. */
  readonly #restless = new Set<number>()
  readonly #retryAt = new Map<number, number>()
  readonly #deposed = new Map<number, number>()
  readonly #outlived = new Map<number, number>()
  /** Who can reach the serving member that this one cannot. */
  readonly #relays = new Map<number, number>()
  #resumedAt = Number.NEGATIVE_INFINITY

  constructor(machine: Machine) {
    this.#machine = machine
    this.#of = new Float64Array(machine.view.slotCount)
  }

  get busy(): boolean {
    return this.#campaigns.size > 0 || this.#restless.size > 0
  }

  relayOf(slot: number): number {
    return this.#relays.get(slot) ?? NOBODY
  }

  /** Looks whether this member should serve the slot. */
  consider(slot: number): void {
    const { view } = this.#machine
    // Who served last goes on, even when the ring would have another: that one asks for it.
    const mine = view.claimant[slot] === SELF && view.holds(SELF, slot)
    if (view.role[slot] === IDLE && (mine || view.desired(slot) === SELF)) this.#restless.add(slot)
    else this.#restless.delete(slot)
  }

  /** Starts campaigns for the slots whose time has come. */
  run(): void {
    if (this.#restless.size === 0) return
    const { view, now } = this.#machine
    const groups = new Map<number, number[]>()
    for (const slot of this.#restless) {
      if ((this.#retryAt.get(slot) ?? 0) > now) continue
      const claimant = view.claimant[slot] ?? NOBODY
      const incumbent = claimant !== SELF && view.isUp(claimant) ? claimant : NOBODY
      const group = groups.get(incumbent)
      if (group === undefined) groups.set(incumbent, [slot])
      else group.push(slot)
    }
    for (const [incumbent, slots] of groups) this.#start(slots, incumbent)
  }

  /** Asks again about slots that this member serves: it was suspended, or a replica refused it. */
  confirm(slots: readonly number[]): void {
    const { view } = this.#machine
    const served = slots.filter((slot) => view.role[slot] === SERVING)
    if (served.length > 0) this.#start(served, NOBODY)
  }

  /** Serves nothing before the others have confirmed it. Weak claims are confirmed when somebody can be reached again. */
  doubt(): void {
    const { view } = this.#machine
    const served: number[] = []
    for (let slot = 0; slot < view.slotCount; slot++)
      if (view.role[slot] === SERVING && view.weak[slot] === 0) served.push(slot)
    this.confirm(served)
  }

  /** This member was suspended: nothing is served before the others have confirmed it. */
  resumed(): void {
    this.#resumedAt = this.#machine.now
    this.doubt()
  }

  #start(unordered: readonly number[], incumbent: number, startedAt = this.#machine.now): void {
    const { view, clock, now, planted } = this.#machine
    const slots = [...unordered].sort((a, b) => a - b)
    const campaign: Campaign = {
      id: this.#machine.nextId(),
      epoch: clock.next(now),
      slots,
      incumbent,
      waiting: new Set(),
      asked: new Set(),
      startedAt,
      heardAt: now,
      votes: 0,
    }
    for (const slot of slots) {
      view.role[slot] = CAMPAIGNING
      this.#of[slot] = campaign.id
      this.#restless.delete(slot)
      this.#retryAt.delete(slot)
    }
    this.#campaigns.set(campaign.id, campaign)
    if (planted !== 'promote-without-asking') {
      if (incumbent !== NOBODY) this.#ask(campaign, incumbent)
      else this.#askOthers(campaign)
    }
    this.#settle(campaign)
  }

  /**
   * Asks again without the members that did not answer: the others agreed because those would have their say. Whoever
   * reaches one of them, and knows that it serves, refuses now.
   */
  #restart(campaign: Campaign): void {
    const open = this.#open(campaign)
    this.#campaigns.delete(campaign.id)
    if (open.length > 0) this.#start(open, NOBODY, campaign.startedAt)
  }

  #open(campaign: Campaign): number[] {
    return campaign.slots.filter((slot) => this.#of[slot] === campaign.id)
  }

  #askOthers(campaign: Campaign): void {
    for (const peer of this.#machine.view.peers)
      if (peer.index !== SELF && peer.index !== campaign.incumbent && peer.up && !peer.mute)
        this.#ask(campaign, peer.index)
  }

  #ask(campaign: Campaign, member: number): void {
    const { view, entries } = this.#machine
    const slots = this.#open(campaign)
    if (slots.length === 0) return
    campaign.waiting.add(member)
    campaign.asked.add(member)
    const unreachable = view.peers.filter((peer) => !peer.up || peer.mute).map((peer) => peer.name)
    this.#machine.send(member, {
      t: 'ask',
      id: campaign.id,
      e: campaign.epoch,
      s: packRanges(slots),
      g: slots.map((slot) => entries.table.slotDigest(slot)),
      l: packRuns(slots.map((slot) => view.holdings[slot] ?? 0)),
      u: unreachable,
    })
  }

  // — the side that is asked —

  answer(from: number, message: AskMessage): void {
    const { view, entries, clock, now, streams } = this.#machine
    const slots = unpackRanges(message.s, view.slotCount)
    const lineages = unpackRuns(message.l, slots.length)
    const unreachable = new Set(message.u)
    const drifted = !clock.observe(message.e, now)
    const refused: ClaimRow[] = []
    const differing: number[] = []
    let conceded = 0
    slots.forEach((slot, i) => {
      const lineage = lineages[i] ?? 0
      if (drifted || !this.#grants(from, slot, message.e, lineage, unreachable)) {
        refused.push(this.claimRow(slot) ?? [slot, view.promised[slot] ?? 0, ''])
        return
      }
      if (view.claimant[slot] === SELF) {
        conceded++
        this.#concede(slot, message.e)
      }
      if (this.#machine.planted !== 'forget-promise') view.promised[slot] = message.e
      if (entries.table.slotDigest(slot) !== message.g[i]) differing.push(slot)
    })
    if (conceded > 0) {
      this.#machine.counters.concessions += conceded
      this.#machine.out.notify({ type: 'conceded', slots: conceded, to: view.nameOf(from) })
    }
    streams.openVote(from, message.id, differing, slots, {
      t: 'vote',
      id: message.id,
      n: clock.highest,
      no: refused,
    })
  }

  #grants(
    from: number,
    slot: number,
    epoch: number,
    lineage: number,
    unreachable: ReadonlySet<string>,
  ): boolean {
    const { view } = this.#machine
    if (epoch <= (view.promised[slot] ?? 0)) return false
    const mine = view.holdings[slot] ?? 0
    if (mine !== 0 && mine < lineage) return false
    if (mine > lineage) this.loseLineage(slot, from)
    const preferred = this.#prefers(slot, from, lineage)
    // Who serves, or served and only asks again, yields to nobody but the one who should serve.
    if (view.claimant[slot] === SELF && !preferred) return false
    if (view.role[slot] === CAMPAIGNING) {
      const rivalEpoch = this.#campaigns.get(this.#of[slot] ?? 0)?.epoch ?? 0
      if (!preferred && epoch <= rivalEpoch) return false
      this.#abandon(slot)
      this.#machine.touch(slot)
      return true
    }
    const claimant = view.claimant[slot] ?? NOBODY
    if (claimant === NOBODY || claimant === SELF || claimant === from) return true
    return !(view.isUp(claimant) && unreachable.has(view.nameOf(claimant)))
  }

  /** Whether the asking member comes first among the holders, by this member's view. */
  #prefers(slot: number, from: number, lineage: number): boolean {
    const { view } = this.#machine
    if (lineage === 0) return false
    view.noteHolding(from, slot, lineage)
    return view.desired(slot) === from
  }

  #concede(slot: number, epoch: number): void {
    const { view, writes, streams } = this.#machine
    view.role[slot] = IDLE
    view.claimant[slot] = NOBODY
    streams.withdraw(slot)
    writes.handOver(slot, epoch)
  }

  // — the side that asks —

  vote(from: number, message: VoteMessage): void {
    const campaign = this.#campaigns.get(message.id)
    const { view, now, clock, counters } = this.#machine
    clock.observe(message.n, now)
    if (campaign === undefined || !campaign.waiting.delete(from)) {
      // Too late to count, but who serves is news all the same: this member may have won without that answer.
      for (const row of message.no) if (clock.observe(row[1], now)) this.hear(row)
      return
    }
    campaign.heardAt = now
    campaign.votes++
    for (const row of message.no) {
      const [slot, epoch] = row
      clock.observe(epoch, now)
      if (this.#of[slot] !== campaign.id) continue
      counters.denials++
      // The news first: if another serves what this member served, it has to know that it did.
      this.hear(row)
      if (this.#of[slot] === campaign.id) this.#abandon(slot)
      if (row[2] !== '' && row[2] !== view.self.name) this.#relays.set(slot, from)
      const reached = view.isUp(view.claimant[slot] ?? NOBODY)
      const pause = reached ? CONCESSION_RETRY_MS : RETRY_MS
      this.#retryAt.set(slot, now + pause + this.#machine.options.random(pause))
      this.#machine.touch(slot)
    }
    if (from === campaign.incumbent) this.#askOthers(campaign)
    this.#settle(campaign)
  }

  /** A voter sends entries: it is alive and busy for us. */
  progress(id: number): boolean {
    const campaign = this.#campaigns.get(id)
    if (campaign === undefined) return false
    campaign.heardAt = this.#machine.now
    return true
  }

  #settle(campaign: Campaign): void {
    if (!this.#campaigns.has(campaign.id)) return
    const { now, options, view } = this.#machine
    const open = this.#open(campaign)
    if (open.length === 0) {
      this.#campaigns.delete(campaign.id)
      return
    }
    if (campaign.waiting.size > 0) {
      if (now < campaign.heardAt + options.promotionTimeoutMs) return
      if (campaign.incumbent !== NOBODY && campaign.waiting.has(campaign.incumbent)) {
        this.#giveUp(campaign, open)
        return
      }
      for (const member of campaign.waiting) view.silence(member)
      this.#restart(campaign)
      return
    }
    // Cut off from half of the members it is likelier that they go on without us: give the links time to return.
    const cutOff = view.isCutOff(now)
    if (
      cutOff &&
      (now < campaign.startedAt + options.promotionTimeoutMs ||
        now < this.#resumedAt + RESUMED_PATIENCE_MS) &&
      options.plantedBug !== 'promote-without-asking'
    )
      return
    const minority = (campaign.votes + 1) * 2 <= view.knownCount
    if (options.partitionPolicy === 'majority' && minority) this.#giveUp(campaign, open)
    else this.#win(campaign, open, cutOff)
  }

  #giveUp(campaign: Campaign, open: readonly number[]): void {
    const { now } = this.#machine
    this.#campaigns.delete(campaign.id)
    for (const slot of open) {
      this.#abandon(slot)
      this.#retryAt.set(slot, now + CONCESSION_RETRY_MS)
      this.#machine.touch(slot)
    }
  }

  #abandon(slot: number): void {
    this.#machine.view.role[slot] = IDLE
    this.#of[slot] = 0
  }

  #win(campaign: Campaign, open: readonly number[], weak: boolean): void {
    this.#campaigns.delete(campaign.id)
    for (const slot of open) this.#of[slot] = 0
    this.serve(open, campaign.epoch, weak)
  }

  /** Serves the slots from this epoch on, and says so. */
  serve(slots: readonly number[], epoch: number, weak: boolean): void {
    const { view, counters, writes, pushes, commands } = this.#machine
    for (const slot of slots) {
      view.role[slot] = SERVING
      view.claimant[slot] = SELF
      view.epoch[slot] = epoch
      view.weak[slot] = weak ? 1 : 0
      view.promised[slot] = epoch
      this.#relays.delete(slot)
      this.#retryAt.delete(slot)
    }
    counters.promotions += slots.length
    this.#machine.broadcast({ t: 'claim', e: weak ? -epoch : epoch, s: packRanges(slots) })
    this.#machine.out.notify({ type: 'promoted', slots: slots.length })
    for (const slot of slots) writes.resume(slot)
    pushes.repairSlots(slots)
    commands.stir()
  }

  /** A link broke or fell silent: what was asked of the member stays unanswered. */
  lost(member: number): void {
    for (const campaign of [...this.#campaigns.values()]) {
      campaign.asked.delete(member)
      if (!campaign.waiting.delete(member)) continue
      if (campaign.incumbent === member) this.#askOthers(campaign)
      else if (campaign.asked.size > 0) this.#restart(campaign)
      this.#settle(campaign)
    }
  }

  /** A member came (back): it may know more, and what was claimed while cut off has to be confirmed. */
  gained(member: number): void {
    this.confirm(this.#weakSlots())
    for (const campaign of this.#campaigns.values()) {
      if (campaign.incumbent !== NOBODY || campaign.asked.has(member)) continue
      // Whoever is asked late gets as long for its answer as the others had.
      campaign.heardAt = this.#machine.now
      this.#ask(campaign, member)
    }
  }

  /** Confirms what was claimed while cut off, once this member is not cut off any more. O(slots). */
  confirmWeak(): void {
    const { view, now } = this.#machine
    if (view.isCutOff(now)) return
    this.confirm(this.#weakSlots())
  }

  #weakSlots(): readonly number[] {
    const { view } = this.#machine
    const weak: number[] = []
    for (let slot = 0; slot < view.slotCount; slot++)
      if (view.weak[slot] === 1 && view.role[slot] === SERVING) weak.push(slot)
    return weak
  }

  /**
   * The member that serves the slot, as this one knew, can be reached again: it is asked first and alone, not passed
   * over with the votes of the others.
   */
  meet(slot: number, incumbent: number): void {
    const { view } = this.#machine
    if (view.role[slot] !== CAMPAIGNING || view.claimant[slot] !== incumbent) return
    if (this.#campaigns.get(this.#of[slot] ?? 0)?.waiting.has(incumbent) === true) return
    this.#abandon(slot)
    this.#machine.touch(slot)
  }

  review(): void {
    for (const campaign of [...this.#campaigns.values()]) this.#settle(campaign)
  }

  // — claims —

  claimRow(slot: number): ClaimRow | undefined {
    const { view } = this.#machine
    const claimant = view.claimant[slot] ?? NOBODY
    // Only a serving member may quote its own claim, and a weak one is no argument.
    if (view.weak[slot] === 1) return undefined
    if (claimant === NOBODY || (claimant === SELF && view.role[slot] !== SERVING)) return undefined
    return [slot, view.epoch[slot] ?? 0, view.nameOf(claimant)]
  }

  /** Second-hand news of a claim. */
  hear(row: ClaimRow | undefined): void {
    // A codec may turn an absent claim into null.
    if (row === undefined || row === null || row[2] === '') return
    const peer = this.#machine.view.find(row[2])
    if (peer !== undefined && row[0] >= 0 && row[0] < this.#machine.view.slotCount)
      this.learnClaim(row[0], row[1], peer.index)
  }

  learnClaim(slot: number, epoch: number, member: number, weak = false): void {
    const { view, clock, now, commands } = this.#machine
    if (member === SELF || !view.outranks(epoch, member, slot, weak)) return
    if (!clock.observe(epoch, now)) return
    const mine = view.claimant[slot] === SELF
    if (view.role[slot] === CAMPAIGNING) this.#abandon(slot)
    view.claimant[slot] = member
    view.epoch[slot] = epoch
    view.weak[slot] = weak ? 1 : 0
    view.promised[slot] = Math.max(view.promised[slot] ?? 0, epoch)
    this.#relays.delete(slot)
    this.#machine.touch(slot)
    if (mine) this.#depose(slot, member)
    commands.stir()
  }

  /** Another member serves what this one served, and did not ask: what this one has is no longer complete. */
  #depose(slot: number, by: number): void {
    const { view, writes, streams, counters } = this.#machine
    counters.depositions++
    view.role[slot] = IDLE
    streams.withdraw(slot)
    this.#machine.unhold(slot)
    writes.fail(slot)
    this.#count(this.#deposed, by)
  }

  /** Another member holds the slot with an older lineage: two clusters met. */
  loseLineage(slot: number, to: number): void {
    const { view, writes, streams, counters } = this.#machine
    counters.lineagesLost++
    if (view.role[slot] === CAMPAIGNING) this.#abandon(slot)
    view.role[slot] = IDLE
    if (view.claimant[slot] === SELF) view.claimant[slot] = NOBODY
    // The other line's epochs may be lower; what was promised to this line means nothing there.
    view.epoch[slot] = 0
    view.weak[slot] = 0
    view.promised[slot] = 0
    streams.withdraw(slot)
    this.#machine.unhold(slot)
    writes.fail(slot)
    this.#count(this.#outlived, to)
  }

  #count(tally: Map<number, number>, member: number): void {
    tally.set(member, (tally.get(member) ?? 0) + 1)
  }

  /** One event per call and member, not one per slot. */
  report(): void {
    if (this.#deposed.size === 0 && this.#outlived.size === 0) return
    const { view, out } = this.#machine
    for (const [by, slots] of this.#deposed)
      out.notify({ type: 'deposed', slots, by: view.nameOf(by) })
    for (const [to, slots] of this.#outlived)
      out.notify({ type: 'lineage-lost', slots, to: view.nameOf(to) })
    this.#deposed.clear()
    this.#outlived.clear()
  }
}
