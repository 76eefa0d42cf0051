import type { Machine } from './machine.ts'
import type { EntryRow, PartMessage, PullMessage, VoteMessage } from './messages.ts'
import { PART_BYTES_MAX, PART_ROWS_MAX, PARTS_IN_FLIGHT_MAX } from './options.ts'
import { packRanges, packRuns, unpackRanges } from './runs.ts'
import { SERVING } from './view.ts'

/** What an entry costs beside its key and value in a message. */
const ROW_OVERHEAD_BYTES = 40
/** A stream whose chunks are not acknowledged for this long is given up. */
const STREAM_SILENCE_MS = 10_000

interface Stream {
  readonly id: number
  readonly to: number
  /** 0: fills a new owner. 1: newer entries for a member that wants to serve. */
  readonly kind: 0 | 1
  readonly slots: readonly number[]
  /** Pull only: slots of which the puller has the same already. */
  readonly same: ReadonlySet<number>
  at: number
  cursor: number
  inFlight: number
  /** Sent after the last part of a vote. */
  readonly closing: VoteMessage | undefined
  /** Flush versions go with the first part. */
  readonly flushOf: readonly number[]
  first: boolean
  heardAt: number
}

/**
 * The giving side of hand-overs: entries of a list of slots in bounded chunks, a few in flight. With the last entry of
 * a slot goes the grant: from then on the puller holds it, in this member's view at once and in its own when the
 * message arrives; the writes in between reached it as a learner, on the same link and so in the same order.
 */
export class Streams {
  readonly #machine: Machine
  readonly #streams = new Map<string, Stream>()
  /** The pull that counts, per member and slot: an older one must not grant what its puller no longer waits for. */
  readonly #pulls = new Map<number, number>()
  #budget = 0
  #budgetAt = 0

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get size(): number {
    return this.#streams.size
  }

