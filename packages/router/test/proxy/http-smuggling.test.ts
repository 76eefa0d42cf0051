import { connect as connectHttp2 } from 'node:http2'
import { describe, expect, test } from 'vitest'
import { makeAuthority } from '../testing/authority.ts'
import { onCleanup } from '../testing/fixture.ts'
import { RawClient, startApp, startHttpRouter } from '../testing/http-fixture.ts'

/** What an attacker hides behind an ambiguous request. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const request = (...lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`
const get = (...fields: readonly string[]) => request('GET / HTTP/1.1', 'Host: a', ...fields)
const post = (...fields: readonly string[]) => request('POST / HTTP/1.1', 'Host: a', ...fields)
const CHUNKED = 'Transfer-Encoding: chunked'
const chunked = (body: string) => `${post(CHUNKED)}${body}`

/** Every row ends in its status and a closed connection, and what is behind it is never read as a request. */
const REFUSED: readonly (readonly [name: string, status: number, bytes: string])[] = [
  ['CL.TE', 400, `${post('Content-Length: 6', CHUNKED)}0\r\n\r\n`],
  ['TE.CL', 400, `${post(CHUNKED, 'Content-Length: 3')}1\r\nG\r\n0\r\n\r\n`],
  ['TE.TE, the second one unknown', 501, `${post(CHUNKED, 'Transfer-Encoding: x')}0\r\n\r\n`],
  ['TE.TE, twice chunked', 501, `${post(CHUNKED, CHUNKED)}0\r\n\r\n`],
  ['TE.TE in one field', 501, `${post('Transfer-Encoding: chunked, chunked')}0\r\n\r\n`],
  ['an obfuscated coding', 501, `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`],
  ['a coding behind a tab', 501, `${post('Transfer-Encoding: x\tchunked')}0\r\n\r\n`],
  ['a coding behind a vertical tab', 400, `${post('Transfer-Encoding: \vchunked')}0\r\n\r\n`],
  ['a coding before chunked', 501, `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
  ['a coding in HTTP/1.0', 400, request('POST / HTTP/1.0', 'Host: a', CHUNKED)],
  ['a space before the colon of the coding', 400, post('Transfer-Encoding : chunked')],
  ['a space before the colon of the length', 400, post('Content-Length : 5')],
  ['a tab before a colon', 400, get('X\t: y')],
  ['a bare LF after the request line', 400, 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
  ['a bare LF after a field', 400, 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'],
  ['a bare LF as the end of the head', 400, 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
  ['a bare CR in a value', 400, get('X: a\rTransfer-Encoding: chunked')],
  ['obs-fold', 400, get('X: a', ' b: c')],
  ['obs-fold of the coding', 501, post('Transfer-Encoding:', ' chunked')],
  ['obs-fold before the first field', 400, request('GET / HTTP/1.1', ' X: y', 'Host: a')],
  ['a repeated length', 400, post('Content-Length: 4', 'Content-Length: 5')],
  ['the same length twice', 400, post('Content-Length: 5', 'Content-Length: 5')],
  ['a length with a comma', 400, post('Content-Length: 5, 5')],
  ['a signed length', 400, post('Content-Length: +5')],
  ['a negative length', 400, post('Content-Length: -1')],
  ['a length in hex', 400, post('Content-Length: 0x5')],
  ['an empty length', 400, post('Content-Length:')],
  ['a length beyond exact numbers', 400, post(`Content-Length: ${'9'.repeat(20)}`)],
  ['a length with a blank inside', 400, post('Content-Length: 5 5')],
  ['NUL in a name', 400, get('X\0: y')],
  ['NUL in a value', 400, get('X: a\0b')],
  ['NUL in the target', 400, request('GET /\0 HTTP/1.1', 'Host: a')],
  ['a space in the target', 400, request('GET /a b HTTP/1.1', 'Host: a')],
  ['no colon', 400, get('X')],
  ['an empty name', 400, get(': x')],
  ['no Host', 400, request('GET / HTTP/1.1', 'X: y')],
  ['two Hosts', 400, request('GET / HTTP/1.1', 'Host: a', 'Host: b')],
  ['a Host that is none', 400, request('GET / HTTP/1.1', 'Host: a/b')],
  ['an authority mismatch', 400, request('GET http://b/ HTTP/1.1', 'Host: a')],
  ['an authority with a user', 400, request('GET http://a@b/ HTTP/1.1', 'Host: b')],
  ['a chunk size with a sign', 400, chunked('+5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with 0x', 400, chunked('0x5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk size with a blank', 400, chunked('5 \r\nhello\r\n0\r\n\r\n')],
  ['a chunk size that overflows', 400, chunked('10000000000000005\r\nhello\r\n0\r\n\r\n')],
  ['an empty chunk size', 400, chunked('\r\n\r\n')],
  ['a bare LF after a chunk size', 400, chunked('5\nhello\r\n0\r\n\r\n')],
  ['a bare LF after a chunk', 400, chunked('5\r\nhello\n0\r\n\r\n')],
  ['a chunk longer than its size', 400, chunked('4\r\nhello\r\n0\r\n\r\n')],
  ['an extension with a bare LF', 400, chunked('5;a\nb\r\nhello\r\n0\r\n\r\n')],
  ['an extension with a bare CR', 400, chunked('5;a\rb\r\nhello\r\n0\r\n\r\n')],
  ['an extension with NUL', 400, chunked('5;a\0\r\nhello\r\n0\r\n\r\n')],
  ['an extension without an end', 400, chunked(`5;${'a'.repeat(300)}\r\nhello\r\n0\r\n\r\n`)],
  ['a trailer with a bare LF', 400, chunked('0\r\nX: y\n\r\n')],
  ['a folded trailer', 400, chunked('0\r\nX: y\r\n z\r\n\r\n')],
  ['a trailer that frames', 400, chunked('0\r\nContent-Length: 5\r\n\r\n')],
  ['a trailer that routes', 400, chunked('0\r\nHost: b\r\n\r\n')],
  ['an upgrade with a body', 400, post('Connection: upgrade', 'Upgrade: x', 'Content-Length: 5')],
  ['another version', 505, request('GET / HTTP/2.0', 'Host: a')],
  ['the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['CONNECT', 501, request('CONNECT a:443 HTTP/1.1', 'Host: a:443')],
  ['no request at all', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
]

describe('a request that could be read in two ways ends in its status and the end of the connection:', () => {
  test.each(REFUSED)('%s (%i)', async (_name, status, bytes) => {
    const seen: (string | undefined)[] = []
    const backend = await startApp((message, response) => {
      seen.push(message.url)
      message.on('error', () => {})
      message.resume().on('end', () => response.end('ok'))
    })
    const { client, router } = await startHttpRouter([backend])
    const text = await client().send(`${bytes}${SMUGGLED}`).closed()
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\n\r\n${status} .+\n$`))
    expect(text.match(/^HTTP\/1/gm)).toHaveLength(1)
    expect(text).toContain('Content-Type: text/plain')
    expect(text).toContain('Connection: close')
    expect(seen).not.toContain('/smuggled')
    expect(Object.keys(router.counters().errors)).toHaveLength(1)
  })

  test('h2c: answered in HTTP/1.1 without the switch', async () => {
    const seen: (string | undefined)[] = []
    const backend = await startApp((message, response) => {
      seen.push(message.url, message.headers.upgrade)
      response.end('ok')
    })
    const { client } = await startHttpRouter([backend])
    const h2c = get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAM')
    const text = await client().send(`${h2c}${SMUGGLED}`).closed()
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text.match(/^HTTP\/1/gm)).toHaveLength(1)
    expect(seen).toEqual(['/', undefined])
  })
})

