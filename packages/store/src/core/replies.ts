const encoder = new TextEncoder()

const line = (text: string): Uint8Array => encoder.encode(`${text}\r\n`)

/** Error texts carry no line breaks, whatever is put into them. */
const clean = (text: string): string => text.replace(/[\r\n]+/g, ' ')

export const REPLY_OK = line('+OK')
export const REPLY_NULL: Readonly<Record<2 | 3, Uint8Array>> = { 2: line('$-1'), 3: line('_') }
export const REPLY_OUT_OF_MEMORY = line("-OOM command not allowed when used memory > 'maxmemory'.")

export const replyInteger = (value: number): Uint8Array => line(`:${value}`)

export const replyError = (text: string): Uint8Array => line(`-${clean(text)}`)

export function replyBulk(value: Uint8Array): Uint8Array {
  return concat([encoder.encode(`$${value.length}\r\n`), value, encoder.encode('\r\n')])
}

export function replyArray(items: readonly Uint8Array[]): Uint8Array {
  return concat([encoder.encode(`*${items.length}\r\n`), ...items])
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(Math.max(length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** ASCII text of bytes; others become `?`. For names of commands and error texts. */
export function asciiOf(bytes: Uint8Array, lengthMax: number): string {
  let text = ''
  for (let i = 0; i < bytes.length && i < lengthMax; i++) {
    const code = bytes[i] ?? 0
    text += code >= 32 && code < 127 ? String.fromCharCode(code) : '?'
  }
  return text
}
