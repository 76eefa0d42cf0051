import { describe, expect, test } from 'vitest'
import { swimConfig } from '../../src/core/config.ts'
import { RELAYS_MAX } from '../../src/core/limits.ts'
import type { IndirectPing, Ping } from '../../src/core/messages.ts'
import { addressOf, alive, Bench, dead, PORT, placeOf, suspect } from './fixture.ts'

const NO_BYTES = new Uint8Array(0)

/** The next probe of a bench that knows somebody: what was sent for it. */
function probe(bench: Bench): { ping: Ping; at: number } {
  bench.out.clear()
  const at = bench.out.timers.get('probe') ?? 0
  bench.advanceTo(at)
  const ping = bench.out.messages().find((message): message is Ping => message.type === 'ping')
  if (ping === undefined) throw new Error('nobody was probed')
  return { ping, at }
}

const ack = (seq: number) => ({ type: 'ack', seq, payload: NO_BYTES }) as const
const nack = (seq: number) => ({ type: 'nack', seq }) as const

const requests = (bench: Bench) =>
  bench.out
    .messages()
    .filter((message): message is IndirectPing => message.type === 'indirect-ping')

describe('a probe', () => {
  test('names its target, and us as its source', () => {
    const { ping } = probe(new Bench().know('b'))
    expect(ping).toMatchObject({
      node: 'b',
      sourceNode: 'a',
      sourceAddress: addressOf('a'),
      sourcePort: PORT,
    })
  })

  test('that is answered makes us healthier and measures the way', () => {
    const bench = new Bench().know('b').hear(suspect('a', 1, 'b'))
    expect(bench.swim.healthScore).toBe(1)
    const { ping, at } = probe(bench)
    bench.now = at + 24
    bench.hear(ack(ping.seq))
    expect(bench.swim.healthScore).toBe(0)
    expect(bench.swim.member('b')?.rttMs).toBe(24)
    const second = probe(bench)
    bench.now = second.at + 32
    bench.hear(ack(second.ping.seq))
    // Smoothed: 24 + (32 − 24) / 8.
    expect(bench.swim.member('b')?.rttMs).toBe(25)
    expect(second.ping.seq).not.toBe(ping.seq)
  })

  test('goes around all members, and never to ourselves, the dead or the left', () => {
    const bench = new Bench()
      .know('b', 'c', 'd', 'e')
      .hear(dead('d', 1, 'b'))
      .hear(dead('e', 1, 'e'))
    const probed: string[] = []
    for (let turn = 0; turn < 20; turn++) {
      const { ping } = probe(bench)
      bench.hear(ack(ping.seq))
      probed.push(ping.node)
    }
    expect(new Set(probed)).toEqual(new Set(['b', 'c']))
    for (let turn = 2; turn < 20; turn++) {
      // Round robin: nobody waits for more than two rounds.
      expect(new Set(probed.slice(turn - 2, turn + 1)).size).toBe(2)
    }
  })

  test('that began late is judged at its deadline, and not at the tick after it', () => {
    const bench = new Bench().know('b')
    bench.advanceTo((bench.out.timers.get('probe') ?? 0) - 1)
    // Timers of real programs come a little late, now more and now less.
    const beganAt = (bench.out.timers.get('probe') ?? 0) + 3
    bench.now = beganAt
    bench.out.timers.delete('probe')
    bench.swim.fire('probe', beganAt, bench.out)
    bench.advanceTo(beganAt + 999)
    expect(bench.state('b')).toBe('alive')
    bench.advanceTo(beganAt + 1_000)
    expect(bench.state('b')).toBe('suspect')
  })

  test('without anybody to probe asks nobody', () => {
    const bench = new Bench().advanceTo(20_000)
    expect(bench.out.messages()).toEqual([])
  })

  test('that gets no answer asks others with the same number, and tries a stream', () => {
    const bench = new Bench().know('b', 'c', 'd', 'e', 'f')
    const { ping, at } = probe(bench)
    bench.advanceTo(at + 499)
    expect(requests(bench)).toEqual([])
    bench.advanceTo(at + 500)
    const asked = requests(bench)
    expect(asked).toHaveLength(3)
    for (const request of asked) {
      expect(request).toMatchObject({ seq: ping.seq, node: ping.node, nack: true, port: PORT })
      expect(request.target).toEqual(addressOf(ping.node))
    }
    const helpers = bench.out.sent.flatMap((sent) =>
      sent.type === 'packet' && sent.messages[0]?.type === 'indirect-ping' ? [sent.to.host] : [],
    )
    expect(new Set(helpers).size).toBe(3)
    expect(helpers).not.toContain(placeOf(ping.node).host)
    expect(bench.out.sent).toContainEqual({
      type: 'stream-ping',
      to: placeOf(ping.node),
      node: ping.node,
      seq: ping.seq,
      deadline: at + 1000,
    })
  })

  test('asks old peers for no nack and tries no stream to them', () => {
    const old = { versions: Uint8Array.of(1, 2, 2, 0, 0, 0) }
    const bench = new Bench()
      .hear(alive('b', 1, old))
      .hear(alive('c', 1, old))
      .settle()
    const { at } = probe(bench)
    bench.advanceTo(at + 500)
    expect(requests(bench)).toMatchObject([{ nack: false }])
    expect(bench.out.sent.some((sent) => sent.type === 'stream-ping')).toBe(false)
  })

  test('that is answered late, by any way, is answered; the round trip is not measured', () => {
    const bench = new Bench().know('b', 'c')
    const { ping, at } = probe(bench)
    bench.advanceTo(at + 900)
    bench.hear(ack(ping.seq))
    bench.advanceTo(at + 1_000)
    expect(bench.state(ping.node)).toBe('alive')
    expect(bench.swim.member(ping.node)?.rttMs).toBeUndefined()
  })

  test('that stays unanswered makes a suspect at the deadline', () => {
    const bench = new Bench().know('b')
    const { at } = probe(bench)
    bench.advanceTo(at + 999)
    expect(bench.state('b')).toBe('alive')
    bench.advanceTo(at + 1_000)
    expect(bench.events('suspect')).toMatchObject([{ from: 'a', member: { name: 'b' } }])
  })

  test('answered with a foreign number is not answered', () => {
    const bench = new Bench().know('b')
    const { ping, at } = probe(bench)
    bench.hear(ack(ping.seq + 1))
    bench.advanceTo(at + 1_000)
    expect(bench.state('b')).toBe('suspect')
  })

  test('does not accuse who refuted meanwhile', () => {
    const bench = new Bench().know('b')
    const { at } = probe(bench)
    bench.hear(alive('b', 2)).advanceTo(at + 1_000)
    expect(bench.state('b')).toBe('alive')
  })

  test('of a suspect tells it the accusation in the same packet', () => {
    const bench = new Bench().know('b').hear(suspect('b', 1, 'c'))
    bench.settle()
    const { ping } = probe(bench)
    expect(bench.out.sent).toContainEqual({
      type: 'packet',
      to: placeOf('b'),
      messages: [ping, suspect('b', 1, 'a')],
    })
  })

  test('takes longer when we are sick', () => {
    const bench = new Bench().know('b')
    for (const incarnation of [1, 2]) bench.hear(suspect('a', incarnation, 'b'))
    expect(bench.swim.healthScore).toBe(2)
    const { at } = probe(bench)
    bench.advanceTo(at + 2_999)
    expect(bench.state('b')).toBe('alive')
    bench.advanceTo(at + 3_000)
    expect(bench.state('b')).toBe('suspect')
  })
})

