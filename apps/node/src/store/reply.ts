/** A RESP2 reply as JavaScript values: bulk strings as bytes, nil as null, errors as `StoreReplyError`. */
export type Reply = Uint8Array | string | number | null | readonly Reply[]

/** The store answered a command with an error, for instance `OOM` or `TRYAGAIN`. */
export class StoreReplyError extends Error {
  /** First word of the reply, e.g. `ERR`, `WRONGTYPE`, `CLUSTERDOWN`. */
  readonly code: string

  constructor(message: string) {
    super(message)
    this.name = 'StoreReplyError'
    this.code = message.split(' ', 1)[0] ?? 'ERR'
  }
}

/** Reads one complete reply of our own store. @throws StoreReplyError when it is an error reply. */
export function readReply(bytes: Uint8Array): Reply {
  return readAt(bytes, 0).reply
}

function readAt(bytes: Uint8Array, start: number): { readonly reply: Reply; readonly end: number } {
  const lineEnd = bytes.indexOf(13, start)
  const line = text(bytes.subarray(start + 1, lineEnd))
  const next = lineEnd + 2
  switch (bytes[start]) {
    case 0x2b: // +
      return { reply: line, end: next }
    case 0x2d: // -
      throw new StoreReplyError(line)
    case 0x3a: // :
      return { reply: Number(line), end: next }
    case 0x24: // $
      return readBulk(bytes, next, Number(line))
    case 0x2a: // *
      return readArray(bytes, next, Number(line))
    default:
      throw new StoreReplyError(`ERR the store gave a reply of an unknown type ${bytes[start]}`)
  }
}

function readBulk(bytes: Uint8Array, start: number, length: number) {
  if (length < 0) return { reply: null, end: start }
  return { reply: bytes.slice(start, start + length), end: start + length + 2 }
}

function readArray(bytes: Uint8Array, start: number, length: number) {
  if (length < 0) return { reply: null, end: start }
  const items: Reply[] = []
  let end = start
  for (let index = 0; index < length; index++) {
    const item = readAt(bytes, end)
    items.push(item.reply)
    end = item.end
  }
  return { reply: items, end }
}

const decoder = new TextDecoder()

function text(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
