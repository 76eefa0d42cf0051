import { describe, expect, it } from 'vitest'
import { ScriptCache } from '../../src/proxy/script-cache.ts'

const script = (text: string) => Buffer.from(text)

describe('scripts that are remembered', () => {
  it('are scriptsMax at most: one more, and the one that was not used for longest is forgotten', () => {
    const scripts = new ScriptCache({ scriptsMax: 2, scriptBytesMax: 1_000 })
    const [one, two] = [scripts.remember(script('return 1')), scripts.remember(script('return 2'))]
    expect([scripts.has(one), scripts.has(two)]).toEqual([true, true])
    scripts.remember(script('return 1'))
    const three = scripts.remember(script('return 3'))
    expect([one, two, three].map((sha) => scripts.has(sha))).toEqual([true, false, true])
    expect(scripts.size).toBe(2)
  })

  it('have scriptBytesMax together, and one above that is not kept', () => {
    const scripts = new ScriptCache({ scriptsMax: 100, scriptBytesMax: 20 })
    const [one, two] = [
      scripts.remember(script('a'.repeat(10))),
      scripts.remember(script('b'.repeat(10))),
    ]
    expect([scripts.has(one), scripts.has(two)]).toEqual([true, true])
    const three = scripts.remember(script('c'))
    expect([one, two, three].map((sha) => scripts.has(sha))).toEqual([false, true, true])
    const whole = scripts.remember(script('d'.repeat(20)))
    expect([two, three, whole].map((sha) => scripts.has(sha))).toEqual([false, false, true])
    expect(scripts.has(scripts.remember(script('e'.repeat(21))))).toBe(false)
    expect(scripts.has(whole)).toBe(true)
  })
})
