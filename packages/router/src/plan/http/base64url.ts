const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const VALUES = new Int8Array(128).fill(-1)
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Base64 of URLs, without padding: every character may be in a cookie. */
export function encodeBase64Url(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 6) {
      bits -= 6
      text += ALPHABET[(held >>> bits) & 63]
    }
    held &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + ALPHABET[(held << (6 - bits)) & 63]
}

/** The bytes behind `text` if there are exactly `length`, written in the one canonical way; undefined otherwise. */
export function decodeBase64Url(text: string, length: number): Uint8Array | undefined {
  if (text.length !== Math.ceil((length * 8) / 6)) return undefined
  const bytes = new Uint8Array(length)
  let held = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1
    if (value === -1) return undefined
    held = (held << 6) | value
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >>> bits
    held &= (1 << bits) - 1
  }
  // Bits that no byte uses have to be 0, or one cookie could be written in several ways.
  return held === 0 ? bytes : undefined
}
