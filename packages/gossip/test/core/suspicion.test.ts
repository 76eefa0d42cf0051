import { describe, expect, test } from 'vitest'
import { LAG_DEFERRALS_MAX, Suspicion } from '../../src/core/suspicion.ts'

describe('a suspicion', () => {
  const begin = (wanted = 3) => new Suspicion('me', wanted, 500, 2000, 0)

  test('ends sooner with each new accuser', () => {
    const suspicion = begin()
    const deadlines = [suspicion.deadline]
    for (const from of ['b', 'c', 'd']) {
      expect(suspicion.confirm(from, 0)).toBe(true)
      deadlines.push(suspicion.deadline)
    }
    expect(deadlines).toEqual([2000, 1250, 811, 500])
  })

  test('does not count its first accuser, nor anybody twice', () => {
    const suspicion = begin()
    expect(suspicion.confirm('me', 0)).toBe(false)
    expect(suspicion.confirm('b', 0)).toBe(true)
    expect(suspicion.confirm('b', 0)).toBe(false)
    expect(suspicion.deadline).toBe(1250)
  })

  test('needs no more accusers than it waits for', () => {
    const suspicion = begin(1)
    expect(suspicion.confirm('b', 0)).toBe(true)
    expect(suspicion.confirm('c', 0)).toBe(false)
    expect(suspicion.deadline).toBe(500)
  })

  test('that waits for nobody ends after the minimum', () => {
    const suspicion = begin(0)
    expect(suspicion.deadline).toBe(500)
    expect(suspicion.confirm('b', 0)).toBe(false)
  })

  test('confirmed after a sleep does not count the sleep', () => {
    const suspicion = begin(1)
    suspicion.defer(60_000, 60_100)
    suspicion.confirm('b', 60_100)
    // 100 ms awake, 400 to go.
    expect(suspicion.deadline).toBe(60_500)
  })

  test('confirmed late ends at once, never in the past', () => {
    const suspicion = begin(1)
    suspicion.confirm('b', 1500)
    expect(suspicion.deadline).toBe(1500)
  })

  test('waits longer when we were not running, by at most the minimum, and not for ever', () => {
    const suspicion = begin(0)
    suspicion.defer(100, 0)
    expect(suspicion.deadline).toBe(600)
    suspicion.defer(10_000, 10_600)
    expect(suspicion.deadline).toBe(11_100)
    for (let turn = 2; turn < LAG_DEFERRALS_MAX; turn++) suspicion.defer(100, 11_000)
    const last = suspicion.deadline
    suspicion.defer(100, 11_000)
    expect(suspicion.deadline).toBe(last)
  })
})
