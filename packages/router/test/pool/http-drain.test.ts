import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { HttpListenerOptions } from '../../src/index.ts'
import { onCleanup } from '../testing/fixture.ts'
import {
  httpPool,
  type RawClient,
  startHttpRouter,
  startRawServer,
} from '../testing/http-fixture.ts'
import { backendAt, topologyMessage } from '../testing/topologies.ts'

const DRAIN_MS = 300
const IDLE_CONNECTIONS = 8
const SECRET = new Uint8Array(32).fill(7)
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n'

/** An application that says its name, switches to an echo, never ends a response, or (`one`) never answers. */
async function startNamed(name: string) {
  const port = await startRawServer((socket) => {
    let switched = false
    socket.on('data', (bytes) => {
      if (switched) socket.write(bytes)
      else if (bytes.includes('Upgrade:')) {
        switched = true
        socket.write(`${SWITCHED}${name}`)
      } else if (bytes.includes('GET /slow')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
        socket.write(name)
      } else if (name === 'two' || !bytes.includes('/silent'))
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
    })
  })
  return { name, port }
}

async function startTwo(listener: Partial<HttpListenerOptions> = {}) {
  const one = await startNamed('one')
  const two = await startNamed('two')
  const fixture = await startHttpRouter([one.port, two.port], {
    pool: { drainTimeoutMs: DRAIN_MS },
    listener,
  })
  let epoch = 1
  const post = (...backends: ReturnType<typeof backendAt>[]) => {
    fixture.router.post(topologyMessage(++epoch, httpPool(backends, { drainTimeoutMs: DRAIN_MS })))
  }
  return { ...fixture, one, two, post }
}

const ask = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: echo\r\n'

async function nameOf(client: RawClient): Promise<'one' | 'two'> {
  const text = await client.until(/one|two/)
  return text.includes('one') ? 'one' : 'two'
}

/** A key that the ring gives to backend `one`. */
async function keyOfOne(client: () => RawClient): Promise<string> {
  for (let i = 0; ; i++) {
    const key = `X-Key: k${i}\r\n`
    if ((await nameOf(client().send(ask('/', key)))) === 'one') return key
  }
}

describe('a drained backend of plain hash', () => {
  test('gets no new requests at once, and loses tunnels and long responses at drainTimeoutMs', async () => {
    const { client, post, one, two } = await startTwo()
    const key = await keyOfOne(client)
    const tunnel = client().send(ask('/', key + UPGRADE))
    const slow = client().send(ask('/slow', key))
    expect([await nameOf(tunnel), await nameOf(slow)]).toEqual(['one', 'one'])

    const drainedAt = performance.now()
    post(backendAt(one.port, 'draining'), backendAt(two.port))
    expect(await nameOf(client().send(ask('/', key)))).toBe('two')
    await tunnel.send('still here').until('still here')
    expect(slow.ended).toBe(false)

    await Promise.all([tunnel.closed(), slow.closed()])
    expect(performance.now() - drainedAt).toBeGreaterThanOrEqual(DRAIN_MS - 60)
  })

  test('a request that was not answered goes to another backend where that is safe', async () => {
    const { client, post, one, two, events } = await startTwo()
    const key = await keyOfOne(client)
    const get = client().send(ask('/silent', key))
    const put = client().send(
      `POST /silent HTTP/1.1\r\nHost: a\r\n${key}Content-Length: 2\r\n\r\nhi`,
    )
    // Both are at the backend once a third one has been answered there.
    expect(await nameOf(client().send(ask('/', key)))).toBe('one')
    post(backendAt(one.port, 'draining'), backendAt(two.port))
    expect(await put.until('processed')).toMatch(
      /^HTTP\/1.1 502 [\s\S]*was drained and did not finish within 300 ms; the request may have been processed/,
    )
    expect(await nameOf(get)).toBe('two')
    expect(events).toEqual([])
  })

  test('one that is taken back in time loses nothing', async () => {
    const { client, post, one, two } = await startTwo()
    const key = await keyOfOne(client)
    const tunnel = client().send(ask('/', key + UPGRADE))
    await nameOf(tunnel)
    post(backendAt(one.port, 'draining'), backendAt(two.port))
    post(backendAt(one.port), backendAt(two.port))
    // A tunnel at the other backend, which is drained now, shows that the time is over.
    const other = client().send(ask('/', UPGRADE + (await keyOfTwo(client))))
    await nameOf(other)
    post(backendAt(one.port), backendAt(two.port, 'draining'))
    await other.closed()
    await tunnel.send('still here').until('still here')
  })

  test('the last one goes on, also beyond its time', async () => {
    const { client, post, one } = await startTwo()
    post(backendAt(one.port, 'draining'))
    const first = client().send(ask('/', UPGRADE))
    expect(await nameOf(first)).toBe('one')
    await first.closed()
    const late = client().send(ask('/', UPGRADE))
    expect(await nameOf(late)).toBe('one')
    await late.send('served').until('served')
  })
})

