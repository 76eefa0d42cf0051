import { describe, expect, test } from 'vitest'
import { swimConfig } from '../../src/core/config.ts'
import {
  ACCUSED_INCARNATION_MAX,
  INCARNATION_MAX,
  META_BYTES_MAX,
  NAME_BYTES_MAX,
} from '../../src/core/limits.ts'
import { addressOf, alive, Bench, dead, placeOf, row, suspect } from './fixture.ts'

const META = Uint8Array.of(7)

describe('an alive', () => {
  test('of a new name is a join, and news', () => {
    const bench = new Bench().hear(alive('b'))
    expect(bench.told).toEqual(['join'])
    expect(bench.state('b')).toBe('alive')
    expect(bench.gossip()).toContainEqual(alive('b'))
  })

  test('of the same incarnation is no news', () => {
    const bench = new Bench().know('b').hear(alive('b'))
    expect(bench.told).toEqual([])
    expect(bench.swim.queued).toBe(0)
  })

  test('of a higher incarnation clears a suspicion and its timer', () => {
    const bench = new Bench().know('b').hear(suspect('b', 1, 'c'))
    expect(bench.out.timers.has('suspicion:b')).toBe(true)
    bench.hear(alive('b', 2))
    expect(bench.state('b')).toBe('alive')
    expect(bench.out.timers.has('suspicion:b')).toBe(false)
    expect(bench.told).toEqual(['suspect', 'refuted'])
  })

  test('of the accused incarnation does not clear it', () => {
    const bench = new Bench()
      .know('b')
      .hear(suspect('b', 1, 'c'))
      .hear(alive('b', 1))
    expect(bench.state('b')).toBe('suspect')
  })

  test('with other metadata is an update that names the old', () => {
    const bench = new Bench().know('b').hear(alive('b', 2, { meta: META }))
    const [event] = bench.events('update')
    expect(event).toMatchObject({ member: { meta: META }, previousMeta: new Uint8Array(0) })
  })

  test('with other versions only is told to nobody', () => {
    const bench = new Bench().know('b')
    bench.hear(alive('b', 2, { versions: Uint8Array.of(1, 5, 3, 0, 0, 0) }))
    expect(bench.told).toEqual([])
    expect(bench.swim.member('b')?.versions[2]).toBe(3)
  })

  test('of incarnation 0 leaves no phantom', () => {
    const bench = new Bench().hear(alive('b', 0))
    expect(bench.state('b')).toBe('unknown')
    expect(bench.told).toEqual([])
  })

  test('of a dead member needs a higher incarnation', () => {
    const bench = new Bench()
      .know('b')
      .hear(dead('b', 3, 'c'))
      .hear(alive('b', 3))
    expect(bench.state('b')).toBe('dead')
    bench.hear(alive('b', 4))
    expect(bench.state('b')).toBe('alive')
    expect(bench.told).toEqual(['fail', 'join'])
  })

  test('that is too old for a dead member is answered with the accusation, to it and to all', () => {
    const bench = new Bench()
      .know('b', 'c')
      .hear(dead('b', 100, 'c'))
      .settle()
    bench.hear(alive('b', 1), placeOf('b'))
    expect(bench.out.sent).toEqual([
      { type: 'packet', to: placeOf('b'), messages: [suspect('b', 100, 'a')] },
    ])
    expect(bench.gossip()).toEqual([suspect('b', 100, 'a')])
  })

  test('that is too old does not replace the news of the death', () => {
    const bench = new Bench()
      .know('b', 'c')
      .hear(dead('b', 100, 'c'))
      .hear(alive('b', 1))
    expect(bench.gossip()).toEqual([dead('b', 100, 'c')])
  })

  test('keeps its bytes, and no part of the packet it came in', () => {
    const packet = new Uint8Array(65_536)
    const bench = new Bench().hear(alive('b', 1, { meta: packet.subarray(10, 20) }))
    expect(bench.swim.member('b')?.meta.buffer.byteLength).toBe(10)
  })

  test('with port 0 means our own port, and is relayed as it came', () => {
    const bench = new Bench({ port: 9000 }).hear(alive('b', 1, { port: 0 }))
    expect(bench.swim.member('b')?.address.port).toBe(9000)
    expect(bench.gossip()).toContainEqual(alive('b', 1, { port: 0 }))
  })
})

