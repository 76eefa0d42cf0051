import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePacket } from '../../src/wire/packet.ts'
import {
  decodeSerfClocks,
  decodeSerfIntent,
  encodeJoinIntent,
  encodeLeaveIntent,
  LAMPORT_TIME_MAX,
} from '../../src/wire/serf.ts'
import { NEED_MORE } from '../../src/wire/stream-body.ts'
import { StreamDecoder } from '../../src/wire/stream-decoder.ts'
import { hex, wireContext } from './bytes.ts'

interface Vector {
  readonly name: string
  readonly hex: string
}
const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/serf.json', import.meta.url), 'utf8'),
)
const packet = (name: string) => hex(vectors.find((vector) => vector.name === name)?.hex ?? '')

function payloads(name: string): Uint8Array[] {
  const { messages } = decodePacket(packet(name), wireContext())
  return messages.flatMap((message) => (message.type === 'user' ? [message.payload] : []))
}

describe('Serf intents', () => {
  it('of a real agent are read', () => {
    expect(payloads('serf-udp-user-join-intent').map(decodeSerfIntent)).toContainEqual({
      type: 'join',
      lTime: 1n,
      node: 'serf1',
    })
    const [leave] = payloads('serf-udp-user-leave-intent').map(decodeSerfIntent)
    expect(leave).toMatchObject({ type: 'leave', node: expect.stringContaining('serf') })
  })

  it('come back as they were, with every bit of the Lamport time', () => {
    const lTimes = fc.bigInt({ min: 0n, max: LAMPORT_TIME_MAX })
    fc.assert(
      fc.property(lTimes, fc.string({ unit: 'binary', maxLength: 40 }), (lTime, node) => {
        expect(decodeSerfIntent(encodeLeaveIntent(node, lTime))).toEqual({
          type: 'leave',
          lTime,
          node,
        })
        expect(decodeSerfIntent(encodeJoinIntent(node, lTime))).toEqual({
          type: 'join',
          lTime,
          node,
        })
      }),
    )
  })

  it('refuse a Lamport time that does not fit', () => {
    expect(() => encodeLeaveIntent('n', LAMPORT_TIME_MAX + 1n)).toThrow(/WIRE_FIELD/)
    expect(() => encodeLeaveIntent('n', -1n)).toThrow(/WIRE_FIELD/)
  })

  it('other messages and broken bytes are none', () => {
    for (const name of [
      'serf-udp-user-query',
      'serf-udp-user-query-response',
      'serf-udp-user-user-event',
    ]) {
      expect(payloads(name).map(decodeSerfIntent)).toEqual([undefined])
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        decodeSerfIntent(bytes)
        decodeSerfClocks(bytes)
        decodeSerfIntent(Uint8Array.of(0, ...bytes))
        decodeSerfClocks(Uint8Array.of(2, ...bytes))
      }),
    )
  })
})

describe('Serf push/pull state', () => {
  it('of a real agent gives its clocks, the rest is skipped', () => {
    for (const [name, role] of [
      ['serf-tcp-pushpull-join-request', 'acceptor'],
      ['serf-tcp-pushpull-join-response', 'dialer'],
    ] as const) {
      const decoder = new StreamDecoder(wireContext(), role)
      decoder.push(packet(name))
      const message = decoder.next()
      if (message === NEED_MORE || message.type !== 'push-pull') throw new Error('no exchange')
      const clocks = decodeSerfClocks(message.state.userState)
      expect(clocks?.lTime).toBeGreaterThanOrEqual(1n)
      expect(clocks?.eventLTime).toBeGreaterThanOrEqual(1n)
    }
  })

  it('of someone else is none', () => {
    expect(decodeSerfClocks(new Uint8Array(0))).toBeUndefined()
    expect(decodeSerfClocks(hex('0180'))).toBeUndefined()
    expect(decodeSerfClocks(hex('0283'))).toBeUndefined()
  })
})
