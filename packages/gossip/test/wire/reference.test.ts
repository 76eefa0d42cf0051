import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/core/messages.ts'
import { aesGcm } from '../../src/net/aes-gcm.ts'
import { compress } from '../../src/wire/compression.ts'
import { openEnvelope, sealEnvelope } from '../../src/wire/encryption.ts'
import { Keyring } from '../../src/wire/keyring.ts'
import { deflate, inflate } from '../../src/wire/lzw.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.ts'
import { decodePacket, encodePacket } from '../../src/wire/packet.ts'
import { encodeJoinIntent, encodeLeaveIntent } from '../../src/wire/serf.ts'
import { encodeStream, encodeStreamBody } from '../../src/wire/stream-message.ts'
import { encodeTags } from '../../src/wire/tags.ts'
import { hex, toHex, wireContext } from './bytes.ts'

const address = hex('7f000001')
const versions = hex('010502000000')
const none = new Uint8Array(0)
const source = { sourceAddress: address, sourcePort: 7946, sourceNode: 'a' }
const text = (value: string) => new TextEncoder().encode(value)

const NACK = '0b 81 a55365714e6f 02'
const nack: Message = { type: 'nack', seq: 2 }
const ACK = '02 82 a75061796c6f6164 c0 a55365714e6f 01'
const ack: Message = { type: 'ack', seq: 1, payload: none }

const EXAMPLES: readonly (readonly [string, Message])[] = [
  [
    `00 85 a44e6f6465 a162 a55365714e6f 01 aa536f7572636541646472 a47f000001
     aa536f757263654e6f6465 a161 aa536f75726365506f7274 cd1f0a`,
    { type: 'ping', seq: 1, node: 'b', ...source },
  ],
  ['00 82 a44e6f6465 a162 a55365714e6f 01', { type: 'ping', seq: 1, node: 'b' }],
  [
    `01 88 a44e61636b c3 a44e6f6465 a163 a4506f7274 cd1f0a a55365714e6f 02
     aa536f7572636541646472 a47f000001 aa536f757263654e6f6465 a161 aa536f75726365506f7274 cd1f0a
     a6546172676574 a47f000001`,
    {
      type: 'indirect-ping',
      seq: 2,
      node: 'c',
      nack: true,
      port: 7946,
      target: address,
      ...source,
    },
  ],
  [ACK, ack],
  ['02 82 a75061796c6f6164 a26869 a55365714e6f 01', { type: 'ack', seq: 1, payload: text('hi') }],
  [NACK, nack],
  [
    '03 83 a446726f6d a161 ab496e6361726e6174696f6e 03 a44e6f6465 a162',
    { type: 'suspect', incarnation: 3, node: 'b', from: 'a' },
  ],
  [
    '05 83 a446726f6d a161 ab496e6361726e6174696f6e 03 a44e6f6465 a162',
    { type: 'dead', incarnation: 3, node: 'b', from: 'a' },
  ],
  [
    `04 86 a441646472 a47f000001 ab496e6361726e6174696f6e 01 a44d657461 c0 a44e6f6465 a161
     a4506f7274 cd1f0a a356736e a6010502000000`,
    { type: 'alive', incarnation: 1, node: 'a', address, port: 7946, meta: none, versions },
  ],
  ['08 68656c6c6f', { type: 'user', payload: text('hello') }],
]

