import type { Outcome } from './store-command.ts'

const CR = 13
const LF = 10
const MINUS = 45
const ZERO_DIGIT = 48
const DOLLAR = 36
const COLON = 58
const LENGTH_DIGITS_MAX = 10

/** The bytes of an ASCII text. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** The text of ASCII bytes; one character per byte for any others. */
export function asciiText(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

const line = (text: string): Uint8Array => ascii(`${text}\r\n`)

/** Wraps a reply that changes nothing. */
export function answer(reply: Uint8Array): Outcome {
  return { type: 'reply', reply }
}

/** Wraps an error. `text` starts with its code and has no line breaks. */
export function failure(text: string): Outcome {
  return answer(line(`-${text}`))
}

/** `+OK` */
export const OK: Uint8Array = line('+OK')
/** The empty bulk string. */
export const EMPTY_BULK: Uint8Array = line('$0\r\n')
const NULL_RESP2 = line('$-1')
const NULL_RESP3 = line('_')
/** Small integers are asked for all the time: lengths, flags, counters. */
const SMALL_INTEGERS: readonly Uint8Array[] = Array.from({ length: 256 }, (_, n) => line(`:${n}`))

/** Errors that more than one command answers, in the words of Redis. */
export const ERRORS = {
  syntax: failure('ERR syntax error'),
  notInteger: failure('ERR value is not an integer or out of range'),
  notFloat: failure('ERR value is not a valid float'),
  overflow: failure('ERR increment or decrement would overflow'),
  decrementOverflow: failure('ERR decrement would overflow'),
  infinite: failure('ERR increment would produce NaN or Infinity'),
  offset: failure('ERR offset is out of range'),
  tooLong: failure('ERR string exceeds maximum allowed size (proto-max-bulk-len)'),
  keyTooLong: failure('ERR key exceeds maximum allowed size'),
  bitOffset: failure('ERR bit offset is not an integer or out of range'),
  bit: failure('ERR bit is not an integer or out of range'),
  notCompatible: failure('ERR NX and XX, GT or LT options at the same time are not compatible'),
  greaterAndLess: failure('ERR GT and LT options at the same time are not compatible'),
} as const satisfies Record<string, Outcome>

/** A null in the client's protocol. */
export function nullReply(resp: 2 | 3): Uint8Array {
  return resp === 3 ? NULL_RESP3 : NULL_RESP2
}

/** An integer reply. */
export function integerReply(n: number | bigint): Uint8Array {
  const small = typeof n === 'number' ? SMALL_INTEGERS[n] : undefined
  return small ?? line(`${String.fromCharCode(COLON)}${n}`)
}

/** A simple string. */
export function simpleReply(text: string): Uint8Array {
  return line(`+${text}`)
}

/** A bulk string, copied once. */
export function bulkReply(value: Uint8Array): Uint8Array {
  const digits = digitCount(value.length)
  const reply = new Uint8Array(1 + digits + 2 + value.length + 2)
  reply[0] = DOLLAR
  let rest = value.length
  for (let at = digits; at > 0; at--) {
    reply[at] = ZERO_DIGIT + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  reply[digits + 1] = CR
  reply[digits + 2] = LF
  reply.set(value, digits + 3)
  reply[reply.length - 2] = CR
  reply[reply.length - 1] = LF
  return reply
}

/** A bulk string, or a null for nothing. */
export function bulkOrNull(value: Uint8Array | undefined, resp: 2 | 3): Uint8Array {
  return value === undefined ? nullReply(resp) : bulkReply(value)
}

/**
 * An error that quotes what the client sent: like Redis it ends at a zero byte and shows line breaks as spaces,
 * for they would end the reply.
 */
export function failureQuoting(text: string, quoted: Uint8Array): Outcome {
  const end = quoted.indexOf(0)
  const shown = end < 0 ? quoted : quoted.subarray(0, end)
  return failure(`${text} ${asciiText(shown).replace(/[\r\n]/g, ' ')}`)
}

/** Whether the bytes spell this lower-case ASCII word, in any case. */
export function spells(bytes: Uint8Array, word: string): boolean {
  if (bytes.length !== word.length) return false
  for (let i = 0; i < word.length; i++) {
    const byte = bytes[i] as number
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte
    if (lower !== word.charCodeAt(i)) return false
  }
  return true
}

function digitCount(n: number): number {
  let digits = 1
  for (let bound = 10; n >= bound && digits < LENGTH_DIGITS_MAX; bound *= 10) digits++
  return digits
}

/** The character codes that number texts are made of. */
export const CODES = { minus: MINUS, zero: ZERO_DIGIT } as const
