import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstCursor, nextCursor, readCursor } from '../../src/plan/scan-cursor.ts'

/** Scans backends that each have these cursors of their own; what was visited, in order. */
function scanAll(backends: ReadonlyMap<string, readonly string[]>, ids = [...backends.keys()]) {
  const visited: string[] = []
  let cursor = '0'
  do {
    const at = readCursor(cursor, ids)
    if (at === 'end' || at === undefined) break
    visited.push(`${at.id}:${at.cursor}`)
    const own = backends.get(at.id) ?? []
    const next = own[own.indexOf(at.cursor) + 1] ?? '0'
    cursor = nextCursor({ id: at.id, cursor: next }, ids) ?? 'too large'
  } while (cursor !== '0')
  return visited
}

describe('the cursor of SCAN over all backends', () => {
  it('visits every step of every backend once', () => {
    const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), {
      minLength: 1,
      maxLength: 30,
    })
    const cursors = fc.uniqueArray(fc.bigInt({ min: 1n, max: (1n << 48n) - 1n }).map(String), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(ids, cursors, (names, own) => {
        const backends = new Map(names.map((name) => [name, ['0', ...own]]))
        const visited = scanAll(backends)
        expect(new Set(visited).size).toBe(visited.length)
        expect(visited.length).toBe(names.length * (own.length + 1))
      }),
      { numRuns: 200 },
    )
  })

  it('goes on with the next backend when its own is gone, and stays good when others come', () => {
    const ids = ['a:1', 'b:1', 'c:1', 'd:1']
    const order = scanAll(new Map(ids.map((id) => [id, ['0']]))).map((step) => step.slice(0, 3))
    const [first = '', second = '', third = ''] = order
    const cursor = nextCursor({ id: second, cursor: '77' }, ids) ?? ''
    expect(readCursor(cursor, ids)).toEqual({ id: second, cursor: '77' })
    expect(readCursor(cursor, [...ids, 'e:1', 'f:1'])).toEqual({ id: second, cursor: '77' })
    expect(
      readCursor(
        cursor,
        ids.filter((id) => id !== first),
      ),
    ).toEqual({ id: second, cursor: '77' })
    expect(
      readCursor(
        cursor,
        ids.filter((id) => id !== second),
      ),
    ).toEqual({ id: third, cursor: '0' })
    expect(readCursor(cursor, [first])).toBe('end')
  })

  it('fits doubles for backends of up to 2 ** 37 keys, and says when it does not fit 64 bits', () => {
    const at = (own: bigint) => nextCursor({ id: 'a', cursor: String(own) }, ['a'])
    expect(Number(at((1n << 37n) - 1n))).toBeLessThan(Number.MAX_SAFE_INTEGER)
    expect(at((1n << 48n) - 1n)).toBeDefined()
    expect(at(1n << 48n)).toBeUndefined()
  })

  it('takes no other text for a cursor', () => {
    for (const text of ['', 'x', '-1', '1.5', '18446744073709551616', '9'.repeat(30)])
      expect(readCursor(text, ['a'])).toBeUndefined()
  })

  it('begins anew under another view, and goes on under its own', () => {
    const ids = ['a:1', 'b:1', 'c:1']
    const first = firstCursor(ids, 'one')
    const start = readCursor(first, ids, 'one')
    expect(start).toMatchObject({ cursor: '0' })
    expect(readCursor('0', ids, 'one')).toEqual(start)
    const after = { id: 'b:1', cursor: '77' }
    const cursor = nextCursor(after, ids, 'one') ?? ''
    expect(readCursor(cursor, ids, 'one')).toEqual(after)
    const other = readCursor(cursor, ids, 'two')
    expect(other).toEqual(readCursor(firstCursor(ids, 'two'), ids, 'two'))
    expect(readCursor(cursor, [], 'two')).toBe('end')
    expect(firstCursor([], 'two')).toBe('0')
  })
})
