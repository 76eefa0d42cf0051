import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { makeAuthority } from '../testing/authority.ts'
import { onCleanup } from '../testing/fixture.ts'
import { RawClient, startApp, startHttpRouter, startRawServer } from '../testing/http-fixture.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Answers with the header fields that it was sent. */
const startMirror = () =>
  startApp((message, response) => {
    message.resume().on('end', () => response.end(JSON.stringify(message.headers)))
  })

/** Answers every whole head with the same bytes. */
const startAnswering = (answer: string) =>
  startRawServer((socket) =>
    socket.on('data', (bytes) => {
      if (bytes.toString('latin1').includes('\r\n\r\n')) socket.write(answer)
    }),
  )

async function startSecure(port: number, options: Parameters<typeof startHttpRouter>[1] = {}) {
  const authority = makeAuthority()
  const fixture = await startHttpRouter([port], {
    ...options,
    listener: { ...options.listener, tls: { certificates: [authority.sign('a.example')] } },
  })
  return { ...fixture, ca: authority.ca }
}

function http2(port: number, ca: string, socket?: Socket): ClientHttp2Session {
  const tls = { servername: 'a.example', ca, ALPNProtocols: ['h2'] }
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    ...tls,
    ...(socket && { createConnection: () => connectTls({ ...tls, socket }) }),
  })
  session.on('error', () => {})
  onCleanup(() => session.destroy())
  return session
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly interim: readonly number[]
  readonly trailers: IncomingHttpHeaders
}

function ask(
  session: ClientHttp2Session,
  method: string,
  body?: string,
  trailers?: Record<string, string>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ':path': '/', ':method': method, ':authority': 'a.example' }
    const endStream = body === undefined
    const stream = session.request(headers, { endStream, waitForTrailers: trailers !== undefined })
    const interim: number[] = []
    let status = 0
    let text = ''
    let got: IncomingHttpHeaders = {}
    stream.on('headers', (head) => interim.push(Number(head[':status'])))
    stream.on('response', (head) => {
      status = Number(head[':status'])
    })
    stream.on('trailers', (fields) => {
      got = { ...fields }
    })
    stream.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    stream.on('error', reject)
    stream.on('close', () => resolve({ status, body: text, interim, trailers: got }))
    if (trailers) stream.once('wantTrailers', () => stream.sendTrailers(trailers))
    if (body !== undefined) stream.end(body)
  })
}

describe('interim responses', () => {
  test('reach clients of HTTP/1.1 and HTTP/2, and not those of HTTP/1.0', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n'
    const backend = await startAnswering(`${hints}${hints}${OK}`)
    const { listener, ca } = await startSecure(backend)
    const plain = await startHttpRouter([backend])
    const text = await plain.client().send(GET).until('ok')
    expect(text.match(/^HTTP\/1\.1 \d+/gm)).toEqual([
      'HTTP/1.1 103',
      'HTTP/1.1 103',
      'HTTP/1.1 200',
    ])
    const old = plain.client().send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    expect(await old.closed()).not.toContain('103')
    const answer = await ask(http2(listener.port, ca), 'GET')
    expect(answer).toMatchObject({ status: 200, body: 'ok', interim: [103, 103] })
  })

  test('a request that expects 100 and is answered at once is not read further', async () => {
    const backend = await startAnswering('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
    const { client } = await startHttpRouter([backend])
    const one = client().send(
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    )
    expect(await one.closed()).toMatch(/401 Unauthorized[\s\S]*Connection: close[\s\S]*no$/)
  })
})

