import { describe, expect, it } from 'vitest'
import { createEntryTable } from '../../src/core/table/arena-table.ts'
import { EntryTableError } from '../../src/core/table/errors.ts'
import {
  CLEAR_AT_ONCE_MAX,
  KEY_BYTES_MAX,
  SLOT_COUNT_MAX,
  TABLE_BYTES_MIN,
  VALUE_BYTES_MAX,
} from '../../src/core/table/limits.ts'
import { bytesOf, fieldsOf, seededRandom } from './table-kit.ts'

const MIB = 1024 * 1024

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
  } catch (error) {
    if (error instanceof EntryTableError) return error.code
    throw error
  }
  return undefined
}

describe('the limits of a table', () => {
  it('are checked when it is made', () => {
    expect(codeOf(() => createEntryTable({ maxBytes: TABLE_BYTES_MIN }))).toBeUndefined()
    expect(codeOf(() => createEntryTable({ maxBytes: TABLE_BYTES_MIN - 1 }))).toBe(
      'TABLE_BYTES_INVALID',
    )
    expect(codeOf(() => createEntryTable({ maxBytes: Number.NaN }))).toBe('TABLE_BYTES_INVALID')
    const maxBytes = MIB
    for (const slotCount of [0, SLOT_COUNT_MAX + 1, 1.5]) {
      expect(codeOf(() => createEntryTable({ maxBytes, slotCount }))).toBe(
        'TABLE_SLOT_COUNT_INVALID',
      )
    }
    expect(codeOf(() => createEntryTable({ maxBytes, hashSeed: -1 }))).toBe('TABLE_SEED_INVALID')
  })

  it('hold for slots', () => {
    const table = createEntryTable({ maxBytes: MIB })
    expect(table.put(SLOT_COUNT_MAX - 1, bytesOf(3, 1), fieldsOf({}))).toBe(true)
    expect(codeOf(() => table.put(SLOT_COUNT_MAX, bytesOf(3, 1), fieldsOf({})))).toBe(
      'TABLE_SLOT_INVALID',
    )
    expect(codeOf(() => table.put(-1, bytesOf(3, 1), fieldsOf({})))).toBe('TABLE_SLOT_INVALID')
    expect(table.find(SLOT_COUNT_MAX, bytesOf(3, 1))).toBe(-1)
  })

  it('take the longest key and refuse one byte more', () => {
    const table = createEntryTable({ maxBytes: 4 * MIB })
    const key = bytesOf(KEY_BYTES_MAX, 5)
    expect(table.put(1, key, fieldsOf({ value: bytesOf(9, 1) }))).toBe(true)
    expect(Buffer.compare(table.keyOf(table.find(1, key)), key)).toBe(0)
    const longer = bytesOf(KEY_BYTES_MAX + 1, 5)
    expect(codeOf(() => table.put(1, longer, fieldsOf({})))).toBe('TABLE_KEY_TOO_LONG')
    expect(table.find(1, longer)).toBe(-1)
    expect(table.erase(1, longer)).toBe(false)
  })

  it('take the longest value, refuse one byte more, and give its memory back', () => {
    const table = createEntryTable({ maxBytes: 2 * VALUE_BYTES_MAX })
    const empty = table.bytes
    const value = new Uint8Array(VALUE_BYTES_MAX + 1)
    const longest = value.subarray(1)
    expect(table.put(1, bytesOf(3, 1), fieldsOf({ value: longest }))).toBe(true)
    expect(table.valueOf(table.find(1, bytesOf(3, 1))).length).toBe(VALUE_BYTES_MAX)
    expect(table.bytes).toBeGreaterThan(VALUE_BYTES_MAX)
    expect(codeOf(() => table.put(1, bytesOf(3, 2), fieldsOf({ value })))).toBe(
      'TABLE_VALUE_TOO_LONG',
    )
    // A second one does not fit, and changes nothing; in place of the first it does.
    expect(table.put(1, bytesOf(3, 2), fieldsOf({ value: longest }))).toBe(false)
    expect(table.find(1, bytesOf(3, 2))).toBe(-1)
    const shorter = value.subarray(2)
    expect(table.put(1, bytesOf(3, 1), fieldsOf({ value: shorter }))).toBe(true)
    expect(table.put(1, bytesOf(3, 1), fieldsOf({ removed: true }))).toBe(true)
    expect(table.bytes - empty).toBeLessThan(MIB)
  })

  it('take the empty key and the empty value', () => {
    const table = createEntryTable({ maxBytes: MIB })
    expect(table.put(0, new Uint8Array(0), fieldsOf({}))).toBe(true)
    const handle = table.find(0, new Uint8Array(0))
    expect([table.keyOf(handle).length, table.valueOf(handle).length]).toEqual([0, 0])
  })

  it('clear a slot of the largest size at once, and one entry more by and by', () => {
    for (const [size, atOnce] of [
      [CLEAR_AT_ONCE_MAX, true],
      [CLEAR_AT_ONCE_MAX + 1, false],
    ] as const) {
      const table = createEntryTable({ maxBytes: 8 * MIB, slotCount: 1 })
      for (let i = 0; i < size; i++) table.put(0, bytesOf(6, i), fieldsOf({ expireAt: 1 + i }))
      const before = table.bytes
      table.clearSlot(0)
      expect(table.bytes < before * 0.7).toBe(atOnce)
      expect([table.slotSize(0), table.liveCount]).toEqual([0, 0])
      expect(table.expired(1e9, 10)).toEqual([])
      for (let i = 0; i < 200; i++) table.erase(0, bytesOf(6, i))
      expect(table.bytes).toBeLessThan(before * 0.7)
    }
  })
})

