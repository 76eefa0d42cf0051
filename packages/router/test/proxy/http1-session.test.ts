import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { refusedPort, startApp, startHttpRouter, startRawServer } from '../testing/http-fixture.ts'

const read = async (message: IncomingMessage) => {
  let text = ''
  for await (const piece of message.setEncoding('latin1')) text += piece
  return text
}

/** An application that answers with what it was sent. */
const startEcho = () =>
  startApp((message, response) => {
    read(message).then((body) => {
      response.setHeader('X-Method', message.method ?? '')
      response.end(JSON.stringify({ url: message.url, headers: message.headers, body }))
    }, ignoreAborted)
  })

/** Some clients of these tests leave in the middle of a body. */
function ignoreAborted(): void {}

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'

describe('an HTTP/1.1 client', () => {
  test('gets its answers in order when it pipelines, and keeps its connection', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const one = client().send(
      `${GET}POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${GET.replace('/a', '/c')}`,
    )
    const text = await one.until('"/c"')
    expect([...text.matchAll(/"url":"(.)(.)"/g)].map((match) => match[2])).toEqual(['a', 'b', 'c'])
    expect(text).toContain('"body":"hello"')
    expect(one.ended).toBe(false)
  })

  test('is told what is wrong with a later request of its connection, too', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const one = client()
    await one.send(GET).until('"/a"')
    const text = await one.send('GET /b HTTP/1.1\r\n\r\n').closed()
    expect(text.slice(text.indexOf('"/a"'))).toMatch(/HTTP\/1\.1 400 Bad Request\r\n/)
  })

  test('has its hop-by-hop fields left out, and the router’s own added', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const text = await client()
      .send(
        'GET / HTTP/1.1\r\nHost: shop\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\n\r\n',
      )
      .until('"body":""}')
    const { headers } = JSON.parse(
      text.slice(text.indexOf('{"url'), text.lastIndexOf('}') + 1),
    ) as {
      headers: Record<string, string>
    }
    expect(headers).toMatchObject({
      host: 'shop',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop',
      'x-request-id': 'mine',
      via: '1.1 ringway',
    })
    for (const gone of ['x-hop', 'keep-alive', 'te', 'x-real-ip', 'forwarded'])
      expect(headers).not.toHaveProperty(gone)
  })

  test('behind a trusted proxy keeps what that proxy says', async () => {
    const { client } = await startHttpRouter([await startEcho()], {
      listener: { trustedProxies: ['127.0.0.0/8'], forwarding: { forwarded: true } },
    })
    const text = await client()
      .send(
        'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9\r\n\r\n',
      )
      .until('"body":""}')
    expect(text).toContain('"x-forwarded-for":"9.9.9.9, 127.0.0.1"')
    expect(text).toContain('"x-forwarded-proto":"https"')
    expect(text).toContain('"forwarded":"for=9.9.9.9, for=127.0.0.1;proto=http;host=\\"a\\""')
  })

  test('may send an absolute target: its authority becomes the Host', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const text = await client()
      .send('GET http://shop?x HTTP/1.1\r\nHost: shop\r\n\r\n')
      .until('"body":""}')
    expect(text).toContain('"url":"/?x"')
    expect(text).toContain('"host":"shop"')
  })

  test('sends and gets chunked bodies with trailers', async () => {
    const backend = await startRawServer((socket) => {
      socket.on('data', (bytes) => {
        if (!bytes.toString('latin1').includes('Sum: 1\r\n\r\n')) return
        socket.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nDone: yes\r\n\r\n',
        )
      })
    })
    const { client } = await startHttpRouter([backend])
    const one = client().send(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;q\r\nhi\r\n0\r\nSum: 1\r\n\r\n',
    )
    expect(await one.until('Done: yes\r\n\r\n')).toContain('\r\n\r\n3\r\nabc\r\n0\r\n')
  })

  test('of HTTP/1.0 gets a body without chunks and the end of its connection', async () => {
    const backend = await startApp((_, response) => {
      response.write('abc')
      setImmediate(() => response.end('def'))
    })
    const { client } = await startHttpRouter([backend])
    const text = await client().send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').closed()
    expect(text.endsWith('\r\n\r\nabcdef')).toBe(true)
    expect(text).not.toMatch(/transfer-encoding/i)
  })

  test('gets no body for HEAD, 204 and 304, and the connection goes on', async () => {
    const backend = await startApp((message, response) => {
      response.statusCode = Number(message.url?.slice(1) ?? 200)
      response.setHeader('X-Url', message.url ?? '')
      if (response.statusCode === 200) response.setHeader('Content-Length', 5)
      response.end()
    })
    const { client } = await startHttpRouter([backend])
    const one = client().send(
      `HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n${GET.replace('/a', '/204')}${GET.replace('/a', '/304')}${GET.replace('/a', '/299')}`,
    )
    expect(await one.until('/299')).toMatch(
      /200 OK[\s\S]*204 No Content[\s\S]*304 Not Modified[\s\S]* 299 /,
    )
  })

  test('that expects 100 gets it from the application', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const one = client().send(
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    )
    await one.until('100 Continue')
    one.send('ok')
    expect(await one.until('}')).toContain('"body":"ok"')
  })

  test('streams events without delay, and its going away reaches the application', async () => {
    let gone: () => void = () => {}
    const left = new Promise<void>((resolve) => {
      gone = resolve
    })
    const backend = await startApp((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: 1\n\n')
      response.on('close', gone)
    })
    const { client } = await startHttpRouter([backend])
    const one = client().send(GET)
    await one.until('data: 1')
    one.socket.destroy()
    await left
  })

  test('switches protocols: bytes pass both ways, what came early included', async () => {
    const backend = await startRawServer((socket) => {
      socket.once('data', (head) => {
        expect(head.toString()).toMatch(/Connection: upgrade\r\nUpgrade: echo\r\n/)
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nwelcome',
        )
        socket.on('data', (bytes) => socket.write(`<${bytes.toString()}>`))
      })
    })
    const { client } = await startHttpRouter([backend])
    const one = client().send(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly',
    )
    const text = await one.until('<early>')
    expect(text).toContain('Connection: upgrade\r\nUpgrade: echo\r\n')
    expect(text).toContain('welcome')
    await one.send('late').until('<late>')
  })

  test('that asks for h2c is answered in HTTP/1.1, and its connection is closed', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const text = await client()
      .send(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
      )
      .closed()
    expect(text).toContain('HTTP/1.1 200 OK')
    expect(text).not.toContain('upgrade')
    expect(text).not.toContain('smuggled')
  })

  test('ends its side and still gets its answer', async () => {
    const { client } = await startHttpRouter([await startEcho()])
    const one = client().send(GET)
    one.socket.end()
    expect(await one.closed()).toContain('200 OK')
  })
})

