import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as scanning from '../../../src/codec/resp/reply-scanner.ts'
import * as decoding from '../../../src/codec/resp/request-decoder.ts'
import { DEFAULT_LIMITS } from '../../../src/limits.ts'

const CODEC = join(import.meta.dirname, '../../../src/codec/resp')
const LIMITS = { ...DEFAULT_LIMITS, bulkBytesMax: 40, argumentsMax: 6, replyDepthMax: 3 }

type Decoding = typeof decoding
type Scanning = typeof scanning

const bytes = fc
  .oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 12 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 38, maxLength: 41 }) },
  )
  .map((each) => Buffer.from(each))
/** `$-1`, which only replies may have. */
const NIL = 'nil'
const crlf = '\r\n'

/** Commands as bytes, some of them broken in one place, and where the stream is cut into reads. */
const requests = fc.record({
  commands: fc.array(
    fc.array(fc.oneof({ weight: 30, arbitrary: bytes }, fc.constant(NIL)), {
      minLength: 1,
      maxLength: 7,
    }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  damage: fc.option(fc.tuple(fc.nat(400), fc.constantFrom(0x0d, 0x0a, 0x24, 0x30, 0x39, 0x2d)), {
    freq: 3,
  }),
  cuts: fc.array(fc.nat(400), { maxLength: 4 }),
})

function encode(commands: readonly (readonly (Buffer | string)[])[]): Buffer {
  return Buffer.concat(
    commands.flatMap((args) => [
      Buffer.from(`*${args.length}${crlf}`),
      ...args.flatMap((arg) =>
        typeof arg === 'string'
          ? [Buffer.from(`$-1${crlf}`)]
          : [Buffer.from(`$${arg.length}${crlf}`), arg, Buffer.from(crlf)],
      ),
    ]),
  )
}

/** What Redis's own rules make of the bytes, written down as plainly as possible. */
function readPlainly(stream: Buffer): {
  readonly found: readonly string[]
  readonly inline: boolean
} {
  const found: string[] = []
  let at = 0
  const line = (mark: string): number | undefined => {
    const end = stream.indexOf(crlf, at)
    const text = stream.toString('latin1', at, end < 0 ? stream.length : end)
    const valid = end < 0 ? /^.(-?\d{0,10})?\r?$/s : /^.(0|-?[1-9]\d{0,9})$/s
    if (at === stream.length) throw new Error('short')
    if (!text.startsWith(mark)) throw new Error('bad')
    if (/^.(0\d|-0|-?\d{11})/s.test(text) || !valid.test(text)) throw new Error('bad')
    if (end < 0) throw new Error('short')
    at = end + 2
    return Number(text.slice(1))
  }
  try {
    while (at < stream.length) {
      // Damage made an inline command of it, which has tests of its own.
      if (stream[at] !== 0x2a) return { found, inline: true }
      const count = line('*') ?? 0
      if (count > LIMITS.argumentsMax) throw new Error('bad')
      const args: string[] = []
      for (let i = 0; i < count; i++) {
        const length = line('$') ?? 0
        if (length < 0 || length > LIMITS.bulkBytesMax) throw new Error('bad')
        if (at + length + 2 > stream.length) throw new Error('short')
        if (stream.toString('latin1', at + length, at + length + 2) !== crlf) throw new Error('bad')
        args.push(stream.toString('latin1', at, at + length))
        at += length + 2
      }
      if (count > 0) found.push(JSON.stringify(args))
    }
  } catch (error) {
    if (error instanceof Error && error.message === 'bad') found.push('error')
  }
  return { found, inline: false }
}

function readInPieces(
  { RequestDecoder, DECODED }: Decoding,
  stream: Buffer,
  cuts: readonly number[],
) {
  const decoder = new RequestDecoder(LIMITS)
  const found: string[] = []
  let at = 0
  for (const end of [
    ...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b),
    stream.length,
  ]) {
    // Only what has arrived exists: a decoder that looks past it does not find zeros, but nothing.
    const arrived = Buffer.from(stream.subarray(0, end))
    for (;;) {
      const decoded = decoder.next(arrived, at, end)
      if (decoded === DECODED.needMore) break
      if (decoded === DECODED.error) return [...found, 'error']
      if (decoded === DECODED.frame) {
        const { frame } = decoder
        const args = Array.from({ length: frame.argc }, (_, i) => frame.arg(i).toString('latin1'))
        found.push(JSON.stringify(args))
      }
      at += decoder.taken
    }
  }
  return found
}

function checkDecoder(codec: Decoding): void {
  fc.assert(
    fc.property(requests, ({ commands, damage, cuts }) => {
      const stream = encode(commands)
      if (damage !== null) stream[damage[0] % stream.length] = damage[1]
      const { found, inline } = readPlainly(stream)
      const pieces = readInPieces(codec, stream, cuts)
      expect(inline ? pieces.slice(0, found.length) : pieces).toEqual(found)
    }),
    { numRuns: 3_000 },
  )
}

/** A reply as bytes with any nesting. */
const reply: fc.Arbitrary<string> = fc.letrec<{ reply: string }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(
      '+OK\r\n',
      '-ERR x\r\n',
      ':-12\r\n',
      '$-1\r\n',
      '*-1\r\n',
      '_\r\n',
      '#t\r\n',
      ',1.5\r\n',
      '*0\r\n',
      '%0\r\n',
    ),
    bytes
      .filter(({ length }) => length <= 40)
      .map((each) => `$${each.length}\r\n${each.toString('latin1')}\r\n`),
    fc
      .array(tie('reply'), { minLength: 1, maxLength: 3 })
      .map((each) => `*${each.length}\r\n${each.join('')}`),
    fc
      .array(tie('reply'), { minLength: 1, maxLength: 3 })
      .map((each) => `~${each.length}\r\n${each.join('')}`),
    fc.tuple(tie('reply'), tie('reply')).map((each) => `%1\r\n${each.join('')}`),
  ),
})).reply

