import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isFleetMessage, parseFleetMessage } from '../../src/fleet/fleet-message.ts'
import { readMemberRequest } from '../../src/fleet/member-action.ts'

const override = { pool: 'p', backend: 'b', version: 1, by: 'a' }
const overrides = (...list: readonly unknown[]) => ({ t: 'fleet/overrides', list })

describe('messages between members about backends', () => {
  test('are taken when every part is as it should be', () => {
    const full = { ...override, added: { url: 'redis://h:1', weight: 1 }, draining: true }
    expect(parseFleetMessage(overrides(override, full))).toEqual(overrides(override, full))
    const verdicts = { t: 'fleet/verdicts', pools: [{ pool: 'p', up: ['b'], down: [] }] }
    expect(parseFleetMessage(verdicts)).toEqual(verdicts)
    expect(isFleetMessage(verdicts)).toBe(true)
    expect(isFleetMessage({ t: 'hi' })).toBe(false)
    expect(readMemberRequest({ t: 'fleet/member', action: 'drain' })).toBe('drain')
  })

  test('are left alone when one part is not', () => {
    for (const wrong of [
      { ...override, version: 1.5 },
      { ...override, version: '1' },
      { ...override, backend: '' },
      { ...override, backend: 'x'.repeat(513) },
      { ...override, weight: 0 },
      { ...override, weight: Number.NaN },
      { ...override, added: {} },
      { ...override, removed: false },
      null,
    ])
      expect(parseFleetMessage(overrides(override, wrong))).toBeUndefined()
    expect(parseFleetMessage(overrides(...Array(4_096).fill(override)))).toBeDefined()
    expect(parseFleetMessage(overrides(...Array(4_097).fill(override)))).toBeUndefined()
    expect(parseFleetMessage({ t: 'fleet/of-another-release' })).toBeUndefined()
    expect(readMemberRequest({ t: 'fleet/member', action: 'dance' })).toBeUndefined()
  })

  test('never end the process', () => {
    fc.assert(
      fc.property(fc.anything(), (message) => {
        isFleetMessage(message)
        parseFleetMessage(message)
        parseFleetMessage({ t: 'fleet/overrides', list: message })
        parseFleetMessage({ t: 'fleet/verdicts', pools: [message] })
        readMemberRequest(message)
      }),
    )
  })
})
