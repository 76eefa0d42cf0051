import { readU16, writeU16 } from './byte-order.ts'
import { encodeFrame, FRAME_HEADER_BYTES, FRAME_KINDS } from './frame.ts'
import { decodeInstance, encodeInstance, isInstance } from './instance.ts'
import {
  CLUSTER_BYTES_MAX,
  FIELD_KEY_BYTES_MAX,
  FIELD_VALUE_BYTES_MAX,
  FIELDS_MAX,
  INSTANCE_LENGTH,
  NAME_BYTES_MAX,
  PREHELLO_BYTES_MAX,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
} from './limits.ts'
import { PeerError } from './peer-error.ts'
import { decodeStrict, encodeText } from './text.ts'

// "RWP1" │ u16 protocolMin │ u16 protocolMax │ { u8 tag │ u16 length │ value }…
//
// Only the first eight bytes are fixed for ever: two releases without a common version can still tell each other so. Tags that
// this release does not know are skipped, and `fields` are the application's: neighbouring releases talk.

/** What each side says first. */
export interface Hello {
  readonly protocolMin: number
  readonly protocolMax: number
  readonly cluster: string
  readonly name: string
  /** 16 hexadecimal digits, drawn at each start of the process. */
  readonly instance: string
  /** Whom the dialer wants to reach; the accepting side sends none. */
  readonly targetName?: string
  readonly targetInstance?: string
  /** The application's own; unknown keys are its business. */
  readonly fields: Readonly<Record<string, string>>
}

/** The range of versions that a side speaks. */
export interface ProtocolRange {
  readonly protocolMin: number
  readonly protocolMax: number
}

const MAGIC = [0x52, 0x57, 0x50, 0x31] as const
const RANGE_BYTES = 8
const TAG_HEADER_BYTES = 3
const TAGS = {
  cluster: 1,
  name: 2,
  instance: 3,
  targetName: 4,
  targetInstance: 5,
  field: 6,
} as const

interface Part {
  readonly tag: number
  readonly value: Uint8Array
}

const textPart = (tag: number, what: string, text: string, bytesMax: number): Part => {
  const value = encodeText(text)
  if (value.length === 0 || value.length > bytesMax) throw outOfRange(what, value.length, bytesMax)
  return { tag, value }
}

const outOfRange = (what: string, bytes: number, bytesMax: number): PeerError =>
  new PeerError('OPTIONS_INVALID', `${what} takes ${bytes} bytes; 1 to ${bytesMax} are allowed`, {
    what,
    bytes,
    bytesMax,
  })

const instancePart = (tag: number, instance: string): Part => {
  if (!isInstance(instance))
    throw new PeerError(
      'OPTIONS_INVALID',
      `instance ${JSON.stringify(instance)} is not 16 lower-case hexadecimal digits`,
    )
  return { tag, value: encodeInstance(instance) }
}

const fieldPart = (key: string, value: string): Part => {
  const keyBytes = encodeText(key)
  const valueBytes = encodeText(value)
  if (keyBytes.length === 0 || keyBytes.length > FIELD_KEY_BYTES_MAX)
    throw outOfRange(`the key of field ${key}`, keyBytes.length, FIELD_KEY_BYTES_MAX)
  if (valueBytes.length > FIELD_VALUE_BYTES_MAX)
    throw outOfRange(`field ${key}`, valueBytes.length, FIELD_VALUE_BYTES_MAX)
  const part = new Uint8Array(1 + keyBytes.length + valueBytes.length)
  part[0] = keyBytes.length
  part.set(keyBytes, 1)
  part.set(valueBytes, 1 + keyBytes.length)
  return { tag: TAGS.field, value: part }
}

const partsOf = (hello: Hello): Part[] => {
  const parts = [
    textPart(TAGS.cluster, 'cluster', hello.cluster, CLUSTER_BYTES_MAX),
    textPart(TAGS.name, 'name', hello.name, NAME_BYTES_MAX),
    instancePart(TAGS.instance, hello.instance),
  ]
  if (hello.targetName !== undefined)
    parts.push(textPart(TAGS.targetName, 'target name', hello.targetName, NAME_BYTES_MAX))
  if (hello.targetInstance !== undefined)
    parts.push(instancePart(TAGS.targetInstance, hello.targetInstance))
  const fields = Object.entries(hello.fields)
  if (fields.length > FIELDS_MAX)
    throw new PeerError(
      'OPTIONS_INVALID',
      `${fields.length} fields; at most ${FIELDS_MAX} are allowed`,
    )
  for (const [key, value] of fields) parts.push(fieldPart(key, value))
  return parts
}

/**
 * The hello frame.
 * @throws PeerError `OPTIONS_INVALID` when a text, the number of fields, or the whole is above its limit.
 */
