import type { Message, NodeState, RemoteState } from '../core/messages.ts'
import { copyBytes } from './copy-bytes.ts'
import { WireError } from './errors.ts'
import {
  ACK_PAYLOAD_BYTES_MAX,
  ERROR_TEXT_BYTES_MAX,
  META_BYTES_MAX,
  NAME_BYTES_MAX,
  STATE_ROWS_MAX,
  USER_MESSAGE_BYTES_MAX,
  USER_STATE_BYTES_MAX,
  VERSIONS_BYTES,
} from './limits.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { type RecordCodec, type RecordOf, readRecord, record, type Schema } from './record.ts'

/** First byte of a command or stream message. */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  crc: 12,
  error: 13,
  label: 244,
} as const

const name = { kind: 'string', max: NAME_BYTES_MAX } as const
const u32 = { kind: 'uint', max: 0xffff_ffff } as const
const u16 = { kind: 'uint', max: 0xffff } as const
const address = { kind: 'bytes', max: 16 } as const
const meta = { kind: 'bytes', max: META_BYTES_MAX } as const
const versions = { kind: 'bytes', max: VERSIONS_BYTES } as const
const source = {
  SourceAddr: { ...address, omit: true },
  SourceNode: { ...name, omit: true },
  SourcePort: { ...u16, omit: true },
} as const

const PING = record({ Node: name, SeqNo: u32, ...source })
const INDIRECT_PING = record({
  Nack: { kind: 'bool', max: 1 },
  Node: name,
  Port: u16,
  SeqNo: u32,
  ...source,
  Target: address,
})
const ACK = record({ Payload: { kind: 'bytes', max: ACK_PAYLOAD_BYTES_MAX }, SeqNo: u32 })
const NACK = record({ SeqNo: u32 })
/** Suspect and dead have one shape. */
const ACCUSATION = record({ From: name, Incarnation: u32, Node: name })
const ALIVE = record({
  Addr: address,
  Incarnation: u32,
  Meta: meta,
  Node: name,
  Port: u16,
  Vsn: versions,
})
const STATE_ROW = record({
  Addr: address,
  Incarnation: u32,
  Meta: meta,
  Name: name,
  Port: u16,
  State: { kind: 'uint', max: 255 },
  Vsn: versions,
})
const USER_HEADER = record({ UserMsgLen: { kind: 'uint', max: USER_MESSAGE_BYTES_MAX } })
const STATE_HEADER = record({
  Join: { kind: 'bool', max: 1 },
  Nodes: { kind: 'uint', max: STATE_ROWS_MAX },
  UserStateLen: { kind: 'uint', max: USER_STATE_BYTES_MAX },
})
const ERROR = record({ Error: { kind: 'string', max: ERROR_TEXT_BYTES_MAX } })

export const STATE_HEADER_CODEC = STATE_HEADER
export const STATE_ROW_CODEC = STATE_ROW
export const USER_HEADER_CODEC = USER_HEADER
export const ERROR_CODEC = ERROR

/** Numbers of the `State` field, by index. */
const REMOTE_STATES: readonly RemoteState[] = ['alive', 'suspect', 'dead', 'left']

/** Bytes that `encodeMessage` returns, without encoding. O(length of the strings). */
export function messageSize(message: Message): number {
  if (message.type === 'user') return 1 + message.payload.length
  return withRecord(message, (codec, values) => 1 + codec.size(values))
}

/** One command with its type byte, byte for byte what Go's memberlist writes. */
export function encodeMessage(message: Message): Uint8Array {
  if (message.type === 'user') {
    const bytes = new Uint8Array(1 + message.payload.length)
    bytes[0] = MESSAGE_TYPE.user
    bytes.set(message.payload, 1)
    return bytes
  }
  return withRecord(message, (codec, values) => encodeRecord(typeByte(message.type), codec, values))
}

/** A type byte and one record. */
export function encodeRecord<S extends Schema>(
  type: number,
  codec: RecordCodec<S>,
  values: RecordOf<S>,
): Uint8Array {
  const writer = new MsgpackWriter(1 + codec.size(values))
  writer.byte(type)
  codec.write(values, writer)
  return writer.bytes
}

function typeByte(type: Exclude<Message['type'], 'user'>): number {
  return type === 'indirect-ping' ? MESSAGE_TYPE.indirectPing : MESSAGE_TYPE[type]
}

type Visit<R> = <S extends Schema>(codec: RecordCodec<S>, values: RecordOf<S>) => R

function withRecord<R>(message: Exclude<Message, { type: 'user' }>, visit: Visit<R>): R {
  switch (message.type) {
    case 'ping':
      return visit(PING, { Node: message.node, SeqNo: message.seq, ...sourceFields(message) })
    case 'indirect-ping':
      return visit(INDIRECT_PING, {
        Nack: message.nack,
        Node: message.node,
        Port: message.port,
        SeqNo: message.seq,
        ...sourceFields(message),
        Target: message.target,
      })
    case 'ack':
      return visit(ACK, { Payload: message.payload, SeqNo: message.seq })
    case 'nack':
      return visit(NACK, { SeqNo: message.seq })
    case 'suspect':
    case 'dead':
      return visit(ACCUSATION, {
        From: message.from,
        Incarnation: message.incarnation,
        Node: message.node,
      })
    case 'alive':
      return visit(ALIVE, {
        Addr: message.address,
        Incarnation: message.incarnation,
        Meta: message.meta,
        Node: message.node,
        Port: message.port,
        Vsn: message.versions,
      })
  }
}

