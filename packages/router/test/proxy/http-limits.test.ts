import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/index.ts'
import { makeAuthority } from '../testing/authority.ts'
import { onCleanup } from '../testing/fixture.ts'
import {
  httpPool,
  refusedPort,
  startApp,
  startHttpRouter,
  startRawServer,
} from '../testing/http-fixture.ts'
import { backendAt, topologyMessage } from '../testing/topologies.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const SWITCH = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nwelcome'

/** A clock that tests turn on: nobody waits for the long limits. */
function clock() {
  let ahead = 0
  return {
    now: () => performance.now() + ahead,
    /** Two ticks of the router later, whatever was due has happened. */
    async advance(ms: number) {
      ahead += ms
      await pause(110)
    },
  }
}

/** Just within a limit, and, from there, past it. */
const within = (limitMs: number) => limitMs - 900
const past = 1_000

/** A backend whose connections are kept, with what they have said so far. */
async function startListening(answer: (text: string, socket: Socket) => void) {
  const sockets: Socket[] = []
  const port = await startRawServer((socket) => {
    sockets.push(socket)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      answer(text, socket)
    })
  })
  return { port, sockets }
}

const isComplete = (text: string) => {
  const head = text.indexOf('\r\n\r\n')
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
  return head >= 0 && text.length >= head + 4 + length
}

/** A sum that does not change any more. */
async function settled(read: () => number): Promise<number> {
  let before = -1
  await eventually('it has settled', async () => {
    const now = read()
    const same = now === before && now > 0
    before = now
    if (!same) await pause(100)
    return same
  })
  return before
}

describe('bytes', () => {
  test.each([
    [1_000, /^HTTP\/1.1 200 /],
    [1_001, /^HTTP\/1.1 502 /],
  ])(
    'retryBodyBytesMax 1000: a body of %i bytes that meets a dying backend',
    async (bytes, expected) => {
      let asked = 0
      const answer = (text: string, socket: Socket) => {
        if (!isComplete(text)) return
        if (++asked === 1) socket.destroy()
        else socket.write(OK)
      }
      const [one, two] = [await startListening(answer), await startListening(answer)]
      const { client } = await startHttpRouter([one.port, two.port], {
        limits: { retryBodyBytesMax: 1_000 },
      })
      const sent = client().send(
        `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`,
      )
      expect(await sent.until(/ok$|502 [\s\S]*\n$/)).toMatch(expected)
    },
  )

  test.each([1_000, 1_001])('requestBodyBytesMax 1000: a body of %i bytes', async (bytes) => {
    const app = await startApp((message, response) =>
      message.resume().on('end', () => response.end('ok')),
    )
    const { client } = await startHttpRouter([app], { limits: { requestBodyBytesMax: 1_000 } })
    const status = bytes === 1_000 ? '200' : '413'
    const whole = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`
    expect(
      await client()
        .send(whole)
        .until(/\r\n\r\n/),
    ).toContain(`HTTP/1.1 ${status} `)
    const chunked = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`
    expect(
      await client()
        .send(chunked)
        .until(/\r\n\r\n/),
    ).toContain(`HTTP/1.1 ${status} `)
  })

  test('pipelineBytesMax: what a client sends ahead is not read beyond it, and answered in the end', async () => {
    const { port, sockets } = await startListening(() => {})
    const { client, router } = await startHttpRouter([port], {
      limits: { pipelineBytesMax: 20_000, upstreamConnectionsMax: 1 },
    })
    const padded = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(1_000)}\r\n\r\n`
    const count = Math.ceil(16_000_000 / padded.length)
    const one = client().send(padded.repeat(count))
    const read = await settled(() => router.counters().clients.bytesIn)
    expect(read).toBeGreaterThanOrEqual(20_000)
    // One more read may have been on its way.
    expect(read).toBeLessThan(20_000 + 2 * 65_536)
    const [backend] = sockets
    backend?.on('data', (bytes) => {
      const heads = bytes.toString('latin1').split('\r\n\r\n').length - 1
      for (let i = 0; i < heads; i++) backend.write(OK)
    })
    backend?.write(OK)
    await eventually('all are answered', () => one.text.split('HTTP/1.1 200').length > 100)
  })

  test('uploadBytesMax: a client is not read while its backend does not read', async () => {
    const total = 24 * 1024 * 1024
    const { port, sockets } = await startListening(() => {})
    const { client, router } = await startHttpRouter([port])
    const one = client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`)
    await eventually('the backend is asked', () => sockets.length === 1)
    sockets[0]?.pause()
    one.socket.write(Buffer.alloc(total))
    const read = await settled(() => router.counters().clients.bytesIn)
    // The kernel holds some megabytes on the way, the router 256 KB and what one read brings.
    expect(read).toBeLessThan(total)
    const { bytesOut } = router.counters().pools['app']?.backends[`127.0.0.1:${port}`] ?? {}
    expect(read - (bytesOut ?? 0)).toBeLessThan(DEFAULT_HTTP_LIMITS.uploadBytesMax + 3 * 65_536)
    sockets[0]?.resume()
    await eventually('all of it arrives', () => (sockets[0]?.bytesRead ?? 0) > total)
  })
})

