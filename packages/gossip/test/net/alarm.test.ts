import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Alarm } from '../../src/net/alarm.ts'
import { ALARM_MS_MAX, LAG_NOTICED_MS, TIMERS_PER_TURN_MAX } from '../../src/net/limits.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function alarmOf(onFire: (key: string) => void = () => undefined) {
  const story: string[] = []
  // The clock of these tests may stand still or jump while timers wait.
  const clock = { skew: 0, now: () => performance.now() + clock.skew }
  const start = performance.now()
  const alarm = new Alarm({
    now: () => clock.now() - start,
    fire: (key) => {
      story.push(key)
      onFire(key)
    },
    lagged: (lagMs) => story.push(`lag ${lagMs}`),
  })
  return { alarm, story, clock }
}

describe('the alarm', () => {
  it('fires timers in the order of their deadlines', () => {
    const { alarm, story } = alarmOf()
    alarm.set('b', 20)
    alarm.set('a', 10)
    alarm.set('c', 30)
    alarm.rearm()
    vi.advanceTimersByTime(25)
    expect(story).toEqual(['a', 'b'])
    vi.advanceTimersByTime(5)
    expect(story).toEqual(['a', 'b', 'c'])
  })

  it('a timer set again fires at its new time, a cleared one not at all', () => {
    const { alarm, story } = alarmOf()
    alarm.set('a', 10)
    alarm.set('b', 10)
    alarm.rearm()
    alarm.set('a', 50)
    alarm.clear('b')
    alarm.rearm()
    vi.advanceTimersByTime(49)
    expect(story).toEqual([])
    vi.advanceTimersByTime(1)
    expect(story).toEqual(['a'])
  })

  it('timers set while firing are kept', () => {
    const { alarm, story } = alarmOf((key) => {
      if (key === 'a') alarm.set('next', 15)
    })
    alarm.set('a', 10)
    alarm.rearm()
    vi.advanceTimersByTime(15)
    expect(story).toEqual(['a', 'next'])
  })

  it('a late alarm tells the lag first and lets the sockets speak before timers fire', () => {
    const { alarm, story, clock } = alarmOf()
    alarm.set('a', 10)
    alarm.rearm()
    clock.skew = LAG_NOTICED_MS
    vi.advanceTimersByTime(10)
    // The turn of the sockets lies between the two.
    expect(story).toEqual([`lag ${LAG_NOTICED_MS}`])
    vi.advanceTimersByTime(1)
    expect(story).toEqual([`lag ${LAG_NOTICED_MS}`, 'a'])
  })

  it('a little lateness is no lag', () => {
    const { alarm, story, clock } = alarmOf()
    alarm.set('a', 10)
    alarm.rearm()
    clock.skew = LAG_NOTICED_MS - 1
    vi.advanceTimersByTime(10)
    expect(story).toEqual(['a'])
  })

  it('fires at most 512 timers before it lets others run', () => {
    const { alarm, story } = alarmOf()
    for (let n = 0; n <= TIMERS_PER_TURN_MAX; n += 1) alarm.set(`t${n}`, 10)
    alarm.rearm()
    vi.advanceTimersToNextTimer()
    expect(story).toHaveLength(TIMERS_PER_TURN_MAX)
    vi.advanceTimersToNextTimer()
    expect(story).toHaveLength(TIMERS_PER_TURN_MAX + 1)
  })

  it('a deadline far away is waited for in steps', () => {
    const { alarm, story } = alarmOf()
    alarm.set('a', ALARM_MS_MAX * 2.5)
    alarm.rearm()
    vi.advanceTimersByTime(ALARM_MS_MAX * 2)
    expect(story).toEqual([])
    vi.advanceTimersByTime(ALARM_MS_MAX / 2)
    expect(story).toEqual(['a'])
  })

  it('is silent once closed', () => {
    const { alarm, story } = alarmOf()
    alarm.set('a', 10)
    alarm.rearm()
    alarm.close()
    vi.advanceTimersByTime(100)
    alarm.set('b', 1)
    alarm.rearm()
    vi.advanceTimersByTime(100)
    expect(story).toEqual([])
  })
})