describe('trailers', () => {
  const chunks = '2\r\nok\r\n0\r\nSum: 1\r\nX-Long: a b\r\n\r\n'
  const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n${chunks}`

  test('pass through HTTP/2 both ways', async () => {
    let seen = ''
    const backend = await startRawServer((socket) =>
      socket.on('data', (bytes) => {
        seen += bytes.toString('latin1')
        if (seen.endsWith('\r\n\r\n') && seen.includes('\r\n0\r\n')) socket.write(answer)
      }),
    )
    const { listener, ca } = await startSecure(backend)
    const session = http2(listener.port, ca)
    const got = await ask(session, 'POST', 'body', { digest: 'abc', 'x-two': '2' })
    expect(seen).toMatch(/4\r\nbody\r\n0\r\ndigest: abc\r\nx-two: 2\r\n\r\n$/)
    expect(got).toMatchObject({ status: 200, body: 'ok', trailers: { sum: '1', 'x-long': 'a b' } })
  })

  test('that would frame or route are refused, and more than trailerBytesMax', async () => {
    const { listener, ca } = await startSecure(await startAnswering(''), {
      limits: { trailerBytesMax: 20 },
    })
    const session = http2(listener.port, ca)
    expect((await ask(session, 'POST', 'body', { authorization: 'me' })).status).toBe(400)
    expect((await ask(session, 'POST', 'body', { 'x-a': 'b'.repeat(14) })).status).toBe(431)
  })

  test('of trailerBytesMax pass', async () => {
    const { listener, ca } = await startSecure(await startMirror(), {
      limits: { trailerBytesMax: 20 },
    })
    // "x-a: " and a line end are seven bytes.
    const got = await ask(http2(listener.port, ca), 'POST', 'body', { 'x-a': 'b'.repeat(13) })
    expect(got.status).toBe(200)
  })

  test('do not reach a client of HTTP/1.0', async () => {
    const { client } = await startHttpRouter([await startAnswering(answer)])
    const text = await client().send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').closed()
    expect(text.endsWith('\r\n\r\nok')).toBe(true)
  })
})

test('HEAD gets no body with a refusal either, and its connection goes on', async () => {
  const { client } = await startHttpRouter([])
  const one = client().send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  await one.until('503 Service Unavailable')
  const text = await one.send(GET).until(/no backend is in the pool\n$/)
  expect(text.match(/no backend is in the pool/g)).toHaveLength(1)
  const { listener, ca } = await startSecure(await startAnswering('nonsense\r\n\r\n'))
  const session = http2(listener.port, ca)
  expect(await ask(session, 'HEAD')).toMatchObject({ status: 502, body: '' })
  expect((await ask(session, 'GET')).body).toMatch(/^502 Bad Gateway: pool "app": /)
})

describe('the PROXY protocol', () => {
  const v1 = Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 5000 443\r\n')
  const v2 = Buffer.concat([
    Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]),
    Buffer.from([0x21, 0x11, 0, 12, 192, 0, 2, 7, 192, 0, 2, 1, 0x13, 0x88, 1, 0xbb]),
  ])

  test.each([
    ['version 1', v1],
    ['version 2', v2],
  ])('%s says who the client is, in one piece or byte by byte', async (_name, header) => {
    const { client } = await startHttpRouter([await startMirror()], {
      listener: { proxyProtocol: true },
    })
    const whole = client()
    whole.socket.write(Buffer.concat([header, Buffer.from(GET)]))
    expect(await whole.until('}')).toContain('"x-forwarded-for":"192.0.2.7"')
    const slow = client()
    for (const octet of header) slow.socket.write(Buffer.from([octet]))
    expect(await slow.send(GET).until('}')).toContain('"x-forwarded-for":"192.0.2.7"')
  })

  test.each([
    ['version 1', v1],
    ['version 2', v2],
  ])('%s comes before TLS, for HTTP/1.1 and HTTP/2', async (_name, header) => {
    const { listener, ca } = await startSecure(await startMirror(), {
      listener: { proxyProtocol: true },
    })
    const greeted = async () => {
      const socket = connect({ port: listener.port, host: '127.0.0.1' })
      onCleanup(() => {
        socket.destroy()
      })
      await new Promise<void>((resolve) => socket.write(header, () => resolve()))
      return socket
    }
    const answer = await ask(http2(listener.port, ca, await greeted()), 'GET')
    expect(answer.body).toContain('"x-forwarded-for":"192.0.2.7"')
    const tls = connectTls({ socket: await greeted(), servername: 'a.example', ca })
    let text = ''
    tls.on('data', (bytes) => {
      text += bytes.toString('latin1')
    })
    tls.write(GET)
    await eventually('the answer', () => text.includes('"x-forwarded-for":"192.0.2.7"'))
    expect(text).toContain('"x-forwarded-proto":"https"')
  })

  test('before TLS: a connection without it is ended, at once or in time', async () => {
    const { listener, ca, router } = await startSecure(await startMirror(), {
      listener: { proxyProtocol: true },
      limits: { headTimeoutMs: 150 },
    })
    const bare = connectTls({ port: listener.port, host: '127.0.0.1', servername: 'a.example', ca })
    await new Promise((resolve) => bare.once('error', resolve))
    expect(await new RawClient(listener.port).closed()).toBe('')
    expect(router.counters().errors['PROXY_HEADER_FAILED']).toBe(2)
    expect(router.counters().clients.open).toBe(0)
  })
})

describe('what backends are told', () => {
  test('a request id is made once and kept, Via grows', async () => {
    const { client } = await startHttpRouter([await startMirror()])
    const one = client()
    const first = await one.send(GET).until('}')
    const made = /"x-request-id":"([^"]+)"/.exec(first)?.[1] ?? ''
    expect(made.length).toBeGreaterThan(10)
    one.text = ''
    const second = await one.send(GET).until('}')
    expect(second).not.toContain(made)
    one.text = ''
    const fields = 'X-Request-Id: mine\r\nVia: 1.0 before\r\n'
    const third = await one.send(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`).until('}')
    expect(third).toContain('"x-request-id":"mine"')
    expect(third).toContain('"via":"1.0 before, 1.1 ringway"')
  })
})

