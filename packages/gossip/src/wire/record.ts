import { WireError } from './errors.ts'
import { MAP_VALUES_MAX } from './limits.ts'
import { EMPTY, MsgpackReader } from './msgpack-reader.ts'
import type { ScanLimits } from './msgpack-scan.ts'
import { type MsgpackWriter, runSize, uintSize } from './msgpack-writer.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'

interface Rule {
  readonly kind: 'string' | 'bytes' | 'uint' | 'bool'
  /** Bytes of a string or byte run; the largest value of a number. */
  readonly max: number
  /** The key is absent when the value is zero. */
  readonly omit?: true
}

/** Field rules by wire name, in the order in which they are written. */
export type Schema = Readonly<Record<string, Rule>>

interface KindTypes {
  readonly string: string
  readonly bytes: Uint8Array
  readonly uint: number
  readonly bool: boolean
}

/** The values that a schema describes. */
export type RecordOf<S extends Schema> = { -readonly [F in keyof S]: KindTypes[S[F]['kind']] }

type Value = string | Uint8Array | number | boolean

interface Field {
  readonly name: string
  /** The key with its fixstr header, ready to be copied. */
  readonly header: Uint8Array
  readonly key: Uint8Array
  readonly rule: Rule
}

const SKIP: ScanLimits = { valuesMax: MAP_VALUES_MAX, bytesMax: Number.MAX_SAFE_INTEGER }

/** Reads and writes one message struct; both directions follow the same table. */
export interface RecordCodec<S extends Schema> {
  size(values: RecordOf<S>): number
  write(values: RecordOf<S>, writer: MsgpackWriter): void
  read(reader: MsgpackReader): RecordOf<S>
}

/** Compiles a schema. Keys are at most 31 ASCII characters. */
export function record<S extends Schema>(schema: S): RecordCodec<S> {
  const fields = Object.entries(schema).map(([name, rule]) => compile(name, rule))
  const zero = Object.fromEntries(fields.map(({ name, rule }) => [name, zeroOf(rule)]))
  return {
    size: (values) => sizeOf(fields, values),
    write: (values, writer) => writeFields(fields, values, writer),
    // The values of a record are exactly those of its schema: `zero` has every field, `readFields` only overwrites.
    read: (reader) => readFields(fields, { ...zero }, reader) as RecordOf<S>,
  }
}

function compile(name: string, rule: Rule): Field {
  const header = new Uint8Array(1 + name.length)
  header[0] = 0xa0 | name.length
  writeUtf8(name, header, 1)
  return { name, header, key: header.subarray(1), rule }
}

function zeroOf(rule: Rule): Value {
  switch (rule.kind) {
    case 'string':
      return ''
    case 'bytes':
      return EMPTY
    case 'uint':
      return 0
    case 'bool':
      return false
  }
}

function isZero(value: Value | undefined): boolean {
  return value instanceof Uint8Array ? value.length === 0 : !value
}

function sizeOf(fields: readonly Field[], values: Readonly<Record<string, Value>>): number {
  let size = 1
  for (const { name, header, rule } of fields) {
    const value = values[name]
    if (rule.omit === true && isZero(value)) continue
    size += header.length + valueSize(value)
  }
  return size
}

function valueSize(value: Value | undefined): number {
  if (typeof value === 'string') return runSize(utf8Length(value))
  if (typeof value === 'number') return uintSize(value)
  return value instanceof Uint8Array && value.length > 0 ? runSize(value.length) : 1
}

function writeFields(
  fields: readonly Field[],
  values: Readonly<Record<string, Value>>,
  writer: MsgpackWriter,
): void {
  let length = 0
  for (const { name, rule } of fields) {
    if (rule.omit !== true || !isZero(values[name])) length += 1
  }
  writer.mapHeader(length)
  for (const { name, header, rule } of fields) {
    const value = values[name]
    if (rule.omit === true && isZero(value)) continue
    writer.copy(header)
    if (typeof value === 'string') writer.string(value)
    else if (typeof value === 'number') writer.uint(value)
    else if (typeof value === 'boolean') writer.bool(value)
    else writer.run(value ?? EMPTY)
  }
}

function readFields(
  fields: readonly Field[],
  values: Record<string, Value>,
  reader: MsgpackReader,
): Record<string, Value> {
  const length = reader.readMapLength()
  if (length > MAP_VALUES_MAX) throw new WireError('WIRE_LENGTH_EXCEEDED', { entries: length })
  // Peers write the fields in our order, so the next field is nearly always the next key.
  let expected = 0
  for (let entry = 0; entry < length; entry += 1) {
    const from = reader.takeKey()
    const index = findField(fields, expected, reader, from)
    const field = fields[index]
    if (field === undefined) reader.skip(SKIP)
    else {
      values[field.name] = readValue(field.rule, reader)
      expected = index + 1
    }
  }
  return values
}

/** The index of the field whose key was just read, searching from `expected` and around; −1 when unknown. */
function findField(
  fields: readonly Field[],
  expected: number,
  reader: MsgpackReader,
  from: number,
): number {
  for (let step = 0; step < fields.length; step += 1) {
    const index = (expected + step) % fields.length
    const field = fields[index]
    if (field !== undefined && reader.isKey(from, field.key)) return index
  }
  return -1
}

function readValue(rule: Rule, reader: MsgpackReader): Value {
  switch (rule.kind) {
    case 'string':
      return reader.readString(rule.max)
    case 'bytes':
      return reader.readBytes(rule.max)
    case 'uint':
      return reader.readUint(rule.max)
    case 'bool':
      return reader.readBool()
  }
}

/** Reads one whole record at `from`; bytes behind it are ignored, as Go ignores them. */
export function readRecord<S extends Schema>(
  codec: RecordCodec<S>,
  bytes: Uint8Array,
  from: number,
  end: number,
): RecordOf<S> {
  return codec.read(new MsgpackReader(bytes, from, end))
}
