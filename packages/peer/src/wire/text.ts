import { PeerError } from './peer-error.ts'

const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** UTF-8 bytes of `text`. */
export const encodeText = (text: string): Uint8Array => encoder.encode(text)

/** Text of names and keys, where two spellings of one thing would be two things: broken UTF-8 is refused. */
export const decodeStrict = (bytes: Uint8Array): string => {
  try {
    return strict.decode(bytes)
  } catch (cause) {
    throw new PeerError('HELLO_INVALID', 'the hello holds text that is not UTF-8', {}, { cause })
  }
}

/** Text that only people read: broken UTF-8 shows as U+FFFD. */
export const decodeLenient = (bytes: Uint8Array): string => lenient.decode(bytes)

/** UTF-8 bytes of the longest prefix of `text` that fits in `bytesMax` and ends between characters. */
export const encodeCut = (text: string, bytesMax: number): Uint8Array => {
  // No character takes less than a byte, so the rest cannot fit and a huge text is not encoded for nothing.
  const bytes = encoder.encode(text.slice(0, bytesMax))
  if (bytes.length <= bytesMax) return bytes
  let end = bytesMax
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
