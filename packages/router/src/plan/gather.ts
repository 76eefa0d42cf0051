import { encodeError } from '../codec/resp/encode.ts'
import { ReplyScanner, SCANNED } from '../codec/resp/reply-scanner.ts'

/**
 * How replies of several backends become one. `in-order`: arrays with one element per key, put back in the client's order.
 * `sum`, `least` and `greatest`: integers. `least-each`: arrays of integers, element by element. `all-ok`: `+OK` when all are. `same`:
 * the first one, when none is an error. `any`: the first that is no error. `union`: the elements of all arrays, each once.
 * `sum-pairs`: arrays of names and integers, added up by name.
 */
export type GatherKind =
  | 'in-order'
  | 'sum'
  | 'least'
  | 'greatest'
  | 'least-each'
  | 'all-ok'
  | 'same'
  | 'any'
  | 'union'
  | 'sum-pairs'

/** One owner's reply, and which keys of the client it answers. */
export interface PartReply {
  readonly ordinals: readonly number[]
  readonly bytes: Buffer
}

const ERROR = 0x2d
const BIG_ERROR = 0x21
const INTEGER = 0x3a
const SIMPLE = 0x2b
const ARRAY = 0x2a
const SET = 0x7e
const CRLF_BYTES = 2

/**
 * Folds the replies of all parts. The first error of a part is the whole reply, as a client of one server would see it.
 * O(bytes).
 */
export function gatherReplies(
  kind: GatherKind,
  parts: readonly PartReply[],
  keyCount: number,
): Buffer {
  if (kind === 'any') return (parts.find(({ bytes }) => !isError(bytes)) ?? parts[0])?.bytes ?? OK
  for (const { bytes } of parts) if (isError(bytes)) return bytes
  if (parts.reduce((total, { bytes }) => total + bytes.length, 0) > GATHERED_BYTES_MAX)
    return encodeError(
      'ERR the replies of all backends together are above 1 GB; ask for fewer keys',
    )
  switch (kind) {
    case 'sum':
      return sum(parts)
    case 'all-ok':
      return parts.every(({ bytes }) => bytes[0] === SIMPLE) ? OK : unexpected()
    case 'in-order':
      return inOrder(parts, keyCount)
    case 'least':
      return extreme(parts, Math.min)
    case 'greatest':
      return extreme(parts, Math.max)
    case 'least-each':
      return leastEach(parts)
    case 'same':
      return parts[0]?.bytes ?? OK
    case 'union':
      return union(parts)
    case 'sum-pairs':
      return sumPairs(parts)
    default:
      return kind satisfies never
  }
}

/** Each part is within the limit of its connection; a command over many backends could still be more than memory. */
export const GATHERED_BYTES_MAX = 1024 * 1024 * 1024

const OK = Buffer.from('+OK\r\n')

/** True for a reply that is an error, of RESP2 or RESP3. */
export function isError(reply: Buffer): boolean {
  return reply[0] === ERROR || reply[0] === BIG_ERROR
}

function sum(parts: readonly PartReply[]): Buffer {
  const values = parts.map(({ bytes }) => integerOf(bytes))
  if (values.some(Number.isNaN)) return unexpected()
  return Buffer.from(`:${values.reduce((total, value) => total + value, 0)}\r\n`)
}

function extreme(
  parts: readonly PartReply[],
  of: (...values: readonly number[]) => number,
): Buffer {
  const values = parts.map(({ bytes }) => integerOf(bytes))
  return values.some(Number.isNaN) ? unexpected() : Buffer.from(`:${of(...values)}\r\n`)
}

function leastEach(parts: readonly PartReply[]): Buffer {
  const rows = parts.map(({ bytes }) => elementsOf(bytes)?.map(integerOf))
  const [first] = rows
  if (first === undefined) return unexpected()
  const all = first.map((_, i) => Math.min(...rows.map((row) => row?.[i] ?? Number.NaN)))
  return all.some(Number.isNaN)
    ? unexpected()
    : Buffer.from(`*${all.length}\r\n${all.map((value) => `:${value}\r\n`).join('')}`)
}

/** NaN when it is none. */
function integerOf(reply: Buffer): number {
  if (reply[0] !== INTEGER) return Number.NaN
  return Number(reply.toString('latin1', 1, reply.length - CRLF_BYTES))
}

function inOrder(parts: readonly PartReply[], keyCount: number): Buffer {
  const elements: (Buffer | undefined)[] = new Array(keyCount).fill(undefined)
  for (const { bytes, ordinals } of parts) {
    const found = elementsOf(bytes)
    if (found?.length !== ordinals.length) return unexpected()
    for (const [i, ordinal] of ordinals.entries()) elements[ordinal] = found[i]
  }
  const whole = elements.filter((element) => element !== undefined)
  if (whole.length !== keyCount) return unexpected()
  return Buffer.concat([Buffer.from(`*${keyCount}\r\n`), ...whole])
}

/** Elements are compared as they are encoded: two equal ones are one (a key that lies on several backends). */
function union(parts: readonly PartReply[]): Buffer {
  const all = new Map<string, Buffer>()
  for (const { bytes } of parts) {
    const found = elementsOf(bytes)
    if (found === undefined) return unexpected()
    for (const element of found) all.set(element.toString('latin1'), element)
  }
  return Buffer.concat([Buffer.from(`*${all.size}\r\n`), ...all.values()])
}

function sumPairs(parts: readonly PartReply[]): Buffer {
  const all = new Map<string, { readonly name: Buffer; count: number }>()
  for (const { bytes } of parts) {
    const found = elementsOf(bytes)
    if (found === undefined || found.length % 2 !== 0) return unexpected()
    for (let at = 0; at < found.length; at += 2) {
      const name = found[at] as Buffer
      const text = name.toString('latin1')
      const entry = all.get(text) ?? { name, count: 0 }
      entry.count += integerOf(found[at + 1] as Buffer)
      all.set(text, entry)
    }
  }
  const pieces: Buffer[] = [Buffer.from(`*${all.size * 2}\r\n`)]
  for (const { name, count } of all.values()) pieces.push(name, Buffer.from(`:${count}\r\n`))
  return Buffer.concat(pieces)
}

/** The elements of an array reply, each with its own head; `undefined` when it is no array. */
export function elementsOf(bytes: Buffer): Buffer[] | undefined {
  if (bytes[0] !== ARRAY && bytes[0] !== SET) return undefined
  const headEnd = bytes.indexOf('\r\n', 0, 'latin1') + CRLF_BYTES
  const scanner = new ReplyScanner(WHOLE)
  const elements: Buffer[] = []
  for (let at = headEnd; at < bytes.length; at = scanner.end) {
    if (scanner.scan(bytes, at, bytes.length) !== SCANNED.reply) return undefined
    elements.push(bytes.subarray(at, scanner.end))
  }
  return elements
}

/** The reply has passed the connection's scanner and its limits; this one only cuts it. */
const WHOLE = {
  bulkBytesMax: Number.MAX_SAFE_INTEGER,
  replyDepthMax: Number.MAX_SAFE_INTEGER,
  replyLineBytesMax: Number.MAX_SAFE_INTEGER,
}

function unexpected(): Buffer {
  return encodeError('ERR the backends answered in forms that do not make one reply')
}
