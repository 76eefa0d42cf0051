import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/core/messages.ts'
import { encodeCompound } from '../../src/wire/compound.ts'
import { compress } from '../../src/wire/compression.ts'
import { WireError } from '../../src/wire/errors.ts'
import { Keyring } from '../../src/wire/keyring.ts'
import {
  NESTING_DEPTH_MAX,
  PACKET_COMMANDS_MAX,
  PACKET_FAULTS_MAX,
  PACKET_INFLATED_BYTES_MAX,
} from '../../src/wire/limits.ts'
import { decodeMessage, encodeMessage, messageSize } from '../../src/wire/message-codec.ts'
import { decodePacket, encodePacket, packetOverhead } from '../../src/wire/packet.ts'
import type { WireContext } from '../../src/wire/wire-context.ts'
import { hex, wireContext } from './bytes.ts'
import { messages } from './messages-arbitrary.ts'

const nack = (seq: number): Message => ({ type: 'nack', seq })
const codes = (packet: Uint8Array, context: WireContext = wireContext()) =>
  decodePacket(packet, context).faults.map(({ code }) => code)
const label = new TextEncoder().encode('blue')
const key = new Uint8Array(16).fill(7)

const contexts: fc.Arbitrary<WireContext> = fc
  .record({
    label: fc.uint8Array({ maxLength: 255 }),
    keyring: fc
      .subarray([16, 24, 32], { minLength: 0, maxLength: 1 })
      .map((sizes) => new Keyring(sizes.map((size) => new Uint8Array(size).fill(3)))),
    encryptionVersion: fc.constantFrom(0 as const, 1 as const),
    compression: fc.boolean(),
  })
  .map(wireContext)

