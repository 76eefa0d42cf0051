import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeadLookout, LOOKED } from '../../../src/codec/http1/head-lookout.ts'
import { readWithNode } from './node-parser.ts'
import { type Codec, readWithCodec } from './read-requests.ts'

/** Inputs of one run; a long one has 2 million and more. */
const RUNS = Number(process.env['FUZZ_INPUTS'] ?? 4_000)

/** Pieces from which requests are made: right ones, and those with which parsers are told apart. */
const LINES = [
  'GET / HTTP/1.1',
  'POST /a?b=c HTTP/1.1',
  'PUT http://a/x HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET / HTTP/1.0',
  'DELETE /%00 HTTP/1.1',
  'GET  / HTTP/1.1',
  'HEAD / HTTP/1.1',
]
const FIELDS = [
  'Host: a',
  'Host: a:80',
  'Host:a',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length : 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, x',
  'transfer-encoding:chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: x, close',
  'Expect: 100-continue',
  'X: \x80\xff',
  'X:',
  'X: a\0',
  'X : y',
  ' folded',
  'Cookie: a=b; c=d',
  'Connection: upgrade',
  'Upgrade: h2c',
  'Keep-Alive: timeout=5',
  '\tX: y',
  'X\x0b: y',
]
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n']
const BODIES = [
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;x=y\r\nhello\r\n0\r\n\r\n',
  '05\r\nhello\r\n00\r\nT: x\r\n\r\n',
  '5\nhello\n0\n\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\nT: x\n\r\n',
  'ffffffffffffffff\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '-5\r\nhello',
  '5\r\nhellox0\r\n\r\n',
]

/** Two framings in one request. */
const AMBIGUOUS = [
  'Content-Length: 5\r\nContent-Length: 5',
  'Content-Length: 5\r\nContent-Length: 2',
  'Content-Length: 5\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 5',
  'Transfer-Encoding: chunkedx',
]
const ambiguous = fc
  .tuple(fc.constantFrom(...AMBIGUOUS), fc.constantFrom(...BODIES))
  .map(([framing, body]) => `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${body}`)

/** Requests of any pieces: most are refused. */
const strange = fc
  .record({
    line: fc.constantFrom(...LINES),
    fields: fc.array(fc.constantFrom(...FIELDS), { maxLength: 5 }),
    host: fc.boolean(),
    ends: fc.infiniteStream(fc.constantFrom(...ENDS)),
    clean: fc.integer({ min: 0, max: 4 }),
    body: fc.constantFrom(...BODIES),
  })
  .map(({ line, fields, host, ends, clean, body }) => {
    const lines = [line, ...(host ? ['Host: a'] : []), ...fields, '']
    return lines.map((each) => each + (clean > 0 ? '\r\n' : ends.next().value)).join('') + body
  })

/** Requests as clients send them: all are accepted, until they are mutated. */
const sensible = fc
  .record({
    fields: fc.array(fc.constantFrom('Accept: */*', 'X:', 'Cookie: a=b; c', 'X-Y: \x80 z '), {
      maxLength: 3,
    }),
    body: fc.string({ maxLength: 60, size: 'max' }),
    framing: fc.constantFrom('none', 'length', 'chunked'),
    cutAt: fc.nat(),
    extension: fc.constantFrom('', ';a', ';a="b"'),
    trailer: fc.constantFrom('', 'T: u\r\n'),
  })
  .map(({ fields, body, framing, cutAt, extension, trailer }) => {
    const text = body.replace(/[^\x20-\x7e]/g, '?')
    const head = (...more: readonly string[]) =>
      `${[framing === 'none' ? 'GET /a HTTP/1.1' : 'POST /b?c HTTP/1.1', 'Host: a', ...fields, ...more].join('\r\n')}\r\n\r\n`
    if (framing === 'none') return head()
    if (framing === 'length') return head(`Content-Length: ${text.length}`) + text
    const at = cutAt % (text.length + 1)
    const chunks = [text.slice(0, at), text.slice(at)].filter((each) => each !== '')
    const framed = chunks.map((each) => `${each.length.toString(16)}${extension}\r\n${each}\r\n`)
    return `${head('Transfer-Encoding: chunked')}${framed.join('')}0\r\n${trailer}\r\n`
  })

const mutated = fc
  .tuple(
    fc.oneof(strange, ambiguous, { arbitrary: sensible, weight: 3 }),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
  )
  .map(([text, changes]) => {
    const bytes = Buffer.from(text, 'latin1')
    for (const [at, octet] of changes) if (bytes.length > 0) bytes[at % bytes.length] = octet
    return bytes
  })

/**
 * Whether Node may refuse what the codec accepts: methods it does not know, extensions, which we leave out, and a tab after a
 * Content-Length, which is as good as a space (RFC 9110 §5.6.3).
 */
