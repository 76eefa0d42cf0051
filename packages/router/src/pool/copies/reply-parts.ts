import { ReplyScanner, SCANNED } from '../../codec/resp/reply-scanner.ts'

// What the router reads out of replies to commands of its own. They passed the scanner of their connection.

const WHOLE = {
  bulkBytesMax: Number.MAX_SAFE_INTEGER,
  replyDepthMax: Number.MAX_SAFE_INTEGER,
  replyLineBytesMax: Number.MAX_SAFE_INTEGER,
}
const BULK = 0x24
const ARRAY = 0x2a
const MINUS = 0x2d
const CRLF_BYTES = 2

export function isError(reply: Buffer): boolean {
  return reply[0] === MINUS
}

/** The bytes of a bulk string; `undefined` for null and for every other reply. */
export function bulkOf(reply: Buffer): Buffer | undefined {
  if (reply[0] !== BULK || reply[1] === MINUS) return undefined
  const head = reply.indexOf('\r\n') + CRLF_BYTES
  return reply.subarray(head, reply.length - CRLF_BYTES)
}

/** The number in `:42\r\n`; NaN for every other reply. */
export function integerOf(reply: Buffer): number {
  return reply[0] === 0x3a
    ? Number(reply.toString('latin1', 1, reply.length - CRLF_BYTES))
    : Number.NaN
}

/** The elements of an array, each with its own head; none for every other reply. */
export function elementsOf(reply: Buffer): readonly Buffer[] {
  if (reply[0] !== ARRAY) return []
  const scanner = new ReplyScanner(WHOLE)
  const elements: Buffer[] = []
  for (let at = reply.indexOf('\r\n') + CRLF_BYTES; at < reply.length; at = scanner.end) {
    if (scanner.scan(reply, at, reply.length) !== SCANNED.reply) return []
    elements.push(reply.subarray(at, scanner.end))
  }
  return elements
}
