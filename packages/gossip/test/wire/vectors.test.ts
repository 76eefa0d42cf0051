import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/core/messages.ts'
import { aesGcm } from '../../src/net/aes-gcm.ts'
import { compress, decompress } from '../../src/wire/compression.ts'
import { crc32 } from '../../src/wire/crc32.ts'
import { openEnvelope, sealEnvelope } from '../../src/wire/encryption.ts'
import { Keyring } from '../../src/wire/keyring.ts'
import { deflate } from '../../src/wire/lzw.ts'
import { encodeMessage, messageSize } from '../../src/wire/message-codec.ts'
import { decodePacket, encodePacket } from '../../src/wire/packet.ts'
import { NEED_MORE } from '../../src/wire/stream-body.ts'
import { StreamDecoder } from '../../src/wire/stream-decoder.ts'
import {
  encodeStream,
  encodeStreamBody,
  type StreamMessage,
} from '../../src/wire/stream-message.ts'
import type { WireContext } from '../../src/wire/wire-context.ts'
import { hex, toHex, wireContext } from './bytes.ts'

/** Bytes in full, or of long ones the beginning and the CRC-32 of the whole. */
interface HexValue {
  readonly $hex?: string
  readonly $hex_prefix?: string
  readonly crc32?: string
}
type FieldValue = string | number | boolean | null | HexValue
type Fields = Readonly<Record<string, FieldValue>>

interface Layer {
  readonly layer: 'label' | 'encryptFrame' | 'encrypt' | 'crc' | 'compress'
  readonly crc32?: string
  readonly label?: string
  readonly nonce?: string
  readonly aad?: string
  readonly plaintext?: string
  readonly version?: 0 | 1
  readonly keyIndex?: number
  readonly recompresses?: boolean
  readonly lzw?: HexValue
}

interface Expected {
  readonly type: string
  readonly reencodes?: boolean
  readonly fields?: Fields
  readonly payload?: HexValue
  readonly header?: {
    readonly Join: boolean
    readonly Nodes: number
    readonly UserStateLen: number
  }
  readonly nodes?: readonly Fields[]
  readonly userState?: { readonly payload: HexValue }
  readonly parts?: readonly (Expected & { readonly raw: string })[]
  readonly message?: Expected
  readonly compress?: { readonly lzw: HexValue; readonly recompresses: boolean }
}

interface Vector {
  readonly name: string
  readonly transport: 'udp' | 'tcp'
  readonly hex: string
  readonly half?: 'client->server' | 'server->client'
  readonly tcp_segments?: readonly number[]
  readonly keys?: readonly string[]
  readonly label?: string
  readonly layers: readonly Layer[]
  readonly message: Expected
}

const folder = new URL('../vectors/', import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith('.json'))

function load(file: string): readonly Vector[] {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
}

const layerOf = (vector: Vector, layer: Layer['layer']) =>
  vector.layers.find((candidate) => candidate.layer === layer)

function contextOf(vector: Vector): WireContext {
  const envelope = layerOf(vector, 'encrypt')
  return wireContext({
    label: new TextEncoder().encode(vector.label ?? ''),
    keyring: new Keyring((vector.keys ?? []).map((key) => Buffer.from(key, 'base64'))),
    encryptionVersion: envelope?.version ?? 1,
    nonce: () => hex(envelope?.nonce ?? ''),
    compression: vector.layers.some(({ layer }) => layer === 'compress'),
  })
}

const bytesOf = (value: FieldValue | undefined) =>
  typeof value === 'object' && value !== null ? (value.$hex ?? '') : ''

/** Payloads may be long: then the vector has their beginning and checksum. */
function expectBytes(bytes: Uint8Array, value: HexValue | undefined): void {
  if (value?.crc32 === undefined) expect(toHex(bytes)).toBe(bytesOf(value))
  else {
    expect(toHex(bytes)).toMatch(new RegExp(`^${value.$hex_prefix}`))
    expect(crc32(bytes).toString(16).padStart(8, '0')).toBe(value.crc32)
  }
}

/** The wire fields of a decoded message, in the vector's spelling: absent and nil are both empty. */
function wireFields(message: Message | StreamMessage): Record<string, unknown> {
  switch (message.type) {
    case 'ping':
      return { Node: message.node, SeqNo: message.seq, ...sourceFields(message) }
    case 'indirect-ping':
      return {
        Nack: message.nack,
        Node: message.node,
        Port: message.port,
        SeqNo: message.seq,
        Target: toHex(message.target),
        ...sourceFields(message),
      }
    case 'ack':
      return { Payload: toHex(message.payload), SeqNo: message.seq }
    case 'nack':
      return { SeqNo: message.seq }
    case 'suspect':
    case 'dead':
      return { From: message.from, Incarnation: message.incarnation, Node: message.node }
    case 'alive':
      return {
        Addr: toHex(message.address),
        Incarnation: message.incarnation,
        Meta: toHex(message.meta),
        Node: message.node,
        Port: message.port,
        Vsn: toHex(message.versions),
      }
    case 'error':
      return { Error: message.text }
    case 'user':
    case 'push-pull':
      return {}
  }
}