describe('a refused request gets its status and the end of its connection:', () => {
  test.each([
    [
      'a smuggled length',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    [
      'a bad chunk size',
      400,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n',
    ],
    ['a bare LF', 400, 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a coding', 501, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['CONNECT', 501, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
    ['another version', 505, 'GET / HTTP/1.9\r\nHost: a\r\n\r\n'],
    ['a long target', 414, `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['a long head', 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`],
    ['an unknown expectation', 417, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'],
    ['a large body', 413, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n'],
    [
      'a large chunked body',
      413,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n',
    ],
  ])('%s (%i)', async (_name, status, bytes) => {
    const urls: (string | undefined)[] = []
    const backend = await startApp((message, response) => {
      urls.push(message.url)
      response.end()
    })
    const { client, router } = await startHttpRouter([backend], {
      limits: { requestBodyBytesMax: 1_000 },
    })
    const text = await client().send(bytes).closed()
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).toContain('Connection: close')
    expect(text).toContain(`\r\n\r\n${status} `)
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
    expect(urls).not.toContain('/x')
    expect(Object.keys(router.counters().errors)).toHaveLength(1)
  })

  test('a head that comes too slowly, however it is cut', async () => {
    const { client } = await startHttpRouter([await startEcho()], {
      limits: { headTimeoutMs: 200 },
    })
    const one = client()
    const drip = setInterval(() => one.send('X: y\r\n'), 30)
    const text = await one.send('GET / HTTP/1.1\r\n').closed()
    clearInterval(drip)
    expect(text).toContain('408 Request Timeout')
  })

  test('a body that stops coming', async () => {
    const { client } = await startHttpRouter([await startEcho()], {
      limits: { bodyTimeoutMs: 100 },
    })
    const text = await client()
      .send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel')
      .closed()
    expect(text).toContain(
      '408 Request Timeout: pool "app": no more of the body came within 100 ms',
    )
  })
})

describe('a connection without requests', () => {
  test('is ended after keepAliveTimeoutMs, without a word', async () => {
    const { client } = await startHttpRouter([await startEcho()], {
      limits: { keepAliveTimeoutMs: 100 },
    })
    expect(await client().closed()).toBe('')
  })
})

describe('a backend', () => {
  test('that refuses is passed over, and avoided', async () => {
    const app = await startEcho()
    const { client, events, router } = await startHttpRouter([await refusedPort(), app])
    const one = client()
    for (let i = 0; i < 20; i++)
      one.send(`POST /${i} HTTP/1.1\r\nHost: a\r\nX-Key: ${i}\r\nContent-Length: 2\r\n\r\nhi`)
    const text = await one.until('"/19"')
    expect(text.match(/200 OK/g)).toHaveLength(20)
    expect(events.some((event) => event.type === 'backend-avoided')).toBe(true)
    expect(router.counters().pools['app']?.failovers).toBeGreaterThan(0)
  })

  test('that closes before it answers: a GET goes to the next one, a POST is a 502 that says so', async () => {
    const asked: string[] = []
    const bad = await startRawServer((socket) =>
      socket.once('data', (bytes) => {
        asked.push(bytes.toString().slice(0, 4))
        socket.destroy()
      }),
    )
    const { client } = await startHttpRouter([bad])
    const text = await client()
      .send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
      .until(/\n$/)
    expect(text).toMatch(
      /502 Bad Gateway: pool "app": backend \S+ (closed|broke) .*may have been processed/,
    )
    expect(asked).toEqual(['POST'])
  })

  test('that closed an idle connection gets the next request on a new one, and is not avoided', async () => {
    let connections = 0
    const backend = await startRawServer((socket) => {
      connections++
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        // The response is out; the end of the connection meets the next request.
        socket.once('data', () => socket.destroy())
        socket.removeAllListeners('data')
        socket.on('data', () => socket.destroy())
      })
    })
    const { client, events } = await startHttpRouter([backend])
    const one = client()
    await one.send(GET).until('ok')
    one.text = ''
    await one.send(GET).until('ok')
    expect(connections).toBe(2)
    expect(events).toEqual([])
  })

  test('that closed all of its idle connections at once costs a request one new connection, not an error', async () => {
    let dying = false
    const held: (() => void)[] = []
    const backend = await startRawServer((socket) => {
      const old = !dying
      socket.on('data', () => {
        const answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        if (!dying) held.push(answer)
        else if (old) socket.destroy()
        else answer()
      })
    })
    const { client, events } = await startHttpRouter([backend])
    const clients = Array.from({ length: 8 }, () => client().send(GET))
    while (held.length < 8) await new Promise(setImmediate)
    for (const answer of held) answer()
    await Promise.all(clients.map((one) => one.until('ok')))
    dying = true
    expect(
      await client()
        .send(GET)
        .until(/ok$|\n$/),
    ).toContain('200 OK')
    expect(events).toEqual([])
  })

  test.each([
    [
      'garbage',
      'hello\r\n\r\n',
      /502 Bad Gateway: pool "app": backend \S+ answered with a malformed head/,
    ],
    [
      'both lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      /502 Bad Gateway/,
    ],
    [
      'an unasked switch',
      'HTTP/1.1 101 Hi\r\nUpgrade: x\r\n\r\n',
      /502 Bad Gateway: .*switched protocols/,
    ],
  ])('that answers with %s is a 502', async (_name, answer, expected) => {
    const backend = await startRawServer((socket) =>
      socket.once('data', () => socket.write(answer)),
    )
    const { client } = await startHttpRouter([backend])
    expect(await client().send(GET).until(/\n$/)).toMatch(expected)
  })

  test('that is silent is a 504 that says how long', async () => {
    const backend = await startRawServer(() => {})
    const { client } = await startHttpRouter([backend], { limits: { firstByteTimeoutMs: 100 } })
    expect(await client().send(GET).until('ms\n')).toContain(
      `504 Gateway Timeout: pool "app": backend 127.0.0.1:${backend} did not answer within 100 ms`,
    )
  })

  test('that breaks off a response ends the client’s connection before its end', async () => {
    const backend = await startRawServer((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
        setImmediate(() => socket.end())
      }),
    )
    const { client } = await startHttpRouter([backend])
    expect((await client().send(GET).closed()).endsWith('half')).toBe(true)
  })

  test('that sends more than its response does not answer the next request with it', async () => {
    let connections = 0
    const backend = await startRawServer((socket) => {
      connections++
      socket.on('data', () =>
        socket.write(
          'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
        ),
      )
    })
    const { client } = await startHttpRouter([backend])
    const one = client()
    await one.send(GET + GET).until(/ok[\s\S]*ok/)
    expect(one.text).not.toContain('evil')
    expect(connections).toBe(2)
  })

  test('none of which is left is a 503 that names pool and cause', async () => {
    const port = await refusedPort()
    const { client } = await startHttpRouter([port])
    expect(await client().send(GET).until(/\n$/)).toContain(
      `503 Service Unavailable: pool "app": no backend can be reached; the last cause: backend 127.0.0.1:${port} refused the connection`,
    )
  })

  test('takes upstreamConnectionsMax connections; others wait their turn, one too many is a 503', async () => {
    const answers: (() => void)[] = []
    const backend = await startApp((_, response) => answers.push(() => response.end('ok')))
    const { client } = await startHttpRouter([backend], {
      limits: { upstreamConnectionsMax: 1, upstreamQueueMax: 1 },
    })
    const first = client().send(GET)
    while (answers.length === 0) await new Promise(setImmediate)
    const second = client().send(GET)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await client().send(GET).until(/\n$/)).toContain('503 Service Unavailable')
    answers.shift()?.()
    await first.until('ok')
    while (answers.length === 0) await new Promise(setImmediate)
    answers.shift()?.()
    await second.until('ok')
  })
})

describe('backpressure', () => {
  test('a client that does not read stops the backend, within outputBytesMax and socket buffers', async () => {
    let sent = 0
    const backend = await startRawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const fill = () => {
          while (socket.write(Buffer.alloc(65_536))) sent += 65_536
        }
        socket.on('drain', fill)
        fill()
      })
    })
    const { client } = await startHttpRouter([backend])
    const one = client()
    one.socket.pause()
    one.send(GET)
    let before = -1
    while (sent !== before || sent === 0) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    one.socket.resume()
    const received = one.socket.bytesRead
    while (one.socket.bytesRead < received + 8 * 1024 * 1024)
      await new Promise((resolve) => setTimeout(resolve, 10))
  })
})
