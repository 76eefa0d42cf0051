import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { createServer as createHttpsServer, type RequestOptions, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { ListenerCertificate } from '../../src/index.ts'
import { makeAuthority } from '../testing/authority.ts'
import { onCleanup } from '../testing/fixture.ts'
import { httpPool, startApp, startHttpRouter } from '../testing/http-fixture.ts'
import { topologyMessage } from '../testing/topologies.ts'

const startEcho = () =>
  startApp((message, response) => {
    let body = ''
    message.setEncoding('latin1').on('data', (piece: string) => {
      body += piece
    })
    message.on('error', () => {})
    message.on('end', () => {
      response.setHeader('X-Url', message.url ?? '')
      response.end(JSON.stringify({ headers: message.headers, body }))
    })
  })

/** The names in the certificate that a server shows for this name. */
function shownFor(port: number, servername: string, ca: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', servername, ca }, () => {
      resolve(socket.getPeerCertificate().subjectaltname)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

function get(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', agent: false, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      response.on('end', () => resolve(`${response.statusCode} ${text}`))
    })
    sent.on('error', reject).end()
  })
}

interface Http2Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function ask(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: readonly string[],
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    let got: Record<string, unknown> = {}
    let text = ''
    stream.on('response', (head) => {
      got = { ...head }
    })
    stream.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    stream.on('end', () => resolve({ status: Number(got[':status']), headers: got, body: text }))
    stream.on('error', reject)
    for (const piece of body ?? []) stream.write(piece)
    if (body !== undefined) stream.end()
  })
}

describe('an HTTP listener with TLS', () => {
  test('shows the certificate of the name that is asked for, and new ones after a reload', async () => {
    const authority = makeAuthority()
    const { listener } = await startHttpRouter([await startEcho()], {
      listener: {
        tls: { certificates: [authority.sign('a.example'), authority.sign('*.b.example')] },
      },
    })
    const { ca } = authority
    expect(await shownFor(listener.port, 'a.example', ca)).toBe('DNS:a.example')
    expect(await shownFor(listener.port, 'x.b.example', ca)).toBe('DNS:*.b.example')
    const withTls = (...certificates: readonly ListenerCertificate[]) => ({
      protocol: 'http' as const,
      host: '',
      port: 0,
      routes: [{ pool: 'app' }],
      tls: { certificates },
    })
    const take = listener.prepare(withTls(authority.sign('a.example', 'c.example')))
    expect(await shownFor(listener.port, 'a.example', ca)).toBe('DNS:a.example')
    take()
    expect(await shownFor(listener.port, 'c.example', ca)).toBe('DNS:a.example, DNS:c.example')
    expect(() => listener.prepare(withTls({ cert: 'x', key: 'y' }))).toThrow(/certificate 1/)
    expect(await get({ port: listener.port, servername: 'a.example', ca })).toContain(
      '"x-forwarded-proto":"https"',
    )
  })

  test('lets only clients in whose certificate it trusts', async () => {
    const authority = makeAuthority()
    const { listener, router } = await startHttpRouter([await startEcho()], {
      listener: { tls: { certificates: [authority.sign('a.example')], clientCa: authority.ca } },
    })
    const base = { port: listener.port, servername: 'a.example', ca: authority.ca }
    expect(await get({ ...base, ...authority.sign('me') })).toMatch(/^200 /)
    await expect(get(base)).rejects.toThrow()
    await expect(get({ ...base, ...makeAuthority().sign('me') })).rejects.toThrow()
    expect(router.counters().errors['TLS_HANDSHAKE_FAILED']).toBe(2)
  })

  test('gives up handshakes that do not come', async () => {
    const { client } = await startHttpRouter([await startEcho()], {
      limits: { headTimeoutMs: 100 },
      listener: { tls: { certificates: [makeAuthority().sign('a.example')] } },
    })
    expect(await client().closed()).toBe('')
  })

  test('reaches backends over TLS, and refuses those whose certificate is of another', async () => {
    const authority = makeAuthority()
    const server = createHttpsServer(authority.sign('back.example'), (_, response) => {
      response.end('secret')
    })
    onCleanup(() => {
      server.closeAllConnections()
      server.close()
    })
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    })
    const { router, client } = await startHttpRouter([])
    const backend = { id: 'b', host: '127.0.0.1', port, weight: 1, state: 'up' } as const
    const tls = { ca: authority.ca, servername: 'back.example', verify: true }
    const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    router.post(topologyMessage(2, httpPool([{ ...backend, access: { tls } }])))
    expect(await client().send(GET).until('secret')).toContain('200 OK')
    router.post(
      topologyMessage(3, httpPool([{ ...backend, access: { tls: { ...tls, servername: 'x' } } }])),
    )
    expect(await client().send(GET).until(/\n$/)).toContain('503 Service Unavailable')
  })
})

describe('an HTTP/2 client', () => {
  async function connected(options: Parameters<typeof startHttpRouter>[1] = {}) {
    const authority = makeAuthority()
    const fixture = await startHttpRouter([await startEcho()], {
      ...options,
      listener: { ...options.listener, tls: { certificates: [authority.sign('a.example')] } },
    })
    const session = connectHttp2(`https://127.0.0.1:${fixture.listener.port}`, {
      servername: 'a.example',
      ca: authority.ca,
    })
    session.on('error', () => {})
    onCleanup(() => session.destroy())
    return { ...fixture, session }
  }

  test('is routed like one of HTTP/1.1, many requests on one connection', async () => {
    const { session } = await connected()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        ask(session, { ':path': `/${i}`, ':authority': 'a.example', cookie: 'a=b' }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(answers.map(({ headers }) => headers['x-url'])).toEqual(answers.map((_, i) => `/${i}`))
    expect(answers[0]?.body).toContain('"host":"a.example"')
    expect(answers[0]?.body).toContain('"cookie":"a=b"')
    expect(answers[0]?.body).toContain('"x-forwarded-proto":"https"')
  })

  test('sends bodies with and without a length', async () => {
    const { session } = await connected()
    const post = { ':path': '/', ':method': 'POST', ':authority': 'a.example' }
    expect((await ask(session, post, ['hello ', 'world'])).body).toContain('"body":"hello world"')
    expect((await ask(session, { ...post, 'content-length': '5' }, ['hello'])).body).toContain(
      '"body":"hello"',
    )
    expect((await ask(session, post, [])).body).toContain('"body":""')
  })

  test('gets refusals as statuses', async () => {
    const { session } = await connected({
      limits: { requestBodyBytesMax: 10, targetBytesMax: 100 },
    })
    const long = { ':path': `/${'a'.repeat(100)}`, ':authority': 'a' }
    expect((await ask(session, long)).status).toBe(414)
    const post = { ':path': '/', ':method': 'POST', ':authority': 'a.example' }
    const eleven = { ...post, 'content-length': '11' }
    expect((await ask(session, eleven, ['x'.repeat(11)])).status).toBe(413)
  })

  test('that resets its requests by the hundred is sent away: ten in ten seconds pass, eleven do not', async () => {
    const { session, router } = await connected({ limits: { streamResetsPerSecondMax: 1 } })
    const gone = new Promise((resolve) => session.once('close', resolve))
    const reset = () => {
      const stream = session.request({ ':path': '/', ':authority': 'a.example' })
      stream.on('error', () => {})
      stream.close(constants.NGHTTP2_CANCEL)
    }
    for (let i = 0; i < 10; i++) reset()
    const { status } = await ask(session, { ':path': '/', ':authority': 'a.example' })
    expect(status).toBe(200)
    reset()
    await gone
    expect(router.counters().clients.open).toBe(0)
  })
})
