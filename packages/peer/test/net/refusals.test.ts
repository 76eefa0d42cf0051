import { describe, expect, it } from 'vitest'
import { FRAME_KINDS } from '../../src/wire/frame.ts'
import { PREHELLO_BYTES_MAX } from '../../src/wire/limits.ts'
import {
  ask,
  eventually,
  instanceOf,
  linkUp,
  RawPeer,
  RawServer,
  refusalOf,
  startHub,
  targetOf,
} from './harness.ts'

describe('a hello is refused', () => {
  it('of another cluster', async () => {
    const a = await startHub('a')
    const b = await startHub('b', { cluster: 'other' })
    a.hub.setPeers([targetOf(b)])
    await a.journal.until('(WRONG_CLUSTER)')
    await b.journal.until('refused a hello: member b belongs to cluster "other", not "test"')
    expect(a.hub.links()[0]?.problem).toContain('belongs to cluster "other", not "test"')
  })

  it('for another instance, with the instance of now, which then works', async () => {
    const a = await startHub('a')
    const b = await startHub('b', { instance: instanceOf('2') })
    a.hub.setPeers([{ ...targetOf(b), instance: instanceOf('7') }])
    await a.journal.until(`wrong b ${instanceOf('2')}`)
    expect(a.hub.isUp('b')).toBe(false)
    a.hub.setPeers([{ ...targetOf(b), instance: instanceOf('2') }])
    await a.journal.until('up b')
  })

  it('by the dialer, when the acceptor says another instance or name', async () => {
    const server = await RawServer.start()
    const a = await startHub('a')
    a.hub.setPeers([{ name: 'b', ...server.address, instance: instanceOf('7') }])
    const first = await server.peer(0)
    first.hello('b', { instance: instanceOf('2') })
    await a.journal.until(`wrong b ${instanceOf('2')}`)
    expect(await refusalOf(first)).toMatchObject({
      code: 'WRONG_INSTANCE',
      instance: instanceOf('1'),
    })
    const second = await server.peer(1)
    second.hello('c')
    expect((await refusalOf(second)).code).toBe('WRONG_NAME')
  })

  it('for another member', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    a.hub.setPeers([{ name: 'x', ...b.hub.address }])
    await a.journal.until('this address is member b, not x (WRONG_NAME)')
  })

  it('from ourselves', async () => {
    const a = await startHub('a')
    a.hub.setPeers([{ name: 'b', ...a.hub.address }])
    await a.journal.until('member a reached itself (SELF)')
    expect(a.hub.stats().linksOpened).toBe(0)
  })

  it('from another process with our name', async () => {
    const one = await startHub('a')
    const two = await startHub('a', { instance: instanceOf('2') })
    one.hub.setPeers([{ name: 'b', ...two.hub.address }])
    await one.journal.until('(NAME_TAKEN)')
  })

  it('of a release without a common protocol', async () => {
    const a = await startHub('a')
    const peer = await RawPeer.dial(a.hub.address)
    peer.hello('b', { protocolMin: 8, protocolMax: 9 })
    expect(await refusalOf(peer)).toEqual({
      code: 'UNSUPPORTED_PROTOCOL',
      reason: 'member a speaks peer protocol 1 to 1, not 8 to 9',
      instance: instanceOf('1'),
    })
    await peer.journal.until('closed')
  })

  it('above as many links as there may be', async () => {
    const a = await startHub('a', { limits: { peersMax: 2 } })
    for (const name of ['b', 'c']) {
      const peer = await RawPeer.dial(a.hub.address)
      await peer.greet(name)
      await a.journal.until(`up ${name}`)
    }
    const third = await RawPeer.dial(a.hub.address)
    third.hello('d')
    expect((await refusalOf(third)).code).toBe('BUSY')
    const again = await RawPeer.dial(a.hub.address)
    await again.greet('c')
    await a.journal.until(() => a.journal.count('up c') === 2)
  })
})

