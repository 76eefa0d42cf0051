import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EntryFields, EntryTable } from '../../src/core/entry-table.ts'
import { createEntryTable } from '../../src/core/table/arena-table.ts'
import { EXPIRY_VISITS_PER_ENTRY_MAX } from '../../src/core/table/limits.ts'
import { createModelTable } from './model-table.ts'
import { bytesOf, fieldsOf, keyNumber, seededRandom, snapshotOf } from './table-kit.ts'

const MIB = 1024 * 1024
const SLOTS = 4

type Step =
  | {
      readonly type: 'put'
      readonly slot: number
      readonly key: number
      readonly fields: EntryFields
    }
  | { readonly type: 'erase'; readonly slot: number; readonly key: number }
  | { readonly type: 'clear'; readonly slot: number }
  | { readonly type: 'expired'; readonly now: number; readonly max: number }
  | { readonly type: 'shorten'; readonly slot: number; readonly key: number }

const slotArbitrary = fc.nat({ max: SLOTS - 1 })
// Few keys, so that steps meet; lengths on both sides of every border between blocks.
const keyArbitrary = fc.nat({ max: 40 })
const lengthArbitrary = fc.oneof(
  fc.nat({ max: 40 }),
  fc.nat({ max: 600 }),
  fc.constantFrom(480, 500, 511, 512, 513, 5_000),
)
const fieldsArbitrary = fc
  .record({
    length: lengthArbitrary,
    version: fc.nat({ max: 2 ** 31 - 1 }),
    writer: fc.nat({ max: 2 ** 31 - 1 }),
    expireAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1000 })),
    removed: fc.boolean(),
  })
  .map(({ length, ...rest }) => fieldsOf({ ...rest, value: bytesOf(length, rest.version) }))

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('put' as const),
      slot: slotArbitrary,
      key: keyArbitrary,
      fields: fieldsArbitrary,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('erase' as const),
      slot: slotArbitrary,
      key: keyArbitrary,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('shorten' as const),
      slot: slotArbitrary,
      key: keyArbitrary,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('clear' as const), slot: slotArbitrary }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('expired' as const),
      now: fc.nat({ max: 1000 }),
      max: fc.integer({ min: 1, max: 200 }),
    }),
  },
)

function expiredKeys(table: EntryTable, now: number, max: number): string[] {
  return table
    .expired(now, max)
    .map((h) => `${table.slotOf(h)}/${keyNumber(table.keyOf(h))}@${table.expireAtOf(h)}`)
}

/** Writes a part of the entry's own value back: a view into the arena comes in as an argument. */
function shorten(table: EntryTable, slot: number, key: Uint8Array): boolean {
  const handle = table.find(slot, key)
  if (handle < 0) return false
  const value = table.valueOf(handle)
  return table.put(slot, table.keyOf(handle), {
    value: value.subarray(0, value.length >>> 1),
    version: table.versionOf(handle) + 1,
    writer: table.writerOf(handle),
    expireAt: table.expireAtOf(handle),
    removed: table.isRemoved(handle),
  })
}

function play(table: EntryTable, step: Step): unknown {
  switch (step.type) {
    case 'put':
      return table.put(step.slot, bytesOf(12, step.key), step.fields)
    case 'erase':
      return table.erase(step.slot, bytesOf(12, step.key))
    case 'clear':
      return table.clearSlot(step.slot)
    case 'shorten':
      return shorten(table, step.slot, bytesOf(12, step.key))
    case 'expired': {
      const all = expiredKeys(table, step.now, 10_000).sort()
      const some = expiredKeys(table, step.now, step.max)
      expect(some.length).toBe(Math.min(step.max, all.length))
      expect(all).toEqual(expect.arrayContaining(some))
      return all
    }
  }
}