function nodeMayRefuse(error: string | undefined, bytes: Buffer): boolean {
  if (error === 'HPE_INVALID_METHOD') return true
  const text = bytes.toString('latin1')
  if (error === 'HPE_INVALID_CONTENT_LENGTH') return /content-length:[ \t]*\d+ *\t/i.test(text)
  const extended = /\r\n[0-9a-f]+;/i.test(text)
  return extended && (error === 'HPE_STRICT' || error === 'HPE_INVALID_CHUNK_SIZE')
}

/** Fails when the codec refuses a right request, or accepts what Node reads in another way. */
function compareWithNode(codec?: Codec) {
  fc.assert(
    fc.property(fc.array(sensible, { minLength: 1, maxLength: 3 }), (requests) => {
      const bytes = Buffer.from(requests.join(''), 'latin1')
      const ours = readWithCodec(bytes, codec)
      expect(ours.fault).toBeUndefined()
      expect(ours.messages.length).toBe(requests.length)
    }),
    { numRuns: 500 },
  )
  const counts = { accepted: 0, bodies: 0, refused: 0 }
  fc.assert(
    fc.property(fc.array(mutated, { minLength: 1, maxLength: 3 }), (requests) => {
      const bytes = Buffer.concat(requests)
      const ours = readWithCodec(bytes, codec)
      const nodes = readWithNode(bytes)
      if (ours.fault !== undefined) counts.refused++
      for (const [i, message] of ours.messages.entries()) {
        const theirs = nodes.messages[i]
        if (theirs === undefined && nodeMayRefuse(nodes.error, bytes)) return
        const { persistent: _, target: __, ...same } = message
        expect(
          theirs,
          `${nodes.error}: message ${i} of ${JSON.stringify(bytes.toString('latin1'))}`,
        ).toMatchObject(same)
        counts.accepted++
        if (message.body !== '') counts.bodies++
        if (theirs?.keepAlive === false) return
      }
    }),
    { numRuns: RUNS },
  )
  return counts
}

describe('whatever the codec accepts, node:http reads the same way:', () => {
  test('requests, pipelined, of right and wrong pieces', () => {
    const { accepted, bodies, refused } = compareWithNode()
    process.stdout.write(
      `${accepted} requests read alike (${bodies} with a body), ${refused} refused\n`,
    )
    expect(Math.min(accepted, bodies, refused)).toBeGreaterThan(500)
  })
})

/** Bugs that somebody might write: each is found by the comparison above. */
const PLANTED: readonly (readonly [string, file: string, from: string, to: string])[] = [
  ['a chunk is one byte longer', 'chunked-body.ts', '#left = this.#size', '#left = this.#size + 1'],
  ['sizes are decimal', 'chunked-body.ts', '#size * 16 +', '#size * 10 +'],
  [
    'trailers end at the first line',
    'chunked-body.ts',
    "'trailer-start'\n        return octet",
    "'end-lf'\n        return octet",
  ],
  [
    'lengths are read one digit short',
    'field-table.ts',
    'let at = from; at < to; at++) {\n    const digit',
    'let at = from; at < to - 1; at++) {\n    const digit',
  ],
  [
    'values keep their trailing blanks',
    'field-table.ts',
    'while (valueTo > valueFrom &&',
    'while (false &&',
  ],
  [
    'both lengths are accepted',
    'request-head.ts',
    'if (chunked && contentLength >= 0)',
    'if (false)',
  ],
  [
    'the last of two lengths counts',
    'request-head.ts',
    'if (this.contentLength >= 0)',
    'if (false)',
  ],
  [
    'a coding is read by its first letters',
    'octets.ts',
    'if (to - from !== text.length)',
    'if (to - from < text.length)',
  ],
]

describe('the comparison finds a planted bug:', () => {
  test.each(PLANTED)('%s', async (_name, file, from, to) => {
    const folder = mkdtempSync(join(tmpdir(), 'ringway-planted-'))
    try {
      cpSync(join(import.meta.dirname, '../../../src/codec/http1'), folder, { recursive: true })
      const source = readFileSync(join(folder, file), 'utf8')
      expect(source, 'the place of the bug').toContain(from)
      writeFileSync(join(folder, file), source.replace(from, to))
      const codec = {
        ...(await import(join(folder, 'request-head.ts'))),
        ...(await import(join(folder, 'chunked-body.ts'))),
      }
      expect(() => compareWithNode(codec)).toThrow(/Property failed/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

test('the look-out finds the end of a head where the parser does, or sends the parser there', () => {
  fc.assert(
    fc.property(mutated, (bytes) => {
      const lookout = new HeadLookout()
      const all = readWithCodec(bytes)
      let looked = LOOKED.needMore as number
      for (let at = 0; at < bytes.length && looked === LOOKED.needMore; at++)
        looked = lookout.look(bytes, at, at + 1)
      // A whole request in the bytes is never waited for.
      if (all.messages.length > 0) expect(looked).toBe(LOOKED.complete)
    }),
    { numRuns: 2_000 },
  )
})