async function keyOfTwo(client: () => RawClient): Promise<string> {
  for (let i = 0; ; i++) {
    const key = `X-Key: t${i}\r\n`
    if ((await nameOf(client().send(ask('/', key)))) === 'two') return key
  }
}

describe('a drained backend with bound sessions', () => {
  test('keeps them and their tunnels, gets no new ones, and loses all when it is removed', async () => {
    const { client, post, one, two, router } = await startTwo({
      routes: [{ pool: 'app', sticky: 'pinned' }],
    })
    router.post({ type: 'sticky-keys', keys: [SECRET] })
    let cookie = ''
    while (cookie === '') {
      const visitor = client().send(ask('/'))
      const text = await visitor.until(/one|two/)
      if (text.includes('one')) cookie = /ringway=[^;]+/.exec(text)?.[0] ?? ''
    }
    const bound = `Cookie: ${cookie}\r\n`
    const tunnel = client().send(ask('/', bound + UPGRADE))
    expect(await nameOf(tunnel)).toBe('one')
    post(backendAt(one.port, 'draining'), backendAt(two.port))
    const newcomers = await Promise.all(
      Array.from({ length: 8 }, () => nameOf(client().send(ask('/')))),
    )
    expect(new Set(newcomers)).toEqual(new Set(['two']))

    // One more that was drained at the same time and is not bound would be gone by then: its own session is served.
    const until = performance.now() + 2 * DRAIN_MS
    while (performance.now() < until)
      expect(await nameOf(client().send(ask('/', bound)))).toBe('one')
    await tunnel.send('still here').until('still here')

    post(backendAt(two.port))
    expect(await nameOf(client().send(ask('/', bound)))).toBe('two')
    await tunnel.closed()
  })

  test('keeps those that the store knows, too', async () => {
    const { client, post, one, two, router } = await startTwo({
      routes: [{ pool: 'app', key: ['header:x-sid'], sticky: 'learned' }],
    })
    router.attachSessions({
      get: (_pool, _session, done) => done(`127.0.0.1:${one.port}`),
      put: (_pool, _session, _backend, done) => done(),
    })
    const bound = 'X-Sid: known\r\n'
    const tunnel = client().send(ask('/', bound + UPGRADE))
    expect(await nameOf(tunnel)).toBe('one')
    post(backendAt(one.port, 'draining'), backendAt(two.port))
    for (let i = 0; i < 8; i++) {
      expect(await nameOf(client().send(ask('/')))).toBe('two')
      expect(await nameOf(client().send(ask('/', bound)))).toBe('one')
    }
    await tunnel.send('still here').until('still here')

    post(backendAt(two.port))
    expect(await nameOf(client().send(ask('/', bound)))).toBe('two')
    await tunnel.closed()
  })
})

test('a request that meets one closed connection after the other goes to another backend', async () => {
  const sockets: Socket[] = []
  const gone = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    // Each connection answers once, when all are there: then the router has that many.
    let answered = false
    socket.on('data', () => {
      if (answered) socket.destroy()
      answered = true
      if (sockets.length < IDLE_CONNECTIONS) return
      for (const each of sockets) each.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none')
    })
  })
  onCleanup(() => {
    for (const socket of sockets) socket.destroy()
    gone.close()
  })
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  const two = await startNamed('two')
  const { client, router } = await startHttpRouter([port])
  const clients = Array.from({ length: IDLE_CONNECTIONS }, () => client().send(ask('/')))
  await Promise.all(clients.map(nameOf))
  gone.close()
  // The other one gets what the first one loses: without a key requests go in turn.
  router.post(topologyMessage(2, httpPool([backendAt(port), backendAt(two.port)])))
  const names = await Promise.all(Array.from({ length: 4 }, () => nameOf(client().send(ask('/')))))
  expect(new Set(names)).toEqual(new Set(['two']))
})
