import { PACKET_MESSAGES_MAX, PART_OVERHEAD_BYTES } from './limits.ts'
import type { Message } from './messages.ts'

interface Broadcast {
  /** Whose news this is; the empty name is nobody's and replaces nothing. */
  readonly name: string
  readonly message: Message
  readonly bytes: number
  /** Counts up; a higher id is newer. */
  readonly id: number
  transmits: number
}

/**
 * News that each leave in a limited number of packets. One name has one piece of news: the newer
 * replaces the older.
 *
 * Tier t holds what was sent t times, longest first, newest first among equals. A packet is filled
 * tier by tier with the largest that still fits, so that fresh news travels first and the last bytes
 * of a packet are not wasted.
 */
export class BroadcastQueue {
  readonly #measure: (message: Message) => number
  readonly #sizeMax: number
  readonly #byName = new Map<string, Broadcast>()
  readonly #tiers: Broadcast[][] = []
  #size = 0
  #ids = 0

  constructor(measure: (message: Message) => number, sizeMax: number) {
    this.#measure = measure
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#size
  }

  /** The news about a name that still waits. */
  get(name: string): Message | undefined {
    return this.#byName.get(name)?.message
  }

  /** Queues news about a name, in place of older news about it; at the cap the most told is dropped. */
  put(name: string, message: Message): void {
    const older = this.#byName.get(name)
    if (older !== undefined) this.#remove(older)
    if (this.#size >= this.#sizeMax) this.#dropMostTold()
    const bytes = this.#measure(message)
    this.#ids++
    this.#insert({ name, message, bytes, id: this.#ids, transmits: 0 })
    this.#size++
  }

  /**
   * Adds to `packet` what fits in `budgetBytes`, each part with its compound overhead, and returns the bytes used.
   * What has been sent `transmitsMax` times after this leaves the queue.
   */
  take(budgetBytes: number, transmitsMax: number, packet: Message[]): number {
    if (this.#size === 0) return 0
    const taken: Broadcast[] = []
    let left = budgetBytes
    for (const tier of this.#tiers) {
      left = this.#takeFrom(tier, left, packet, taken)
    }
    for (const broadcast of taken) this.#putBack(broadcast, transmitsMax)
    return budgetBytes - left
  }

  #takeFrom(tier: Broadcast[], leftBytes: number, packet: Message[], taken: Broadcast[]): number {
    let left = leftBytes
    while (packet.length < PACKET_MESSAGES_MAX) {
      const index = firstFitting(tier, left - PART_OVERHEAD_BYTES)
      const broadcast = tier[index]
      if (broadcast === undefined) break
      tier.splice(index, 1)
      packet.push(broadcast.message)
      taken.push(broadcast)
      left -= broadcast.bytes + PART_OVERHEAD_BYTES
    }
    return left
  }

  #putBack(broadcast: Broadcast, transmitsMax: number): void {
    broadcast.transmits++
    if (broadcast.transmits < transmitsMax) {
      this.#insert(broadcast)
      return
    }
    this.#size--
    if (broadcast.name !== '') this.#byName.delete(broadcast.name)
  }

  #insert(broadcast: Broadcast): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push([])
    const tier = this.#tiers[broadcast.transmits]
    tier?.splice(placeOf(tier, broadcast), 0, broadcast)
    if (broadcast.name !== '') this.#byName.set(broadcast.name, broadcast)
  }

  #remove(broadcast: Broadcast): void {
    const tier = this.#tiers[broadcast.transmits] ?? []
    const index = placeOf(tier, broadcast)
    if (tier[index] === broadcast) tier.splice(index, 1)
    if (broadcast.name !== '') this.#byName.delete(broadcast.name)
    this.#size--
  }

  /** The last tier that holds anything; of it the oldest. */
  #dropMostTold(): void {
    const tier = this.#tiers.findLast((candidates) => candidates.length > 0) ?? []
    let oldest = tier[0]
    for (const broadcast of tier) if (oldest && broadcast.id < oldest.id) oldest = broadcast
    if (oldest !== undefined) this.#remove(oldest)
  }
}

/** Longest first, then newest first: where the broadcast is, or belongs. */
function placeOf(tier: readonly Broadcast[], broadcast: Broadcast): number {
  let low = 0
  let high = tier.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = tier[middle]
    if (other !== undefined && comesBefore(other, broadcast)) low = middle + 1
    else high = middle
  }
  return low
}

function comesBefore(a: Broadcast, b: Broadcast): boolean {
  return a.bytes === b.bytes ? a.id > b.id : a.bytes > b.bytes
}

/** Index of the first, and so largest, broadcast of at most `bytesMax`. */
function firstFitting(tier: readonly Broadcast[], bytesMax: number): number {
  let low = 0
  let high = tier.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((tier[middle]?.bytes ?? 0) > bytesMax) low = middle + 1
    else high = middle
  }
  return low
}
