import type { Machine } from './machine.ts'
import type {
  DiffMessage,
  EntryRow,
  HaveMessage,
  HaveRow,
  LackMessage,
  MergedMessage,
  MergeMessage,
  SumMessage,
} from './messages.ts'
import { PART_BYTES_MAX, PART_ROWS_MAX } from './options.ts'
import { packRanges, unpackRanges } from './runs.ts'
import { IDLE, NOBODY, SELF, SERVING } from './view.ts'

/** Left-over slots are offered again after this. */
const DRAIN_RETRY_MS = 200
/** Entry bytes in one round of have – lack – merge. */
const ROUND_BYTES_MAX = 4 * PART_BYTES_MAX
/** A round or a comparison that is not answered for this long is given up. */
const ROUND_SILENCE_MS = 10_000

/** A comparison of digests that was sent. */
interface Sum {
  readonly member: number
  readonly kind: 0 | 1
  readonly slots: readonly number[]
  readonly digests: readonly number[]
  readonly startedAt: number
}

/** What one member is told of what this one has: one round at a time. */
interface Round {
  readonly id: number
  readonly rows: readonly HaveRow[]
  /** Slots of which this round tells the last entry, with the digest they had then. */
  readonly covered: readonly (readonly [slot: number, digest: number])[]
  readonly unvouched: Set<number>
  readonly startedAt: number
}

interface Push {
  readonly slots: Set<number>
  round: Round | undefined
  /** Where the next round goes on in the first of `slots`, and the digest at the start of that slot. */
  cursor: number
  digest: number
}

/** A copy that this member wants to give up: every owner has to confirm this very content. */
interface Drain {
  readonly digest: number
  readonly confirmed: Set<number>
}

/**
 * Differences between copies, and copies that are not needed any more.
 *
 * Repair: the serving member compares digests with the other owners when a link comes up, when it begins to serve, and
 * every now and then; where they differ both tell each other what they have, and send what the other lacks.
 *
 * Giving up: a member with entries of a slot that it does not own (a stand-in, a former owner, a leaver) clears it
 * only when every owner has confirmed that it owns the slot, holds it, and has everything in it.
 */
export class Pushes {
  readonly #machine: Machine
  readonly #sums = new Map<number, Sum>()
  readonly #pushes = new Map<number, Push>()
  readonly #leftOver = new Set<number>()
  readonly #drains = new Map<number, Drain>()
  /** Rounds of other members of which an entry did not fit. */
  readonly #spoiled = new Set<number>()
  #drainAt = 0

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get busy(): boolean {
    return this.#sums.size > 0 || this.#pushes.size > 0 || this.#leftOver.size > 0
  }

  get leftOver(): number {
    return this.#leftOver.size
  }

