import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BackendChange, OVERRIDES_MAX, Overrides } from '../../src/fleet/override.ts'

const change = fc.constantFrom<BackendChange>(
  { type: 'add', entry: { url: 'redis://h:1' } },
  { type: 'remove' },
  { type: 'drain' },
  { type: 'undrain' },
  { type: 'weight', weight: 2 },
  { type: 'reset' },
)

describe('overrides', () => {
  test('members that heard the same changes in any order hold the same', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.nat(2), fc.constantFrom('b1', 'b2'), change, fc.nat(3), fc.boolean()),
          { maxLength: 30 },
        ),
        fc.infiniteStream(fc.nat()),
        (steps, order) => {
          const members = [new Overrides(), new Overrides(), new Overrides()]
          const told = steps.map(([who, backend, what, now, hears]) => {
            const member = members[who] as Overrides
            const override = member.next('p', backend, what, `m${who}`, now)
            expect(member.merge(override)).toBe(true)
            // Some changes are heard at once by one other member, the rest after all was done.
            if (hears) members[(who + 1) % 3]?.merge(override)
            return override
          })
          for (const member of members) {
            const shuffled = told
              .map((override) => ({ override, at: order.next().value ?? 0 }))
              .sort((a, b) => a.at - b.at)
            for (const { override } of shuffled) member.merge(override)
          }
          expect(members[1]?.all).toEqual(members[0]?.all)
          expect(members[2]?.all).toEqual(members[0]?.all)
        },
      ),
    )
  })

  test('a later change builds on the ones before it, on whichever member and by whatever clock', () => {
    const [one, other] = [new Overrides(), new Overrides()]
    const drained = one.next('p', 'b', { type: 'drain' }, 'one', 1_000_000)
    one.merge(drained)
    other.merge(drained)
    const weighed = other.next('p', 'b', { type: 'weight', weight: 3 }, 'other', 5)
    expect(weighed.version).toBeGreaterThan(drained.version)
    expect(one.merge(weighed)).toBe(true)
    expect(one.get('p', 'b')).toMatchObject({ draining: true, weight: 3, by: 'other' })
    const reset = one.next('p', 'b', { type: 'reset' }, 'one', 0)
    expect(other.merge(reset)).toBe(true)
    expect(other.list).toEqual([])
    expect(other.merge(weighed)).toBe(false)
  })

  test('are bounded', () => {
    const overrides = new Overrides()
    for (let i = 0; i < OVERRIDES_MAX; i++)
      expect(overrides.merge(overrides.next('p', `b${i}`, { type: 'drain' }, 'a', 0))).toBe(true)
    expect(overrides.merge(overrides.next('p', 'more', { type: 'drain' }, 'a', 0))).toBe(false)
    expect(overrides.merge(overrides.next('p', 'b0', { type: 'remove' }, 'a', 0))).toBe(true)
  })
})
