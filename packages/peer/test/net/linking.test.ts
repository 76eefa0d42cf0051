import { describe, expect, it } from 'vitest'
import { encodePing } from '../../src/wire/frame.ts'
import {
  ask,
  instanceOf,
  linkUp,
  RawPeer,
  RawServer,
  refusalOf,
  startHub,
  type TestHub,
  targetOf,
} from './harness.ts'

const NEVER_MS = 3_600_000

const expectOneLink = async (a: TestHub, b: TestHub): Promise<void> => {
  for (const [from, to] of [
    [a, b],
    [b, a],
    [a, b],
    [b, a],
  ] as const) {
    expect((await ask(from.hub, to.name, 1)).failure).toBe('NO_HANDLER')
  }
  for (const { hub } of [a, b]) {
    expect(hub.stats()).toMatchObject({ linksUp: 1, linksOpened: 1, linksClosed: 0 })
  }
}

describe('a link', () => {
  it('is made by the member with the smaller name', async () => {
    const a = await startHub('a')
    const b = await startHub('b', { fields: { g: '10.0.0.2:7946' } })
    b.hub.setPeers([])
    a.hub.setPeers([targetOf(b)])
    await Promise.all([a.journal.until('up b'), b.journal.until('up a')])
    expect(a.hub.stats().dials).toBe(1)
    await expectOneLink(a, b)
  })

  it('is made by the other one when the first does not dial', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    b.hub.setPeers([targetOf(a)])
    await Promise.all([a.journal.until('up b'), b.journal.until('up a')])
    expect(a.hub.stats().dials).toBe(0)
    await expectOneLink(a, b)
  })

  it('tells who is there, with the fields of its hello and the address', async () => {
    const a = await startHub('a')
    const b = await startHub('b', { instance: instanceOf('2'), fields: { g: '10.0.0.2:7946' } })
    const up = new Promise((resolve) => a.hub.onUp(resolve))
    a.hub.setPeers([targetOf(b)])
    expect(await up).toEqual({
      name: 'b',
      instance: instanceOf('2'),
      fields: { g: '10.0.0.2:7946' },
      address: b.hub.address,
    })
    expect(a.hub.isUp('b')).toBe(true)
    expect(a.hub.links()).toMatchObject([{ name: 'b', state: 'up', instance: instanceOf('2') }])
  })

  it('stays one, without a flicker, when both dial at the same moment', async () => {
    for (let round = 0; round < 12; round++) {
      const limits = { dialGraceMs: 0 }
      const a = await startHub('a', { limits })
      const b = await startHub('b', { limits })
      await linkUp(a, b)
      await expectOneLink(a, b)
      await Promise.all([a.hub.close(), b.hub.close()])
    }
  })

  it('is known as being made, and why it was not', async () => {
    const server = await RawServer.start()
    const a = await startHub('a')
    a.hub.setPeers([{ name: 'b', ...server.address }])
    const peer = await server.peer(0)
    await peer.journal.until('hello')
    expect(a.hub.links()).toMatchObject([
      { name: 'b', state: 'connecting', address: server.address },
    ])
    peer.socket.destroy()
    await a.journal.until('before its hello; it may require a cluster key')
    expect(a.hub.links()[0]?.problem).toContain('it may require a cluster key')
    expect(a.hub.isUp('b')).toBe(false)
  })

  it('ignores our own name in the list', async () => {
    const a = await startHub('a')
    a.hub.setPeers([targetOf(a)])
    expect(a.hub.links()).toEqual([])
  })
})

describe('two dials at once', () => {
  it('the smaller name refuses the other while its own hello is out', async () => {
    const server = await RawServer.start()
    const a = await startHub('a')
    a.hub.setPeers([{ name: 'b', ...server.address }])
    const x = await server.peer(0)
    await x.journal.until('hello')
    const y = await RawPeer.dial(a.hub.address)
    y.hello('b')
    expect((await refusalOf(y)).code).toBe('ALREADY_DIALING')
    await a.journal.until('setting up this link itself')
    x.hello('b')
    await a.journal.until('up b')
    expect(a.hub.stats()).toMatchObject({ linksOpened: 1, linksClosed: 0 })
  })

  it('the larger name gives up its own dial for the other', async () => {
    const server = await RawServer.start()
    const b = await startHub('b', { limits: { dialGraceMs: 0 } })
    b.hub.setPeers([{ name: 'a', ...server.address }])
    const y = await server.peer(0)
    await y.journal.until('hello')
    const x = await RawPeer.dial(b.hub.address)
    await x.greet('a')
    await Promise.all([b.journal.until('up a'), y.journal.until('closed')])
    expect(b.hub.stats()).toMatchObject({ linksOpened: 1, linksClosed: 0, linksUp: 1 })
  })

  it('a hello from a dial that was given up does not replace the link', async () => {
    const server = await RawServer.start()
    const a = await startHub('a')
    a.hub.setPeers([{ name: 'b', ...server.address }])
    const x = await server.peer(0)
    await x.journal.until('hello')
    x.hello('b')
    await a.journal.until('up b')
    const y = await RawPeer.dial(a.hub.address)
    y.hello('b')
    await y.journal.until('hello')
    y.socket.destroy()
    await y.journal.until('closed')
    x.write(encodePing(5))
    await x.journal.until('pong')
    expect(a.hub.stats()).toMatchObject({ linksOpened: 1, linksClosed: 0, linksUp: 1 })
  })

  it('a confirmed dial of the same instance replaces the link: its side had lost it', async () => {
    const a = await startHub('a')
    const x = await RawPeer.dial(a.hub.address)
    await x.greet('b')
    await a.journal.until('up b')
    const y = await RawPeer.dial(a.hub.address)
    await y.greet('b')
    await a.journal.until(() => a.journal.count('up b') === 2)
    await x.journal.until('closed')
    expect(a.journal.lines.filter((line) => !line.startsWith('log'))).toEqual([
      `up b ${instanceOf('9')}`,
      `down b ${instanceOf('9')}: the peer opened a new connection`,
      `up b ${instanceOf('9')}`,
    ])
  })
})

