import { type EntryRecords, EXPIRE_AT, HEAP_PLACE } from './entry-records.ts'
import { EXPIRY_VISITS_PER_ENTRY_MAX } from './limits.ts'

const CHUNK_BITS = 12
const CHUNK_PLACES = 1 << CHUNK_BITS
const CHUNK_MASK = CHUNK_PLACES - 1
const CHUNK_HEAP_BYTES = 256
/** Children of a node: four neighbouring places are one cache line or two, and the tree is half as deep. */
const ARITY_BITS = 2
const ARITY = 1 << ARITY_BITS

/** Bytes that one more chunk of the heap costs. */
export const EXPIRY_CHUNK_BYTES = CHUNK_PLACES * 4 + CHUNK_HEAP_BYTES

/**
 * Ids of the entries that expire, as a 4-ary heap in chunks of typed arrays: the earliest is at the top, and each
 * record knows its place, so that a new expiry or a removal costs O(log n) and no search. Exact, and unlike a
 * wheel it never has to move many entries at once when a bucket comes due.
 */
export class ExpiryHeap {
  private readonly records: EntryRecords
  private readonly chunks: Uint32Array[] = []
  private size = 0

  constructor(records: EntryRecords) {
    this.records = records
  }

  get bytes(): number {
    return this.chunks.length * EXPIRY_CHUNK_BYTES
  }

  /** Bytes that the next `insert` adds. */
  get growthBytes(): number {
    return this.size === this.chunks.length << CHUNK_BITS ? EXPIRY_CHUNK_BYTES : 0
  }

  insert(id: number): void {
    if (this.growthBytes > 0) this.chunks.push(new Uint32Array(CHUNK_PLACES))
    this.size++
    this.siftUp(this.size - 1, id)
  }

  /** Restores the order after the record's expiry changed. */
  update(id: number): void {
    const place = this.records.word(id, HEAP_PLACE) - 1
    if (place > 0 && this.keyAt(this.idAt((place - 1) >>> ARITY_BITS)) > this.keyAt(id)) {
      this.siftUp(place, id)
    } else {
      this.siftDown(place, id)
    }
  }

  remove(id: number): void {
    const place = this.records.word(id, HEAP_PLACE) - 1
    this.records.setWord(id, HEAP_PLACE, 0)
    this.size--
    const last = this.idAt(this.size)
    if (last !== id) {
      this.set(place, last)
      this.update(last)
    }
    // One empty chunk stays, so that a size that swings around its border allocates nothing.
    while (this.chunks.length > (this.size >>> CHUNK_BITS) + 2) this.chunks.pop()
  }

  /**
   * Ids that are due at `now` and accepted, at most `max`, sorted by expiry. Due nodes hang together below the top,
   * so the walk enters nothing else; when more than `max` are due it takes those near the top.
   */
  due(now: number, max: number, accept: (id: number) => boolean): number[] {
    const found: number[] = []
    const frontier = [0]
    const visitsMax = max * EXPIRY_VISITS_PER_ENTRY_MAX
    for (let i = 0; i < frontier.length && i < visitsMax && found.length < max; i++) {
      const place = frontier[i] as number
      if (place >= this.size || this.keyAt(this.idAt(place)) > now) continue
      if (accept(this.idAt(place))) found.push(this.idAt(place))
      for (let child = 1; child <= ARITY; child++) frontier.push((place << ARITY_BITS) + child)
    }
    return found.sort((a, b) => this.keyAt(a) - this.keyAt(b))
  }

  private siftUp(start: number, id: number): void {
    const key = this.keyAt(id)
    let place = start
    while (place > 0) {
      const parent = (place - 1) >>> ARITY_BITS
      const parentId = this.idAt(parent)
      if (this.keyAt(parentId) <= key) break
      this.set(place, parentId)
      place = parent
    }
    this.set(place, id)
  }

  private siftDown(start: number, id: number): void {
    const key = this.keyAt(id)
    let place = start
    for (;;) {
      const child = this.earliestChild(place)
      if (child < 0 || this.keyAt(this.idAt(child)) >= key) break
      this.set(place, this.idAt(child))
      place = child
    }
    this.set(place, id)
  }

  private earliestChild(place: number): number {
    const first = (place << ARITY_BITS) + 1
    const end = Math.min(first + ARITY, this.size)
    let best = -1
    let bestKey = Number.POSITIVE_INFINITY
    for (let child = first; child < end; child++) {
      const key = this.keyAt(this.idAt(child))
      if (key >= bestKey) continue
      best = child
      bestKey = key
    }
    return best
  }

  private keyAt(id: number): number {
    return this.records.double(id, EXPIRE_AT)
  }

  private idAt(place: number): number {
    return (this.chunks[place >>> CHUNK_BITS] as Uint32Array)[place & CHUNK_MASK] as number
  }

  private set(place: number, id: number): void {
    ;(this.chunks[place >>> CHUNK_BITS] as Uint32Array)[place & CHUNK_MASK] = id
    this.records.setWord(id, HEAP_PLACE, place + 1)
  }
}
