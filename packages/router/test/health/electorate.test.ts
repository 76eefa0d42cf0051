import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ejectionCap } from '../../src/health/ejection-cap.ts'
import { Electorate, type Verdict } from '../../src/health/electorate.ts'

const LIMITS = { verdictMs: 6_000, ejectPercentMax: 50 }
const BACKENDS = ['b1', 'b2', 'b3', 'b4']

/** `'udd'`: what members m0, m1, m2 say of b1; `.` is no verdict. Everything else is up. */
function voteOn(electorate: Electorate, says: string, now = 0, backend = 'b1'): boolean {
  const members = new Set<string>()
  ;[...says].forEach((verdict, index) => {
    members.add(`m${index}`)
    if (verdict === '.') return
    const verdicts = new Map<string, Verdict>(BACKENDS.map((id) => [id, 'up']))
    verdicts.set(backend, verdict === 'd' ? 'down' : 'up')
    electorate.vote(`m${index}`, verdicts, now)
  })
  electorate.count(members, BACKENDS, now)
  return electorate.out.has(backend)
}

const outAfter = (...rounds: readonly string[]) => {
  const electorate = new Electorate(LIMITS)
  return rounds.map((says, i) => (voteOn(electorate, says, i * 2_000) ? 'out' : 'up')).join(' ')
}

describe('the electorate', () => {
  it('takes more than half to be out', () => {
    expect(outAfter('duu')).toBe('up')
    expect(outAfter('ddu')).toBe('out')
    expect(outAfter('dduu')).toBe('up')
    expect(outAfter('ddduu')).toBe('out')
  })

  it('takes all of two, and the one', () => {
    expect(outAfter('du')).toBe('up')
    expect(outAfter('dd')).toBe('out')
    expect(outAfter('d')).toBe('out')
    expect(outAfter('d.')).toBe('out')
  })

  it('takes more than half to be back', () => {
    expect(outAfter('dddd', 'dduu', 'duuu')).toBe('out out up')
    expect(outAfter('dd', 'du', 'uu')).toBe('out out up')
    expect(outAfter('ddd', 'duu')).toBe('out up')
  })

  it('is up without any verdict, and comes back when all verdicts are old', () => {
    const electorate = new Electorate(LIMITS)
    expect(voteOn(electorate, '...')).toBe(false)
    voteOn(electorate, 'ddd')
    electorate.count(new Set(['m0', 'm1', 'm2']), BACKENDS, 5_999)
    expect(electorate.out.has('b1')).toBe(true)
    electorate.count(new Set(['m0', 'm1', 'm2']), BACKENDS, 6_000)
    expect(electorate.out.has('b1')).toBe(false)
  })

  it('does not count members that are gone', () => {
    const electorate = new Electorate(LIMITS)
    voteOn(electorate, 'duuu')
    expect(electorate.count(new Set(['m0']), BACKENDS, 0)).toBe(true)
    expect(electorate.out.has('b1')).toBe(true)
  })

  it('keeps one router with a bad network from taking anybody out', () => {
    const electorate = new Electorate(LIMITS)
    const allDown = new Map<string, Verdict>(BACKENDS.map((id) => [id, 'down']))
    const allUp = new Map<string, Verdict>(BACKENDS.map((id) => [id, 'up']))
    electorate.vote('m0', allDown, 0)
    electorate.vote('m1', allUp, 0)
    electorate.vote('m2', allUp, 0)
    expect(electorate.count(new Set(['m0', 'm1', 'm2']), BACKENDS, 0)).toBe(false)
    expect(electorate.out.size).toBe(0)
  })

  const says = fc.constantFrom<Verdict | undefined>('up', 'down', undefined)
  const round = fc.array(fc.array(says, { minLength: 4, maxLength: 4 }), {
    minLength: 1,
    maxLength: 6,
  })

  it('never takes out the last, nor more than the share, nor one that more than half call up', () => {
    fc.assert(
      fc.property(
        fc.array(round, { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0, 34, 50, 100),
        (rounds, count, ejectPercentMax) => {
          const backends = BACKENDS.slice(0, count)
          const electorate = new Electorate({ ...LIMITS, ejectPercentMax })
          rounds.forEach((members, at) => {
            const now = at * 10_000
            members.forEach((verdicts, index) => {
              electorate.vote(`m${index}`, verdictsOf(verdicts), now)
            })
            electorate.count(new Set(members.map((_, index) => `m${index}`)), backends, now)
            expect(electorate.out.size).toBeLessThanOrEqual(ejectionCap(count, ejectPercentMax))
            expect(electorate.out.size).toBeLessThan(count)
            for (const id of electorate.out) {
              const ups = members.filter((m) => m[BACKENDS.indexOf(id)] === 'up').length
              const downs = members.filter((m) => m[BACKENDS.indexOf(id)] === 'down').length
              expect(ups * 2).toBeLessThanOrEqual(ups + downs)
              expect(downs).toBeGreaterThan(0)
            }
          })
        },
      ),
    )
  })

  it('comes to the same result in whatever order the votes arrive', () => {
    fc.assert(
      fc.property(round, fc.integer(), (members, seed) => {
        const names = members.map((_, index) => `m${index}`)
        const shuffled = [...names].sort((a, b) => hash(a, seed) - hash(b, seed))
        const outcomes = [names, shuffled].map((order) => {
          const electorate = new Electorate(LIMITS)
          for (const name of order)
            electorate.vote(name, verdictsOf(members[Number(name.slice(1))] ?? []), 0)
          electorate.count(new Set(names), BACKENDS, 0)
          return [...electorate.out].sort()
        })
        expect(outcomes[0]).toEqual(outcomes[1])
      }),
    )
  })
})

function verdictsOf(says: readonly (Verdict | undefined)[]): ReadonlyMap<string, Verdict> {
  const verdicts = new Map<string, Verdict>()
  BACKENDS.forEach((id, index) => {
    const verdict = says[index]
    if (verdict) verdicts.set(id, verdict)
  })
  return verdicts
}

function hash(text: string, seed: number): number {
  let value = seed | 0
  for (const character of text) value = (Math.imul(value, 31) + character.charCodeAt(0)) | 0
  return value
}