describe('a client that leaves', () => {
  test('in the middle of its upload ends the request at the backend', async () => {
    let gone = false
    const backend = await startRawServer((socket) =>
      socket.resume().on('close', () => {
        gone = true
      }),
    )
    const { client, router } = await startHttpRouter([backend])
    const one = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
    await eventually('it arrives', () => inFlight(router) === 1)
    one.socket.destroy()
    await eventually('the backend hears of it', () => gone)
    expect(inFlight(router)).toBe(0)
  })

  test('while it waits for a connection is not sent to the backend', async () => {
    const asked: string[] = []
    const sockets: Socket[] = []
    const backend = await startRawServer((socket) => {
      sockets.push(socket)
      socket.on('data', (bytes) => asked.push(bytes.toString('latin1').slice(0, 12)))
    })
    const { client, router } = await startHttpRouter([backend], {
      limits: { upstreamConnectionsMax: 1 },
    })
    const first = client().send(GET)
    await eventually('the first is asked', () => asked.length === 1)
    const second = client().send(GET.replace('/', '/second'))
    await eventually('the second waits', () => inFlight(router) === 2)
    second.socket.destroy()
    await eventually('it waits no more', () => inFlight(router) === 1)
    sockets[0]?.write(OK)
    await first.until('ok')
    await client().send(GET.replace('/', '/third')).until(/^/)
    await eventually('the third is asked', () => asked.length === 2)
    expect(asked[1]).toContain('/third')
  })
})

function inFlight(router: Awaited<ReturnType<typeof startHttpRouter>>['router']): number {
  const { backends = {} } = router.counters().pools['app'] ?? {}
  return Object.values(backends).reduce((sum, one) => sum + one.inFlight, 0)
}

