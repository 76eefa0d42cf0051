/** Kinds of octets in a message head (RFC 9110 §5.6, RFC 9112 §2): one table look-up per byte decides. */
export const OCTET = {
  /** In a method or a field name. */
  token: 1,
  /** In a request target: visible ASCII without `#`. */
  target: 2,
  /** In a field value: no control character but the tab. */
  value: 4,
  /** In an authority: name, address, brackets, port. */
  authority: 8,
} as const

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const COLON = 0x3a
export const COMMA = 0x2c

const TOKEN_MARKS = "!#$%&'*+-.^_`|~"
const AUTHORITY_MARKS = '-._~[]:%'

/** The kinds of each octet, as bits of {@link OCTET}. */
export const OCTETS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => kindsOf(octet))

function kindsOf(octet: number): number {
  const character = String.fromCharCode(octet)
  const alphanumeric = /[0-9A-Za-z]/.test(character)
  const visible = octet > 0x20 && octet < 0x7f
  return (
    (alphanumeric || TOKEN_MARKS.includes(character) ? OCTET.token : 0) |
    (visible && character !== '#' ? OCTET.target : 0) |
    (octet === TAB || (octet >= SPACE && octet !== 0x7f) ? OCTET.value : 0) |
    (alphanumeric || AUTHORITY_MARKS.includes(character) ? OCTET.authority : 0)
  )
}

/** True when `bytes[from, to)` is this lower-case text, whatever the case of its letters. O(length). */
export function isText(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false
  for (let i = 0; i < text.length; i++) {
    const octet = bytes[from + i] as number
    const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
    if (lower !== text.charCodeAt(i)) return false
  }
  return true
}

/** True when two ranges hold the same text, whatever the case of its letters. */
export function isSameText(
  bytes: Uint8Array,
  from: number,
  to: number,
  otherFrom: number,
  otherTo: number,
): boolean {
  if (to - from !== otherTo - otherFrom) return false
  for (let i = from, j = otherFrom; i < to; i++, j++)
    if (lowerCase(bytes[i] as number) !== lowerCase(bytes[j] as number)) return false
  return true
}

function lowerCase(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
}
