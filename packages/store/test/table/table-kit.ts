import type { EntryFields, EntryTable } from '../../src/core/entry-table.ts'

/** Numbers below a bound from a seed (xorshift32). */
export function seededRandom(seed: number): (bound: number) => number {
  let state = (seed * 2654435761) | 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.floor(((state >>> 0) / 2 ** 32) * bound)
  }
}

/** Bytes that start with the number, as far as they reach. */
export function bytesOf(length: number, number: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(number & 0x7f)
  for (let i = 0; i < Math.min(4, length); i++) bytes[i] = (number >>> (i * 8)) & 0xff
  return bytes
}

/** The number that {@link bytesOf} wrote. */
export function keyNumber(key: Uint8Array): number {
  return (
    ((key[0] ?? 0) | ((key[1] ?? 0) << 8) | ((key[2] ?? 0) << 16) | ((key[3] ?? 0) << 24)) >>> 0
  )
}

/** Fields with defaults. */
export function fieldsOf(fields: Partial<EntryFields>): EntryFields {
  return { value: new Uint8Array(0), version: 1, writer: 1, expireAt: 0, removed: false, ...fields }
}

/** Everything that a table answers about its entries and slots, comparable with that of another table. */
export function snapshotOf(table: EntryTable, slotCount: number): unknown {
  const slots: unknown[] = []
  for (let slot = 0; slot < slotCount; slot++) {
    const entries: string[] = []
    table.scan(slot, 0, (handle) => {
      const key = table.keyOf(handle).slice()
      if (table.find(slot, key) !== handle) throw new Error('find and scan disagree')
      entries.push(
        [
          Buffer.from(key).toString('hex'),
          Buffer.from(table.valueOf(handle)).toString('latin1'),
          table.versionOf(handle),
          table.writerOf(handle),
          table.expireAtOf(handle),
          table.isRemoved(handle),
          table.slotOf(handle),
        ].join(' '),
      )
      return true
    })
    slots.push([
      entries.sort(),
      table.slotSize(slot),
      table.slotLiveCount(slot),
      table.slotDigest(slot),
    ])
  }
  return { slots, live: table.liveCount }
}
