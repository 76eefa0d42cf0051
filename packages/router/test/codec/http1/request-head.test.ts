import { describe, expect, test } from 'vitest'
import { PARSED } from '../../../src/codec/http1/fault.ts'
import { RequestHead } from '../../../src/codec/http1/request-head.ts'
import { LIMITS } from './read-requests.ts'

function parse(text: string, limits = LIMITS): { head: RequestHead; to: number; text: string } {
  const head = new RequestHead(limits)
  const bytes = Buffer.from(text, 'latin1')
  return { head, to: head.parse(bytes, 0, bytes.length), text }
}

function statusOf(text: string, limits = LIMITS): number | 'more' | 'accepted' {
  const { head, to } = parse(text, limits)
  if (to === PARSED.needMore) return 'more'
  return to === PARSED.fault ? head.fault.status : 'accepted'
}

const request = (...lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`
const get = (...fields: readonly string[]) => request('GET / HTTP/1.1', 'Host: a', ...fields)
const post = (...fields: readonly string[]) => request('POST / HTTP/1.1', 'Host: a', ...fields)

describe('a request head', () => {
  test('is read into positions', () => {
    const text = `${request('POST /rooms/7?x=1 HTTP/1.1', 'Host: shop.example:8080', 'Content-Length:  12 ')}body`
    const { head, to } = parse(text)
    expect(text.slice(to)).toBe('body')
    expect(head.method).toBe('POST')
    expect(text.slice(head.targetFrom, head.targetTo)).toBe('/rooms/7?x=1')
    expect(text.slice(head.targetFrom, head.pathTo)).toBe('/rooms/7')
    expect(text.slice(head.authorityFrom, head.authorityTo)).toBe('shop.example:8080')
    expect(head.contentLength).toBe(12)
    expect(head.persistent).toBe(true)
  })

  test('is incomplete until its last byte, wherever it is cut', () => {
    const text = get('Connection: keep-alive, x-internal', 'X-Internal: 1', 'Accept: */*')
    for (let length = 0; length < text.length; length++)
      expect(statusOf(text.slice(0, length)), `cut at ${length}`).toBe('more')
    expect(statusOf(text)).toBe('accepted')
  })

  test('may follow one empty line, not two', () => {
    expect(statusOf(`\r\n${get()}`)).toBe('accepted')
    expect(statusOf(`\r\n\r\n${get()}`)).toBe(400)
  })

  test('of an absolute target takes its authority', () => {
    const { head, text } = parse(
      request('GET http://shop.example/a?b HTTP/1.1', 'Host: Shop.Example'),
    )
    expect(head.absolute).toBe(true)
    expect(text.slice(head.authorityFrom, head.authorityTo)).toBe('shop.example')
    expect(text.slice(head.targetFrom, head.targetTo)).toBe('/a?b')
  })

  test.each([
    ['HTTP/1.1', [], true],
    ['HTTP/1.1', ['Connection: close'], false],
    ['HTTP/1.1', ['Connection: foo, Close'], false],
    ['HTTP/1.0', [], false],
    ['HTTP/1.0', ['Connection: Keep-Alive'], true],
  ])('%s with %j keeps its connection: %s', (version, fields, persistent) => {
    expect(parse(request(`GET / ${version}`, 'Host: a', ...fields)).head.persistent).toBe(
      persistent,
    )
  })

  test('asks for an upgrade only with both fields, and never for h2c', () => {
    expect(parse(get('Connection: Upgrade', 'Upgrade: websocket')).head.upgrade).toBe(true)
    expect(parse(get('Upgrade: websocket')).head.upgrade).toBe(false)
    const h2c = parse(
      get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: foo, h2c', 'HTTP2-Settings: A'),
    )
    expect(h2c.head.upgrade).toBe(false)
    expect(h2c.head.h2c).toBe(true)
  })

  test('drops the fields that Connection names, but not those that frame it or say who the client is', () => {
    const text = get(
      'Connection: X-Hop, Host, Content-Length, X-Forwarded-For, cookie',
      'x-hop: 1',
      'X-Forwarded-For: 1.1.1.1',
      'Cookie: a=b',
      'Keep-Alive: 5',
      'Accept: */*',
    )
    const { fields } = parse(text).head
    const kept = Array.from({ length: fields.count }, (_, i) => i)
      .filter((i) => fields.dropped[i] === 0)
      .map((i) => text.slice(fields.nameFrom(i), fields.nameTo(i)))
    expect(kept).toEqual(['Host', 'X-Forwarded-For', 'Cookie', 'Accept'])
  })
})

describe('a request that could be read in two ways is refused:', () => {
  const refused: readonly (readonly [string, number, string])[] = [
    ['CL.TE', 400, post('Content-Length: 4', 'Transfer-Encoding: chunked')],
    ['TE.CL', 400, post('Transfer-Encoding: chunked', 'Content-Length: 4')],
    ['TE.TE', 501, post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')],
    ['TE.TE, twice chunked', 501, post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['an obfuscated coding', 501, post('Transfer-Encoding: xchunked')],
    ['a coding before chunked', 501, post('Transfer-Encoding: gzip, chunked')],
    ['chunked is not the last coding', 501, post('Transfer-Encoding: chunked, gzip')],
    ['an empty coding', 501, post('Transfer-Encoding:')],
    ['a vertical tab before the coding', 400, post('Transfer-Encoding: \x0bchunked')],
    ['a space before the colon', 400, post('Transfer-Encoding : chunked')],
    ['a tab before the colon', 400, post('Content-Length\t: 4')],
    ['TE in HTTP/1.0', 400, request('POST / HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked')],
    ['a bare LF after the request line', 400, 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['a bare LF after a field', 400, 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'],
    ['a bare LF as the empty line', 400, 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['a bare CR in a value', 400, get('X: a\rb')],
    ['a bare CR before the line end', 400, get('X: a\r')],
    ['obs-fold', 400, get('X: a', ' b')],
    ['obs-fold with a tab', 400, get('X: a', '\tb')],
    ['a fold before the first field', 400, request('GET / HTTP/1.1', ' Host: a')],
    ['a repeated Content-Length', 400, post('Content-Length: 4', 'Content-Length: 5')],
    ['the same Content-Length twice', 400, post('Content-Length: 4', 'Content-Length: 4')],
    ['a Content-Length with a comma', 400, post('Content-Length: 4, 4')],
    ['a signed Content-Length', 400, post('Content-Length: +4')],
    ['a negative Content-Length', 400, post('Content-Length: -4')],
    ['a hexadecimal Content-Length', 400, post('Content-Length: 0x4')],
    ['an empty Content-Length', 400, post('Content-Length:')],
    ['a Content-Length beyond exact numbers', 400, post('Content-Length: 9007199254740993')],
    ['a NUL in a value', 400, get('X: a\0b')],
    ['a NUL in a name', 400, get('X\0: a')],
    ['a field without a name', 400, get(': a')],
    ['a line without a colon', 400, get('Hello')],
    ['no Host', 400, request('GET / HTTP/1.1')],
    ['two Hosts', 400, get('Host: b')],
    ['a Host with a path', 400, request('GET / HTTP/1.1', 'Host: a/b')],
    ['a Host with a user', 400, request('GET / HTTP/1.1', 'Host: a@b')],
    ['a Host without a name', 400, request('GET / HTTP/1.1', 'Host: :80')],
    ['an authority mismatch', 400, request('GET http://b/ HTTP/1.1', 'Host: a')],
    ['an absolute target with a user', 400, request('GET http://u@a/ HTTP/1.1', 'Host: a')],
    ['another scheme', 400, request('GET ftp://a/ HTTP/1.1', 'Host: a')],
    ['a relative target', 400, request('GET index.html HTTP/1.1', 'Host: a')],
    ['an asterisk without OPTIONS', 400, request('GET * HTTP/1.1', 'Host: a')],
    ['a fragment in the target', 400, request('GET /#a HTTP/1.1', 'Host: a')],
    ['two spaces in the request line', 400, request('GET  / HTTP/1.1', 'Host: a')],
    ['a space after the version', 400, request('GET / HTTP/1.1 ', 'Host: a')],
    ['a tab in the request line', 400, request('GET\t/ HTTP/1.1', 'Host: a')],
    ['HTTP/0.9', 400, 'GET /\r\n\r\n'],
    ['a method in brackets', 400, request('(GET) / HTTP/1.1', 'Host: a')],
    ['CONNECT', 501, request('CONNECT a:443 HTTP/1.1', 'Host: a:443')],
    ['the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/1.2', 505, request('GET / HTTP/1.2', 'Host: a')],
    ['HTTP/3.0', 505, request('GET / HTTP/3.0', 'Host: a')],
    ['an unknown expectation', 417, post('Expect: 200-ok', 'Content-Length: 1')],
    ['an upgrade with a body', 400, post('Connection: upgrade', 'Upgrade: x', 'Content-Length: 1')],
    ['a Connection that is no list', 400, get('Connection: a b')],
  ]
  test.each(refused)('%s (%i)', (_name, status, text) => {
    expect(statusOf(text)).toBe(status)
  })
})

describe('the limits of a head', () => {
  test('a target of targetBytesMax passes, one byte more is 414, even before the line is complete', () => {
    const limits = { ...LIMITS, targetBytesMax: 100 }
    const target = `/${'a'.repeat(99)}`
    expect(statusOf(request(`GET ${target} HTTP/1.1`, 'Host: a'), limits)).toBe('accepted')
    expect(statusOf(request(`GET ${target}b HTTP/1.1`, 'Host: a'), limits)).toBe(414)
    expect(statusOf(`GET ${target}b`, limits)).toBe(414)
  })

  test('a head of headBytesMax passes, one byte more is 431, complete or not', () => {
    const text = get(`X: ${'a'.repeat(500)}`)
    expect(statusOf(text, { ...LIMITS, headBytesMax: text.length })).toBe('accepted')
    expect(statusOf(text, { ...LIMITS, headBytesMax: text.length - 1 })).toBe(431)
    expect(statusOf(text.slice(0, 400), { ...LIMITS, headBytesMax: 400 })).toBe('more')
    expect(statusOf(text.slice(0, 401), { ...LIMITS, headBytesMax: 400 })).toBe(431)
  })

  test('fieldsMax fields pass, one more is 431', () => {
    const fields = Array.from({ length: 99 }, (_, i) => `X-${i}: ${i}`)
    expect(statusOf(get(...fields))).toBe('accepted')
    expect(statusOf(get(...fields, 'Y: 1'))).toBe(431)
  })

  test('a method is refused before it grows', () => {
    expect(statusOf('A'.repeat(32))).toBe('more')
    expect(statusOf('A'.repeat(33))).toBe(400)
  })

  test('sixteen names in Connection pass, one more is 400', () => {
    const names = Array.from({ length: 16 }, (_, i) => `a${i}`)
    expect(statusOf(get(`Connection: ${names.join(',')}`))).toBe('accepted')
    expect(statusOf(get(`Connection: ${names.join(',')},b`))).toBe(400)
  })
})
