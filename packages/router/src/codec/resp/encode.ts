// Replies and commands as bytes. These run for commands that are answered here and for parts of split commands;
// the hot path copies bytes that a client or a server has already encoded.

/** RESP version of a connection. */
export type RespVersion = 2 | 3

/** A reply as data, for the commands that are answered here. */
export type ReplyValue =
  | { readonly type: 'simple'; readonly text: string }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'bulk'; readonly bytes: Uint8Array | string }
  | { readonly type: 'null' }
  | { readonly type: 'array'; readonly items: readonly ReplyValue[] }
  | { readonly type: 'set'; readonly items: readonly ReplyValue[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [ReplyValue, ReplyValue])[] }

export const OK_REPLY: ReplyValue = { type: 'simple', text: 'OK' }

export function simple(text: string): ReplyValue {
  return { type: 'simple', text }
}

export function error(text: string): ReplyValue {
  return { type: 'error', text }
}

export function integer(value: number): ReplyValue {
  return { type: 'integer', value }
}

export function bulk(bytes: Uint8Array | string): ReplyValue {
  return { type: 'bulk', bytes }
}

export function array(items: readonly ReplyValue[]): ReplyValue {
  return { type: 'array', items }
}

/** Bytes of one reply. Maps, sets and nulls take the form of the version. */
export function encodeReply(value: ReplyValue, resp: RespVersion): Buffer {
  const pieces: Uint8Array[] = []
  append(value, resp, pieces)
  return Buffer.concat(pieces)
}

/** `-text\r\n`; line ends inside the text would end the reply early and are replaced. */
export function encodeError(text: string): Buffer {
  return Buffer.from(`-${oneLine(text)}\r\n`)
}

// The recursion follows values that this package built itself; none is deeper than COMMAND's three levels.
function append(value: ReplyValue, resp: RespVersion, pieces: Uint8Array[]): void {
  switch (value.type) {
    case 'simple':
      pieces.push(Buffer.from(`+${oneLine(value.text)}\r\n`))
      return
    case 'error':
      pieces.push(encodeError(value.text))
      return
    case 'integer':
      pieces.push(Buffer.from(`:${value.value}\r\n`))
      return
    case 'bulk': {
      const body = typeof value.bytes === 'string' ? Buffer.from(value.bytes) : value.bytes
      pieces.push(Buffer.from(`$${body.length}\r\n`), body, CRLF)
      return
    }
    case 'null':
      pieces.push(resp === 3 ? NULL_3 : NULL_2)
      return
    case 'array':
    case 'set': {
      const mark = value.type === 'set' && resp === 3 ? '~' : '*'
      pieces.push(Buffer.from(`${mark}${value.items.length}\r\n`))
      for (const item of value.items) append(item, resp, pieces)
      return
    }
    case 'map': {
      const { entries } = value
      pieces.push(Buffer.from(resp === 3 ? `%${entries.length}\r\n` : `*${entries.length * 2}\r\n`))
      for (const [key, item] of entries) {
        append(key, resp, pieces)
        append(item, resp, pieces)
      }
      return
    }
    default:
      value satisfies never
  }
}

const CRLF = Buffer.from('\r\n')
const NULL_2 = Buffer.from('$-1\r\n')
const NULL_3 = Buffer.from('_\r\n')

/** A command as a multibulk array. O(bytes), one allocation of the whole size. */
export function encodeCommand(args: readonly Uint8Array[]): Buffer {
  let size = headBytes(args.length)
  for (const arg of args) size += headBytes(arg.length) + arg.length + 2
  const out = Buffer.allocUnsafe(size)
  let at = out.write(`*${args.length}\r\n`, 0, 'latin1')
  for (const arg of args) {
    at += out.write(`$${arg.length}\r\n`, at, 'latin1')
    out.set(arg, at)
    at += arg.length
    out[at++] = 0x0d
    out[at++] = 0x0a
  }
  return out
}

function headBytes(count: number): number {
  return 3 + String(count).length
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ')
}
