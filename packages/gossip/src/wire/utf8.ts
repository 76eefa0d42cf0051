import { WireError } from './errors.ts'

// A byte order mark is part of a name, so it is kept; invalid sequences are refused rather than replaced.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** The string in `bytes[from, to)`; throws WIRE_UTF8. */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte >= 0x80) return decodeWide(bytes, from, to)
    text += String.fromCharCode(byte)
  }
  return text
}

function decodeWide(bytes: Uint8Array, from: number, to: number): string {
  try {
    return decoder.decode(bytes.subarray(from, to))
  } catch {
    throw new WireError('WIRE_UTF8', { bytes: to - from })
  }
}

/** Bytes of the UTF-8 form. A lone surrogate counts as the three bytes that TextEncoder writes for it. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    if (unit < 0x800) length += 1
    else if (isPairAt(text, at)) {
      length += 2
      at += 1
    } else length += 2
  }
  return length
}

function isPairAt(text: string, at: number): boolean {
  const high = text.charCodeAt(at)
  if (high < 0xd800 || high > 0xdbff) return false
  const low = text.charCodeAt(at + 1)
  return low >= 0xdc00 && low <= 0xdfff
}

/** Writes `text` at `at` and returns the offset behind it; the caller has made room. */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return at + encoder.encodeInto(text, target.subarray(at)).written
    target[at + index] = unit
  }
  return at + text.length
}

/** True when `text` survives a round trip through UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
