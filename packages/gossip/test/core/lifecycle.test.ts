import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { swimConfig } from '../../src/core/config.ts'
import { SwimError } from '../../src/core/errors.ts'
import { META_BYTES_MAX, USER_BROADCASTS_MAX } from '../../src/core/limits.ts'
import { recordEffects } from '../../src/core/recording.ts'
import { createSwim } from '../../src/core/swim.ts'
import { alive, Bench, dead, optionsOf, placeOf, row, suspect } from './fixture.ts'

const codeOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof SwimError) return error.code
    throw error
  }
  return 'none'
}

describe('a machine', () => {
  test('does nothing before it is started, and starts once', () => {
    const swim = createSwim(optionsOf())
    const out = recordEffects()
    swim.receive(placeOf('b'), alive('b'), 0, out)
    expect(out.events).toEqual([])
    expect(codeOf(() => swim.join(placeOf('b'), 0, out))).toBe('SWIM_NOT_RUNNING')
    swim.start(0, out)
    expect(out.events).toMatchObject([{ type: 'join', member: { name: 'a' } }])
    expect(codeOf(() => swim.start(0, out))).toBe('SWIM_NOT_RUNNING')
  })

  test('ignores timers that it does not know', () => {
    const bench = new Bench()
    bench.swim.fire('nonsense', 0, bench.out)
    bench.swim.fire('suspicion:nobody', 0, bench.out)
    bench.swim.fire('relay:1', 0, bench.out)
    expect(bench.out.sent).toEqual([])
  })

  test('alone sends nothing', () => {
    const bench = new Bench().advanceTo(60_000)
    expect(bench.out.sent).toEqual([])
  })
})

describe('leaving', () => {
  test('is told until the transmit limit, then it is done', () => {
    const bench = new Bench().know('b', 'c')
    bench.swim.leave(bench.now, bench.out)
    expect(bench.state('a')).toBe('left')
    expect(bench.gossip()).toEqual([dead('a', 1, 'a')])
    expect(bench.events('left')).toEqual([])
    bench.advanceTo(bench.now + 5_000)
    expect(bench.events('left')).toHaveLength(1)
    const told = bench.out.messages().filter((message) => message.type === 'dead')
    expect(told).toHaveLength(4)
  })

  test('alone is done at once', () => {
    const bench = new Bench()
    bench.swim.leave(0, bench.out)
    expect(bench.told).toEqual(['left'])
  })

  test('twice is leaving once', () => {
    const bench = new Bench().know('b')
    bench.swim.leave(bench.now, bench.out)
    bench.swim.leave(bench.now, bench.out)
    bench.advanceTo(bench.now + 5_000)
    bench.swim.leave(bench.now, bench.out)
    expect(bench.events('left')).toHaveLength(1)
  })

  test('ends although nobody is left to hear it', () => {
    const config = swimConfig('lan', { gossipToTheDeadMs: 0 })
    const bench = new Bench({ config }).know('b')
    bench.swim.leave(bench.now, bench.out)
    bench.hear(dead('b', 1, 'c')).now += 1
    bench.advanceTo(bench.now + 1_000)
    expect(bench.events('left')).toHaveLength(1)
  })

  test('answers pings, but no claims about itself, and probes nobody', () => {
    const bench = new Bench().know('b')
    bench.swim.leave(bench.now, bench.out)
    bench.advanceTo(bench.now + 5_000).out.clear()
    bench
      .hear(alive('a', 9))
      .hear(suspect('a', 9, 'b'))
      .hear(dead('a', 9, 'b'))
    bench.merge(row('a', 'dead', 9))
    expect(bench.told).toEqual([])
    expect(bench.state('a')).toBe('left')
    bench.hear({ type: 'ping', seq: 3, node: 'a' })
    expect(bench.out.messages()).toMatchObject([{ type: 'ack', seq: 3 }])
    bench.out.clear()
    bench.advanceTo(bench.now + 120_000)
    expect(bench.out.sent).toEqual([])
  })

  test('is final', () => {
    const bench = new Bench()
    bench.swim.leave(0, bench.out)
    expect(codeOf(() => bench.swim.join(placeOf('b'), 0, bench.out))).toBe('SWIM_NOT_RUNNING')
    expect(codeOf(() => bench.swim.setMeta(new Uint8Array(0), 0, bench.out))).toBe(
      'SWIM_NOT_RUNNING',
    )
  })
})

