import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Breaker } from '../../src/pool/breaker.ts'
import type { LostCause } from '../../src/pool/lost-cause.ts'
import { Turn } from '../../src/pool/turn.ts'

const ILL: LostCause = { code: 'REFUSED', text: 'refused' }
const PROBE_DELAY_MS = 100

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A breaker whose backend answers when the test says so. */
function startBreaker() {
  const heard: string[] = []
  const asked: ((cause: LostCause | undefined) => void)[] = []
  const breaker: Breaker = new Breaker({
    turn: new Turn(() => 0),
    limits: { probeDelayMinMs: PROBE_DELAY_MS, probeDelayMaxMs: PROBE_DELAY_MS },
    random: () => 0,
    ask: (done) => {
      asked.push(done)
      return { cancel: () => heard.push('cancelled') }
    },
    well: (open) => heard.push(open ? 'back' : 'well'),
    ill: () => {
      heard.push('ill')
      breaker.open()
    },
  })
  return { breaker, heard, asked }
}

test('an open circuit is probed until the backend answers', () => {
  const { breaker, heard, asked } = startBreaker()
  expect([breaker.open(), breaker.open(), breaker.closed]).toEqual([true, false, false])
  vi.advanceTimersByTime(PROBE_DELAY_MS)
  asked[0]?.(ILL)
  vi.advanceTimersByTime(PROBE_DELAY_MS)
  asked[1]?.(undefined)
  expect([heard, breaker.closed]).toEqual([['ill', 'back'], true])
})

test('a doubt is asked once at a time, and opens the circuit when it is right', () => {
  const { breaker, heard, asked } = startBreaker()
  breaker.doubt()
  breaker.doubt()
  expect(asked.length).toBe(1)
  asked[0]?.(undefined)
  breaker.doubt()
  asked[1]?.(ILL)
  expect([heard, breaker.closed]).toEqual([['well', 'ill'], false])
})

test('a doubt that is answered after the circuit was opened changes nothing', () => {
  const { breaker, heard, asked } = startBreaker()
  breaker.doubt()
  breaker.open()
  asked[0]?.(ILL)
  expect(heard).toEqual([])
})

test('one that is closed or stopped asks no more', () => {
  const { breaker, heard, asked } = startBreaker()
  breaker.open()
  breaker.close()
  vi.advanceTimersByTime(2 * PROBE_DELAY_MS)
  breaker.doubt()
  breaker.open()
  breaker.stop()
  breaker.doubt()
  vi.advanceTimersByTime(2 * PROBE_DELAY_MS)
  expect([asked.length, heard]).toEqual([1, ['cancelled']])
})
