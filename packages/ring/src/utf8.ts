// Strings are hashed as their UTF-8 bytes. This encoder writes into memory that exists already: TextEncoder returns a
// new object per call, and a look-up must not allocate.

const SCRATCH_BYTES = 4096
const UTF8_BYTES_PER_UNIT_MAX = 3
const REPLACEMENT = 0xfffd

const scratch = new Uint8Array(SCRATCH_BYTES)

/** Room for any string of `units` UTF-16 units: shared between calls while it is small, fresh memory above 1365 units. */
export function utf8Room(units: number): Uint8Array {
  const bytes = units * UTF8_BYTES_PER_UNIT_MAX
  return bytes <= SCRATCH_BYTES ? scratch : new Uint8Array(bytes)
}

/**
 * Writes `text[start, end)` as UTF-8 at the beginning of `out` and returns the number of bytes.
 * A lone surrogate becomes U+FFFD, as in `TextEncoder`. O(units), no allocation.
 */
export function writeUtf8(text: string, start: number, end: number, out: Uint8Array): number {
  let at = 0
  for (let i = start; i < end; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      out[at++] = code
      continue
    }
    if (code < 0x800) {
      out[at++] = 0xc0 | (code >> 6)
      out[at++] = 0x80 | (code & 0x3f)
      continue
    }
    if ((code & 0xf800) === 0xd800) {
      code = codePointAt(text, i, end)
      if (code > 0xffff) {
        i++
        out[at++] = 0xf0 | (code >> 18)
        out[at++] = 0x80 | ((code >> 12) & 0x3f)
        out[at++] = 0x80 | ((code >> 6) & 0x3f)
        out[at++] = 0x80 | (code & 0x3f)
        continue
      }
    }
    out[at++] = 0xe0 | (code >> 12)
    out[at++] = 0x80 | ((code >> 6) & 0x3f)
    out[at++] = 0x80 | (code & 0x3f)
  }
  return at
}

/** The code point of a surrogate pair that lies whole in `[i, end)`, else U+FFFD. */
function codePointAt(text: string, i: number, end: number): number {
  const high = text.charCodeAt(i)
  if (high >= 0xdc00 || i + 1 >= end) return REPLACEMENT
  const low = text.charCodeAt(i + 1)
  if ((low & 0xfc00) !== 0xdc00) return REPLACEMENT
  return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff)
}

/** The UTF-8 bytes of a string, in memory of their own. */
export function utf8Bytes(text: string): Uint8Array {
  const room = utf8Room(text.length)
  return room.slice(0, writeUtf8(text, 0, text.length, room))
}

/** False when a surrogate stands alone: such strings share their UTF-8 form with others, so they cannot name a node. */
export function isWellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xf800) !== 0xd800) continue
    if (codePointAt(text, i, text.length) === REPLACEMENT) return false
    i++
  }
  return true
}

/**
 * Orders strings as their UTF-8 bytes, which is code point order; negative when `a` comes first.
 * JavaScript's `<` orders UTF-16 units and puts U+10000 before U+E000, where other languages would not.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i)
    const unitB = b.charCodeAt(i)
    if (unitA !== unitB) return utf8Rank(unitA) - utf8Rank(unitB)
  }
  return a.length - b.length
}

/** Moves surrogates (which stand for code points from U+10000) behind U+E000 to U+FFFF. */
function utf8Rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