describe('the end of a link', () => {
  it('is seen at once when the peer is killed, and the link comes back', async () => {
    const server = await RawServer.start()
    const a = await startHub('a', { limits: { silenceMs: NEVER_MS } })
    a.hub.setPeers([{ name: 'b', ...server.address }])
    const first = await server.peer(0)
    first.hello('b')
    await a.journal.until('up b')
    first.socket.resetAndDestroy()
    await a.journal.until('down b')
    expect(a.hub.isUp('b')).toBe(false)
    const second = await server.peer(1)
    second.hello('b', { instance: instanceOf('8') })
    await a.journal.until(`up b ${instanceOf('8')}`)
  })

  it('comes for the old instance, and up for the new one, when a peer was restarted', async () => {
    const a = await startHub('a')
    const old = await startHub('b', { instance: instanceOf('2') })
    a.hub.setPeers([targetOf(old)])
    await a.journal.until('up b')
    const fresh = await startHub('b', { instance: instanceOf('3') })
    fresh.hub.setPeers([targetOf(a)])
    await a.journal.until(`up b ${instanceOf('3')}`)
    expect(a.journal.lines.filter((line) => !line.startsWith('log'))).toEqual([
      `up b ${instanceOf('2')}`,
      `down b ${instanceOf('2')}: the peer was restarted as instance ${instanceOf('3')}`,
      `up b ${instanceOf('3')}`,
    ])
    expect(a.hub.links()).toMatchObject([{ name: 'b', instance: instanceOf('3') }])
  })

  it('comes after a goodbye when the peer is no longer listed', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    await linkUp(a, b)
    expect(a.hub.send('b', 'last words')).toBe(true)
    a.hub.setPeers([])
    expect(a.hub.isUp('b')).toBe(false)
    await b.journal.until('down a')
    expect(b.journal.lines.filter((line) => !line.startsWith('log'))).toEqual([
      `up a ${instanceOf('1')}`,
      'message a "last words"',
      `down a ${instanceOf('1')}: the peer said goodbye: this member no longer lists the peer`,
    ])
  })

  it('comes for a member that was never listed only after its grace', async () => {
    const a = await startHub('a', { limits: { unlistedGraceMs: 30, heartbeatMs: 20 } })
    const b = await RawPeer.dial(a.hub.address)
    await b.greet('b')
    await a.journal.until('up b')
    b.write(encodePing(1))
    await b.journal.until('pong')
    expect(a.hub.isUp('b')).toBe(true)
    a.hub.setPeers([])
    expect(a.hub.isUp('b')).toBe(true)
    await a.journal.until('down b')
    await b.journal.until('goodbye')
    expect(a.hub.links()).toEqual([])
  })
})

describe('a new target', () => {
  it('is dialed at once, whatever the pause was', async () => {
    const server = await RawServer.start()
    const b = await startHub('b')
    const limits = { backoffMinMs: NEVER_MS, backoffMaxMs: NEVER_MS }
    const a = await startHub('a', { limits })
    a.hub.setPeers([{ name: 'b', ...server.address }])
    const wrong = await server.peer(0)
    wrong.socket.destroy()
    await a.journal.until('before its hello')
    a.hub.setPeers([targetOf(b)])
    await a.journal.until('up b')
  })

  it('with the same address and instance changes nothing', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    await linkUp(a, b)
    a.hub.setPeers([targetOf(b)])
    await expectOneLink(a, b)
  })

  it('list that a listener sets while an older one is applied wins', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    const c = await startHub('c')
    await linkUp(a, b)
    a.hub.onDown(() => a.hub.setPeers([targetOf(b)]))
    a.hub.setPeers([targetOf(c)])
    expect(a.hub.links().map(({ name }) => name)).toEqual(['b'])
    await a.journal.until(() => a.journal.count('up b') === 2)
  })

  it('with another instance than the link is dialed beside it, and the one that lives stays', async () => {
    const a = await startHub('a')
    const b = await startHub('b', { instance: instanceOf('2') })
    await linkUp(a, b)
    a.hub.setPeers([{ ...targetOf(b), instance: instanceOf('7') }])
    await a.journal.until(`wrong b ${instanceOf('2')}`)
    await expectOneLink(a, b)
  })
})