describe('the arena table', () => {
  it('answers like a Map of objects, whatever the order of changes', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 300 }), (steps) => {
        const table = createEntryTable({ maxBytes: MIB, slotCount: SLOTS })
        const model = createModelTable({ maxBytes: Number.MAX_SAFE_INTEGER })
        for (const step of steps) expect(play(table, step)).toEqual(play(model, step))
        expect(snapshotOf(table, SLOTS)).toEqual(snapshotOf(model, SLOTS))
        expect(table.bytes).toBeLessThanOrEqual(MIB)
      }),
      { numRuns: 150 },
    )
  })

  it('keeps thousands of keys through growth, rewrites, deletion and reuse', () => {
    const seed = 0x5eed
    const random = seededRandom(seed)
    const table = createEntryTable({ maxBytes: 64 * MIB, slotCount: SLOTS })
    const model = createModelTable({ maxBytes: Number.MAX_SAFE_INTEGER })
    for (let round = 0; round < 36_000; round++) {
      const slot = random(SLOTS)
      const key = bytesOf(8 + random(20), random(6_000))
      // Three waves of filling and emptying.
      const putting = Math.floor(round / 6_000) % 2 === 0 ? 9 : 1
      if (random(10) < putting) {
        const value = bytesOf(random(50) === 0 ? 9_000 + random(9_000) : random(300), round)
        const expireAt = random(3) === 0 ? 1 + random(5_000) : 0
        const fields = fieldsOf({ value, version: round * 3, expireAt, removed: random(8) === 0 })
        expect(table.put(slot, key, fields), `seed ${seed}, round ${round}`).toBe(true)
        model.put(slot, key, fields)
      } else {
        expect(table.erase(slot, key), `seed ${seed}, round ${round}`).toBe(model.erase(slot, key))
      }
    }
    expect(snapshotOf(table, SLOTS)).toEqual(snapshotOf(model, SLOTS))
    expect(expiredKeys(table, 2_500, 100_000).sort()).toEqual(
      expiredKeys(model, 2_500, 100_000).sort(),
    )
  })

  it('holds one slot of 200 000 keys, and forgets it without taking it apart at once', () => {
    const table = createEntryTable({ maxBytes: 128 * MIB })
    const key = new Uint8Array(8)
    const view = new DataView(key.buffer)
    const fill = (from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        view.setUint32(0, i)
        if (!table.put(7, key, fieldsOf({ value: key, version: i + 1 }))) throw new Error('full')
      }
    }
    fill(0, 200_000)
    const handles = new Set<number>()
    for (let cursor = table.scan(7, 0, () => false); cursor !== 0; ) {
      cursor = table.scan(7, cursor, (handle) => handles.add(handle).size % 1000 !== 0)
    }
    // The first visit was thrown away.
    expect(handles.size).toBe(199_999)
    const before = table.bytes
    table.clearSlot(7)
    expect([table.slotSize(7), table.liveCount, table.slotDigest(7)]).toEqual([0, 0, 0])
    expect(table.find(7, key)).toBe(-1)
    expect(table.sampleOldest(5, seededRandom(1), () => true)).toBe(-1)
    fill(0, 1_000)
    expect(table.sampleOldest(5, seededRandom(1), () => true)).toBeGreaterThanOrEqual(0)
    expect(table.slotSize(7)).toBe(1_000)
    fill(0, 2_000)
    expect(table.bytes).toBeLessThan(before / 10)
    expect(table.liveCount).toBe(2_000)
  })

  it('costs little when empty', () => {
    const table = createEntryTable({ maxBytes: 16 * MIB })
    expect(table.bytes).toBeLessThan(200_000)
    table.put(3, bytesOf(4, 1), fieldsOf({}))
    expect(table.bytes).toBeLessThan(600_000)
    table.erase(3, bytesOf(4, 1))
    expect(table.bytes).toBeLessThan(520_000)
  })
})

describe('a scan', () => {
  it('visits what is present throughout exactly once, whatever else happens between its calls', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = seededRandom(seed)
      const table = createEntryTable({ maxBytes: 16 * MIB, slotCount: 1 })
      for (let i = 0; i < 1_500; i++) table.put(0, bytesOf(10, i), fieldsOf({ version: i }))
      const seen = new Map<number, number>()
      let cursor = 0
      do {
        let left = 1 + random(90)
        cursor = table.scan(0, cursor, (handle) => {
          const key = keyNumber(table.keyOf(handle))
          seen.set(key, (seen.get(key) ?? 0) + 1)
          return --left > 0
        })
        for (let i = 0; i < 200; i++) {
          const stranger = bytesOf(10, 1_000 + random(20_000))
          if (random(2) === 0) table.put(0, stranger, fieldsOf({ value: bytesOf(random(90), i) }))
          else table.erase(0, stranger)
          // Rewriting an entry with another length moves its block, and must not move the entry.
          table.put(0, bytesOf(10, random(1_000)), fieldsOf({ value: bytesOf(random(90), i) }))
        }
      } while (cursor !== 0)
      for (let i = 0; i < 1_000; i++) expect(seen.get(i), `seed ${seed}, key ${i}`).toBe(1)
    }
  })

  it('ends at once in an empty slot and after the last entry', () => {
    const table = createEntryTable({ maxBytes: MIB })
    expect(table.scan(1, 0, () => true)).toBe(0)
    table.put(1, bytesOf(3, 1), fieldsOf({}))
    expect(table.scan(1, 0, () => true)).toBe(0)
    const cursor = table.scan(1, 0, () => false)
    expect(cursor).toBeGreaterThan(0)
    expect(table.scan(1, cursor, () => expect.unreachable())).toBe(0)
  })
})