describe('our health after a failed probe', () => {
  const fail = (nacks: number, versions = Uint8Array.of(1, 5, 2, 0, 0, 0)) => {
    const bench = new Bench()
    for (const name of ['b', 'c', 'd', 'e', 'f']) bench.hear(alive(name, 1, { versions }))
    bench.settle()
    const { ping, at } = probe(bench)
    bench.advanceTo(at + 600)
    for (let index = 0; index < nacks; index++) bench.hear(nack(ping.seq))
    bench.advanceTo(at + 1_000)
    return bench.swim.healthScore
  }

  test.each([
    [3, 0],
    [2, 1],
    [1, 2],
    [0, 3],
    [5, 0],
  ])('with %i of 3 nacks falls by %i', (nacks, score) => {
    expect(fail(nacks)).toBe(score)
  })

  test('falls by 1 when nobody owes a nack', () => {
    expect(fail(0, Uint8Array.of(1, 3, 2, 0, 0, 0))).toBe(1)
  })
})

describe('a ping', () => {
  const ping = (node: string, more: Partial<Ping> = {}): Ping => ({
    type: 'ping',
    seq: 9,
    node,
    ...more,
  })

  test('for us, or for whoever, is answered where it came from', () => {
    for (const node of ['a', '']) {
      const bench = new Bench().hear(ping(node), placeOf('x'))
      expect(bench.out.sent[0]).toMatchObject({ to: placeOf('x'), messages: [ack(9), {}] })
    }
  })

  test('is answered at the source that it names', () => {
    const bench = new Bench().hear(ping('a', { sourceAddress: addressOf('q'), sourcePort: 77 }))
    expect(bench.out.sent[0]).toMatchObject({ to: { host: placeOf('q').host, port: 77 } })
  })

  test('with half a source is answered where it came from', () => {
    for (const more of [
      { sourceAddress: addressOf('q') },
      { sourcePort: 77 },
      { sourceAddress: addressOf('q'), sourcePort: 0 },
      { sourceAddress: NO_BYTES, sourcePort: 77 },
    ]) {
      const bench = new Bench().hear(ping('a', more), placeOf('x'))
      expect(bench.out.sent[0]).toMatchObject({ to: placeOf('x') })
    }
  })

  test('for somebody else is not', () => {
    expect(new Bench().hear(ping('b')).out.sent).toEqual([])
  })
})