describe('times', () => {
  test('headTimeoutMs and keepAliveTimeoutMs: 408 for half a head, no word for none', async () => {
    const { now, advance } = clock()
    const { client } = await startHttpRouter([await refusedPort()], { now })
    const half = client().send('GET / HTTP/1.1\r\n')
    const idle = client()
    await pause(50)
    await advance(within(DEFAULT_HTTP_LIMITS.headTimeoutMs))
    expect([half.ended, idle.ended]).toEqual([false, false])
    await advance(past)
    expect(await half.closed()).toContain('408 Request Timeout: the head took longer than 10000 ms')
    await advance(
      within(DEFAULT_HTTP_LIMITS.keepAliveTimeoutMs - DEFAULT_HTTP_LIMITS.headTimeoutMs) - past,
    )
    expect(idle.ended).toBe(false)
    await advance(2 * past)
    expect(await idle.closed()).toBe('')
  })

  test('connectTimeoutMs: a backend that does not finish its handshake in time is passed over', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening(() => {})
    const { client, router } = await startHttpRouter([], { now })
    const access = { tls: { verify: false } }
    router.post(topologyMessage(2, httpPool([{ ...backendAt(port), access }])))
    const one = client().send(GET)
    await eventually('the backend is asked', () => sockets.length === 1)
    await advance(past + 1_000)
    expect(await one.until(/\n$/)).toMatch(
      /503 Service Unavailable: .*backend \S+ did not accept a connection within 1000 ms/,
    )
  })

  test('firstByteTimeoutMs and responseIdleTimeoutMs, and pieces in between begin anew', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening(() => {})
    const { client } = await startHttpRouter([port], { now })
    const one = client().send(GET)
    await eventually('the backend is asked', () => sockets.length === 1)
    await advance(within(DEFAULT_HTTP_LIMITS.firstByteTimeoutMs))
    sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
    await one.until('\r\n\r\n')
    for (const piece of ['a', 'b']) {
      await advance(within(DEFAULT_HTTP_LIMITS.responseIdleTimeoutMs))
      sockets[0]?.write(piece)
      await one.until(piece)
    }
    expect(one.ended).toBe(false)
    await advance(DEFAULT_HTTP_LIMITS.responseIdleTimeoutMs + past)
    expect((await one.closed()).endsWith('\r\n\r\nab')).toBe(true)
  })

  test('totalTimeoutMs ends a response that goes on and on; a switched connection may', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening((text, socket) => {
      if (text.includes('upgrade: echo') || text.includes('Upgrade: echo')) socket.write(SWITCHED)
      else socket.write('HTTP/1.1 200 OK\r\n\r\n')
    })
    const limits = { totalTimeoutMs: 200_000, responseIdleTimeoutMs: 150_000 }
    const { client } = await startHttpRouter([port], { now, limits })
    const one = client().send(GET)
    await one.until('\r\n\r\n')
    const tunnel = client().send(SWITCH)
    await tunnel.until('welcome')
    await advance(120_000)
    sockets[0]?.write('piece')
    await one.until('piece')
    await advance(81_000)
    expect((await one.closed()).endsWith('piece')).toBe(true)
    sockets[1]?.write('still here')
    await tunnel.until('still here')
  })

  test('bodyTimeoutMs begins anew with each piece', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening(() => {})
    const { client } = await startHttpRouter([port], { now })
    const one = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    await eventually('the backend is asked', () => sockets.length === 1)
    for (const piece of ['a', 'b']) {
      await advance(within(DEFAULT_HTTP_LIMITS.bodyTimeoutMs))
      one.send(piece)
      await pause(50)
    }
    expect(one.ended).toBe(false)
    await advance(DEFAULT_HTTP_LIMITS.bodyTimeoutMs + past)
    expect(await one.closed()).toContain('408 Request Timeout')
  })

  test('tunnelIdleTimeoutMs: bytes in either direction keep a switched connection', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening((text, socket) => {
      socket.write(text.endsWith('\r\n\r\n') ? SWITCHED : `<${text.slice(-4)}>`)
    })
    const { client } = await startHttpRouter([port], { now })
    const one = client().send(SWITCH)
    await one.until('welcome')
    await advance(within(DEFAULT_HTTP_LIMITS.tunnelIdleTimeoutMs))
    await one.send('ping').until('<ping>')
    await advance(within(DEFAULT_HTTP_LIMITS.tunnelIdleTimeoutMs))
    expect(one.ended).toBe(false)
    const gone = new Promise((resolve) => sockets[0]?.once('close', resolve))
    await advance(past)
    await one.closed()
    await gone
  })

  test('halfClosedTimeoutMs: a client that ended its side is waited for no longer', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening(() => {})
    const { client } = await startHttpRouter([port], { now })
    const one = client().send(GET)
    await eventually('the backend is asked', () => sockets.length === 1)
    const gone = new Promise((resolve) => sockets[0]?.once('close', resolve))
    one.socket.end()
    await pause(50)
    expect(one.ended).toBe(false)
    await advance(past)
    expect(await one.closed()).toBe('')
    await gone
  })

  test('lingerTimeoutMs: a refused client that goes on sending is cut off', async () => {
    const { now, advance } = clock()
    const { client, router } = await startHttpRouter([await refusedPort()], { now })
    const one = client().send('nonsense\r\n\r\n')
    await one.until('400 Bad Request')
    one.send('more and more')
    expect(router.counters().clients.open).toBe(1)
    await advance(past + 100)
    await eventually('the connection is gone', () => router.counters().clients.open === 0)
  })

  test('upstreamIdleTimeoutMs: an idle connection to a backend ends before the backend ends it', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening((_, socket) => socket.write(OK))
    const { client } = await startHttpRouter([port], { now })
    await client().send(GET).until('ok')
    await advance(within(DEFAULT_HTTP_LIMITS.upstreamIdleTimeoutMs))
    await client().send(GET).until('ok')
    expect(sockets).toHaveLength(1)
    const gone = new Promise((resolve) => sockets[0]?.once('close', resolve))
    await advance(DEFAULT_HTTP_LIMITS.upstreamIdleTimeoutMs + past)
    await gone
  })

  test('freshMs: a request that must not be repeated takes no connection that was idle for longer', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening((text, socket) => {
      if (isComplete(text)) socket.write(OK)
    })
    const { client, router } = await startHttpRouter([port], { now })
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
    await client().send(post).until('ok')
    await client().send(post).until('ok')
    expect(sockets).toHaveLength(1)
    await advance(past + 100)
    await client().send(GET).until('ok')
    expect(sockets).toHaveLength(1)
    await advance(past + 100)
    await client().send(post).until('ok')
    expect(sockets).toHaveLength(2)
    expect(router.counters().pools['app']?.errors).toBe(0)
  })

  test('queueTimeoutMs: 503 for a request that found no free connection in time', async () => {
    const { now, advance } = clock()
    const { port, sockets } = await startListening(() => {})
    const { client } = await startHttpRouter([port], { now, limits: { upstreamConnectionsMax: 1 } })
    client().send(GET)
    await eventually('the backend is asked', () => sockets.length === 1)
    const second = client().send(GET)
    await pause(50)
    await advance(within(DEFAULT_HTTP_LIMITS.queueTimeoutMs))
    expect(second.text).toBe('')
    await advance(past)
    expect(await second.until(/\n$/)).toMatch(
      /503 Service Unavailable: pool "app": backend \S+ had no free connection within 5000 ms/,
    )
  })
})