describe('the examples of the wire reference', () => {
  it.each(EXAMPLES)('%s is the message, both ways', (bytes, message) => {
    expect(toHex(encodeMessage(message))).toBe(toHex(hex(bytes)))
    expect(decodeMessage(hex(bytes))).toEqual(message)
  })

  it('long names and metadata take the 16-bit raw header, incarnations the smallest integer', () => {
    const bytes = toHex(
      encodeMessage({
        type: 'alive',
        incarnation: 70_000,
        node: 'n'.repeat(45),
        address,
        port: 7946,
        meta: new Uint8Array(300),
        versions,
      }),
    )
    expect(bytes).toContain(`da002d${toHex(text('n'.repeat(45)))}`)
    expect(bytes).toContain('da012c0000')
    expect(bytes).toContain('ce00011170')
  })

  it('stream messages have their own heads', () => {
    expect(toHex(encodeStreamBody({ type: 'error', text: 'bad' }))).toBe('0d81a54572726f72a3626164')
    expect(toHex(encodeStreamBody({ type: 'user', payload: text('hello') }))).toBe(
      '0881aa557365724d73674c656e0568656c6c6f',
    )
    const row = { name: 'a', address, port: 7946, meta: none, incarnation: 1, versions }
    const state = { join: true, nodes: [{ ...row, state: 'alive' as const }], userState: none }
    expect(toHex(encodeStreamBody({ type: 'push-pull', state }))).toBe(
      toHex(
        hex(`06 83 a44a6f696e c3 a54e6f646573 01 ac5573657253746174654c656e 00
          87 a441646472 a47f000001 ab496e6361726e6174696f6e 01 a44d657461 c0 a44e616d65 a161
          a4506f7274 cd1f0a a55374617465 00 a356736e a6010502000000`),
      ),
    )
    const peek = { join: false, nodes: [], userState: none }
    expect(toHex(encodeStreamBody({ type: 'push-pull', state: peek }))).toBe(
      '0683a44a6f696ec2a54e6f64657300ac5573657253746174654c656e00',
    )
  })

  it('a compound has a count, a table of lengths and its parts', () => {
    const packet = encodePacket([nack, ack], wireContext())
    expect(toHex(packet)).toBe(toHex(hex(`07 02 0009 0012 ${NACK} ${ACK}`)))
    expect(decodePacket(packet, wireContext()).messages).toEqual([nack, ack])
  })

  it('a checksummed packet starts with the CRC of the rest', () => {
    expect(toHex(encodePacket([nack], wireContext(), { crc: true }))).toBe(
      toHex(hex(`0c 907a00ed ${NACK}`)),
    )
  })

  it.each([
    ['', '000302'],
    ['a', '00c30404'],
    ['aaaaaaa', '00c3081c182620'],
    ['hello hello hello hello', '00d19461c3e60d0881040d222c787060c180'],
  ])('LZW of %j is what Go writes', (plain, packed) => {
    expect(toHex(deflate(text(plain)))).toBe(packed)
    expect(inflate(hex(packed), 100)).toEqual(text(plain))
  })

  it('LZW of long inputs has the length and digest of what Go writes', () => {
    const digest = (bytes: Uint8Array) =>
      createHash('sha256').update(bytes).digest('hex').slice(0, 16)
    let state = 1
    const noise = Uint8Array.from({ length: 9_000 }, () => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state & 0xff
    })
    const inputs: readonly (readonly [Uint8Array, number, string])[] = [
      [new Uint8Array(10_000), 161, '6af7b38bfe94d919'],
      [Uint8Array.from({ length: 20_000 }, (_, i) => (i * i) % 251), 4_219, 'ee07d223a9bf5a92'],
      [noise, 12_189, 'b416250296a17238'],
    ]
    for (const [plain, length, sha256] of inputs) {
      const packed = deflate(plain)
      expect([packed.length, digest(packed)]).toEqual([length, sha256])
      expect(inflate(packed, plain.length)).toEqual(plain)
    }
  })

  it('a compressed command is type, algorithm and data', () => {
    expect(toHex(compress(text('hello hello hello hello')))).toBe(
      '0982a4416c676f00a3427566b200d19461c3e60d0881040d222c787060c180',
    )
  })

  const key = hex('000102030405060708090a0b0c0d0e0f')
  const nonce = hex('a0a1a2a3a4a5a6a7a8a9aaab')
  const sealed = (version: 0 | 1, aad: string) =>
    toHex(sealEnvelope(aesGcm, version, key, nonce, hex(NACK), text(aad)))

  it.each([
    [1, '', `01${toHex(nonce)}a1079de81bf87d65886390f97e71409a7a50d349ae43ea5f62`],
    [0, '', `00${toHex(nonce)}a1079de81bf87d65887fb2074115b76789a79a116aa1bb83e7d9529eea9b6c7c`],
    [1, 'lab', `01${toHex(nonce)}a1079de81bf87d658813107890b7d895a0e1b8087ea85f0261`],
  ] as const)('encryption version %i with label %j', (version, label, bytes) => {
    expect(sealed(version, label)).toBe(bytes)
    expect(toHex(openEnvelope(aesGcm, [key], hex(bytes), text(label)))).toBe(toHex(hex(NACK)))
  })

  it.each([
    ['', '8cae554245c87eaa8ad29a4f633ab49f'],
    ['lab', '0fd6ca9f21603baafc96945924db7281'],
  ])('an encrypted stream frame authenticates its header and the label %j', (label, tag) => {
    const plain = hex(NACK)
    const header = hex('0a00000026')
    const aad = Uint8Array.of(...header, ...text(label))
    const frame = toHex(header) + toHex(sealEnvelope(aesGcm, 1, key, nonce, plain, aad))
    expect(frame).toBe(`0a0000002601${toHex(nonce)}a1079de81bf87d6588${tag}`)
  })

  it('a stream with a key goes out in such a frame', () => {
    const context = wireContext({ keyring: new Keyring([key]), nonce: () => nonce })
    const frame = encodeStream({ type: 'ack', seq: 1, payload: none }, context)
    expect(toHex(frame.subarray(0, 18))).toBe(`0a0000002f01${toHex(nonce)}`)
  })

  it('tags and Serf intents are what Serf writes', () => {
    expect(toHex(encodeTags({ role: 'web', dc: 'x' }))).toBe('ff82a26463a178a4726f6c65a3776562')
    expect(toHex(encodeTags({}))).toBe('ff80')
    expect(toHex(encodeLeaveIntent('us', 7n))).toBe(
      '0083a54c54696d6507a44e6f6465a27573a55072756e65c2',
    )
    expect(toHex(encodeJoinIntent('us', 7n))).toBe('0182a54c54696d6507a44e6f6465a27573')
  })
})