describe('a full table', () => {
  const fill = (maxBytes: number, valueLength: number) => {
    const table = createEntryTable({ maxBytes, slotCount: 64 })
    let count = 0
    while (
      table.put(count % 64, bytesOf(16, count), fieldsOf({ value: bytesOf(valueLength, count) }))
    )
      count++
    return { table, count }
  }

  it('uses most of its memory, never more, and changes nothing when it refuses', () => {
    for (const maxBytes of [MIB, 8 * MIB]) {
      for (const valueLength of [0, 64, 480, 4_000, 70_000]) {
        const { table, count } = fill(maxBytes, valueLength)
        expect(table.bytes).toBeLessThanOrEqual(maxBytes)
        expect(table.bytes, `${maxBytes} ${valueLength}`).toBeGreaterThan(maxBytes * 0.75)
        expect(table.liveCount).toBe(count)
        expect(table.find(count % 64, bytesOf(16, count))).toBe(-1)
      }
    }
  })

  it('takes one entry for about one that is evicted', () => {
    const random = seededRandom(11)
    for (const valueLength of [10, 200, 3_000]) {
      const { table, count } = fill(2 * MIB, valueLength)
      let evicted = 0
      for (let i = count; i < count * 3; i++) {
        const fields = fieldsOf({ value: bytesOf(valueLength, i), version: i })
        while (!table.put(i % 64, bytesOf(16, i), fields)) {
          const handle = table.sampleOldest(5, random, () => true)
          const slot = table.slotOf(handle)
          expect(table.erase(slot, table.keyOf(handle))).toBe(true)
          evicted++
        }
        if (table.bytes > table.maxBytes) expect.unreachable()
      }
      expect(evicted / (count * 2)).toBeLessThan(1.05)
    }
  })

  it('adapts to values of another length, as evictions make room', () => {
    const random = seededRandom(12)
    const { table, count } = fill(3 * MIB, 60)
    let puts = 0
    let evicted = 0
    for (; puts < 1_500; puts++) {
      const key = bytesOf(16, 1e6 + puts)
      while (!table.put(0, key, fieldsOf({ value: bytesOf(1_000 + random(14_000), puts) }))) {
        if (++evicted > count * 3) expect.unreachable()
        const handle = table.sampleOldest(5, random, () => true)
        table.erase(table.slotOf(handle), table.keyOf(handle))
      }
      if (table.bytes > table.maxBytes) expect.unreachable()
    }
    expect(table.bytes).toBeGreaterThan(table.maxBytes / 2)
  })

  it('always takes a tombstone, a shorter value or another expiry for a key that it has', () => {
    const { table, count } = fill(2 * MIB, 100)
    for (let i = 0; i < count; i++) {
      const key = bytesOf(16, i)
      const shorter = fieldsOf({ value: bytesOf(60, i), version: 2 })
      expect(table.put(i % 64, key, shorter)).toBe(true)
      expect(table.put(i % 64, key, fieldsOf({ version: 3, removed: true }))).toBe(true)
      if (table.bytes > table.maxBytes) expect.unreachable()
    }
    expect(table.liveCount).toBe(0)
  })

  it('gives memory back when entries go, down to what an empty one costs', () => {
    const { table, count } = fill(20 * MIB, 100)
    for (let i = 0; i < count; i++) {
      table.erase(i % 64, bytesOf(16, i))
      const left = count - i
      if (left === count >>> 1) expect(table.bytes).toBeLessThan(20 * MIB * 0.95)
    }
    // The head of the log and two spare segments stay.
    expect(table.bytes).toBeLessThan(900_000)
  })

  it('bounds dead space to a part of what lives', () => {
    const random = seededRandom(13)
    const table = createEntryTable({ maxBytes: 64 * MIB, slotCount: 64 })
    let payload = 0
    const lengths = new Map<number, number>()
    for (let i = 0; i < 50_000; i++) {
      const key = random(10_000)
      const length = random(400)
      payload += length - (lengths.get(key) ?? 0)
      lengths.set(key, length)
      table.put(key % 64, bytesOf(16, key), fieldsOf({ value: bytesOf(length, i), version: i }))
    }
    const perKey = (table.bytes - payload) / lengths.size - 16
    expect(perKey).toBeLessThan(250)
  })
  it('copies a bounded amount in one call, and gets there when it is called again', () => {
    const { table, count } = fill(32 * MIB, 100)
    // Every fifth goes: too little in any segment for cleaning by itself.
    for (let i = 0; i < count; i += 5) table.erase(i % 64, bytesOf(16, i))
    const live = table.liveCount
    const value = new Uint8Array(3 * MIB)
    let calls = 1
    while (!table.put(0, bytesOf(16, 1e7), fieldsOf({ value }))) {
      expect(table.liveCount).toBe(live)
      if (++calls > 40) expect.unreachable()
    }
    expect(calls).toBeGreaterThan(1)
    expect(table.liveCount).toBe(live + 1)
    expect(table.bytes).toBeLessThanOrEqual(table.maxBytes)
  })

  it('takes a cleared slot apart when its memory is needed', () => {
    const table = createEntryTable({ maxBytes: 32 * MIB, slotCount: 1 })
    let count = 0
    while (table.put(0, bytesOf(16, count), fieldsOf({ value: bytesOf(40, count) }))) count++
    table.clearSlot(0)
    const value = new Uint8Array(12 * MIB)
    let calls = 1
    while (!table.put(0, bytesOf(16, 0), fieldsOf({ value }))) {
      if (++calls > count / 1_000) expect.unreachable()
    }
    expect(calls).toBeGreaterThan(1)
    expect([table.liveCount, table.slotSize(0)]).toEqual([1, 1])
  })
})