describe('a backend that misbehaves', () => {
  test.each([
    ['a chunk without a size', '3\r\nabc\r\nzz\r\n'],
    ['an end in the middle of a chunk', '9\r\nabc'],
    ['a second head in place of a chunk', '3\r\nabc\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ])(
    'in the middle of a body, %s: the client sees that it is not complete',
    async (_name, body) => {
      const backend = await startRawServer((socket) =>
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
          setImmediate(() => socket.end())
        }),
      )
      const { client, router } = await startHttpRouter([backend])
      const text = await client().send(GET).closed()
      expect(text).toMatch(/^HTTP\/1\.1 200 /)
      expect(text.match(/HTTP\/1/g)).toHaveLength(1)
      expect(text).not.toMatch(/\r\n0\r\n/)
      expect(router.counters().pools['app']?.backends[`127.0.0.1:${backend}`]?.http?.broken).toBe(1)
    },
  )

  test('by answering an upload before it has ended: the answer arrives, and the connection ends', async () => {
    const backend = await startRawServer((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig')
        socket.end()
      }),
    )
    const { client } = await startHttpRouter([backend])
    const one = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx')
    expect(await one.closed()).toMatch(/413 Too Large[\s\S]*Connection: close[\s\S]*big$/)
  })

  test('by sending its head twice: the second one is nobody’s', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    const { client } = await startHttpRouter([await startAnswering(`${head}${head}`)])
    const one = client()
    await one.send(GET).until('\r\n\r\n')
    await one.send(GET).until(/200 OK[\s\S]*200 OK/)
    expect(one.text.match(/200 OK/g)).toHaveLength(2)
    expect(one.ended).toBe(false)
  })

  test('by sending bytes before it is asked: the connection is not used', async () => {
    const backend = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
      socket.on('data', () => socket.write(OK))
    })
    const { client } = await startHttpRouter([backend])
    const text = await client()
      .send(GET)
      .until(/\n$|ok$|evil$/)
    // The first bytes of a connection cannot be told from its answer; what follows them is not given to the next request.
    const second = await client()
      .send(GET)
      .until(/\n$|ok$|evil$/)
    expect(`${text}${second}`).not.toMatch(/evil[\s\S]*ok[\s\S]*evil/)
  })
})

test.each(['HTTP/1.1', 'HTTP/2'])(
  'a response over %s that waits for the store to know its session is bounded, and complete in the end',
  async (version) => {
    const total = 24 * 1024 * 1024
    let sent = 0
    const backend = await startRawServer((socket) =>
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nX-Sid: new\r\nContent-Length: ${total}\r\n\r\n`)
        const fill = () => {
          while (sent < total) {
            sent += 65_536
            if (!socket.write(Buffer.alloc(65_536, 'x'))) return
          }
        }
        socket.on('drain', fill)
        fill()
      }),
    )
    const routes = [{ pool: 'app', key: ['header:x-sid'], sticky: 'learned' as const }]
    const { listener, ca, router } = await startSecure(backend, { listener: { routes } })
    let known = () => {}
    router.attachSessions({
      get: (_pool, _session, done) => done(undefined),
      put: (_pool, _session, _backend, done) => {
        known = done
      },
    })
    let received = 0
    if (version === 'HTTP/2') {
      const stream = http2(listener.port, ca).request({ ':path': '/', ':authority': 'a.example' })
      stream.on('data', (bytes: Buffer) => {
        received += bytes.length
      })
    } else {
      const tls = connectTls({
        port: listener.port,
        host: '127.0.0.1',
        servername: 'a.example',
        ca,
      })
      onCleanup(() => {
        tls.destroy()
      })
      tls.on('data', (bytes) => {
        received += bytes.length
      })
      tls.write(GET)
    }
    let before = -1
    await eventually('the backend waits', async () => {
      const same = sent > 0 && sent === before
      before = sent
      if (!same) await new Promise((resolve) => setTimeout(resolve, 150))
      return same
    })
    expect(received).toBe(0)
    const { bytesIn } = router.counters().pools['app']?.backends[`127.0.0.1:${backend}`] ?? {}
    expect(bytesIn).toBeLessThan(1024 * 1024)
    known()
    await eventually('all of it arrives', () => received >= total)
  },
)

test('garbage after a switch of protocols is the business of both ends, and ends with either', async () => {
  let got = ''
  let gone = false
  const backend = await startRawServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
      socket.on('data', (bytes) => {
        got += bytes.toString('latin1')
      })
    })
    socket.on('close', () => {
      gone = true
    })
  })
  const { client } = await startHttpRouter([backend])
  const one = client().send(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  )
  await one.until('101 Switching')
  const garbage = `\0\xff${GET}${'\x80'.repeat(1_000)}`
  one.send(garbage)
  await eventually('it arrives as it was sent', () => got === garbage)
  one.socket.destroy()
  await eventually('the backend hears of the end', () => gone)
})
