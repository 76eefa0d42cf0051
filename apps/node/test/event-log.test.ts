import { describe, expect, test } from 'vitest'
import { EVENTS_KEPT_MAX, EventLog } from '../src/event-log.ts'

describe('the log of events', () => {
  test('keeps the last ones, and tells those who listen', () => {
    const log = new EventLog(() => 0)
    const heard: number[] = []
    const stop = log.listen(({ seq }) => heard.push(seq))
    for (let i = 0; i < 3 * EVENTS_KEPT_MAX; i++) log.add('tick', { i })
    stop()
    log.add('last')
    expect(heard).toHaveLength(3 * EVENTS_KEPT_MAX)
    const kept = log.since(0)
    expect(kept).toHaveLength(EVENTS_KEPT_MAX)
    expect(kept.at(-1)).toEqual({
      seq: 3 * EVENTS_KEPT_MAX + 1,
      at: '1970-01-01T00:00:00.000Z',
      type: 'last',
      facts: {},
    })
    expect(log.since(3 * EVENTS_KEPT_MAX).map(({ type }) => type)).toEqual(['last'])
  })
})