describe('an alive is refused', () => {
  const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...addressOf('b'))
  test.each([
    ['with five versions', { versions: Uint8Array.of(1, 5, 2, 0, 0) }],
    ['with no versions', { versions: new Uint8Array(0) }],
    ['with a protocol range of nothing', { versions: Uint8Array.of(0, 0, 0, 0, 0, 0) }],
    ['of another delegate protocol', { versions: Uint8Array.of(1, 5, 2, 2, 5, 4) }],
    ['with an address of 5 bytes', { address: new Uint8Array(5) }],
    ['with an address of nothing', { address: new Uint8Array(0) }],
    ['with too much metadata', { meta: new Uint8Array(META_BYTES_MAX + 1) }],
    ['without a name', { node: '' }],
    ['with a name that is too long', { node: 'x'.repeat(NAME_BYTES_MAX + 1) }],
    ['above the ceiling of incarnations', { incarnation: INCARNATION_MAX + 1 }],
  ])('%s, and says why', (_, more) => {
    const bench = new Bench().hear(alive('b', 1, more))
    expect(bench.told).toEqual(['refused'])
    expect([...bench.swim.members()]).toHaveLength(1)
    expect(bench.out.timers.get('suspicion:b')).toBeUndefined()
  })

  test.each([
    ['the most metadata', { meta: new Uint8Array(META_BYTES_MAX) }],
    ['the longest name', { node: 'x'.repeat(NAME_BYTES_MAX) }],
    ['the highest incarnation', { incarnation: INCARNATION_MAX }],
    ['a mapped address', { address: mapped }],
  ])('but not with %s', (_, more) => {
    expect(new Bench().hear(alive('b', 1, more)).told).toEqual(['join'])
  })

  test('from an address that is not allowed', () => {
    const isAllowed = (address: Uint8Array) => address[3] !== addressOf('b')[3]
    const bench = new Bench({ isAllowed }).hear(alive('b')).hear(alive('c'))
    expect(bench.told).toEqual(['refused', 'join'])
  })

  test('when the table is full, one past the limit', () => {
    const bench = new Bench({ config: swimConfig('lan', { membersMax: 3 }) })
    bench.hear(alive('b')).hear(alive('c')).hear(alive('d'))
    expect(bench.told).toEqual(['join', 'join', 'refused'])
  })
})

describe('another address for a known name', () => {
  const elsewhere = { address: addressOf('q') }

  test('is a conflict while the member lives, whatever the incarnation', () => {
    const bench = new Bench().know('b').hear(alive('b', 9, elsewhere))
    expect(bench.events('conflict')).toMatchObject([
      { existing: { name: 'b', address: placeOf('b') }, other: placeOf('q') },
    ])
    expect(bench.swim.member('b')).toMatchObject({ address: placeOf('b'), incarnation: 1 })
    expect(bench.swim.queued).toBe(0)
  })

  test('is no conflict where only the byte form differs', () => {
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...addressOf('b'))
    const bench = new Bench().know('b').hear(alive('b', 2, { address: mapped }))
    expect(bench.told).toEqual([])
    expect(bench.swim.member('b')).toMatchObject({ incarnation: 2, address: placeOf('b') })
  })

  test('is taken from a dead member after the reclaim time, not at it', () => {
    const bench = new Bench().know('b').hear(dead('b', 5, 'c'))
    const died = bench.now
    bench.now = died + 30_000
    bench.hear(alive('b', 1, elsewhere))
    expect(bench.state('b')).toBe('dead')
    bench.now = died + 30_001
    bench.hear(alive('b', 1, elsewhere))
    expect(bench.swim.member('b')).toMatchObject({ state: 'alive', address: placeOf('q') })
  })

  test('is never taken from a dead member with a reclaim time of 0', () => {
    const bench = new Bench({ config: swimConfig('lan', { deadNodeReclaimMs: 0 }) }).know('b')
    bench.hear(dead('b', 1, 'c'))
    bench.now += 10_000_000
    expect(bench.hear(alive('b', 2, elsewhere)).events('conflict')).toHaveLength(1)
  })

  test('is taken at once from a member that left, and from one whose address was released', () => {
    const bench = new Bench()
      .know('b', 'c')
      .hear(dead('b', 1, 'b'))
      .hear(alive('b', 1, elsewhere))
    expect(bench.swim.member('b')).toMatchObject({ state: 'alive', address: placeOf('q') })
    bench.swim.releaseAddress('c')
    bench.hear(alive('c', 1, elsewhere))
    expect(bench.swim.member('c')?.address).toEqual(placeOf('q'))
    // Once.
    bench.hear(alive('c', 2))
    expect(bench.events('conflict')).toHaveLength(1)
  })

  test('of our own name never is', () => {
    const bench = new Bench().know('b')
    bench.swim.releaseAddress('a')
    expect(bench.hear(alive('a', 9, elsewhere)).told).toEqual(['conflict'])
    expect(bench.swim.incarnation).toBe(1)
  })
})