describe('new metadata', () => {
  test('comes with a new incarnation, as news', () => {
    const bench = new Bench().know('b')
    const meta = Uint8Array.of(4, 2)
    bench.swim.setMeta(meta, bench.now, bench.out)
    expect(bench.swim.incarnation).toBe(2)
    expect(bench.swim.member('a')?.meta).toEqual(meta)
    expect(bench.told).toEqual(['update'])
    expect(bench.gossip()).toEqual([alive('a', 2, { meta })])
  })

  test('has a largest size', () => {
    const bench = new Bench()
    const set = (bytes: number) => bench.swim.setMeta(new Uint8Array(bytes), 0, bench.out)
    expect(codeOf(() => set(META_BYTES_MAX))).toBe('none')
    expect(codeOf(() => set(META_BYTES_MAX + 1))).toBe('SWIM_META_TOO_LARGE')
    expect(bench.swim.member('a')?.meta).toHaveLength(META_BYTES_MAX)
  })
})

describe('user payloads', () => {
  test('fill what membership news leaves', () => {
    const bench = new Bench().know('b').hear(alive('c'))
    bench.swim.broadcast(Uint8Array.of(1), bench.now, bench.out)
    expect(bench.gossip()).toEqual([alive('c'), { type: 'user', payload: Uint8Array.of(1) }])
  })

  test('that no datagram holds are refused', () => {
    const bench = new Bench()
    const send = (bytes: number) => bench.swim.broadcast(new Uint8Array(bytes), 0, bench.out)
    // One byte of type, two of compound overhead.
    expect(codeOf(() => send(1398 - 3))).toBe('none')
    expect(codeOf(() => send(1398 - 2))).toBe('SWIM_PAYLOAD_TOO_LARGE')
  })

  test('wait in a queue of limited length', () => {
    const bench = new Bench()
    const before = bench.swim.queued
    for (let index = 0; index <= USER_BROADCASTS_MAX; index++) {
      bench.swim.broadcast(Uint8Array.of(index & 255), 0, bench.out)
    }
    expect(bench.swim.queued - before).toBe(USER_BROADCASTS_MAX)
  })

  test('from others end here', () => {
    const bench = new Bench().know('b').hear({ type: 'user', payload: Uint8Array.of(1) })
    expect(bench.swim.queued).toBe(0)
    expect(bench.told).toEqual([])
  })
})

describe('news', () => {
  test('rides on acks, within the budget of a packet', () => {
    const bench = new Bench().know('b')
    for (let index = 0; index < 60; index++) bench.hear(alive(`n${index}`))
    bench.out.clear()
    bench.hear({ type: 'ping', seq: 1, node: 'a' }, placeOf('b'))
    const { measure, config } = optionsOf()
    const bytes = bench.out.messages().reduce((sum, message) => sum + measure(message) + 2, 0)
    expect(bench.out.messages()[0]).toMatchObject({ type: 'ack', seq: 1 })
    expect(bench.out.messages().length).toBeGreaterThan(10)
    expect(bytes).toBeLessThanOrEqual(config.packetBytesMax)
  })

  test('goes to the recently dead, not to the left nor to the long dead', () => {
    const listeners = (bench: Bench) => {
      bench.out.clear()
      for (let round = 0; round < 5; round++) bench.swim.fire('gossip', bench.now, bench.out)
      return new Set(bench.out.sent.map((sent) => sent.to.host))
    }
    const bench = new Bench()
      .know('b', 'c')
      .hear(dead('b', 1, 'x'))
      .hear(dead('c', 1, 'c'))
    expect(listeners(bench)).toEqual(new Set([placeOf('b').host]))
    bench.now += 30_000
    bench.hear(alive('d'))
    expect(listeners(bench)).toContain(placeOf('b').host)
    bench.now += 1
    bench.hear(alive('e'))
    expect(listeners(bench)).not.toContain(placeOf('b').host)
  })

  test('is never more than the cap', () => {
    const bench = new Bench({ config: swimConfig('lan', { broadcastsMax: 16 }) })
    for (let index = 0; index < 40; index++) bench.hear(alive(`n${index}`))
    expect(bench.swim.queued).toBe(16)
  })
})

