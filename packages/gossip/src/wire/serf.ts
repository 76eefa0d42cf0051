import { WireError } from './errors.ts'
import { MAP_VALUES_MAX, NAME_BYTES_MAX, SERF_STATE_VALUES_MAX } from './limits.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import type { ScanLimits } from './msgpack-scan.ts'
import { MsgpackWriter, runSize, uint64Size } from './msgpack-writer.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'

/*
 * The few Serf messages that a member of a Serf cluster has to know: Serf shows a member as `left` only after
 * a leave intent, ordered by a Lamport time above all that it has seen. They are payloads of memberlist user
 * messages, except the state, which is the user state of a push/pull.
 */
const SERF_TYPE = { leave: 0, join: 1, state: 2 } as const

const LTIME = key('LTime')
const EVENT_LTIME = key('EventLTime')
const QUERY_LTIME = key('QueryLTime')
const NODE = key('Node')
const PRUNE = key('Prune')

const INTENT_LIMITS: ScanLimits = { valuesMax: MAP_VALUES_MAX, bytesMax: Number.MAX_SAFE_INTEGER }
const STATE_LIMITS: ScanLimits = {
  valuesMax: SERF_STATE_VALUES_MAX,
  bytesMax: Number.MAX_SAFE_INTEGER,
}

/** A Lamport time is an unsigned 64-bit number. */
export const LAMPORT_TIME_MAX = 0xffff_ffff_ffff_ffffn

export interface SerfIntent {
  readonly type: 'leave' | 'join'
  readonly lTime: bigint
  readonly node: string
}

/** The Lamport clocks in a Serf agent's push/pull state. */
export interface SerfClocks {
  /** Of joins and leaves. */
  readonly lTime: bigint
  readonly eventLTime: bigint
  readonly queryLTime: bigint
}

/** Payload of a user message that says `node` is leaving on purpose. */
export function encodeLeaveIntent(node: string, lTime: bigint): Uint8Array {
  checkLTime(lTime)
  const size = 2 + intentSize(node, lTime) + PRUNE.header.length + 1
  const writer = startIntent(SERF_TYPE.leave, 3, size, node, lTime)
  writer.copy(PRUNE.header)
  writer.bool(false)
  return writer.bytes
}

/** Payload of a user message that says `node` has joined. */
export function encodeJoinIntent(node: string, lTime: bigint): Uint8Array {
  checkLTime(lTime)
  return startIntent(SERF_TYPE.join, 2, 2 + intentSize(node, lTime), node, lTime).bytes
}

function checkLTime(lTime: bigint): void {
  if (lTime < 0n || lTime > LAMPORT_TIME_MAX) {
    throw new WireError('WIRE_FIELD', { LTime: lTime, max: LAMPORT_TIME_MAX })
  }
}

function intentSize(node: string, lTime: bigint): number {
  return LTIME.header.length + uint64Size(lTime) + NODE.header.length + runSize(utf8Length(node))
}

function startIntent(
  type: number,
  fields: number,
  size: number,
  node: string,
  lTime: bigint,
): MsgpackWriter {
  const writer = new MsgpackWriter(size)
  writer.byte(type)
  writer.mapHeader(fields)
  writer.copy(LTIME.header)
  writer.uint64(lTime)
  writer.copy(NODE.header)
  writer.string(node)
  return writer
}

/** The intent in a user message's payload; undefined for every other message and for broken bytes. */
export function decodeSerfIntent(payload: Uint8Array): SerfIntent | undefined {
  const type = payload[0]
  if (type !== SERF_TYPE.leave && type !== SERF_TYPE.join) return undefined
  let lTime = 0n
  let node = ''
  const isRead = readMap(payload, INTENT_LIMITS, (reader, from) => {
    if (reader.isKey(from, LTIME.name)) lTime = reader.readUint64()
    else if (reader.isKey(from, NODE.name)) node = reader.readString(NAME_BYTES_MAX)
    else return false
    return true
  })
  if (!isRead) return undefined
  return { type: type === SERF_TYPE.leave ? 'leave' : 'join', lTime, node }
}

/** The clocks in the user state of a push/pull; undefined when it is not a Serf agent's or broken. */
export function decodeSerfClocks(userState: Uint8Array): SerfClocks | undefined {
  if (userState[0] !== SERF_TYPE.state) return undefined
  let lTime = 0n
  let eventLTime = 0n
  let queryLTime = 0n
  const isRead = readMap(userState, STATE_LIMITS, (reader, from) => {
    if (reader.isKey(from, LTIME.name)) lTime = reader.readUint64()
    else if (reader.isKey(from, EVENT_LTIME.name)) eventLTime = reader.readUint64()
    else if (reader.isKey(from, QUERY_LTIME.name)) queryLTime = reader.readUint64()
    else return false
    return true
  })
  return isRead ? { lTime, eventLTime, queryLTime } : undefined
}

/** Visits the fields of the map behind the type byte; those that `visit` does not read are skipped. */
function readMap(
  bytes: Uint8Array,
  limits: ScanLimits,
  visit: (reader: MsgpackReader, keyFrom: number) => boolean,
): boolean {
  try {
    const reader = new MsgpackReader(bytes, 1)
    const fields = reader.readMapLength()
    if (fields > MAP_VALUES_MAX) return false
    for (let left = fields; left > 0; left -= 1) {
      if (!visit(reader, reader.takeKey())) reader.skip(limits)
    }
    return true
  } catch (error) {
    if (error instanceof WireError) return false
    throw error
  }
}

interface Key {
  readonly header: Uint8Array
  readonly name: Uint8Array
}

function key(text: string): Key {
  const header = new Uint8Array(1 + text.length)
  header[0] = 0xa0 | text.length
  writeUtf8(text, header, 1)
  return { header, name: header.subarray(1) }
}
