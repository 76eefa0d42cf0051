// Inline commands: words as a person types them in a terminal. The rules are those of Redis's `sdssplitargs`:
// "double quotes" know \n \r \t \b \a \xHH and \anything, 'single quotes' know \' only, and a closing quote ends a word.

const SPACE = 0x20
const DOUBLE = 0x22
const SINGLE = 0x27
const BACKSLASH = 0x5c
const LETTER_X = 0x78

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 }

interface Word {
  readonly bytes: Buffer
  readonly next: number
}

/** The words of a line without its line end, or `undefined` when quotes are not balanced. O(length). */
export function splitInline(line: Buffer): Buffer[] | undefined {
  const words: Buffer[] = []
  let at = 0
  for (;;) {
    while (at < line.length && isSpace(line[at] as number)) at++
    if (at >= line.length) return words
    const word = readWord(line, at)
    if (word === undefined) return undefined
    words.push(word.bytes)
    at = word.next
  }
}

function readWord(line: Buffer, start: number): Word | undefined {
  const out = Buffer.allocUnsafe(line.length - start)
  let length = 0
  let at = start
  while (at < line.length && !isSpace(line[at] as number)) {
    const byte = line[at] as number
    if (byte !== DOUBLE && byte !== SINGLE) {
      out[length++] = byte
      at++
      continue
    }
    const closed = readQuoted(line, at + 1, byte, out, length)
    if (closed === undefined) return undefined
    length = closed.length
    at = closed.next
    if (at < line.length && !isSpace(line[at] as number)) return undefined
  }
  return { bytes: out.subarray(0, length), next: at }
}

function readQuoted(
  line: Buffer,
  start: number,
  quote: number,
  out: Buffer,
  outStart: number,
): { readonly length: number; readonly next: number } | undefined {
  let length = outStart
  let at = start
  while (at < line.length) {
    const byte = line[at] as number
    if (byte === quote) return { length, next: at + 1 }
    if (byte !== BACKSLASH || at + 1 >= line.length) {
      out[length++] = byte
      at++
      continue
    }
    const escaped = quote === DOUBLE ? readEscape(line, at) : readSingleEscape(line, at)
    out[length++] = escaped.byte
    at = escaped.next
  }
  return undefined
}

function readEscape(line: Buffer, at: number): { readonly byte: number; readonly next: number } {
  const follower = line[at + 1] as number
  if (follower === LETTER_X) {
    const hex = line.toString('latin1', at + 2, at + 4)
    if (/^[0-9a-fA-F]{2}$/.test(hex)) return { byte: Number.parseInt(hex, 16), next: at + 4 }
  }
  return { byte: ESCAPES[String.fromCharCode(follower)] ?? follower, next: at + 2 }
}

function readSingleEscape(
  line: Buffer,
  at: number,
): { readonly byte: number; readonly next: number } {
  return line[at + 1] === SINGLE
    ? { byte: SINGLE, next: at + 2 }
    : { byte: BACKSLASH, next: at + 1 }
}

function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= 9 && byte <= 13) || byte === 0
}