interface Source {
  readonly sourceAddress?: Uint8Array
  readonly sourceNode?: string
  readonly sourcePort?: number
}

function sourceFields(message: Source): Record<string, unknown> {
  return {
    ...(message.sourceAddress && { SourceAddr: toHex(message.sourceAddress) }),
    ...(message.sourceNode !== undefined && { SourceNode: message.sourceNode }),
    ...(message.sourcePort !== undefined && { SourcePort: message.sourcePort }),
  }
}

const BYTE_FIELDS = new Set(['Addr', 'Meta', 'Payload', 'SourceAddr', 'Target', 'Vsn'])

function expectedFields(expected: Expected): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(expected.fields ?? {}).map(([name, value]) => [
      name,
      BYTE_FIELDS.has(name) ? bytesOf(value) : value,
    ]),
  )
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  ackResp: 'ack',
  nackResp: 'nack',
  indirectPing: 'indirect-ping',
  pushPull: 'push-pull',
  err: 'error',
}

function expectMessage(message: Message | StreamMessage, expected: Expected): void {
  expect(message.type).toBe(TYPE_NAMES[expected.type] ?? expected.type)
  expect(wireFields(message)).toEqual(expectedFields(expected))
  if (message.type === 'user') expectBytes(message.payload, expected.payload)
}

/** Messages of a packet, compounds and compressed commands taken apart. */
function leaves(expected: Expected): readonly Expected[] {
  if (expected.message !== undefined) return leaves(expected.message)
  return expected.parts?.flatMap(leaves) ?? [expected]
}

const STATES = ['alive', 'suspect', 'dead', 'left']

function expectExchange(message: StreamMessage, expected: Expected): void {
  if (message.type !== 'push-pull') throw new Error(`got ${message.type}`)
  expect(message.refusedCount).toBe(0)
  expect(message.state.join).toBe(expected.header?.Join)
  expectBytes(message.state.userState, expected.userState?.payload)
  expect(message.state.nodes).toHaveLength(expected.nodes?.length ?? 0)
  message.state.nodes.forEach((node, index) => {
    const row = expected.nodes?.[index]
    expect({
      ...node,
      address: toHex(node.address),
      meta: toHex(node.meta),
      versions: toHex(node.versions),
    }).toEqual({
      name: row?.['Name'],
      address: bytesOf(row?.['Addr']),
      port: row?.['Port'],
      meta: bytesOf(row?.['Meta']),
      incarnation: row?.['Incarnation'],
      state: STATES[Number(row?.['State'])],
      versions: bytesOf(row?.['Vsn']),
    })
  })
}

function decodeStream(vector: Vector, chunks: readonly Uint8Array[]): StreamMessage {
  const role = vector.half === 'server->client' ? 'dialer' : 'acceptor'
  const decoder = new StreamDecoder(contextOf(vector), role)
  for (const chunk of chunks) {
    decoder.push(chunk)
    const message = decoder.next()
    if (message !== NEED_MORE) return message
  }
  throw new Error('the stream ended inside its message')
}

const segments = (bytes: Uint8Array, lengths: readonly number[]) => {
  let at = 0
  return lengths.map((length) => {
    at += length
    return bytes.subarray(at - length, at)
  })
}

/** What wraps the last layer: the bytes that the message's own encoding has to equal. */
function innermost(vector: Vector): Uint8Array {
  const packed = layerOf(vector, 'compress') ?? layerOf(vector, 'encrypt')
  if (packed?.plaintext !== undefined) {
    const crc = layerOf(vector, 'crc')
    return hex(packed.plaintext).subarray(packed.layer === 'encrypt' && crc ? 5 : 0)
  }
  const label = layerOf(vector, 'label') ? 2 + (vector.label ?? '').length : 0
  return hex(vector.hex).subarray(label + (layerOf(vector, 'crc') ? 5 : 0))
}

