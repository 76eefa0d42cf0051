import { createHash, hkdfSync } from 'node:crypto'
import { connect as connectTls, createServer as createTlsServer, TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { KEYS_MAX, Keyring } from '../../src/net/keyring.ts'
import { ask, instanceOf, linkUp, RawPeer, startHub, targetOf } from './harness.ts'
import { STRANGER_CERTIFICATE, STRANGER_KEY } from './stranger-certificate.ts'

const keyOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const K1 = keyOf(1)
const K2 = keyOf(2)
const K3 = keyOf(3)

describe('the keyring', () => {
  it('derives the pre-shared key and its identity as the protocol says', () => {
    const psk = Buffer.from(hkdfSync('sha256', K1, '', 'ringway/peer/v1', 32))
    const identity = `rw1:${createHash('sha256').update(psk).digest('hex').slice(0, 16)}`
    expect(new Keyring([K1]).list()).toEqual([{ identity, psk }])
    expect(identity).toMatch(/^rw1:[0-9a-f]{16}$/)
  })

  it('takes 1 to KEYS_MAX keys of 16, 24 or 32 bytes, and stays as it was otherwise', () => {
    const ring = new Keyring(Array.from({ length: KEYS_MAX }, (_, i) => keyOf(i)))
    expect(ring.list()).toHaveLength(KEYS_MAX)
    const tooMany = Array.from({ length: KEYS_MAX + 1 }, (_, i) => keyOf(i))
    for (const keys of [[], tooMany, [new Uint8Array(15)], [new Uint8Array(33)]])
      expect(() => ring.replace(keys)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
    expect(ring.list()).toHaveLength(KEYS_MAX)
    ring.replace([new Uint8Array(16), new Uint8Array(24)])
    expect(ring.list()).toHaveLength(2)
  })
})

describe('with a cluster key', () => {
  it('links are TLS 1.3 and carry everything', async () => {
    const a = await startHub('a', { keys: [K1] })
    const b = await startHub('b', { keys: [K1] })
    b.hub.onRequest((_from, message, respond) => respond(message))
    await linkUp(a, b)
    const bytes = new Uint8Array(3_000_000).fill(7)
    const { reply } = await ask(a.hub, 'b', bytes)
    expect(Buffer.compare(reply as Uint8Array, bytes)).toBe(0)
    expect(a.hub.stats()).toMatchObject({ linksOpened: 1, linksClosed: 0 })
  })

  it('both may dial at once and keep one link', async () => {
    const options = { keys: [K1], limits: { dialGraceMs: 0 } }
    for (let round = 0; round < 6; round++) {
      const a = await startHub('a', options)
      const b = await startHub('b', options)
      await linkUp(a, b)
      expect((await ask(b.hub, 'a', 1)).failure).toBe('NO_HANDLER')
      for (const { hub } of [a, b])
        expect(hub.stats()).toMatchObject({ linksOpened: 1, linksClosed: 0 })
      await Promise.all([a.hub.close(), b.hub.close()])
    }
  })

  it('a peer with another key is told apart, on both sides', async () => {
    const a = await startHub('a', { keys: [K1] })
    const b = await startHub('b', { keys: [K2] })
    a.hub.setPeers([targetOf(b)])
    await a.journal.until(`peer 127.0.0.1:${b.hub.address.port} does not know our cluster key`)
    await b.journal.until('used a cluster key that we do not know')
    expect(a.hub.links()[0]?.problem).toContain('does not know our cluster key')
    expect(b.hub.stats()).toMatchObject({ linksOpened: 0, pendingConnections: 0 })
  })

  it('a dialer tries its other keys after the primary', async () => {
    const a = await startHub('a', { keys: [K3, K2, K1] })
    const b = await startHub('b', { keys: [K1] })
    b.hub.setPeers([])
    a.hub.setPeers([targetOf(b)])
    await a.journal.until('up b')
    expect(a.hub.stats().dials).toBe(3)
  })

  it('a key is rotated through the cluster without a link that lacks one', async () => {
    const a = await startHub('a', { keys: [K1] })
    const b = await startHub('b', { keys: [K1] })
    await linkUp(a, b)
    for (const { hub } of [a, b]) hub.setKeys([K1, K2])
    for (const { hub } of [a, b]) hub.setKeys([K2, K1])
    expect((await ask(a.hub, 'b', 1)).failure).toBe('NO_HANDLER')
    expect(a.hub.stats().linksClosed).toBe(0)
    for (const { hub } of [a, b]) hub.setKeys([K2])
    await a.journal.until('its cluster key was removed')
    await a.journal.until(() => a.journal.count('up b') === 2)
    await b.journal.until(() => b.journal.count('up a') === 2)
    expect((await ask(a.hub, 'b', 1)).failure).toBe('NO_HANDLER')
  })

  it('a removed key ends the links that used it, and only those', async () => {
    const a = await startHub('a', { keys: [K1, K2] })
    const b = await startHub('b', { keys: [K1] })
    const c = await startHub('c', { keys: [K2] })
    a.hub.setPeers([targetOf(b), targetOf(c)])
    await Promise.all([a.journal.until('up b'), a.journal.until('up c')])
    a.hub.setKeys([K2])
    expect(a.hub.isUp('b')).toBe(false)
    expect(a.hub.isUp('c')).toBe(true)
    await a.journal.until('does not know our cluster key')
  })

  it('a removed key ends a handshake that is under way', async () => {
    const a = await startHub('a', { keys: [K1, K2] })
    const [key] = new Keyring([K1]).list()
    if (key === undefined) throw new Error('unreachable')
    const socket = connectTls({
      ...a.hub.address,
      ciphers: 'TLS_AES_128_GCM_SHA256',
      minVersion: 'TLSv1.3',
      pskCallback: () => ({ psk: key.psk, identity: key.identity }),
      checkServerIdentity: () => undefined,
    })
    const peer = new RawPeer(socket)
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    peer.hello('b')
    await peer.journal.until('hello')
    a.hub.setKeys([K2])
    await peer.journal.until('closed')
    expect(a.hub.stats().linksOpened).toBe(0)
  })

  it('a peer without one is told apart, whoever dials', async () => {
    const secure = await startHub('a', { keys: [K1] })
    const plain = await startHub('b')
    secure.hub.setPeers([targetOf(plain)])
    await secure.journal.until('during the TLS handshake; it may have no cluster key')
    await plain.journal.until('it speaks TLS: it has a cluster key and we have none')
    secure.hub.setPeers([])
    plain.hub.setPeers([targetOf(secure)])
    await plain.journal.until('before its hello; it may require a cluster key')
    await secure.journal.until('does not speak TLS: it has no cluster key')
  })

  it('a server with a certificate instead is refused', async () => {
    const server = createTlsServer({ key: STRANGER_KEY, cert: STRANGER_CERTIFICATE })
    let hellos = 0
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {})
      socket.on('data', () => hellos++)
    })
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.close()
    })
    const { port } = server.address() as { port: number }
    const a = await startHub('a', { keys: [K1] })
    a.hub.setPeers([{ name: 'b', host: '127.0.0.1', port }])
    await a.journal.until('log peer 127.0.0.1')
    expect(hellos).toBe(0)
    expect(a.hub.stats().linksOpened).toBe(0)
  })

  it('a client without a key, and one with a certificate, are refused', async () => {
    const a = await startHub('a', { keys: [K1] })
    for (const credentials of [{}, { key: STRANGER_KEY, cert: STRANGER_CERTIFICATE }]) {
      const socket = connectTls({ ...a.hub.address, ...credentials, rejectUnauthorized: false })
      expect(socket).toBeInstanceOf(TLSSocket)
      const peer = new RawPeer(socket)
      peer.hello('b')
      await peer.journal.until('closed')
    }
    expect(a.hub.stats()).toMatchObject({ linksOpened: 0, strangers: 2 })
  })

  it('garbage and silence cost their connection only', async () => {
    const a = await startHub('a', {
      keys: [K1],
      limits: { helloTimeoutMs: 150, pendingConnectionsMax: 2 },
    })
    const b = await startHub('b', { keys: [K1], instance: instanceOf('2') })
    await linkUp(a, b)
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff', '\0\0\0\x05hello']) {
      const stranger = await RawPeer.dial(a.hub.address)
      stranger.socket.write(bytes, 'latin1')
      await stranger.journal.until('closed')
    }
    const silent = [await RawPeer.dial(a.hub.address), await RawPeer.dial(a.hub.address)]
    const third = await RawPeer.dial(a.hub.address)
    await third.journal.until('closed')
    for (const peer of silent) await peer.journal.until('closed')
    expect((await ask(b.hub, 'a', 1)).failure).toBe('NO_HANDLER')
    expect(a.hub.stats()).toMatchObject({
      linksClosed: 0,
      pendingConnections: 0,
      pendingRefused: 1,
    })
  })
})