describe('a slot digest', () => {
  it('depends on the contents alone', () => {
    const one = createEntryTable({ maxBytes: MIB, hashSeed: 1 })
    const two = createEntryTable({ maxBytes: 2 * MIB, hashSeed: 2 ** 40 })
    for (let i = 0; i < 500; i++) one.put(9, bytesOf(9, i), fieldsOf({ version: i, writer: i % 3 }))
    two.put(9, bytesOf(9, 9_999), fieldsOf({}))
    for (let i = 499; i >= 0; i--) {
      two.put(9, bytesOf(9, i), fieldsOf({ version: 1e12, writer: 7, value: bytesOf(30, i) }))
      two.put(9, bytesOf(9, i), fieldsOf({ version: i, writer: i % 3, expireAt: 5 }))
    }
    two.erase(9, bytesOf(9, 9_999))
    expect(one.slotDigest(9)).toBe(two.slotDigest(9))
    expect(Number.isSafeInteger(one.slotDigest(9))).toBe(true)
  })

  it('differs by key, by version and by writer', () => {
    const digests = new Set<number>()
    for (const key of [1, 2]) {
      for (const version of [5, 6, 5 + 2 ** 40]) {
        for (const writer of [1, 2, 0xffff_ffff]) {
          const table = createEntryTable({ maxBytes: MIB })
          table.put(0, bytesOf(5, key), fieldsOf({ version, writer }))
          digests.add(table.slotDigest(0))
        }
      }
    }
    expect(digests.size).toBe(18)
  })
})

describe('the sample of what was not used lately', () => {
  it('is live, accepted, and the oldest of those drawn', () => {
    const random = seededRandom(7)
    const table = createEntryTable({ maxBytes: 4 * MIB, slotCount: 16 })
    for (let i = 0; i < 800; i++) {
      const removed = i % 4 === 0
      table.put(i % 16, bytesOf(9, i), fieldsOf({ removed }))
      table.touch(table.find(i % 16, bytesOf(9, i)), 10_000 - i)
    }
    // Keys 4 … 799 of odd slots are live; among many samples the last ones touched earliest win.
    const handle = table.sampleOldest(2_000, random, (slot) => slot % 2 === 1)
    expect(table.slotOf(handle) % 2).toBe(1)
    expect(table.isRemoved(handle)).toBe(false)
    expect(keyNumber(table.keyOf(handle))).toBe(799)
  })

  it('finds the one live entry of many', () => {
    const table = createEntryTable({ maxBytes: 8 * MIB })
    for (let i = 0; i < 5_000; i++) table.put(i, bytesOf(9, i), fieldsOf({ removed: true }))
    table.put(4_321, bytesOf(9, 77_777), fieldsOf({}))
    const handle = table.sampleOldest(5, seededRandom(3), () => true)
    expect(keyNumber(table.keyOf(handle))).toBe(77_777)
    expect(table.sampleOldest(5, seededRandom(3), (slot) => slot !== 4_321)).toBe(-1)
    expect(table.sampleOldest(0, seededRandom(3), () => true)).toBe(-1)
  })

  it('counts a write as a use', () => {
    const table = createEntryTable({ maxBytes: MIB, slotCount: 1 })
    table.put(0, bytesOf(5, 1), fieldsOf({ version: 2_000 * 2048 }))
    table.put(0, bytesOf(5, 2), fieldsOf({ version: 1_000 * 2048 }))
    const oldest = (): number =>
      keyNumber(table.keyOf(table.sampleOldest(50, seededRandom(1), () => true)))
    expect(oldest()).toBe(2)
    table.put(0, bytesOf(5, 2), fieldsOf({ version: 3_000 * 2048 }))
    expect(oldest()).toBe(1)
  })
})

describe('expiry', () => {
  it('finds what is due, oldest first, and not what was prolonged, removed or refused', () => {
    const table = createEntryTable({ maxBytes: 4 * MIB, slotCount: 4 })
    for (let i = 1; i <= 1_000; i++) table.put(i % 4, bytesOf(6, i), fieldsOf({ expireAt: i * 10 }))
    table.put(1, bytesOf(6, 1), fieldsOf({ expireAt: 0 }))
    table.put(2, bytesOf(6, 2), fieldsOf({ expireAt: 99_999 }))
    table.put(3, bytesOf(6, 3), fieldsOf({ expireAt: 30, removed: true }))
    table.erase(0, bytesOf(6, 4))
    const due = table.expired(100, 50).map((handle) => keyNumber(table.keyOf(handle)))
    expect(due).toEqual([5, 6, 7, 8, 9, 10])
    const ours = table.expired(100, 50, (slot) => slot === 2)
    expect(ours.map((handle) => keyNumber(table.keyOf(handle)))).toEqual([6, 10])
    expect(table.expired(49, 50)).toEqual([])
    expect(table.expired(1e6, 7)).toHaveLength(7)
  })
  it('looks at a bounded number of entries when slots are refused', () => {
    const table = createEntryTable({ maxBytes: 4 * MIB, slotCount: 2 })
    const max = 4
    const put = (slot: number, i: number): boolean =>
      table.put(slot, bytesOf(6, i), fieldsOf({ expireAt: i }))
    // Sorted insertion puts each entry on the place of its number in the heap.
    for (let i = 1; i < max * EXPIRY_VISITS_PER_ENTRY_MAX; i++) put(0, i)
    put(1, max * EXPIRY_VISITS_PER_ENTRY_MAX)
    put(1, max * EXPIRY_VISITS_PER_ENTRY_MAX + 1)
    const found = table.expired(1e6, max, (slot) => slot === 1)
    expect(found.map((handle) => keyNumber(table.keyOf(handle)))).toEqual([
      max * EXPIRY_VISITS_PER_ENTRY_MAX,
    ])
  })
})
