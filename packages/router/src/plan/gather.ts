import { encodeError } from '../codec/resp/encode.ts'
import { ReplyScanner, SCANNED } from '../codec/resp/reply-scanner.ts'

/**
 * How replies of several owners become one.
 * `in-order`: arrays with one element per key, put back in the client's order. `sum`: integers. `all-ok`: `+OK` when all
 * are. `concat`: arrays, one after the other.
 */
export type GatherKind = 'in-order' | 'sum' | 'all-ok' | 'concat'

/** One owner's reply, and which keys of the client it answers. */
export interface PartReply {
  readonly ordinals: readonly number[]
  readonly bytes: Buffer
}

const ERROR = 0x2d
const BIG_ERROR = 0x21
const INTEGER = 0x3a
const SIMPLE = 0x2b
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
  for (const { bytes } of parts) if (bytes[0] === ERROR || bytes[0] === BIG_ERROR) return bytes
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
    case 'concat':
      return concat(parts)
    default:
      return kind satisfies never
  }
}

/** Each part is within the limit of its connection; a command over many backends could still be more than memory. */
export const GATHERED_BYTES_MAX = 1024 * 1024 * 1024

const OK = Buffer.from('+OK\r\n')

function sum(parts: readonly PartReply[]): Buffer {
  let total = 0
  for (const { bytes } of parts) {
    if (bytes[0] !== INTEGER) return unexpected()
    total += Number(bytes.toString('latin1', 1, bytes.length - CRLF_BYTES))
  }
  return Buffer.from(`:${total}\r\n`)
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

function concat(parts: readonly PartReply[]): Buffer {
  const all: Buffer[] = []
  for (const { bytes } of parts) {
    const found = elementsOf(bytes)
    if (found === undefined) return unexpected()
    for (const element of found) all.push(element)
  }
  return Buffer.concat([Buffer.from(`*${all.length}\r\n`), ...all])
}

/** The elements of an array reply, each with its own head; `undefined` when it is no array. */
function elementsOf(bytes: Buffer): Buffer[] | undefined {
  if (bytes[0] !== 0x2a && bytes[0] !== 0x7e) return undefined
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
