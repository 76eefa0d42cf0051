import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ejectionCap, isPanic } from '../../src/health/ejection-cap.ts'
import { OUTLIER_LIMITS, Outliers } from '../../src/health/outliers.ts'

const fail = (outliers: Outliers, id: string, times: number, now = 0) =>
  Array.from({ length: times }, () => outliers.record(id, true, now))

const outliersOf = (...ids: readonly string[]) => {
  const outliers = new Outliers()
  outliers.follow(ids)
  return outliers
}

describe('outliers', () => {
  it('are ejected at the fifth failure in a row, and not at the fourth', () => {
    const outliers = outliersOf('a', 'b')
    expect(fail(outliers, 'a', 4)).not.toContain('ejected')
    outliers.record('a', false, 0)
    expect(fail(outliers, 'a', 4)).not.toContain('ejected')
    expect(fail(outliers, 'a', 1)).toEqual(['ejected'])
    expect(outliers.isEjected('a')).toBe(true)
  })

  it('are ejected when more than half of enough answers are failures', () => {
    const outliers = outliersOf('a', 'b')
    for (let i = 0; i < 10; i++) {
      outliers.record('a', true, 0)
      outliers.record('a', false, 0)
    }
    expect(outliers.isEjected('a')).toBe(false)
    outliers.record('a', true, 0)
    expect(outliers.isEjected('a')).toBe(true)
  })

  it('return after their time, and stay away longer the next time', () => {
    const outliers = outliersOf('a', 'b')
    fail(outliers, 'a', 5, 0)
    expect(outliers.tick(1_999)).toEqual([])
    expect(outliers.tick(2_000)).toEqual(['a'])
    fail(outliers, 'a', 5, 2_000)
    expect(outliers.tick(5_999)).toEqual([])
    expect(outliers.tick(6_000)).toEqual(['a'])
    fail(outliers, 'a', 5, 6_000)
    expect(outliers.tick(13_999)).toEqual([])
    expect(outliers.tick(14_000)).toEqual(['a'])
  })

  it('stay away no longer than the longest ejection, however often they return', () => {
    const outliers = outliersOf('a', 'b')
    let now = 0
    for (let i = 0; i < 50; i++) {
      fail(outliers, 'a', 5, now)
      const ms = outliers.ejectedMs('a', now)
      expect(ms).toBeLessThanOrEqual(OUTLIER_LIMITS.ejectMsMax)
      now += ms
      expect(outliers.tick(now)).toEqual(['a'])
    }
    fail(outliers, 'a', 5, now)
    expect(outliers.ejectedMs('a', now)).toBe(OUTLIER_LIMITS.ejectMsMax)
  })

  it('that were started anew are tried at once, and one that goes on failing is ejected for longer', () => {
    const outliers = outliersOf('a', 'b')
    fail(outliers, 'a', 5)
    outliers.restarted('a')
    expect(outliers.isEjected('a')).toBe(false)
    expect(outliers.tick(300_000)).toEqual([])
    fail(outliers, 'a', 4)
    outliers.restarted('a')
    expect(fail(outliers, 'a', 4)).not.toContain('ejected')
    expect(fail(outliers, 'a', 1)).toEqual(['ejected'])
    expect(outliers.ejectedMs('a', 0)).toBe(4_000)
    // The cap counts it once: another one may still be ejected in a larger pool.
    outliers.restarted('a')
    outliers.restarted('a')
    fail(outliers, 'b', 5)
    expect(outliers.isEjected('b')).toBe(true)
  })

  it('are forgiven one ejection by each window without a failure', () => {
    const outliers = outliersOf('a', 'b')
    fail(outliers, 'a', 5, 0)
    outliers.tick(10_000)
    outliers.record('a', false, 10_000)
    outliers.record('a', false, 20_000)
    fail(outliers, 'a', 5, 30_000)
    expect(outliers.tick(32_000)).toEqual(['a'])
  })

  it('are never more than the cap allows, and never the last, whatever is recorded', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.tuple(fc.nat(7), fc.boolean(), fc.nat(5_000)), { maxLength: 200 }),
        (count, answers) => {
          const ids = Array.from({ length: count }, (_, i) => `b${i}`)
          const outliers = outliersOf(...ids)
          let now = 0
          for (const [which, failed, elapsed] of answers) {
            now += elapsed
            outliers.tick(now)
            for (let i = 0; i < (failed ? 5 : 1); i++) outliers.record(`b${which}`, failed, now)
            const ejected = ids.filter((id) => outliers.isEjected(id)).length
            expect(ejected).toBeLessThanOrEqual(ejectionCap(count, OUTLIER_LIMITS.ejectPercentMax))
            expect(ejected).toBeLessThan(count)
          }
        },
      ),
    )
  })

  it('are forgotten with their backend', () => {
    const outliers = outliersOf('a', 'b', 'c')
    fail(outliers, 'a', 5)
    outliers.follow(['b', 'c'])
    expect(outliers.isEjected('a')).toBe(false)
    fail(outliers, 'b', 5)
    expect(outliers.isEjected('b')).toBe(true)
  })
})

describe('the ejection cap', () => {
  it('is half, rounded down, and leaves one', () => {
    expect([0, 1, 2, 3, 4, 5].map((count) => ejectionCap(count, 50))).toEqual([0, 0, 1, 1, 2, 2])
    expect([1, 2, 3].map((count) => ejectionCap(count, 100))).toEqual([0, 1, 2])
    expect(ejectionCap(3, 0)).toBe(0)
  })
})

describe('panic', () => {
  it('is when none is usable, or fewer than the share', () => {
    expect(isPanic(0, 3, 0)).toBe(true)
    expect(isPanic(0, 0, 50)).toBe(false)
    expect(isPanic(1, 10, 10)).toBe(false)
    expect(isPanic(1, 11, 10)).toBe(true)
  })
})
