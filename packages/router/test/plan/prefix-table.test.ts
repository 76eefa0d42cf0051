import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PrefixRoute, PrefixTable } from '../../src/plan/prefix-table.ts'

const routesOf = (...prefixes: readonly string[]): PrefixRoute[] =>
  prefixes.map((prefix, i) => ({ prefix: Buffer.from(prefix), target: i + 1 }))

const find = (table: PrefixTable, key: string | Uint8Array) => {
  const bytes = Buffer.concat([Buffer.from('xx'), Buffer.from(key), Buffer.from('yy')])
  return table.find(bytes, 2, bytes.length - 2)
}

describe('a table of prefixes', () => {
  it('finds the longest prefix of a key, and the fallback where there is none', () => {
    const table = new PrefixTable(routesOf('u', 'user:', 'user:admin:', 'item:'), 0)
    expect(
      ['user:7', 'user:admin:1', 'us', 'user', 'item:1', 'item', 'x', ''].map((key) =>
        find(table, key),
      ),
    ).toEqual([2, 3, 1, 1, 4, 0, 0, 0])
  })

  it('compares bytes: case counts, and so does every byte of a character', () => {
    const table = new PrefixTable(routesOf('User:', 'é'), 0)
    expect(find(table, 'user:1')).toBe(0)
    expect(find(table, 'User:1')).toBe(1)
    expect(find(table, 'école')).toBe(2)
    expect(find(table, Buffer.from([0xc3, 0xa8]))).toBe(0)
    expect(find(table, Buffer.from([0xc3]))).toBe(0)
  })

  it('agrees with trying all prefixes', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 4, min: 0, max: 3 })
    fc.assert(
      fc.property(
        fc.uniqueArray(bytes, { selector: String, maxLength: 12 }),
        fc.array(bytes),
        (prefixes, keys) => {
          const routes = prefixes.map((prefix, i) => ({ prefix, target: i + 1 }))
          const table = new PrefixTable(routes, 0)
          for (const key of keys) {
            const fitting = routes.filter(({ prefix }) =>
              prefix.every((byte, i) => key[i] === byte),
            )
            const longest = fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0]
            expect(table.find(key, 0, key.length)).toBe(longest?.target ?? 0)
          }
        },
      ),
    )
  })
})
