import { describe, expect, it } from 'vitest'
import { matchesGlob } from '../../src/plan/glob.ts'

describe('matchesGlob', () => {
  it('matches as Redis does', () => {
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['*', '', true],
      ['*', 'anything', true],
      ['h?llo', 'hallo', true],
      ['h?llo', 'hllo', false],
      ['h*llo', 'heeeello', true],
      ['h[ae]llo', 'hello', true],
      ['h[ae]llo', 'hillo', false],
      ['h[^e]llo', 'hallo', true],
      ['h[^e]llo', 'hello', false],
      ['h[a-b]llo', 'hbllo', true],
      ['h[b-a]llo', 'hallo', true],
      ['h\\*llo', 'h*llo', true],
      ['h\\*llo', 'hello', false],
      ['[abc', 'c', true],
      ['a*b*c', 'aXbYbZc', true],
      ['a*b*c', 'aXbYbZ', false],
      ['', '', true],
      ['', 'a', false],
    ]
    for (const [pattern, text, matches] of cases)
      expect([pattern, text, matchesGlob(pattern, text)]).toEqual([pattern, text, matches])
  })

  it('stays fast on patterns made to be slow', () => {
    // Exponential backtracking would not end within the time of a test.
    expect(matchesGlob(`${'a*'.repeat(200)}b`, 'a'.repeat(2_000))).toBe(false)
  })
})
