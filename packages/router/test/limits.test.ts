import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS, resolveLimits } from '../src/limits.ts'

describe('limits', () => {
  it('are the defaults where nothing is said', () => {
    expect(resolveLimits()).toEqual(DEFAULT_LIMITS)
    expect(resolveLimits({ clientsMax: 1 })).toEqual({ ...DEFAULT_LIMITS, clientsMax: 1 })
  })

  it('are whole numbers above 0, or the error names the limit', () => {
    for (const clientsMax of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => resolveLimits({ clientsMax })).toThrow(
        expect.objectContaining({
          code: 'LIMIT_INVALID',
          message: expect.stringContaining('clientsMax'),
        }),
      )
  })
})
