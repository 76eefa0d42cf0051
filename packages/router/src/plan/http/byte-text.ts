const LOWER_BIT = 0x20
const UPPER_A = 0x41
const UPPER_Z = 0x5a

/** The byte in lower case, if it is a letter of ASCII. */
export function lowerCase(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | LOWER_BIT : byte
}

/** True if `[from, to)` is `text` (ASCII, lower case) whatever its case. */
export function equalsIgnoringCase(
  bytes: Uint8Array,
  from: number,
  to: number,
  text: string,
): boolean {
  if (to - from !== text.length) return false
  for (let i = 0; i < text.length; i++)
    if (lowerCase(bytes[from + i] as number) !== text.charCodeAt(i)) return false
  return true
}

/** True if `[from, to)` is `text` (ASCII), case included. */
export function equalsText(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false
  return true
}

/** Where `byte` is first in `[from, to)`, or `to`. */
export function indexOfByte(bytes: Uint8Array, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === byte) return at
  return to
}