function checkScanner({ ReplyScanner, SCANNED }: Scanning): void {
  fc.assert(
    fc.property(fc.array(reply, { minLength: 1, maxLength: 4 }), fc.nat(300), (replies, cut) => {
      const stream = Buffer.from(replies.join(''), 'latin1')
      const scanner = new ReplyScanner(LIMITS)
      const ends: number[] = []
      let at = 0
      for (const end of [cut % stream.length, stream.length])
        while (
          scanner.scan(stream.subarray(0, end), at, end) === SCANNED.reply &&
          scanner.end > at
        ) {
          at = scanner.end
          ends.push(at)
        }
      let sum = 0
      expect(ends).toEqual(replies.map(({ length }) => (sum += length)))
    }),
    { numRuns: 2_000 },
  )
}

/** One mistake each: the text in the source, and what it becomes. */
const DECODER_BUGS: readonly (readonly [string, string])[] = [
  ['if (bodyEnd + 2 > end)', 'if (bodyEnd + 1 > end)'],
  ['argEnd[found] = bodyEnd - start', 'argEnd[found] = bodyEnd - start - 1'],
  ['at = bodyEnd + 2', 'at = bodyEnd + 1'],
  ['this.#value > this.#limits.argumentsMax', 'this.#value >= this.#limits.argumentsMax'],
  ['this.#value > this.#limits.bulkBytesMax', 'this.#value >= this.#limits.bulkBytesMax'],
  ['this.#value < 0 || ', ''],
  ['let found = this.#found', 'let found = 0'],
  ['let at = start + this.#cursor', 'let at = start + this.#cursor + 1'],
  ['if (bytes[bodyEnd] !== CR || bytes[bodyEnd + 1] !== LF)', 'if (bytes[bodyEnd] !== CR)'],
  ['value = value * 10 + (byte - ZERO)', 'value = value * 10 + (byte - ZERO + 1)'],
]

const SCANNER_BUGS: readonly (readonly [string, string])[] = [
  ['const next = this.#after + length + 2', 'const next = this.#after + length + 1'],
  ['form === ARRAY ? count : count * 2', 'count'],
  ['if (next > end) return STEP_SHORT', 'if (next - 1 > end) return STEP_SHORT'],
  ['this.#cursor = at - start', 'this.#cursor = 0'],
  ['Math.max(this.#value, 0)', 'Math.max(this.#value, 1)'],
  ['this.#open.length >= this.#limits.replyDepthMax', 'this.#open.length > 0'],
]

/** The codec with one mistake in it, checked; what the check said. */
async function findPlanted<T>(
  file: string,
  [from, to]: readonly [string, string],
  check: (codec: T) => void,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ringway-planted-'))
  try {
    await cp(CODEC, folder, { recursive: true })
    const path = join(folder, file)
    const source = await readFile(path, 'utf8')
    expect(source).toContain(from)
    await writeFile(path, source.replace(from, to))
    const planted: T = await import(/* @vite-ignore */ path)
    check(planted)
    return 'not found'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('the fuzzers of the RESP codec', () => {
  it('find nothing in the codec itself', () => {
    checkDecoder(decoding)
    checkScanner(scanning)
  })

  it.each(DECODER_BUGS)('find a decoder in which `%s` became `%s`', async (from, to) => {
    const said = await findPlanted<Decoding>('request-decoder.ts', [from, to], checkDecoder)
    expect(said).toMatch(/Property failed|Counterexample/)
  })

  it.each(SCANNER_BUGS)('find a scanner in which `%s` became `%s`', async (from, to) => {
    const said = await findPlanted<Scanning>('reply-scanner.ts', [from, to], checkScanner)
    expect(said).toMatch(/Property failed|Counterexample/)
  })
})
