import { describe, expect, it } from 'vitest'
import { CellArena } from '../../src/core/table/cell-arena.ts'
import { keyHash } from '../../src/core/table/key-hash.ts'
import { SlotIndex } from '../../src/core/table/slot-index.ts'
import { bytesOf, keyNumber, seededRandom } from './table-kit.ts'

/** Entries whose key is their id. */
const byId = { keyEquals: (id: number, key: Uint8Array) => id === keyNumber(key) }

describe('the index of a slot', () => {
  it('stays right when hashes collide, wholly or in the bits that split segments', () => {
    for (const hashOf of [() => 0x7fff_ffff, (id: number) => id & 0xfff, () => -1]) {
      const arena = new CellArena()
      const index = new SlotIndex(arena)
      for (let id = 0; id < 2_000; id++) index.insert(hashOf(id), id)
      for (let id = 0; id < 2_000; id += 7) {
        expect(index.find(hashOf(id), bytesOf(4, id), byId)).toBe(id)
      }
      for (let id = 0; id < 2_000; id += 2) index.remove(hashOf(id), id)
      const seen: number[] = []
      expect(index.scan(0, (id) => seen.push(id) > 0)).toBe(0)
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, i) => i * 2 + 1))
      index.drop()
      expect(arena.bytes).toBe(0)
    }
  })

  it('says beforehand how much it may grow', () => {
    const random = seededRandom(9)
    const arena = new CellArena()
    const index = new SlotIndex(arena)
    for (let id = 0; id < 20_000; id++) {
      const hash = random(2 ** 32) | 0
      const most = arena.bytes + index.bytes + index.growthBytes(hash)
      index.insert(hash, id)
      if (arena.bytes + index.bytes > most) expect.unreachable(`seed 9, id ${id}`)
    }
    expect((arena.bytes + index.bytes) / index.size).toBeLessThan(30)
  })

  it('gives everything back when it is taken apart', () => {
    const random = seededRandom(10)
    const arena = new CellArena()
    const index = new SlotIndex(arena)
    for (let id = 0; id < 5_000; id++) index.insert(random(2 ** 32) | 0, id)
    const seen = new Set<number>()
    while (index.takeApart((id) => seen.add(id))) {}
    expect(seen.size).toBe(5_000)
    expect(arena.bytes).toBe(0)
  })
})

describe('the memory of index cells', () => {
  it('reuses blocks, zeroed, and drops pages that are empty', () => {
    const random = seededRandom(11)
    const arena = new CellArena()
    const blocks: { ref: number; words: number; mark: number }[] = []
    for (let step = 0; step < 10_000; step++) {
      if (random(10) < (step < 5_000 ? 7 : 3)) {
        const words = 16 << random(10)
        const growth = arena.growthBytes(words)
        const before = arena.bytes
        const ref = arena.take(words)
        if (arena.bytes - before !== growth) expect.unreachable(`seed 11, step ${step}`)
        const page = arena.wordsOf(ref)
        const at = arena.offsetOf(ref)
        if (page.subarray(at, at + words).some((word) => word !== 0)) expect.unreachable()
        page.fill(step + 1, at, at + words)
        blocks.push({ ref, words, mark: step + 1 })
      } else if (blocks.length > 0) {
        const [block] = blocks.splice(random(blocks.length), 1)
        if (block === undefined) continue
        const at = arena.offsetOf(block.ref)
        const content = arena.wordsOf(block.ref).subarray(at, at + block.words)
        if (content.some((word) => word !== block.mark)) expect.unreachable(`seed 11, step ${step}`)
        arena.give(block.ref, block.words)
      }
    }
    for (const block of blocks) arena.give(block.ref, block.words)
    expect(arena.bytes).toBe(0)
  })
})

describe('the hash of a key', () => {
  it('depends on the seed, the length and every bit', () => {
    const key = bytesOf(23, 12_345)
    const hashes = new Set([keyHash(key, 1, 2), keyHash(key, 2, 2), keyHash(key, 1, 3)])
    hashes.add(keyHash(bytesOf(22, 12_345), 1, 2))
    for (let bit = 0; bit < key.length * 8; bit++) {
      const changed = key.slice()
      changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      hashes.add(keyHash(changed, 1, 2))
    }
    expect(hashes.size).toBe(4 + 23 * 8)
  })

  it('spreads keys that differ little evenly over high and low bits', () => {
    for (const shift of [0, 26]) {
      const counts = new Uint32Array(64)
      for (let i = 0; i < 64_000; i++) {
        const key = new TextEncoder().encode(`session:${i}`)
        const cell = (keyHash(key, 5, 6) >>> shift) & 63
        counts[cell] = (counts[cell] ?? 0) + 1
      }
      expect(Math.max(...counts)).toBeLessThan(1_150)
      expect(Math.min(...counts)).toBeGreaterThan(850)
    }
  })
})
