const ERROR = 0x2d
const INTEGER = 0x3a
const SIMPLE = 0x2b
const BULK = 0x24
const NULL = 0x5f
const DOUBLE = 0x2c
const BOOLEAN = 0x23
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const CR = 0x0d
const AGGREGATES = new Set(Buffer.from('*%~'))

/**
 * True when a reply to a read of one key may mean that there is no such key: nil, 0 or less, empty, `none`, an error,
 * and aggregates of nothing else. False positives cost a question elsewhere; there must be no false negatives. The reply
 * is complete and well-formed. Stops at the first value that stands for something: O(1) for most replies.
 */
export function isHollow(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const type = bytes[at] as number
    const lineEnd = lineEndAt(bytes, at, end)
    if (!isHollowHead(bytes, type, at + 1, lineEnd)) return false
    // The body of an empty bulk string is a line end; a nil has none.
    at = lineEnd + 2
    if (type === BULK && bytes[at - 3] === ZERO) at += 2
  }
  return true
}

function isHollowHead(bytes: Uint8Array, type: number, from: number, to: number): boolean {
  if (AGGREGATES.has(type)) return true
  switch (type) {
    case ERROR:
    case NULL:
      return true
    case SIMPLE:
      return to - from === NONE.length && NONE.every((byte, i) => byte === bytes[from + i])
    case BULK:
    case INTEGER:
    case DOUBLE:
      return bytes[from] === MINUS || isZero(bytes, from, to)
    case BOOLEAN:
      return bytes[from] === FALSE
    default:
      return false
  }
}

const NONE = Buffer.from('none')
const FALSE = 0x66

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    if (byte > ZERO && byte <= NINE) return false
    // `inf` and `nan` stand for something.
    if (byte > NINE) return false
  }
  return true
}

function lineEndAt(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== CR) at++
  return at
}
