import { describe, expect, test } from 'vitest'
import { swimConfig } from '../../src/core/config.ts'
import { EXCHANGES_MAX } from '../../src/core/limits.ts'
import { PeerIndex } from '../../src/core/peer-index.ts'
import { alive, Bench, dead, placeOf, row, rows, suspect, VERSIONS } from './fixture.ts'

describe('our half of an exchange', () => {
  test('has every record in its state, ourselves among them', () => {
    const bench = new Bench().know('b', 'c', 'd')
    bench
      .hear(suspect('b', 1, 'c'))
      .hear(dead('c', 1, 'b'))
      .hear(dead('d', 1, 'd'))
    const { join, nodes } = bench.swim.localState(true)
    expect(join).toBe(true)
    expect(nodes.map((node) => [node.name, node.state]).sort()).toEqual([
      ['a', 'alive'],
      ['b', 'suspect'],
      ['c', 'dead'],
      ['d', 'left'],
    ])
    expect(nodes.every((node) => node.versions.length === 6)).toBe(true)
  })

  test('carries the bytes of the application', () => {
    const bench = new Bench({ userState: () => Uint8Array.of(1, 2) })
    expect(bench.swim.localState(false).userState).toEqual(Uint8Array.of(1, 2))
  })
})

describe('merging', () => {
  test('takes alive and left as they are, and dead only as a suspicion', () => {
    const bench = new Bench().know('b', 'c', 'd')
    bench.merge(row('b', 'dead'), row('c', 'suspect'), row('d', 'left'), row('e', 'alive'))
    expect(['b', 'c', 'd', 'e'].map((name) => bench.state(name))).toEqual([
      'suspect',
      'suspect',
      'left',
      'alive',
    ])
    expect(bench.events('suspect')).toMatchObject([{ from: 'a' }, { from: 'a' }])
  })

  test('skips and names a row that it cannot use, and takes the others', () => {
    const bench = new Bench()
    bench.merge(
      row('b', 'alive', 1, { versions: Uint8Array.of(1, 5, 2) }),
      row('c', 'alive', 1, { versions: Uint8Array.of(1, 5, 2, 2, 5, 4) }),
      row('d', 'alive', 1, { address: new Uint8Array(3) }),
      row('', 'alive'),
      row('e', 'alive', 1, { meta: new Uint8Array(513) }),
      row('f', 'alive'),
    )
    const refused = bench.events('refused').map((event) => 'subject' in event && event.subject)
    expect(refused).toEqual(['b', 'c', 'd', '', 'e'])
    expect(bench.state('f')).toBe('alive')
    expect(bench.swim.localState(false).nodes).toHaveLength(2)
  })

  test('names no more than 16 rows one by one', () => {
    const bad = (index: number) => row(`x${index}`, 'alive', 1, { versions: new Uint8Array(0) })
    const bench = new Bench().merge(...Array.from({ length: 16 }, (_, index) => bad(index)))
    expect(bench.events('refused')).toHaveLength(16)
    bench.out.clear()
    bench.merge(...Array.from({ length: 30 }, (_, index) => bad(index)))
    expect(bench.events('refused')).toHaveLength(17)
    expect(bench.events('refused').at(-1)).toMatchObject({
      reason: expect.stringContaining('14 more'),
    })
  })

  test.each([['dead'], ['left']] as const)(
    'of our own record as %s evicts us, and we answer',
    (state) => {
      const bench = new Bench().merge(row('a', state, 8))
      expect(bench.told).toEqual(['evicted', 'health'])
      expect(bench.swim.incarnation).toBe(9)
    },
  )

  test('of our own record as suspect is answered without an eviction', () => {
    const bench = new Bench().merge(row('a', 'suspect', 8))
    expect(bench.told).toEqual(['health'])
    expect(bench.swim.incarnation).toBe(9)
  })

  test('of our own record from an earlier life makes us climb over it', () => {
    const bench = new Bench({ meta: Uint8Array.of(2) })
    bench.merge(row('a', 'alive', 1, { meta: Uint8Array.of(1) }))
    expect(bench.swim.incarnation).toBe(2)
  })
})

describe('an exchange that we began', () => {
  const seed = placeOf('s')

  test('gets our answer directly when it told us something false', () => {
    const bench = new Bench()
    bench.swim.join(seed, 0, bench.out)
    expect(bench.out.sent).toMatchObject([{ type: 'exchange', to: seed, local: { join: true } }])
    bench.out.clear()
    bench.swim.mergeState(seed, rows(row('a', 'dead', 5), row('s', 'alive')), 0, bench.out)
    expect(bench.out.sent).toEqual([{ type: 'packet', to: seed, messages: [alive('a', 6)] }])
  })

  test('gets none when it did not, or when it failed, or when they began it', () => {
    const bench = new Bench()
    bench.swim.join(seed, 0, bench.out)
    bench.out.clear()
    bench.swim.mergeState(seed, rows(row('a', 'alive', 1)), 0, bench.out)
    bench.swim.mergeState(placeOf('x'), rows(row('a', 'dead', 5)), 0, bench.out)
    bench.swim.join(seed, 0, bench.out)
    bench.swim.exchangeFailed(seed, 0, bench.out)
    bench.swim.mergeState(seed, rows(row('a', 'dead', 9)), 0, bench.out)
    expect(bench.out.sent.filter((sent) => sent.type === 'packet')).toEqual([])
  })

  test('is remembered up to a limit', () => {
    const bench = new Bench()
    const call = (port: number) => bench.swim.join({ host: '10.1.1.1', port }, 0, bench.out)
    for (let port = 1; port <= EXCHANGES_MAX + 1; port++) call(port)
    bench.out.clear()
    const answer = (port: number, incarnation: number) =>
      bench.swim.mergeState(
        { host: '10.1.1.1', port },
        rows(row('a', 'dead', incarnation)),
        0,
        bench.out,
      )
    answer(1, 5)
    expect(bench.out.sent).toEqual([])
    answer(2, 50)
    expect(bench.out.sent).toHaveLength(1)
  })
})

describe('the schedule', () => {
  test('calls one alive member per interval', () => {
    const bench = new Bench().know('b', 'c').hear(suspect('c', 1, 'b'))
    bench.out.clear()
    bench.swim.fire('push-pull', 50_000, bench.out)
    expect(bench.out.sent).toMatchObject([
      { type: 'exchange', to: placeOf('b'), local: { join: false } },
    ])
    expect(bench.out.timers.get('push-pull')).toBe(80_000)
  })

  test('is off with an interval of 0', () => {
    const bench = new Bench({ config: swimConfig('lan', { pushPullIntervalMs: 0 }) })
    expect(bench.out.timers.has('push-pull')).toBe(false)
  })
})

test('the peers of several tables may be one', () => {
  const peers = new PeerIndex()
  const versions = Uint8Array.from(VERSIONS)
  const first = new Bench({ peers }).merge(row('b', 'alive', 1, { versions: VERSIONS }))
  const second = new Bench({ peers, name: 'c' }).merge(row('b', 'alive', 3, { versions }))
  expect(second.swim.member('b')?.incarnation).toBe(3)
  expect(second.swim.member('b')?.versions).toBe(first.swim.member('b')?.versions)
})