export const encodeHello = (hello: Hello): Uint8Array => {
  const parts = partsOf(hello)
  const size = parts.reduce((sum, part) => sum + TAG_HEADER_BYTES + part.value.length, RANGE_BYTES)
  if (size + FRAME_HEADER_BYTES > PREHELLO_BYTES_MAX)
    throw outOfRange('the hello with its fields', size + FRAME_HEADER_BYTES, PREHELLO_BYTES_MAX)
  const payload = new Uint8Array(size)
  payload.set(MAGIC)
  writeU16(payload, 4, hello.protocolMin)
  writeU16(payload, 6, hello.protocolMax)
  let at = RANGE_BYTES
  for (const { tag, value } of parts) {
    payload[at] = tag
    writeU16(payload, at + 1, value.length)
    payload.set(value, at + TAG_HEADER_BYTES)
    at += TAG_HEADER_BYTES + value.length
  }
  return encodeFrame(FRAME_KINDS.hello, payload)
}

const invalid = (what: string): PeerError => new PeerError('HELLO_INVALID', `the hello ${what}`)

/**
 * The part of a hello that every release can read.
 * @throws PeerError `HELLO_INVALID` when it does not start as a hello does.
 */
export const decodeProtocolRange = (body: Uint8Array): ProtocolRange => {
  if (body.length < RANGE_BYTES || MAGIC.some((byte, i) => body[i] !== byte))
    throw invalid('does not start with RWP1')
  const range = { protocolMin: readU16(body, 4), protocolMax: readU16(body, 6) }
  if (range.protocolMin > range.protocolMax) throw invalid('holds an empty protocol range')
  return range
}

/** The highest version that both sides speak. */
export const commonProtocol = (theirs: ProtocolRange): number | undefined => {
  const version = Math.min(PROTOCOL_MAX, theirs.protocolMax)
  return version >= Math.max(PROTOCOL_MIN, theirs.protocolMin) ? version : undefined
}

/**
 * Reads the payload of a hello frame.
 * @throws PeerError `HELLO_INVALID`, and nothing else, whatever the bytes are.
 */
export const decodeHello = (body: Uint8Array): Hello => {
  const range = decodeProtocolRange(body)
  const once = new Map<number, Uint8Array>()
  const fields = new Map<string, string>()
  let at = RANGE_BYTES
  while (at < body.length) {
    const valueAt = at + TAG_HEADER_BYTES
    if (valueAt > body.length) throw invalid('ends inside a part')
    const tag = body[at] ?? 0
    at = valueAt + readU16(body, at + 1)
    if (at > body.length) throw invalid('ends inside a part')
    const value = body.subarray(valueAt, at)
    if (tag === TAGS.field) readField(value, fields)
    else if (once.has(tag)) throw invalid(`says part ${tag} twice`)
    else once.set(tag, value)
  }
  const targetName = once.get(TAGS.targetName)
  const targetInstance = once.get(TAGS.targetInstance)
  return {
    ...range,
    cluster: readText(once.get(TAGS.cluster), 'cluster', CLUSTER_BYTES_MAX),
    name: readText(once.get(TAGS.name), 'name', NAME_BYTES_MAX),
    instance: readInstance(once.get(TAGS.instance), 'instance'),
    ...(targetName && { targetName: readText(targetName, 'target name', NAME_BYTES_MAX) }),
    ...(targetInstance && { targetInstance: readInstance(targetInstance, 'target instance') }),
    fields: Object.fromEntries(fields),
  }
}

const readField = (value: Uint8Array, fields: Map<string, string>): void => {
  const keyEnd = 1 + (value[0] ?? 0)
  if (keyEnd === 1 || keyEnd > value.length || keyEnd - 1 > FIELD_KEY_BYTES_MAX)
    throw invalid('holds a field without a right key')
  if (value.length - keyEnd > FIELD_VALUE_BYTES_MAX) throw invalid('holds a field that is too long')
  const key = decodeStrict(value.subarray(1, keyEnd))
  if (fields.has(key)) throw invalid(`says field ${key} twice`)
  if (fields.size === FIELDS_MAX) throw invalid(`holds more than ${FIELDS_MAX} fields`)
  fields.set(key, decodeStrict(value.subarray(keyEnd)))
}

const readText = (value: Uint8Array | undefined, what: string, bytesMax: number): string => {
  if (value === undefined || value.length === 0) throw invalid(`says no ${what}`)
  if (value.length > bytesMax) throw invalid(`says a ${what} of more than ${bytesMax} bytes`)
  return decodeStrict(value)
}

const readInstance = (value: Uint8Array | undefined, what: string): string => {
  if (value?.length !== INSTANCE_LENGTH / 2) throw invalid(`says no right ${what}`)
  return decodeInstance(value)
}