describe('a suspicion', () => {
  test('of an unknown name, or below what is known, is nothing', () => {
    const bench = new Bench().know('b').hear(alive('b', 5)).settle()
    bench.hear(suspect('x', 1, 'c')).hear(suspect('b', 4, 'c'))
    expect(bench.told).toEqual([])
    expect(bench.swim.queued).toBe(0)
  })

  test('is told, raises the incarnation, and ends in death', () => {
    const bench = new Bench().know('b').hear(suspect('b', 3, 'c'))
    expect(bench.events('suspect')).toMatchObject([{ from: 'c', member: { incarnation: 3 } }])
    bench.advanceTo(bench.now + 3_999)
    expect(bench.state('b')).toBe('suspect')
    bench.advanceTo(bench.now + 1)
    expect(bench.state('b')).toBe('dead')
    expect(bench.events('fail')).toMatchObject([{ from: 'a' }])
  })

  test('by the same accuser is no news, by another it is', () => {
    const bench = new Bench().know('b', 'c', 'd', 'e').hear(suspect('b', 1, 'c'))
    bench.settle().hear(suspect('b', 1, 'c'))
    expect(bench.swim.queued).toBe(0)
    const before = bench.out.timers.get('suspicion:b') ?? 0
    bench.hear(suspect('b', 1, 'd'))
    expect(bench.gossip()).toEqual([suspect('b', 1, 'd')])
    expect(bench.out.timers.get('suspicion:b')).toBeLessThan(before)
  })

  test('that a higher alive ended does not kill later', () => {
    const bench = new Bench()
      .know('b')
      .hear(suspect('b', 1, 'c'))
      .hear(alive('b', 2))
    bench.swim.fire('suspicion:b', bench.now + 60_000, bench.out)
    expect(bench.state('b')).toBe('alive')
  })

  test('of a dead member raises what is known of it, so that an old alive stays below', () => {
    const bench = new Bench()
      .know('b')
      .hear(dead('b', 1, 'c'))
      .hear(suspect('b', 10, 'c'))
    bench.hear(alive('b', 2))
    expect(bench.state('b')).toBe('dead')
    expect(bench.swim.member('b')?.incarnation).toBe(10)
  })

  test('of ourselves is refuted above it, under our own name', () => {
    const bench = new Bench().know('b').hear(suspect('a', 1, 'b'))
    expect(bench.swim.incarnation).toBe(2)
    expect(bench.swim.healthScore).toBe(1)
    expect(bench.gossip()).toEqual([alive('a', 2)])
    bench.hear(suspect('a', 40, 'b'))
    expect(bench.swim.incarnation).toBe(41)
    // The newer answer took the place of the older.
    expect(bench.swim.queued).toBe(1)
  })

  test('of ourselves that we have answered is answered again, only to the accuser', () => {
    const bench = new Bench()
      .know('b', 'c')
      .hear(suspect('a', 1, 'b'))
      .settle()
    bench.hear(suspect('a', 1, 'b'))
    expect(bench.out.sent).toEqual([
      { type: 'packet', to: placeOf('b'), messages: [alive('a', 2)] },
    ])
    expect(bench.swim.queued).toBe(0)
    expect(bench.swim.incarnation).toBe(2)
  })

  test('at the ceiling is refused, one below it is answered', () => {
    const bench = new Bench().know('b').hear(suspect('a', ACCUSED_INCARNATION_MAX + 1, 'b'))
    expect(bench.told).toEqual(['refused'])
    bench.hear(suspect('a', ACCUSED_INCARNATION_MAX, 'b'))
    expect(bench.swim.incarnation).toBe(INCARNATION_MAX)
  })
})

