import { createRing } from '@ringway/ring'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NONE_TRIED } from '../../src/balance/balanced-backend.ts'
import { LOAD_FACTOR, PLAIN_PLACING, RingPlacing } from '../../src/balance/ring-placing.ts'
import { backend, type TestBackend } from '../testing/balanced.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']

function pool(more: (id: string) => Partial<TestBackend> = () => ({})) {
  const ring = createRing(IDS.map((id) => ({ id })))
  const backends = ring.nodes.map(({ id }) => backend(id, more(id)))
  return { ring, backends, placing: new RingPlacing(ring, backends) }
}

const keys = Array.from({ length: 600 }, (_, i) => `session-${i}`)

describe('placing on a ring', () => {
  it('is the owner of the ring while that can take it', () => {
    const { ring, backends, placing } = pool((id) => ({ inFlight: id === 'a' ? 1_000 : 0 }))
    for (const key of keys)
      expect(backends[placing.place(key, NONE_TRIED, PLAIN_PLACING)]?.id).toBe(ring.owner(key))
  })

  it('is the next owner when the first cannot, and nobody else’s keys move', () => {
    const { ring, backends, placing } = pool((id) => ({ usable: id !== 'c' }))
    const smaller = ring.without('c')
    for (const key of keys)
      expect(backends[placing.place(key, NONE_TRIED, PLAIN_PLACING)]?.id).toBe(smaller.owner(key))
  })

  it('passes over those that were tried, until there is none', () => {
    const { backends, placing } = pool()
    const tried: TestBackend[] = []
    for (let i = 0; i < IDS.length; i++) {
      const picked = backends[placing.place('k', tried, PLAIN_PLACING)]
      expect(picked).toBeDefined()
      if (picked) tried.push(picked)
    }
    expect(new Set(tried).size).toBe(IDS.length)
    expect(placing.place('k', tried, PLAIN_PLACING)).toBe(-1)
  })

  it('keeps everybody within the load factor', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 300 }), (sessions) => {
        const { backends, placing } = pool((id) => ({ weight: id === 'f' ? 3 : 1 }))
        let total = 0
        for (const session of sessions) {
          const picked =
            backends[placing.place(`s${session}`, NONE_TRIED, { loadFactor: LOAD_FACTOR })]
          expect(picked).toBeDefined()
          if (!picked) continue
          picked.inFlight++
          total++
          const bound = Math.max(1, Math.ceil((LOAD_FACTOR * total * picked.weight) / 8))
          expect(picked.inFlight).toBeLessThanOrEqual(bound)
        }
      }),
    )
  })

  it('prefers our zone when a session is placed, and room in another to none in ours', () => {
    const { backends, placing } = pool((id) => ({ zone: id < 'c' ? 'here' : 'there' }))
    const options = { loadFactor: LOAD_FACTOR, zone: 'here' }
    for (const key of keys)
      expect(backends[placing.place(key, NONE_TRIED, options)]?.zone).toBe('here')
    for (const one of backends) one.inFlight = one.zone === 'here' ? 100 : 0
    for (const key of keys)
      expect(backends[placing.place(key, NONE_TRIED, options)]?.zone).toBe('there')
  })

  it('takes the one least full when all are full', () => {
    const { backends, placing } = pool()
    for (const one of backends) one.inFlight = one.id === 'e' ? 40 : 41
    const tried = backends.filter(({ id }) => id > 'e')
    for (const one of backends) if (one.id > 'e') one.inFlight = 0
    expect(backends[placing.place('k', tried, { loadFactor: 1 })]?.id).toBeDefined()
    for (const one of backends) one.usable = one.id === 'e'
    expect(backends[placing.place('k', NONE_TRIED, { loadFactor: 1 })]?.id).toBe('e')
  })

  it('has nobody on an empty ring, and follows a new one', () => {
    const placing = new RingPlacing(createRing([]), [])
    expect(placing.place('k', NONE_TRIED, PLAIN_PLACING)).toBe(-1)
    const { ring, backends } = pool()
    placing.follow(ring, backends)
    expect(placing.place('k', NONE_TRIED, PLAIN_PLACING)).toBe(ring.ownerIndex('k'))
  })
})
