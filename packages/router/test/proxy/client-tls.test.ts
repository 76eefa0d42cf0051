import { once } from 'node:events'
import { connect } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import {
  createRouter,
  type ListenerTls,
  type RouterEvent,
  type RouterLimits,
} from '../../src/index.ts'
import { makeAuthority } from '../testing/authority.ts'
import { bulk, named } from '../testing/fake-backend.ts'
import { onCleanup, startBackend } from '../testing/fixture.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

type Refusal = Extract<RouterEvent, { type: 'tls-refused' }>

async function startTls(
  tls: ListenerTls,
  limits: Partial<RouterLimits> = {},
  protocol: 'redis' | 'memcached' = 'redis',
) {
  const refused: Refusal[] = []
  let told: (() => void) | undefined
  let now = 0
  const router = createRouter({
    limits,
    now: () => performance.now() + now,
    log: (event) => {
      if (event.type !== 'tls-refused') return
      refused.push(event)
      told?.()
    },
  })
  onCleanup(() => router.close({ drainTimeoutMs: 1 }))
  const backend = await startBackend(named('a'))
  router.post(topologyMessage(1, redisPool([backendAt(backend.port)])))
  const listener = await router.listen({
    protocol,
    host: '127.0.0.1',
    port: 0,
    pool: 'cache',
    tls,
  })
  return {
    router,
    listener,
    refused,
    /** The causes told so far, once there are so many. */
    async causes(count: number): Promise<readonly string[]> {
      while (refused.length < count)
        await new Promise<void>((resolve) => {
          told = resolve
        })
      return refused.map(({ cause }) => cause)
    },
    later(ms: number): void {
      now += ms
    },
    dial(options: ConnectionOptions): TLSSocket {
      const socket = connectTls({ port: listener.port, host: '127.0.0.1', ...options })
      socket.on('error', () => {})
      onCleanup(() => {
        socket.destroy()
      })
      return socket
    },
  }
}

/** What a client gets for one command; what came until the end when the connection closes. */
async function ask(socket: TLSSocket, command: string, until: string): Promise<string> {
  let text = ''
  socket.setEncoding('latin1')
  socket.write(command)
  return await new Promise((resolve) => {
    socket.on('close', () => resolve(text))
    socket.on('data', (piece: string) => {
      text += piece
      if (text.endsWith(until)) resolve(text)
    })
  })
}