describe('a request to ping another', () => {
  const request = (seq: number, wantsNack: boolean): IndirectPing => ({
    type: 'indirect-ping',
    seq,
    target: addressOf('t'),
    port: PORT,
    node: 't',
    nack: wantsNack,
    sourceAddress: addressOf('q'),
    sourcePort: PORT,
    sourceNode: 'q',
  })

  const relayed = (bench: Bench): Ping => {
    const ping = bench.out.messages().find((message): message is Ping => message.type === 'ping')
    if (ping === undefined) throw new Error('nothing was relayed')
    return ping
  }

  test('is carried out with our own number and source', () => {
    const bench = new Bench().settle().hear(request(5, true))
    expect(bench.out.sent[0]).toMatchObject({ to: placeOf('t') })
    expect(relayed(bench)).toMatchObject({ node: 't', sourceNode: 'a' })
    expect(relayed(bench).seq).not.toBe(5)
  })

  test('is answered with the number of the asker, without payload', () => {
    const bench = new Bench().hear(request(5, true))
    const { seq } = relayed(bench)
    bench.out.clear()
    bench.hear({ type: 'ack', seq, payload: Uint8Array.of(1) })
    expect(bench.out.sent[0]).toMatchObject({ to: placeOf('q') })
    expect(bench.out.messages()[0]).toEqual(ack(5))
    // Once.
    bench.out.clear()
    bench.hear(ack(seq)).advanceTo(5_000)
    expect(bench.out.messages()).toEqual([])
  })

  test.each([
    [true, 1],
    [false, 0],
  ])('that nobody answers in time is told with a nack if wanted: %s', (wanted, count) => {
    const bench = new Bench().hear(request(5, wanted))
    const { seq } = relayed(bench)
    bench.out.clear()
    bench.advanceTo(500)
    expect(bench.out.messages().filter((message) => message.type === 'nack')).toHaveLength(count)
    bench.out.clear()
    bench.hear(ack(seq))
    expect(bench.out.messages()).toEqual([])
  })

  test('is told "not yet" before its time is over, and may still be answered', () => {
    const bench = new Bench().hear(request(5, true))
    const { seq } = relayed(bench)
    bench.out.clear()
    bench.advanceTo(399)
    expect(bench.out.messages()).toEqual([])
    bench.advanceTo(400)
    expect(bench.out.messages()[0]).toEqual({ type: 'nack', seq: 5 })
    bench.advanceTo(499).out.clear()
    bench.hear(ack(seq))
    expect(bench.out.messages()[0]).toEqual(ack(5))
  })

  test('to nowhere is dropped', () => {
    const bench = new Bench().hear({ ...request(5, true), target: NO_BYTES })
    expect(bench.out.sent).toEqual([])
  })

  test('is dropped one past the limit', () => {
    const bench = new Bench()
    for (let seq = 0; seq < RELAYS_MAX; seq++) bench.hear(request(seq, true))
    expect(bench.out.sent).toHaveLength(RELAYS_MAX)
    bench.hear(request(RELAYS_MAX, true))
    expect(bench.out.sent).toHaveLength(RELAYS_MAX)
  })
})

describe('a process that was not running', () => {
  test('accuses nobody for a probe that it slept through', () => {
    const bench = new Bench().know('b')
    const { at } = probe(bench)
    bench.out.timers.delete('probe-timeout')
    bench.swim.fire('probe', at + 9_000, bench.out)
    expect(bench.state('b')).toBe('alive')
    expect(bench.swim.healthScore).toBe(7)
  })

  test('lets a suspect live a little longer', () => {
    const bench = new Bench().know('b').hear(suspect('b', 1, 'c'))
    const deadline = bench.out.timers.get('suspicion:b') ?? 0
    bench.swim.fire('suspicion:b', deadline + 60_000, bench.out)
    expect(bench.state('b')).toBe('suspect')
    expect(bench.out.timers.get('suspicion:b')).toBe(deadline + 64_000)
    bench.swim.fire('suspicion:b', deadline + 64_000, bench.out)
    expect(bench.state('b')).toBe('dead')
  })

  test('counts one sleep once', () => {
    const config = swimConfig('lan', { awarenessMaxMultiplier: 64 })
    const bench = new Bench({ config }).know('b', 'c')
    const { at } = probe(bench)
    bench.swim.fire('probe-timeout', at + 10_500, bench.out)
    expect(bench.swim.healthScore).toBe(10)
    bench.swim.fire('probe', at + 10_500, bench.out)
    expect(bench.swim.healthScore).toBe(10)
  })

  test('for less than a probe takes means nothing', () => {
    const bench = new Bench().know('b')
    bench.swim.lag(500, 10_000, bench.out)
    expect(bench.swim.healthScore).toBe(0)
    bench.swim.lag(501, 10_000, bench.out)
    expect(bench.swim.healthScore).toBe(1)
  })
})
