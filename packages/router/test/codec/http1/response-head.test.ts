import { describe, expect, test } from 'vitest'
import { ResponseHead } from '../../../src/codec/http1/response-head.ts'

const LIMITS = { responseHeadBytesMax: 1_000, fieldsMax: 20 }

function parse(text: string) {
  const head = new ResponseHead(LIMITS)
  return { head, to: head.parse(Buffer.from(text, 'latin1'), 0, text.length) }
}

const response = (...lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`

describe('a response head', () => {
  test('is incomplete until its last byte, wherever it is cut', () => {
    const text = response('HTTP/1.1 200 OK', 'Content-Length: 5', 'Keep-Alive: timeout=5')
    for (let length = 0; length < text.length; length++)
      expect(parse(text.slice(0, length)).to, `cut at ${length}`).toBe(-1)
    const { head, to } = parse(text)
    expect([to, head.status, head.contentLength, head.keepAliveSeconds]).toEqual([
      text.length,
      200,
      5,
      5,
    ])
  })

  test('needs no reason', () => {
    expect(parse(response('HTTP/1.1 404')).head.status).toBe(404)
    expect(parse(response('HTTP/1.1 404 ')).to).toBeGreaterThan(0)
  })

  test.each([
    ['HTTP/1.1 204 No Content', [], false, 'none'],
    ['HTTP/1.1 304 Not Modified', ['Content-Length: 10'], false, 'none'],
    ['HTTP/1.1 101 Switching', [], false, 'none'],
    ['HTTP/1.1 200 OK', ['Content-Length: 10'], true, 'none'],
    ['HTTP/1.1 200 OK', ['Content-Length: 10'], false, 'length'],
    ['HTTP/1.1 200 OK', ['Content-Length: 0'], false, 'none'],
    ['HTTP/1.1 200 OK', ['Transfer-Encoding: chunked'], false, 'chunked'],
    ['HTTP/1.0 200 OK', [], false, 'until-close'],
  ])('%s with %j, asked by HEAD: %s, has a body of the kind %s', (line, fields, byHead, body) => {
    expect(parse(response(line, ...fields)).head.bodyFor(byHead)).toBe(body)
  })

  test.each([
    [
      'both lengths',
      response('HTTP/1.1 200 OK', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
    ],
    ['a repeated length', response('HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 1')],
    ['another coding', response('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked')],
    ['another version', response('HTTP/2.0 200 OK')],
    ['a status of two digits', response('HTTP/1.1 20 OK')],
    ['a status of four digits', response('HTTP/1.1 2000 OK')],
    ['a status of no class', response('HTTP/1.1 700 OK')],
    ['a bare LF', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
    ['a folded field', response('HTTP/1.1 200 OK', 'A: b', ' c')],
    ['text before it', 'x HTTP/1.1 200 OK\r\n\r\n'],
  ])('is refused with %s', (_name, text) => {
    expect(parse(text).to).toBe(-2)
  })

  test('of responseHeadBytesMax passes, and one byte more is refused, complete or not', () => {
    const text = (bytes: number) => response('HTTP/1.1 200 OK', `A: ${'b'.repeat(bytes)}`)
    const overhead = text(0).length
    expect(parse(text(1_000 - overhead)).to).toBe(1_000)
    expect(parse(text(1_001 - overhead)).to).toBe(-2)
    expect(parse(text(2_000).slice(0, 1_000)).to).toBe(-1)
    expect(parse(text(2_000).slice(0, 1_001)).to).toBe(-2)
  })
})