describe('a death', () => {
  test('of an unknown name, or below what is known, is nothing', () => {
    const bench = new Bench().know('b').hear(alive('b', 5)).settle()
    bench.hear(dead('x', 1, 'c')).hear(dead('b', 4, 'c'))
    expect(bench.told).toEqual([])
  })

  test('is told once, and again only at a higher incarnation', () => {
    const bench = new Bench()
      .know('b', 'c')
      .hear(dead('b', 1, 'c'))
      .settle()
    bench.hear(dead('b', 1, 'd'))
    expect(bench.swim.queued).toBe(0)
    bench.hear(dead('b', 10, 'd'))
    expect(bench.gossip()).toEqual([dead('b', 10, 'd')])
    expect(bench.told).toEqual([])
    bench.hear(alive('b', 10))
    expect(bench.state('b')).toBe('dead')
  })

  test('by itself is a leave', () => {
    const bench = new Bench().know('b').hear(dead('b', 1, 'b'))
    expect(bench.state('b')).toBe('left')
    expect(bench.told).toEqual(['leave'])
  })

  test('does not become a leave, nor a leave a death', () => {
    const bench = new Bench()
      .know('b', 'c')
      .hear(dead('b', 1, 'c'))
      .hear(dead('b', 2, 'b'))
    expect(bench.state('b')).toBe('dead')
    bench.hear(dead('c', 1, 'c')).hear(dead('c', 2, 'b'))
    expect(bench.state('c')).toBe('left')
  })

  test('of ourselves is told before it is refuted', () => {
    const bench = new Bench().know('b').hear(dead('a', 1, 'b'))
    expect(bench.told).toEqual(['evicted', 'health'])
    expect(bench.events('evicted')).toEqual([{ type: 'evicted', incarnation: 1, from: 'b' }])
    expect(bench.swim.incarnation).toBe(2)
    expect(bench.state('a')).toBe('alive')
  })

  test('of ourselves that we have answered is not told', () => {
    const bench = new Bench()
      .know('b')
      .hear(suspect('a', 7, 'b'))
      .settle()
    expect(bench.hear(dead('a', 7, 'b')).told).toEqual([])
  })
})

describe('an alive about ourselves', () => {
  test('that is what we say is nothing', () => {
    const bench = new Bench().know('b').hear(alive('a', 1))
    expect(bench.swim.incarnation).toBe(1)
  })

  test('of what we were before a restart is answered above it', () => {
    const bench = new Bench().know('b').hear(alive('a', 6, { meta: META }))
    expect(bench.swim.incarnation).toBe(7)
    bench.hear(alive('a', 7, { meta: META }))
    expect(bench.swim.incarnation).toBe(8)
    bench.hear(alive('a', 7, { meta: META }))
    expect(bench.swim.incarnation).toBe(8)
  })
})

describe('a record that was forgotten', () => {
  const forget = () => {
    const bench = new Bench({ config: swimConfig('lan', { gossipToTheDeadMs: 0 }) }).know('b', 'c')
    bench.hear(dead('b', 4, 'c'))
    return bench.advanceTo(bench.now + 5_000)
  }

  test('is reaped with the round of probes', () => {
    const bench = forget()
    expect(bench.events('reap')).toEqual([{ type: 'reap', name: 'b' }])
    expect(bench.state('b')).toBe('unknown')
  })

  test('is remembered enough to tell the member of its death when it is back', () => {
    const bench = forget()
    bench.out.clear()
    bench.hear(alive('b', 1), placeOf('b'))
    expect(bench.state('b')).toBe('alive')
    expect(bench.out.sent).toEqual([
      { type: 'packet', to: placeOf('b'), messages: [dead('b', 4, 'a')] },
    ])
  })

  test('does not come back by hearsay, but by a word of its own above its death', () => {
    for (const hearsay of [alive('b', 1), alive('b', 4)]) {
      const bench = forget()
      bench.out.clear()
      bench.hear(hearsay).merge(row('b', 'alive', hearsay.incarnation))
      expect(bench.state('b')).toBe('unknown')
      expect(bench.told).toEqual([])
      const told = { type: 'packet', to: placeOf('b'), messages: [dead('b', 4, 'a')] }
      expect(bench.out.sent).toEqual([told, told])
      expect(bench.hear(alive('b', 5)).state('b')).toBe('alive')
    }
  })

  test('comes back by hearsay when it lives elsewhere now', () => {
    const bench = forget().hear(alive('b', 1, { address: addressOf('q') }))
    expect(bench.state('b')).toBe('alive')
  })

  test('of a leave is not remembered', () => {
    const bench = new Bench({ config: swimConfig('lan', { gossipToTheDeadMs: 0 }) }).know('b', 'c')
    bench.hear(dead('b', 4, 'b')).advanceTo(bench.now + 5_000)
    bench.out.clear()
    expect(bench.hear(alive('b', 1)).out.sent).toEqual([])
  })
})

test('a row of a push/pull about an unknown dead member makes no phantom', () => {
  const bench = new Bench().merge(row('b', 'dead', 3), row('c', 'left'), row('d', 'suspect'))
  expect([...bench.swim.members()].map((member) => member.name)).toEqual(['a'])
})