describe('packets', () => {
  it('decode to what was encoded, through every layer', () => {
    fc.assert(
      fc.property(
        fc.array(messages, { minLength: 1, maxLength: 127 }),
        contexts,
        fc.boolean(),
        (sent, context, crc) => {
          const packet = encodePacket(sent, context, { crc })
          const { messages: received, faults } = decodePacket(packet, context)
          expect(faults).toEqual([])
          expect(received).toEqual(sent)
          const plain = sent.reduce((sum, message) => sum + 2 + messageSize(message), 0)
          expect(packet.length).toBeLessThanOrEqual(plain + packetOverhead(context))
        },
      ),
    )
  })

  it('messages measure what they encode to', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message)
        expect(messageSize(message)).toBe(bytes.length)
        expect(decodeMessage(bytes)).toEqual(message)
      }),
    )
  })

  it('bytes at random bring faults, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), contexts, (bytes, context) => {
        const { faults } = decodePacket(bytes, context)
        for (const fault of faults) expect(fault).toBeInstanceOf(WireError)
      }),
      { numRuns: 500 },
    )
  })

  it('a changed byte brings another message or a fault, never an exception', () => {
    fc.assert(
      fc.property(
        fc.array(messages, { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (sent, compression, position, flip) => {
          const context = wireContext({ compression })
          const packet = encodePacket(sent, context)
          const at = position % packet.length
          packet[at] = (packet[at] ?? 0) ^ flip
          const { faults } = decodePacket(packet, context)
          for (const fault of faults) expect(fault).toBeInstanceOf(WireError)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('every truncation brings faults, never an exception', () => {
    const packet = encodePacket([nack(1), nack(2)], wireContext({ label }), { crc: true })
    for (let end = 0; end < packet.length; end += 1) {
      expect(codes(packet.subarray(0, end), wireContext({ label }))).not.toEqual([])
    }
  })

  it('kept fields are copies, so that a packet buffer can be used again', () => {
    // Sockets deliver Buffers, whose `slice` is a view and not a copy.
    const packet = Buffer.from(encodePacket([{ type: 'user', payload: label }], wireContext()))
    const { messages: received } = decodePacket(packet, wireContext())
    packet.fill(0)
    expect(received).toEqual([{ type: 'user', payload: label }])
  })

  it('127 messages go into one packet and 128 are refused', () => {
    const many = Array.from({ length: 128 }, (_, seq) => nack(seq))
    expect(
      decodePacket(encodePacket(many.slice(1), wireContext()), wireContext()).messages,
    ).toHaveLength(127)
    expect(() => encodePacket(many, wireContext())).toThrow(WireError)
  })

  it('compounds of up to 255 parts are understood', () => {
    const part = encodeMessage(nack(1))
    const lengths = Array.from({ length: 255 }, () => [0, part.length]).flat()
    const packet = Uint8Array.of(
      7,
      255,
      ...lengths,
      ...Array.from({ length: 255 }, () => [...part]).flat(),
    )
    expect(decodePacket(packet, wireContext()).messages).toHaveLength(255)
  })

  it('a cut compound gives its complete parts and counts the lost ones', () => {
    const packet = encodePacket([nack(1), nack(2), nack(3)], wireContext())
    const { messages: received, faults } = decodePacket(packet.subarray(0, -10), wireContext())
    expect(received).toEqual([nack(1)])
    expect(faults.map(({ code, details }) => [code, details['partsLost']])).toEqual([
      ['WIRE_TRUNCATED', 2],
    ])
  })

  it('a short table of lengths drops the whole compound', () => {
    expect(codes(hex('07 03 0009 0009'))).toEqual(['WIRE_TRUNCATED'])
    expect(codes(hex('07'))).toEqual(['WIRE_TRUNCATED'])
  })

  it('an empty compound, part or packet does no harm', () => {
    expect(decodePacket(hex('07 00'), wireContext())).toMatchObject({ messages: [], faults: [] })
    expect(codes(hex('07 01 0000'))).toEqual(['WIRE_TRUNCATED'])
    expect(codes(new Uint8Array(0))).toEqual(['WIRE_TRUNCATED'])
  })

  it('a bad part does not spoil its neighbours', () => {
    const parts = [encodeMessage(nack(1)), hex('04 80'), hex('63'), encodeMessage(nack(2))]
    const { messages: received, faults } = decodePacket(encodeCompound(parts), wireContext())
    expect(received).toEqual([nack(1), nack(2)])
    expect(faults.map(({ code }) => code)).toEqual(['WIRE_NAME', 'WIRE_TYPE_UNKNOWN'])
  })

  it('after the sixteenth bad part the rest of a packet is not looked at', () => {
    const bad = Array.from({ length: PACKET_FAULTS_MAX }, () => hex('63'))
    const good = encodeMessage(nack(1))
    const atLimit = encodeCompound([...bad.slice(1), good])
    expect(decodePacket(atLimit, wireContext()).messages).toHaveLength(1)
    const beyond = decodePacket(encodeCompound([...bad, good]), wireContext())
    expect([beyond.messages.length, beyond.faults.length]).toEqual([0, PACKET_FAULTS_MAX])
  })

  it('commands in one packet are bounded, however they are packed', () => {
    const inner = encodeCompound(Array.from({ length: 100 }, () => encodeMessage(nack(1))))
    const packed = encodeCompound(Array.from({ length: 11 }, () => inner))
    const { messages: received, faults } = decodePacket(packed, wireContext())
    // The outer compound and eleven inner ones count as well.
    expect(received).toHaveLength(PACKET_COMMANDS_MAX - 12)
    expect(faults.every(({ code }) => code === 'WIRE_LENGTH_EXCEEDED')).toBe(true)
  })

  it('compressed and compound parts nest as deep as the limit, not deeper', () => {
    let command = encodeMessage(nack(1))
    for (let depth = 0; depth < NESTING_DEPTH_MAX; depth += 1) {
      command = depth % 2 === 0 ? encodeCompound([command]) : compress(command)
    }
    expect(decodePacket(command, wireContext()).messages).toEqual([nack(1)])
    expect(codes(compress(command))).toEqual(['WIRE_DEPTH_EXCEEDED'])
  })

  it('compressed parts of one packet share one bound', () => {
    const user = (bytes: number) =>
      compress(encodeMessage({ type: 'user', payload: new Uint8Array(bytes) }))
    expect(codes(user(PACKET_INFLATED_BYTES_MAX - 1))).toEqual([])
    expect(codes(user(PACKET_INFLATED_BYTES_MAX))).toEqual(['WIRE_LENGTH_EXCEEDED'])
    const half = user(PACKET_INFLATED_BYTES_MAX / 2)
    expect(codes(encodeCompound([half, half]))).toEqual(['WIRE_LENGTH_EXCEEDED'])
  })

  it('a checksum is looked for only outside and has to match', () => {
    const packet = encodePacket([nack(2)], wireContext(), { crc: true })
    expect(codes(encodeCompound([packet]))).toEqual(['WIRE_TYPE_UNKNOWN'])
    packet[1] = (packet[1] ?? 0) ^ 1
    expect(codes(packet)).toEqual(['WIRE_CRC'])
  })

  it('labels match exactly on both sides', () => {
    const plain = encodePacket([nack(1)], wireContext())
    const labelled = encodePacket([nack(1)], wireContext({ label }))
    expect(codes(plain, wireContext({ label }))).toEqual(['WIRE_LABEL'])
    expect(codes(labelled)).toEqual(['WIRE_LABEL'])
    expect(codes(hex('f4 00 0b'))).toEqual(['WIRE_LABEL'])
    expect(codes(hex('f4 05 626c'), wireContext({ label }))).toEqual(['WIRE_LABEL'])
    const longest = new Uint8Array(255).fill(65)
    expect(
      codes(
        encodePacket([nack(1)], wireContext({ label: longest })),
        wireContext({ label: longest }),
      ),
    ).toEqual([])
    expect(() => encodePacket([nack(1)], wireContext({ label: new Uint8Array(256) }))).toThrow(
      WireError,
    )
  })

  it('what no key opens is dropped, or read as plain text where that is allowed', () => {
    const plain = encodePacket([nack(1)], wireContext())
    const keyed = wireContext({ keyring: new Keyring([key]) })
    expect(codes(plain, keyed)).toEqual(['WIRE_ENCRYPTION'])
    const lenient = wireContext({ keyring: new Keyring([key]), verifyIncoming: false })
    expect(decodePacket(plain, lenient).messages).toEqual([nack(1)])
    expect(decodePacket(encodePacket([nack(1)], keyed), lenient).messages).toEqual([nack(1)])
    const silent = wireContext({ keyring: new Keyring([key]), verifyOutgoing: false })
    expect(encodePacket([nack(1)], silent)).toEqual(plain)
  })

  it('a key, a label or a byte of another cluster does not open a packet', () => {
    const sealed = encodePacket([nack(1)], wireContext({ keyring: new Keyring([key]) }))
    const other = new Keyring([new Uint8Array(16).fill(8)])
    expect(codes(sealed, wireContext({ keyring: other }))).toEqual(['WIRE_ENCRYPTION'])
    other.install(key)
    expect(codes(sealed, wireContext({ keyring: other }))).toEqual([])
    for (let end = 0; end < sealed.length; end += 1) {
      expect(codes(sealed.subarray(0, end), wireContext({ keyring: other }))).toEqual([
        'WIRE_ENCRYPTION',
      ])
    }
  })
})

describe('messages that peers must not rely on', () => {
  const alive = {
    type: 'alive',
    incarnation: 1,
    node: 'a',
    port: 1,
    meta: new Uint8Array(0),
  } as const
  const code = (message: Message) => codes(encodeMessage(message))[0]

  it('alives without six versions, a usable address or a name are refused', () => {
    const address = hex('7f000001')
    const versions = hex('010502000000')
    expect(code({ ...alive, address, versions })).toBeUndefined()
    expect(code({ ...alive, address, versions: versions.subarray(0, 3) })).toBe('WIRE_VERSIONS')
    expect(code({ ...alive, address, versions: new Uint8Array(7) })).toBe('WIRE_LENGTH_EXCEEDED')
    expect(code({ ...alive, address: new Uint8Array(5), versions })).toBe('WIRE_ADDRESS')
    expect(code({ ...alive, address: new Uint8Array(17), versions })).toBe('WIRE_LENGTH_EXCEEDED')
    expect(code({ ...alive, address, versions, node: '' })).toBe('WIRE_NAME')
  })

  it('names of 512 bytes and metadata of 512 bytes are accepted, one more is refused', () => {
    const row = { ...alive, address: hex('7f000001'), versions: hex('010502000000') }
    expect(code({ ...row, node: 'n'.repeat(512), meta: new Uint8Array(512) })).toBeUndefined()
    expect(code({ ...row, node: 'n'.repeat(513) })).toBe('WIRE_LENGTH_EXCEEDED')
    expect(code({ ...row, meta: new Uint8Array(513) })).toBe('WIRE_LENGTH_EXCEEDED')
  })

  it('unknown keys are skipped, missing ones are zero, the last of two wins, the order is free', () => {
    expect(decodeMessage(hex('0b 80'))).toEqual(nack(0))
    expect(
      decodeMessage(
        hex('0b 83 a1c37a 91c0 a55365714e6f 01 a55365714e6f 02'.replace('a1c37a', 'a17a')),
      ),
    ).toEqual(nack(2))
    expect(decodeMessage(hex('02 82 a55365714e6f 01 a75061796c6f6164 c0 ffff'))).toMatchObject({
      seq: 1,
    })
  })
})