describe('before its hello a connection', () => {
  it('may hold 4 KiB and not a byte more', async () => {
    const a = await startHub('a')
    const room = (extra: number): Record<string, string> => {
      const value = 'v'.repeat(1024)
      return { a: value, b: value, c: value, d: 'v'.repeat(extra) }
    }
    const large = await RawPeer.dial(a.hub.address)
    await large.greet('b', { fields: room(900) })
    await a.journal.until('up b')

    const tooLarge = await RawPeer.dial(a.hub.address)
    const length = PREHELLO_BYTES_MAX - 4 + 1
    tooLarge.write(Uint8Array.of(0, 0, length >>> 8, length, FRAME_KINDS.hello))
    await tooLarge.journal.until('closed')
    await a.journal.until('the peer announced a frame above the limit')
    expect(a.hub.stats()).toMatchObject({ strangers: 1, linksUp: 1 })
  })

  it('has helloTimeoutMs, also after half a handshake', async () => {
    const a = await startHub('a', { limits: { helloTimeoutMs: 40 } })
    const silent = await RawPeer.dial(a.hub.address)
    await silent.journal.until('closed')
    await a.journal.until('HANDSHAKE_FAILED: no hello in time')
    const unconfirmed = await RawPeer.dial(a.hub.address)
    unconfirmed.hello('b')
    await unconfirmed.journal.until('closed')
    await eventually(() => a.hub.stats().pendingConnections === 0)
    expect(a.hub.stats().linksOpened).toBe(0)
  })

  it('takes one of pendingConnectionsMax places, and the next is closed at once', async () => {
    const a = await startHub('a', { limits: { pendingConnectionsMax: 2, helloTimeoutMs: 60_000 } })
    const one = await RawPeer.dial(a.hub.address)
    const two = await RawPeer.dial(a.hub.address)
    const three = await RawPeer.dial(a.hub.address)
    await three.journal.until('closed')
    expect(a.hub.stats()).toMatchObject({ pendingRefused: 1, pendingConnections: 2 })
    await one.greet('b')
    await a.journal.until('up b')
    expect(a.hub.stats().pendingConnections).toBe(1)
    const four = await RawPeer.dial(a.hub.address)
    await four.greet('c')
    await a.journal.until('up c')
    two.socket.destroy()
  })
})

describe('garbage', () => {
  it.each([
    ['text', 'GET / HTTP/1.1\r\n\r\n'],
    ['zeros', '\0\0\0\0\0\0\0\0'],
    ['a TLS handshake', '\x16\x03\x01\x00\x05hello'],
    ['a message before the hello', '\0\0\0\x02\x03\xc0'],
    ['a hello of something else', '\0\0\0\x05\x01HTTP'],
  ])('%s costs its connection only', async (_what, bytes) => {
    const a = await startHub('a')
    const b = await startHub('b')
    await linkUp(a, b)
    const stranger = await RawPeer.dial(a.hub.address)
    stranger.socket.write(bytes, 'latin1')
    await stranger.journal.until('closed')
    expect((await ask(b.hub, 'a', 1)).failure).toBe('NO_HANDLER')
    expect(a.hub.stats()).toMatchObject({ strangers: 1, linksClosed: 0 })
  })

  it.each([
    ['an unknown kind', [0, 0, 0, 1, 99]],
    ['a second hello', [0, 0, 0, 1, 1]],
    ['a message that is no msgpack', [0, 0, 0, 2, 3, 0xc1]],
    ['a request that is no msgpack', [0, 0, 0, 10, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0xc1]],
    ['too large a frame', [0xff, 0, 0, 1, 3]],
  ])('%s on a link costs that link only', async (_what, bytes) => {
    const a = await startHub('a')
    a.hub.onRequest(() => {})
    const b = await startHub('b')
    await linkUp(a, b)
    const c = await RawPeer.dial(a.hub.address)
    await c.greet('c')
    await a.journal.until('up c')
    c.write(Uint8Array.from(bytes))
    await a.journal.until('down c')
    await c.journal.until('closed')
    expect(a.hub.isUp('b')).toBe(true)
    expect(a.hub.stats().protocolErrors).toBe(1)
  })

  it('a request id that is used twice at once costs that link only', async () => {
    const a = await startHub('a')
    a.hub.onRequest(() => {})
    const c = await RawPeer.dial(a.hub.address)
    await c.greet('c')
    const request = Uint8Array.of(0, 0, 0, 10, 4, 0, 0, 0, 1, 0, 0, 99, 99, 0xc0)
    c.write(request, request)
    await a.journal.until('down c')
    expect(a.hub.stats()).toMatchObject({ protocolErrors: 1, requestsIn: 2 })
  })
})