describe('healing', () => {
  const lose = (more = {}) => {
    const bench = new Bench({ config: swimConfig('lan', { pushPullIntervalMs: 0, ...more }) }).know(
      'b',
    )
    bench.hear(dead('b', 1, 'c')).settle()
    return bench
  }
  const tries = (bench: Bench) => bench.out.sent.filter((sent) => sent.type === 'exchange')

  test('retries a dead member for as long as configured, with jitter', () => {
    const bench = lose({ healForMs: 100_000 })
    bench.advanceTo(bench.now + 100_000)
    const first = tries(bench).length
    expect(first).toBeGreaterThan(5)
    expect(first).toBeLessThan(20)
    bench.out.clear()
    bench.advanceTo(bench.now + 100_000)
    expect(tries(bench)).toEqual([])
    expect(bench.out.timers.has('heal')).toBe(false)
  })

  test('stops when the member is back', () => {
    const bench = lose().hear(alive('b', 2))
    bench.swim.fire('heal', bench.now, bench.out)
    expect(tries(bench)).toEqual([])
  })

  test('can be turned off', () => {
    const bench = lose({ healForMs: 0 })
    expect(bench.out.timers.has('heal')).toBe(false)
  })

  test('shares the work among all who are alive', () => {
    const bench = lose()
    for (let index = 0; index < 50; index++) bench.hear(alive(`n${index}`))
    bench.out.clear()
    let count = 0
    for (let turn = 0; turn < 1_000; turn++) {
      bench.swim.fire('heal', bench.now, bench.out)
      count += tries(bench).length
      bench.out.clear()
    }
    expect(count).toBeGreaterThan(5)
    expect(count).toBeLessThan(50)
  })
})

describe('whatever arrives, in whatever order', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', '')
  const incarnations = fc.oneof(
    fc.integer({ min: 0, max: 6 }),
    fc.constantFrom(0x7fff_fffe, 0x7fff_ffff, 0xffff_ffff),
  )
  const message = fc.oneof(
    fc
      .record({ node: names, incarnation: incarnations, moved: fc.boolean() })
      .map(({ node, incarnation, moved }) => alive(node, incarnation, moved ? { port: 1 } : {})),
    fc
      .tuple(names, incarnations, names)
      .map(([node, incarnation, from]) => suspect(node, incarnation, from)),
    fc
      .tuple(names, incarnations, names)
      .map(([node, incarnation, from]) => dead(node, incarnation, from)),
    fc.integer({ min: 0, max: 9 }).map((seq) => ({ type: 'ping', seq, node: 'a' }) as const),
    fc.integer({ min: 0, max: 9 }).map((seq) => ({ type: 'nack', seq }) as const),
  )
  const step = fc.oneof(
    { weight: 5, arbitrary: message.map((heard) => ({ heard })) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 9_000 }).map((pass) => ({ pass })) },
  )

  test('nothing is thrown, we stay alive, and known incarnations do not fall', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = new Bench()
        const known = new Map<string, { incarnation: number; port: number }>()
        for (const next of steps) {
          if ('heard' in next) bench.hear(next.heard)
          else bench.advanceTo(bench.now + next.pass)
          expect(bench.state('a')).toBe('alive')
          for (const event of bench.out.events) if (event.type === 'reap') known.delete(event.name)
          bench.out.clear()
          for (const member of bench.swim.members()) {
            const before = known.get(member.name)
            if (before?.port === member.address.port) {
              expect(member.incarnation).toBeGreaterThanOrEqual(before.incarnation)
            }
            known.set(member.name, { incarnation: member.incarnation, port: member.address.port })
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