describe('what HTTP/2 would smuggle into HTTP/1.1 is refused:', () => {
  test.each([
    ['a line end in the target', { ':path': '/a\r\nX: y' }],
    ['a space in the target', { ':path': '/a b' }],
    ['a coding', { 'transfer-encoding': 'chunked' }],
    ['two authorities', { host: 'b' }],
    ['no target', { ':path': '' }],
  ])('%s', async (_name, fields) => {
    const seen: (string | undefined)[] = []
    const backend = await startApp((message, response) => {
      seen.push(message.headers.host)
      response.end('ok')
    })
    const authority = makeAuthority()
    const { listener } = await startHttpRouter([backend], {
      listener: { tls: { certificates: [authority.sign('a.example')] } },
    })
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
      servername: 'a.example',
      ca: authority.ca,
    })
    session.on('error', () => {})
    onCleanup(() => session.destroy())
    const outcome = await new Promise<number | 'refused'>((resolve) => {
      try {
        const stream = session.request({ ':path': '/', ':authority': 'a.example', ...fields })
        stream.on('response', (head) => resolve(Number(head[':status'])))
        stream.on('error', () => resolve('refused'))
        stream.on('close', () => resolve('refused'))
        stream.resume()
      } catch {
        // Our own end of the test already refuses to send it.
        resolve('refused')
      }
    })
    // Which Host counts is clear in HTTP/2: the authority.
    if ('host' in fields && outcome === 200) expect(seen).toEqual(['a.example'])
    else expect(['refused', 400]).toContain(outcome)
  })
})

test('a PROXY protocol header is no way in: without one, or with half of one, nothing is said', async () => {
  const backend = await startApp((_, response) => response.end('ok'))
  const { listener, router } = await startHttpRouter([backend], {
    listener: { proxyProtocol: true },
    limits: { headTimeoutMs: 100 },
  })
  for (const bytes of [SMUGGLED, 'PROXY TCP4 1.2.3.4\r\n', 'PROXY TCP4 1.2.3.4 5.6.7.8 1'])
    expect(await new RawClient(listener.port).send(bytes).closed()).toBe('')
  expect(router.counters().commands).toBe(0)
})