describe.each(files)('packets of real programs in %s', (file) => {
  const vectors = load(file)
  const datagrams = vectors.filter(({ transport }) => transport === 'udp')
  const streams = vectors.filter(({ transport }) => transport === 'tcp')
  // Some files hold only datagrams, and then there is nothing to say about streams.
  const datagramsTest = datagrams.length > 0 ? it : () => undefined
  const streamsTest = streams.length > 0 ? it : () => undefined

  datagramsTest('decode to the fields that the program sent', () => {
    for (const vector of datagrams) {
      const { messages, faults } = decodePacket(hex(vector.hex), contextOf(vector))
      expect(faults, vector.name).toEqual([])
      const expected = leaves(vector.message)
      expect(messages, vector.name).toHaveLength(expected.length)
      messages.forEach((message, index) => {
        const leaf = expected[index]
        if (leaf !== undefined) expectMessage(message, leaf)
      })
    }
  })

  datagramsTest('are the packets that we would send ourselves', () => {
    for (const vector of datagrams) {
      const context = contextOf(vector)
      const { messages } = decodePacket(hex(vector.hex), context)
      const isSame = leaves(vector.message).every(({ reencodes }) => reencodes !== false)
      const isCompressed = vector.message.compress !== undefined
      const again = encodePacket(
        messages,
        { ...context, compression: isCompressed },
        {
          crc: layerOf(vector, 'crc') !== undefined,
        },
      )
      if (isSame) expect(toHex(again), vector.name).toBe(vector.hex)
      else expect(decodePacket(again, context).messages).toEqual(messages)
      for (const message of messages) {
        expect(messageSize(message)).toBe(encodeMessage(message).length)
      }
    }
  })

  streamsTest('decode from the segments that came over the wire', () => {
    for (const vector of streams) {
      const bytes = hex(vector.hex)
      for (const chunks of [[bytes], segments(bytes, vector.tcp_segments ?? [bytes.length])]) {
        const message = decodeStream(vector, chunks)
        if (message.type === 'push-pull') expectExchange(message, vector.message)
        else expectMessage(message, vector.message)
      }
    }
  })

  streamsTest('are the streams that we would send ourselves', () => {
    for (const vector of streams) {
      const bytes = hex(vector.hex)
      const message = decodeStream(vector, [bytes])
      if (vector.message.reencodes === false) continue
      expect(toHex(encodeStreamBody(message)), vector.name).toBe(toHex(innermost(vector)))
      const isCompressed = layerOf(vector, 'compress') !== undefined
      const labelBytes = layerOf(vector, 'label') ? 2 + (vector.label ?? '').length : 0
      const again = encodeStream(message, contextOf(vector))
      // We compress only what becomes smaller by it; Go compresses every stream.
      if (isCompressed && again.length !== bytes.length) continue
      expect(toHex(again), vector.name).toBe(toHex(bytes.subarray(labelBytes)))
    }
  })

  it('are wrapped and unwrapped layer by layer to the same bytes', () => {
    for (const vector of vectors) {
      for (const layer of vector.layers) checkLayer(vector, layer)
      const packed = vector.message.compress
      if (packed?.recompresses === true)
        expectRecompression(hex(packed.lzw.$hex ?? ''), vector.name)
    }
  })
})

function checkLayer(vector: Vector, layer: Layer): void {
  if (layer.layer === 'encrypt') {
    const keys = (vector.keys ?? []).map((key) => Uint8Array.from(Buffer.from(key, 'base64')))
    const key = keys[layer.keyIndex ?? 0] ?? new Uint8Array(0)
    const nonce = hex(layer.nonce ?? '')
    const plain = hex(layer.plaintext ?? '')
    const aad = hex(layer.aad ?? '')
    const sealed = sealEnvelope(aesGcm, layer.version ?? 1, key, nonce, plain, aad)
    expect(vector.hex.endsWith(toHex(sealed)), vector.name).toBe(true)
    expect(toHex(openEnvelope(aesGcm, keys, sealed, aad))).toBe(layer.plaintext)
  }
  if (layer.layer === 'crc' && layerOf(vector, 'encrypt') === undefined) {
    const label = layerOf(vector, 'label') ? 2 + (vector.label ?? '').length : 0
    const sum = crc32(hex(vector.hex), label + 5)
    expect(sum.toString(16).padStart(8, '0'), vector.name).toBe(layer.crc32)
  }
  if (layer.layer === 'compress' && layer.recompresses === true) {
    const packed = compress(hex(layer.plaintext ?? ''))
    expect(toHex(decompress(packed, 1, packed.length, 1 << 20))).toBe(layer.plaintext)
    expect(toHex(packed)).toContain(bytesOf(layer.lzw))
  }
}

function expectRecompression(lzw: Uint8Array, name: string): void {
  const packed = hex(
    `0982a4416c676f00a3427566da${lzw.length.toString(16).padStart(4, '0')}${toHex(lzw)}`,
  )
  expect(toHex(deflate(decompress(packed, 1, packed.length, 1 << 20))), name).toBe(toHex(lzw))
}