describe('retries', () => {
  test.each([1, 2, 4])(
    'retryAttemptsMax %i: so many more backends are asked',
    async (retryAttemptsMax) => {
      const ports = await Promise.all(Array.from({ length: 6 }, refusedPort))
      const { client, router } = await startHttpRouter(ports, { limits: { retryAttemptsMax } })
      expect(await client().send(GET).until(/\n$/)).toMatch(
        /503 .*refused the connection, as did others/,
      )
      const { backends = {} } = router.counters().pools['app'] ?? {}
      const asked = Object.values(backends).reduce((sum, { requests }) => sum + requests, 0)
      expect(asked).toBe(retryAttemptsMax + 1)
    },
  )

  test('pinnedRetryMs: a bound session waits for its backend once, then others serve it without a new cookie', async () => {
    const app = (name: string) =>
      startApp((_, response) => {
        response.setHeader('Connection', 'close')
        response.end(name)
      })
    const [own, other] = [await app('own'), await app('other')]
    const { now, advance } = clock()
    const { client, router } = await startHttpRouter([own], {
      now,
      listener: { routes: [{ pool: 'app', key: ['cookie:sid'], sticky: 'pinned' }] },
    })
    router.post({ type: 'sticky-keys', keys: [Buffer.alloc(32, 1)] })
    const first = await client().send(GET).until('own')
    const cookie = /Set-Cookie: ([^;]+)/.exec(first)?.[1] ?? ''
    const bound = `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`
    // The same backend by its id, where nobody listens.
    const nobody = { ...backendAt(await refusedPort()), id: `127.0.0.1:${own}` }
    router.post(topologyMessage(2, httpPool([nobody, backendAt(other)])))
    const waiting = client().send(bound)
    await pause(200)
    expect(waiting.text).toBe('')
    await advance(past)
    expect(await waiting.until('other')).not.toContain('Set-Cookie')
    // It was waited for; nobody else has to.
    expect(await client().send(bound).until('other')).not.toContain('Set-Cookie')
    router.post(topologyMessage(3, httpPool([backendAt(own), backendAt(other)])))
    await client().send(bound).until('own')
  })

  test('pinnedRetryMs is over as soon as the members say that the backend is out', async () => {
    const app = (name: string) =>
      startApp((_, response) => {
        response.setHeader('Connection', 'close')
        response.end(name)
      })
    const [own, other] = [await app('own'), await app('other')]
    const { client, router } = await startHttpRouter([own], {
      limits: { pinnedRetryMs: 20_000 },
      listener: { routes: [{ pool: 'app', key: ['cookie:sid'], sticky: 'pinned' }] },
    })
    router.post({ type: 'sticky-keys', keys: [Buffer.alloc(32, 1)] })
    const cookie = /Set-Cookie: ([^;]+)/.exec(await client().send(GET).until('own'))?.[1] ?? ''
    const nobody = { ...backendAt(await refusedPort()), id: `127.0.0.1:${own}` }
    router.post(topologyMessage(2, httpPool([nobody, backendAt(other)])))
    const waiting = client().send(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`)
    await eventually('it is avoided', () => {
      const { backends = {} } = router.counters().pools['app'] ?? {}
      return backends[nobody.id]?.avoided === 1
    })
    router.post(topologyMessage(3, httpPool([{ ...nobody, state: 'out' }, backendAt(other)])))
    await waiting.until('other')
  })
})

describe('HTTP/2', () => {
  test('streamsMax: so many requests at once, and the client is told', async () => {
    const authority = makeAuthority()
    let open = 0
    const app = await startApp(() => open++)
    const { listener } = await startHttpRouter([app], {
      limits: { streamsMax: 3 },
      listener: { tls: { certificates: [authority.sign('a.example')] } },
    })
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
      servername: 'a.example',
      ca: authority.ca,
    })
    session.on('error', () => {})
    onCleanup(() => session.destroy())
    await new Promise((resolve) => session.once('remoteSettings', resolve))
    expect(session.remoteSettings.maxConcurrentStreams).toBe(3)
    for (let i = 0; i < 5; i++)
      session.request({ ':path': '/', ':authority': 'a.example' }).on('error', () => {})
    await eventually('three are at the backend', () => open === 3)
    await pause(100)
    expect(open).toBe(3)
  })
})
