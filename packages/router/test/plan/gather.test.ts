import { describe, expect, it } from 'vitest'
import { GATHERED_BYTES_MAX, type GatherKind, gatherReplies } from '../../src/plan/gather.ts'

type Part = readonly [ordinals: readonly number[], reply: string]

function gather(kind: GatherKind, keyCount: number, ...parts: readonly Part[]): string {
  const replies = parts.map(([ordinals, reply]) => ({ ordinals, bytes: Buffer.from(reply) }))
  return gatherReplies(kind, replies, keyCount).toString()
}

const UNEXPECTED = '-ERR the backends answered in forms that do not make one reply\r\n'

describe('gatherReplies', () => {
  it("puts elements back in the client's order, whatever they are", () => {
    expect(
      gather(
        'in-order',
        4,
        [[1, 3], '*2\r\n$1\r\nb\r\n*1\r\n:9\r\n'],
        [[2, 0], '*2\r\n$-1\r\n$1\r\na\r\n'],
      ),
    ).toBe('*4\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n*1\r\n:9\r\n')
  })

  it('adds integers', () => {
    expect(gather('sum', 3, [[0], ':2\r\n'], [[1, 2], ':40\r\n'])).toBe(':42\r\n')
  })

  it('is OK when all are', () => {
    expect(gather('all-ok', 2, [[0], '+OK\r\n'], [[1], '+OK\r\n'])).toBe('+OK\r\n')
  })

  it('joins arrays and sets', () => {
    expect(gather('union', 0, [[], '*1\r\n+a\r\n'], [[], '*0\r\n'], [[], '~1\r\n+b\r\n'])).toBe(
      '*2\r\n+a\r\n+b\r\n',
    )
  })

  it('takes each element once, the least or greatest number, and adds up by name', () => {
    expect(gather('union', 0, [[], '*2\r\n+a\r\n+b\r\n'], [[], '*1\r\n+b\r\n'])).toBe(
      '*2\r\n+a\r\n+b\r\n',
    )
    expect(gather('least', 0, [[], ':3\r\n'], [[], ':2\r\n'])).toBe(':2\r\n')
    expect(gather('greatest', 0, [[], ':3\r\n'], [[], ':2\r\n'])).toBe(':3\r\n')
    expect(gather('least-each', 0, [[], '*2\r\n:3\r\n:0\r\n'], [[], '*2\r\n:1\r\n:1\r\n'])).toBe(
      '*2\r\n:1\r\n:0\r\n',
    )
    expect(
      gather('sum-pairs', 0, [[], '*2\r\n+a\r\n:3\r\n'], [[], '*4\r\n+a\r\n:1\r\n+b\r\n:1\r\n']),
    ).toBe('*4\r\n+a\r\n:4\r\n+b\r\n:1\r\n')
    expect(gather('least', 0, [[], '+x\r\n'])).toBe(UNEXPECTED)
  })

  it('takes any good reply where one is enough', () => {
    expect(gather('any', 0, [[], '-ERR x\r\n'], [[], '+OK\r\n'])).toBe('+OK\r\n')
    expect(gather('any', 0, [[], '-ERR x\r\n'], [[], '-ERR y\r\n'])).toBe('-ERR x\r\n')
    expect(gather('same', 0, [[], '+a\r\n'], [[], '+a\r\n'])).toBe('+a\r\n')
  })

  it('is the first error of a part', () => {
    for (const kind of ['in-order', 'sum', 'all-ok', 'union'] as const)
      expect(gather(kind, 2, [[0], ':1\r\n'], [[1], '-ERR x\r\n'])).toBe('-ERR x\r\n')
  })

  it('makes no reply that is larger than allowed', () => {
    // The same bytes again and again: what counts is their sum.
    const element = Buffer.from(`*1\r\n$1048576\r\n${'x'.repeat(1_048_576)}\r\n`)
    const count = Math.ceil(GATHERED_BYTES_MAX / element.length) + 1
    const parts = Array.from({ length: count }, () => ({ ordinals: [], bytes: element }))
    expect(gatherReplies('union', parts, 0).toString()).toMatch(/^-ERR .* above 1 GB/)
    expect(gatherReplies('union', parts.slice(0, 2), 0).toString('latin1', 0, 4)).toBe('*1\r\n')
  })

  it('says so when replies do not fit together', () => {
    expect(gather('sum', 1, [[0], '+OK\r\n'])).toBe(UNEXPECTED)
    expect(gather('all-ok', 1, [[0], ':1\r\n'])).toBe(UNEXPECTED)
    expect(gather('in-order', 2, [[0, 1], '*1\r\n:1\r\n'])).toBe(UNEXPECTED)
    expect(gather('in-order', 2, [[0], '*1\r\n:1\r\n'])).toBe(UNEXPECTED)
    expect(gather('union', 2, [[0], ':1\r\n'])).toBe(UNEXPECTED)
  })
})
