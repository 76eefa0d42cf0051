import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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

  it('are all in docs/limits.md, with their defaults', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/limits.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `(\w+)` \| ([\d,]+) \| \w+ \| .+ \|$/gm)].map(
      ([, name, value]) => [name, Number(value?.replaceAll(',', ''))],
    )
    expect(rows).toHaveLength(Object.keys(DEFAULT_LIMITS).length)
    expect(Object.fromEntries(rows)).toEqual(DEFAULT_LIMITS)
  })
})
