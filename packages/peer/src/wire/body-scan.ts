import { readU16, readU32 } from './byte-order.ts'
import { BODY_DEPTH_MAX, BODY_VALUES_MAX } from './limits.ts'

// Walks one msgpack value without building it, before the decoder that builds it recursively sees the bytes. What passes here is
// complete, is exactly one value, nests at most BODY_DEPTH_MAX deep, holds at most BODY_VALUES_MAX values, has only text and
// numbers as map keys, and no extension but those for `undefined` and dates: msgpackr's other extensions (records, errors,
// regular expressions, references, bundles) build things that no message needs and that are known to be attackable.
//
// The open containers are a stack of "values still to come"; for a map, keys are counted too, so the parity of the rest tells
// keys from values.

/** What is wrong with a body; `undefined` when nothing is. */
export type BodyFault =
  | 'truncated'
  | 'trailing'
  | 'too-deep'
  | 'too-many'
  | 'extension'
  | 'map-key'
  | 'reserved'

const remaining = new Float64Array(BODY_DEPTH_MAX)
const isMap = new Uint8Array(BODY_DEPTH_MAX)

const UNDEFINED_EXTENSION = 0x00
const TIMESTAMP_EXTENSION = 0xff

/** Reads `bytes` from `start` to its end; O(values), without allocation. */
export const scanBody = (bytes: Uint8Array, start: number): BodyFault | undefined => {
  const end = bytes.length
  let at = start
  let depth = 0
  let values = 0
  for (;;) {
    if (at >= end) return 'truncated'
    if (++values > BODY_VALUES_MAX) return 'too-many'
    const token = bytes[at++] ?? 0
    const top = depth - 1
    if (top >= 0 && isMap[top] === 1 && (remaining[top] ?? 0) % 2 === 0 && !isKey(token))
      return 'map-key'

    let children = -1
    let map = 0
    if (token < 0x80 || token >= 0xe0) {
      // A small integer: nothing follows.
    } else if (token < 0x90) {
      children = (token & 0x0f) * 2
      map = 1
    } else if (token < 0xa0) {
      children = token & 0x0f
    } else if (token < 0xc0) {
      at += token & 0x1f
    } else {
      const header = HEADER_BYTES[token - 0xc0] ?? 0
      if (at + header > end) return 'truncated'
      switch (token) {
        case 0xc1:
          return 'reserved'
        case 0xc4:
        case 0xd9:
          at += 1 + (bytes[at] ?? 0)
          break
        case 0xc5:
        case 0xda:
          at += 2 + readU16(bytes, at)
          break
        case 0xc6:
        case 0xdb:
          at += 4 + readU32(bytes, at)
          break
        case 0xc7:
          // A date before 1970 or after 2106.
          if (bytes[at] !== 12 || bytes[at + 1] !== TIMESTAMP_EXTENSION) return 'extension'
          at += 14
          break
        case 0xd4:
          // `undefined`, and the date that is none.
          if (bytes[at] !== UNDEFINED_EXTENSION && bytes[at] !== TIMESTAMP_EXTENSION)
            return 'extension'
          at += 2
          break
        case 0xd6:
        case 0xd7:
          if (bytes[at] !== TIMESTAMP_EXTENSION) return 'extension'
          at += token === 0xd6 ? 5 : 9
          break
        case 0xc8:
        case 0xc9:
        case 0xd5:
        case 0xd8:
          return 'extension'
        case 0xdc:
          children = readU16(bytes, at)
          at += 2
          break
        case 0xdd:
          children = readU32(bytes, at)
          at += 4
          break
        case 0xde:
          children = readU16(bytes, at) * 2
          map = 1
          at += 2
          break
        case 0xdf:
          children = readU32(bytes, at) * 2
          map = 1
          at += 4
          break
        default:
          at += header
      }
    }
    if (at > end) return 'truncated'

    if (top >= 0) remaining[top] = (remaining[top] ?? 0) - 1
    if (children >= 0) {
      // Each value takes a byte: a count above the rest is refused before anything is allocated for it.
      if (children > end - at) return 'truncated'
      if (depth === BODY_DEPTH_MAX) return 'too-deep'
      remaining[depth] = children
      isMap[depth] = map
      depth++
    }
    while (depth > 0 && remaining[depth - 1] === 0) depth--
    if (depth === 0) return at === end ? undefined : 'trailing'
  }
}

/** Text, or an integer, which msgpackr turns into text. */
const isKey = (token: number): boolean =>
  token < 0x80 ||
  token >= 0xe0 ||
  (token >= 0xa0 && token < 0xc0) ||
  (token >= 0xd9 && token <= 0xdb) ||
  (token >= 0xcc && token <= 0xce) ||
  (token >= 0xd0 && token <= 0xd2)

/** Bytes between the token and the payload for 0xc0 … 0xdf; for numbers the number itself. */
// biome-ignore format: one row for each group of tokens
const HEADER_BYTES: readonly number[] = [
  0, 0, 0, 0,          // nil, reserved, false, true
  1, 2, 4,             // bin
  2, 3, 5,             // ext: length and type
  4, 8,                // float
  1, 2, 4, 8,          // uint
  1, 2, 4, 8,          // int
  1, 1, 1, 1, 1,       // fixext: type
  1, 2, 4,             // str
  2, 4,                // array
  2, 4,                // map
]