interface Source {
  readonly sourceAddress?: Uint8Array
  readonly sourceNode?: string
  readonly sourcePort?: number
}

const NO_BYTES = new Uint8Array(0)

function sourceFields(message: Source) {
  return {
    SourceAddr: message.sourceAddress ?? NO_BYTES,
    SourceNode: message.sourceNode ?? '',
    SourcePort: message.sourcePort ?? 0,
  }
}

function sourceOf(values: {
  SourceAddr: Uint8Array
  SourceNode: string
  SourcePort: number
}): Source {
  return {
    ...(values.SourceAddr.length > 0 && { sourceAddress: values.SourceAddr }),
    ...(values.SourceNode !== '' && { sourceNode: values.SourceNode }),
    ...(values.SourcePort !== 0 && { sourcePort: values.SourcePort }),
  }
}

/**
 * Decodes one command in `bytes[from, end)`; its first byte is the type.
 * Everything that is kept is copied out of `bytes`.
 *
 * @throws WireError when the bytes break the format, a limit, or what memberlist's peers may rely on:
 * an alive needs a name, an address of 4 or 16 bytes and versions of 6.
 */
export function decodeMessage(bytes: Uint8Array, from = 0, end = bytes.length): Message {
  const type = bytes[from]
  const body = from + 1
  switch (from < end ? type : undefined) {
    case MESSAGE_TYPE.ping: {
      const values = readRecord(PING, bytes, body, end)
      checkSource(values.SourceAddr)
      return { type: 'ping', seq: values.SeqNo, node: values.Node, ...sourceOf(values) }
    }
    case MESSAGE_TYPE.indirectPing: {
      const values = readRecord(INDIRECT_PING, bytes, body, end)
      checkAddress(values.Target)
      checkSource(values.SourceAddr)
      const { SeqNo: seq, Target: target, Port: port, Node: node, Nack: nack } = values
      return { type: 'indirect-ping', seq, target, port, node, nack, ...sourceOf(values) }
    }
    case MESSAGE_TYPE.ack: {
      const values = readRecord(ACK, bytes, body, end)
      return { type: 'ack', seq: values.SeqNo, payload: values.Payload }
    }
    case MESSAGE_TYPE.nack:
      return { type: 'nack', seq: readRecord(NACK, bytes, body, end).SeqNo }
    case MESSAGE_TYPE.suspect:
      return { type: 'suspect', ...readAccusation(bytes, body, end) }
    case MESSAGE_TYPE.dead:
      return { type: 'dead', ...readAccusation(bytes, body, end) }
    case MESSAGE_TYPE.alive:
      return readAlive(bytes, body, end)
    case MESSAGE_TYPE.user:
      return { type: 'user', payload: copyBytes(bytes, body, end) }
    case undefined:
      throw new WireError('WIRE_TRUNCATED')
    default:
      throw new WireError('WIRE_TYPE_UNKNOWN', { type })
  }
}

function readAccusation(bytes: Uint8Array, from: number, end: number) {
  const values = readRecord(ACCUSATION, bytes, from, end)
  if (values.Node === '') throw new WireError('WIRE_NAME')
  return { incarnation: values.Incarnation, node: values.Node, from: values.From }
}

function readAlive(bytes: Uint8Array, from: number, end: number): Message {
  const values = readRecord(ALIVE, bytes, from, end)
  checkMember(values.Node, values.Addr, values.Vsn)
  return {
    type: 'alive',
    incarnation: values.Incarnation,
    node: values.Node,
    address: values.Addr,
    port: values.Port,
    meta: values.Meta,
    versions: values.Vsn,
  }
}

/** One row of a push/pull; throws as `decodeMessage` does for an alive. */
export function decodeStateRow(bytes: Uint8Array, from: number, end: number): NodeState {
  const values = readRecord(STATE_ROW, bytes, from, end)
  checkMember(values.Name, values.Addr, values.Vsn)
  const state = REMOTE_STATES[values.State]
  if (state === undefined) throw new WireError('WIRE_FIELD', { State: values.State })
  return {
    name: values.Name,
    address: values.Addr,
    port: values.Port,
    meta: values.Meta,
    incarnation: values.Incarnation,
    state,
    versions: values.Vsn,
  }
}

/** The wire fields of a push/pull row. */
export function stateRowFields(row: NodeState) {
  return {
    Addr: row.address,
    Incarnation: row.incarnation,
    Meta: row.meta,
    Name: row.name,
    Port: row.port,
    State: REMOTE_STATES.indexOf(row.state),
    Vsn: row.versions,
  }
}

function checkMember(node: string, addressBytes: Uint8Array, vsn: Uint8Array): void {
  if (node === '') throw new WireError('WIRE_NAME')
  checkAddress(addressBytes)
  if (vsn.length !== VERSIONS_BYTES) throw new WireError('WIRE_VERSIONS', { node, got: vsn.length })
}

function checkAddress({ length }: Uint8Array): void {
  if (length !== 4 && length !== 16) throw new WireError('WIRE_ADDRESS', { got: length })
}

function checkSource(addressBytes: Uint8Array): void {
  if (addressBytes.length > 0) checkAddress(addressBytes)
}