  consider(slot: number): void {
    const { view, entries } = this.#machine
    this.#drains.delete(slot)
    const has = view.holds(SELF, slot) || entries.table.slotSize(slot) > 0
    if (has && !view.owns(SELF, slot)) {
      this.#leftOver.add(slot)
      const idle = view.role[slot] === IDLE && view.claimant[slot] !== SELF
      if (this.#machine.planted === 'drop-before-confirmed' && idle) this.#clear(slot)
    } else this.#leftOver.delete(slot)
  }

  // — repair —

  repairSlots(slots: readonly number[]): void {
    for (const peer of this.#machine.view.peers)
      if (peer.index !== SELF && peer.up)
        this.#compare(
          peer.index,
          0,
          slots.filter((slot) => this.#isOwnedCopy(peer.index, slot)),
        )
  }

  /** Compares all slots served here with a member. */
  repairMember(member: number): void {
    const { view } = this.#machine
    const slots: number[] = []
    for (let slot = 0; slot < view.slotCount; slot++)
      if (view.role[slot] === SERVING && this.#isOwnedCopy(member, slot)) slots.push(slot)
    this.#compare(member, 0, slots)
    this.#noteSynced(member)
  }

  #isOwnedCopy(member: number, slot: number): boolean {
    const { view } = this.#machine
    return view.owns(member, slot) && view.holds(member, slot)
  }

  #compare(member: number, kind: 0 | 1, slots: readonly number[]): void {
    if (slots.length === 0) return
    const { entries, now } = this.#machine
    const sorted = [...slots].sort((a, b) => a - b)
    const id = this.#machine.nextId()
    const digests = sorted.map((slot) => entries.table.slotDigest(slot))
    this.#sums.set(id, { member, kind, slots: sorted, digests, startedAt: now })
    this.#machine.send(member, {
      t: 'sum',
      id,
      k: kind,
      s: packRanges(sorted),
      g: digests,
      f: entries.flushRows(sorted),
    })
  }

  sum(from: number, message: SumMessage): void {
    const { view, entries } = this.#machine
    entries.applyFlushes(message.f)
    const slots = unpackRanges(message.s, view.slotCount)
    const differing: number[] = []
    const unvouched: number[] = []
    slots.forEach((slot, i) => {
      if (!this.#vouches(slot)) unvouched.push(slot)
      else if (entries.table.slotDigest(slot) !== message.g[i]) differing.push(slot)
    })
    this.#machine.send(from, {
      t: 'diff',
      id: message.id,
      s: packRanges(differing),
      no: packRanges(unvouched),
    })
    if (message.k === 0) this.offer(from, differing)
  }

  #vouches(slot: number): boolean {
    const { view } = this.#machine
    return view.owns(SELF, slot) && view.holds(SELF, slot)
  }

  diff(from: number, message: DiffMessage): void {
    const sum = this.#sums.get(message.id)
    if (sum === undefined || sum.member !== from) return
    this.#sums.delete(message.id)
    const { view } = this.#machine
    const differing = new Set(unpackRanges(message.s, view.slotCount))
    const unvouched = new Set(unpackRanges(message.no, view.slotCount))
    this.offer(from, [...differing])
    if (sum.kind === 1)
      sum.slots.forEach((slot, i) => {
        if (unvouched.has(slot)) this.#drains.delete(slot)
        else if (!differing.has(slot)) this.#confirm(from, slot, sum.digests[i] ?? 0)
      })
    this.#noteSynced(from)
  }

  #noteSynced(member: number): void {
    const peer = this.#machine.view.peers[member]
    if (peer === undefined || this.#pushes.has(member)) return
    for (const sum of this.#sums.values()) if (sum.member === member) return
    peer.synced = true
  }

  // — have, lack, merge —

  /** Tells a member what this one has of these slots, and sends what it lacks. */
  offer(member: number, slots: readonly number[]): void {
    if (slots.length === 0) return
    let push = this.#pushes.get(member)
    if (push === undefined) {
      push = { slots: new Set(), round: undefined, cursor: 0, digest: 0 }
      this.#pushes.set(member, push)
    }
    for (const slot of slots) push.slots.add(slot)
    if (push.round === undefined) this.#nextRound(member, push)
  }

  #nextRound(member: number, push: Push): void {
    const { entries, now } = this.#machine
    const rows: HaveRow[] = []
    const covered: [number, number][] = []
    const touched: number[] = []
    let bytes = 0
    for (const slot of push.slots) {
      if (bytes >= ROUND_BYTES_MAX || rows.length >= PART_ROWS_MAX) break
      if (push.cursor === 0) push.digest = entries.table.slotDigest(slot)
      push.cursor = entries.table.scan(slot, push.cursor, (handle) => {
        const row = entries.row(handle)
        rows.push([row[0], row[1].slice(), row[3], row[4]])
        bytes += row[1].length + row[2].length
        return bytes < ROUND_BYTES_MAX && rows.length < PART_ROWS_MAX
      })
      touched.push(slot)
      if (push.cursor !== 0) break
      push.slots.delete(slot)
      covered.push([slot, push.digest])
    }
    if (touched.length === 0) {
      this.#pushes.delete(member)
      this.#noteSynced(member)
      return
    }
    const id = this.#machine.nextId()
    push.round = { id, rows, covered, unvouched: new Set(), startedAt: now }
    this.#machine.send(member, { t: 'have', id, es: rows, f: entries.flushRows(touched) })
  }

  have(from: number, message: HaveMessage): void {
    const { entries } = this.#machine
    entries.applyFlushes(message.f)
    const lacking: number[] = []
    const unvouched = new Set<number>()
    message.es.forEach(([slot, key, version, writer], i) => {
      if (!this.#vouches(slot)) unvouched.add(slot)
      if (entries.isNewer(slot, key, version, writer)) lacking.push(i)
    })
    this.#machine.send(from, {
      t: 'lack',
      id: message.id,
      i: lacking,
      no: packRanges([...unvouched].sort((a, b) => a - b)),
    })
  }

  lack(from: number, message: LackMessage): void {
    const push = this.#pushes.get(from)
    const round = push?.round
    if (push === undefined || round === undefined || round.id !== message.id) return
    const { entries, view } = this.#machine
    for (const slot of unpackRanges(message.no, view.slotCount)) round.unvouched.add(slot)
    let rows: EntryRow[] = []
    let bytes = 0
    for (const index of message.i) {
      const have = round.rows[index]
      if (have === undefined) continue
      const handle = entries.table.find(have[0], have[1])
      if (handle === -1) continue
      const row = entries.row(handle)
      rows.push(row)
      bytes += row[1].length + row[2].length
      if (bytes < PART_BYTES_MAX) continue
      this.#machine.send(from, { t: 'merge', id: round.id, es: rows, end: 0 })
      rows = []
      bytes = 0
    }
    if (message.i.length > 0)
      this.#machine.send(from, { t: 'merge', id: round.id, es: rows, end: 1 })
    else this.#endRound(from, push, round, true)
  }

  merge(from: number, message: MergeMessage): void {
    const { entries } = this.#machine
    let ok = true
    for (const row of message.es) {
      const result = entries.merge(row)
      if (result === 'applied') this.received(row)
      else if (result !== 'older') ok = false
    }
    // One entry that does not fit spoils the round: its sender keeps its copy and tries later.
    if (!ok) this.#spoiled.add(message.id)
    if (message.end === 0) return
    ok = !this.#spoiled.delete(message.id)
    this.#machine.send(from, { t: 'merged', id: message.id, ok: ok ? 1 : 0 })
  }

  merged(from: number, message: MergedMessage): void {
    const push = this.#pushes.get(from)
    const round = push?.round
    if (push === undefined || round === undefined || round.id !== message.id) return
    this.#endRound(from, push, round, message.ok === 1)
  }

  #endRound(member: number, push: Push, round: Round, ok: boolean): void {
    push.round = undefined
    for (const [slot, digest] of round.covered) {
      if (ok && !round.unvouched.has(slot)) this.#confirm(member, slot, digest)
      else this.#drains.delete(slot)
    }
    this.#nextRound(member, push)
  }

  /** An entry came in that was not ordered here. */
  received(row: EntryRow): void {
    const { view, writes, counters } = this.#machine
    const slot = row[0]
    counters.merged++
    if (view.role[slot] === SERVING) writes.teachLearners(slot, row)
    else if (!view.owns(SELF, slot)) this.#machine.touch(slot)
  }

  // — giving copies up —

  /** Offers left-over slots to their owners. */
  run(): void {
    const { now, view } = this.#machine
    if (this.#leftOver.size === 0 || now < this.#drainAt) return
    this.#drainAt = now + DRAIN_RETRY_MS
    const { entries } = this.#machine
    const asks = new Map<number, number[]>()
    for (const slot of this.#leftOver) {
      if (this.#drains.has(slot)) continue
      const owners = this.#readyOwners(slot)
      if (owners === undefined) continue
      this.#drains.set(slot, { digest: entries.table.slotDigest(slot), confirmed: new Set() })
      for (const owner of owners) {
        const group = asks.get(owner)
        if (group === undefined) asks.set(owner, [slot])
        else group.push(slot)
      }
    }
    for (const [owner, slots] of asks) if (view.isUp(owner)) this.#compare(owner, 1, slots)
  }

  /** The owners of a slot that this member could give up now: all reachable, all holding, and it serves nothing and waits for nothing there. */
  #readyOwners(slot: number): number[] | undefined {
    const { view, writes } = this.#machine
    if (view.role[slot] !== IDLE || view.claimant[slot] === SELF || writes.hasPending(slot))
      return undefined
    const owners: number[] = []
    for (let i = slot * view.replicas; i < (slot + 1) * view.replicas; i++) {
      const owner = view.owners[i] ?? NOBODY
      if (owner === NOBODY) continue
      if (owner === SELF || !view.isUp(owner)) return undefined
      if (!view.holds(owner, slot)) return undefined
      owners.push(owner)
    }
    return owners.length > 0 ? owners : undefined
  }

  #confirm(member: number, slot: number, digest: number): void {
    const drain = this.#drains.get(slot)
    if (drain === undefined) return
    const { entries } = this.#machine
    if (digest !== drain.digest || entries.table.slotDigest(slot) !== digest) {
      this.#drains.delete(slot)
      return
    }
    drain.confirmed.add(member)
    const owners = this.#readyOwners(slot)
    if (owners === undefined) this.#drains.delete(slot)
    else if (owners.every((owner) => drain.confirmed.has(owner))) this.#clear(slot)
  }

  #clear(slot: number): void {
    const { entries, counters } = this.#machine
    entries.table.clearSlot(slot)
    counters.slotsCleared++
    this.#drains.delete(slot)
    this.#leftOver.delete(slot)
    this.#machine.unhold(slot)
  }

  lost(member: number): void {
    for (const [id, sum] of this.#sums) if (sum.member === member) this.#sums.delete(id)
    this.#pushes.delete(member)
    this.#spoiled.clear()
    this.#drains.clear()
  }

  review(): void {
    const { now } = this.#machine
    for (const [id, sum] of this.#sums)
      if (now - sum.startedAt > ROUND_SILENCE_MS) {
        this.#sums.delete(id)
        for (const slot of sum.slots) this.#drains.delete(slot)
      }
    for (const [member, push] of this.#pushes)
      if (push.round !== undefined && now - push.round.startedAt > ROUND_SILENCE_MS) {
        this.#pushes.delete(member)
        this.#drains.clear()
      }
  }
}