  #open(stream: Stream): void {
    this.#streams.set(`${stream.to} ${stream.kind} ${stream.id}`, stream)
    this.#pump(stream)
  }

  #close(stream: Stream): void {
    this.#streams.delete(`${stream.to} ${stream.kind} ${stream.id}`)
  }

  openVote(
    to: number,
    id: number,
    differing: readonly number[],
    asked: readonly number[],
    closing: VoteMessage,
  ): void {
    this.#open({
      id,
      to,
      kind: 1,
      slots: differing,
      same: new Set(),
      at: 0,
      cursor: 0,
      inFlight: 0,
      closing,
      flushOf: asked,
      first: true,
      heardAt: this.#machine.now,
    })
  }

  openPull(to: number, message: PullMessage): void {
    const { view, entries, writes } = this.#machine
    const slots = unpackRanges(message.s, view.slotCount)
    const same = new Set<number>()
    slots.forEach((slot, i) => {
      if (view.role[slot] !== SERVING) return
      writes.learn(slot, to)
      this.#pulls.set(to * view.slotCount + slot, message.id)
      // Whoever pulls does not hold, whatever was granted before.
      view.noteHolding(to, slot, 0)
      if (entries.table.slotDigest(slot) === message.g[i]) same.add(slot)
    })
    this.#open({
      id: message.id,
      to,
      kind: 0,
      slots,
      same,
      at: 0,
      cursor: 0,
      inFlight: 0,
      closing: undefined,
      flushOf: slots,
      first: true,
      heardAt: this.#machine.now,
    })
  }

  more(from: number, id: number, kind: 0 | 1): void {
    const stream = this.#streams.get(`${from} ${kind} ${id}`)
    if (stream === undefined) return
    stream.inFlight--
    stream.heardAt = this.#machine.now
    this.#pump(stream)
  }

  /** This member no longer serves the slot: who pulls it is told in the next part, because the role is looked up then. */
  withdraw(slot: number): void {
    this.#machine.writes.forgetLearners(slot)
  }

  lost(member: number): void {
    const { slotCount } = this.#machine.view
    for (const key of this.#pulls.keys())
      if (Math.floor(key / slotCount) === member) this.#pulls.delete(key)
    for (const stream of [...this.#streams.values()]) if (stream.to === member) this.#close(stream)
  }

  /** Refills the budget of bytes and goes on with what waits for it. */
  review(): void {
    const { now, options } = this.#machine
    for (const stream of [...this.#streams.values()])
      if (stream.inFlight > 0 && now - stream.heardAt > STREAM_SILENCE_MS) this.#close(stream)
    const rate = options.handOverBytesPerSecond
    if (rate === 0) return
    this.#budget = Math.min(rate, this.#budget + ((now - this.#budgetAt) * rate) / 1000)
    this.#budgetAt = now
    for (const stream of [...this.#streams.values()]) this.#pump(stream)
  }

  #mayGive(stream: Stream): boolean {
    // A member that takes over is not kept waiting for a rate limit.
    return (
      stream.kind === 1 || this.#machine.options.handOverBytesPerSecond === 0 || this.#budget > 0
    )
  }

  /** Under a rate limit a chunk is no larger than what may be given now. */
  #partBytes(stream: Stream): number {
    if (stream.kind === 1 || this.#machine.options.handOverBytesPerSecond === 0)
      return PART_BYTES_MAX
    return Math.max(1, Math.min(PART_BYTES_MAX, this.#budget))
  }

  #pump(stream: Stream): void {
    while (stream.inFlight < PARTS_IN_FLIGHT_MAX && this.#mayGive(stream)) {
      if (stream.kind === 1 && stream.at >= stream.slots.length && !this.#hasFlushes(stream)) {
        if (stream.closing !== undefined) this.#machine.send(stream.to, stream.closing)
        this.#close(stream)
        return
      }
      const part = this.#part(stream)
      stream.inFlight++
      this.#machine.send(stream.to, part)
      if (part.end === 1) {
        this.#close(stream)
        return
      }
    }
  }

  #hasFlushes(stream: Stream): boolean {
    return stream.first && this.#machine.entries.flushRows(stream.flushOf).length > 0
  }

  #part(stream: Stream): PartMessage {
    const { view, entries } = this.#machine
    const rows: EntryRow[] = []
    const granted: number[] = []
    const gone: number[] = []
    let bytes = 0
    const bytesMax = this.#partBytes(stream)
    while (stream.at < stream.slots.length && bytes < bytesMax && rows.length < PART_ROWS_MAX) {
      const slot = stream.slots[stream.at] ?? 0
      if (stream.kind === 0 && !this.#gives(stream, slot)) {
        gone.push(slot)
        this.#nextSlot(stream)
        continue
      }
      let ended = true
      if (!stream.same.has(slot)) {
        stream.cursor = entries.table.scan(slot, stream.cursor, (handle) => {
          const row = entries.row(handle)
          rows.push(row)
          bytes += row[1].length + row[2].length + ROW_OVERHEAD_BYTES
          return bytes < bytesMax && rows.length < PART_ROWS_MAX
        })
        ended = stream.cursor === 0
      }
      if (!ended) continue
      if (stream.kind === 0) granted.push(slot)
      this.#nextSlot(stream)
    }
    this.#budget -= bytes
    const flushes = stream.first ? entries.flushRows(stream.flushOf) : []
    stream.first = false
    for (const slot of granted) this.#grant(stream.to, slot)
    return {
      t: 'part',
      id: stream.id,
      k: stream.kind,
      es: rows,
      f: flushes,
      gr: packRanges(granted),
      l: packRuns(granted.map((slot) => view.holdings[slot] ?? 0)),
      g: granted.map((slot) => entries.table.slotDigest(slot)),
      x: packRanges(gone),
      end: stream.kind === 0 && stream.at >= stream.slots.length ? 1 : 0,
    }
  }

  #gives(stream: Stream, slot: number): boolean {
    const { view } = this.#machine
    return (
      view.role[slot] === SERVING &&
      this.#pulls.get(stream.to * view.slotCount + slot) === stream.id
    )
  }

  #nextSlot(stream: Stream): void {
    stream.at++
    stream.cursor = 0
  }

  #grant(to: number, slot: number): void {
    const { view, counters } = this.#machine
    counters.grants++
    view.noteHolding(to, slot, view.holdings[slot] ?? 0)
    this.#pulls.delete(to * view.slotCount + slot)
    this.#machine.touch(slot)
  }
}