describe('a Redis listener with TLS', () => {
  test('serves clients who trust it, each by the name that they ask for, and shows new certificates after a reload', async () => {
    const authority = makeAuthority()
    const { ca } = authority
    const { dial, listener } = await startTls({
      certificates: [authority.sign('a.example'), authority.sign('b.example')],
    })
    const first = dial({ servername: 'b.example', ca })
    expect(await ask(first, 'GET k\r\n', 'a:k\r\n')).toBe(bulk('a:k'))
    expect(first.getPeerCertificate().subjectaltname).toBe('DNS:b.example')
    // A client may offer protocols of which the router knows none.
    const picky = dial({ servername: 'a.example', ca, ALPNProtocols: ['redis'] })
    expect(await ask(picky, 'GET k\r\n', 'a:k\r\n')).toBe(bulk('a:k'))
    const place = { protocol: 'redis', host: '', port: 0, pool: 'cache' } as const
    listener.prepare({ ...place, tls: { certificates: [authority.sign('c.example')] } })()
    expect(await ask(dial({ servername: 'c.example', ca }), 'GET k\r\n', 'a:k\r\n')).toBe(
      bulk('a:k'),
    )
    expect(await ask(first, 'GET l\r\n', 'a:l\r\n')).toContain(bulk('a:l'))
  })

  test('lets nobody in without a certificate that it trusts, and says why', async () => {
    const authority = makeAuthority()
    const { ca } = authority
    const { dial, causes, later, router } = await startTls({
      certificates: [authority.sign('a.example')],
      clientCa: ca,
    })
    const base = { servername: 'a.example', ca }
    expect(await ask(dial({ ...base, ...authority.sign('me') }), 'GET k\r\n', 'a:k\r\n')).toBe(
      bulk('a:k'),
    )
    expect(await ask(dial(base), 'GET k\r\n', 'a:k\r\n')).toBe('')
    await causes(1)
    later(1_000)
    const stranger = makeAuthority().sign('me')
    expect(await ask(dial({ ...base, ...stranger }), 'GET k\r\n', 'a:k\r\n')).toBe('')
    expect(await causes(2)).toEqual([
      'showed no certificate, which this listener asks for',
      expect.stringMatching(/^showed a certificate that clientCa does not vouch for \(\w+\)$/),
    ])
    expect(router.counters().errors['TLS_HANDSHAKE_FAILED']).toBe(2)
  })

  test('with a voluntary certificate lets those in who have none', async () => {
    const authority = makeAuthority()
    const { dial } = await startTls({
      certificates: [authority.sign('a.example')],
      clientCa: authority.ca,
      clientCertRequired: false,
    })
    const client = dial({ servername: 'a.example', ca: authority.ca })
    expect(await ask(client, 'GET k\r\n', 'a:k\r\n')).toBe(bulk('a:k'))
  })

  test('closes plain connections and tells of one a second at most, whatever they send', async () => {
    const { listener, causes, refused, later } = await startTls({
      certificates: [makeAuthority().sign('a.example')],
    })
    const plain = async (bytes: string) => {
      const socket = connect(listener.port, '127.0.0.1', () => socket.write(bytes))
      socket.on('error', () => {})
      socket.resume()
      await once(socket, 'close')
    }
    for (const bytes of [
      'PING\r\n',
      '*1\r\n$4\r\nPING\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      '\0\0\0\0\0\0',
    ])
      await plain(bytes)
    expect(await causes(1)).toEqual(['does not speak TLS, or none that is allowed here'])
    later(1_000)
    await plain('set k 0 0 1\r\na\r\n')
    await causes(2)
    expect(refused[1]).toEqual({
      type: 'tls-refused',
      listener: `127.0.0.1:${listener.port}`,
      client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      cause: 'does not speak TLS, or none that is allowed here',
      others: 3,
    })
  })

  test('gives up handshakes that do not come within tlsHandshakeTimeoutMs, and counts them as clients', async () => {
    const { listener, causes, router } = await startTls(
      { certificates: [makeAuthority().sign('a.example')] },
      { tlsHandshakeTimeoutMs: 150, clientsMax: 1 },
    )
    const slow = connect(listener.port, '127.0.0.1')
    await once(slow, 'connect')
    const second = connect(listener.port, '127.0.0.1')
    let heard = ''
    second.on('data', (bytes) => {
      heard += String(bytes)
    })
    await once(second, 'close')
    // What it could not read as TLS is not sent.
    expect(heard).toBe('')
    expect(router.counters().clients).toMatchObject({ open: 1, refused: 1 })
    slow.resume()
    await once(slow, 'close')
    expect(await causes(1)).toEqual(['did not finish its handshake within 150 ms'])
    expect(router.counters().clients.open).toBe(0)
  })

  test('says nothing of those who only look whether somebody is there', async () => {
    const { listener, refused, router } = await startTls({
      certificates: [makeAuthority().sign('a.example')],
    })
    const look = connect(listener.port, '127.0.0.1', () => look.end())
    look.resume()
    await once(look, 'close')
    expect(router.counters().clients.open).toBe(0)
    expect(refused).toEqual([])
  })

  test('refuses certificates that cannot be used before it opens', async () => {
    await expect(startTls({ certificates: [{ cert: 'x', key: 'y' }] })).rejects.toThrow(
      /certificate 1/,
    )
    await expect(startTls({ certificates: [] })).rejects.toThrow(/at least one certificate/)
  })
})

test('a memcached listener serves over TLS', async () => {
  const authority = makeAuthority()
  const { dial } = await startTls({ certificates: [authority.sign('a.example')] }, {}, 'memcached')
  const client = dial({ servername: 'a.example', ca: authority.ca })
  expect(await ask(client, 'get k\r\n', '\r\n')).toBe(
    'SERVER_ERROR pool "cache" is not in the topology\r\n',
  )
})
