import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHECK_JITTER,
  CHECKS_WHILE_DOWN,
  checkDelayMs,
  recordCheck,
  UNCHECKED,
} from '../../src/health/check.ts'

const LIMITS = { rise: 2, fall: 3 }

const run = (results: string) => {
  let record = UNCHECKED
  return [...results]
    .map((result) => {
      record = recordCheck(record, result === '+', LIMITS)
      return record.up ? 'U' : 'd'
    })
    .join('')
}

describe('the record of checks', () => {
  it('turns at fall failures and at rise passes in a row, not one earlier', () => {
    expect(run('--+---+-++')).toBe('UUUUUddddU')
  })

  it('turns at once with rise and fall of one', () => {
    const once = { rise: 1, fall: 1 }
    const down = recordCheck(UNCHECKED, false, once)
    expect(down.up).toBe(false)
    expect(recordCheck(down, true, once).up).toBe(true)
  })

  it('never turns without a whole run of the opposite', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (results, rise, fall) => {
          let record = UNCHECKED
          results.forEach((passed, index) => {
            const before = record
            record = recordCheck(record, passed, { rise, fall })
            if (record.up === before.up) return
            const needed = record.up ? rise : fall
            expect(results.slice(index + 1 - needed, index + 1)).toEqual(
              Array(needed).fill(record.up),
            )
          })
          expect(record.made).toBe(results.length)
        },
      ),
    )
  })
})

describe('the wait before a check', () => {
  it('is anywhere in the first interval, then around the interval', () => {
    expect(checkDelayMs(1_000, UNCHECKED, 0)).toBe(0)
    const checked = recordCheck(UNCHECKED, true, LIMITS)
    expect(checkDelayMs(1_000, checked, 0)).toBe(1_000 * (1 - CHECK_JITTER))
    expect(checkDelayMs(1_000, checked, 0.5)).toBe(1_000)
    const failedOnce = recordCheck(checked, false, LIMITS)
    expect(checkDelayMs(1_000, failedOnce, 0.5)).toBe(1_000)
  })

  it('is a quarter of it while the backend is down, until it is up', () => {
    const once = { rise: 2, fall: 1 }
    const down = recordCheck(UNCHECKED, false, once)
    expect(checkDelayMs(1_000, down, 0.5)).toBe(1_000 / CHECKS_WHILE_DOWN)
    const rising = recordCheck(down, true, once)
    expect(checkDelayMs(1_000, rising, 0.5)).toBe(1_000 / CHECKS_WHILE_DOWN)
    expect(checkDelayMs(1_000, recordCheck(rising, true, once), 0.5)).toBe(1_000)
  })
})
