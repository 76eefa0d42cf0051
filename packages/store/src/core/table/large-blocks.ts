/** What V8 and the allocator keep for one buffer of its own, roughly. */
const BUFFER_HEAP_BYTES = 384

/** Bytes that a large block of a key and a value costs. */
export function largeBlockCost(keyLength: number, valueLength: number): number {
  return keyLength + valueLength + BUFFER_HEAP_BYTES
}

/**
 * Blocks too long for the log: one buffer each, key first, freed as soon as the entry lets go of it. They cannot
 * fragment anything of ours, and copying them together would stall.
 */
export class LargeBlocks {
  private readonly buffers: (Uint8Array | undefined)[] = []
  private readonly freePlaces: number[] = []
  private total = 0

  get bytes(): number {
    return this.total
  }

  /** Returns the place of the new block. */
  add(key: Uint8Array, value: Uint8Array): number {
    const buffer = new Uint8Array(key.length + value.length)
    buffer.set(key, 0)
    buffer.set(value, key.length)
    const place = this.freePlaces.pop() ?? this.buffers.length
    this.buffers[place] = buffer
    this.total += largeBlockCost(key.length, value.length)
    return place
  }

  /** Replaces the value by one of the same length. */
  overwrite(place: number, value: Uint8Array, keyLength: number): void {
    const buffer = this.at(place)
    if (value.buffer !== buffer.buffer || value.byteOffset !== keyLength)
      buffer.set(value, keyLength)
  }

  remove(place: number): void {
    this.total -= largeBlockCost(this.at(place).length, 0)
    this.buffers[place] = undefined
    this.freePlaces.push(place)
  }

  at(place: number): Uint8Array {
    return this.buffers[place] as Uint8Array
  }
}
