import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createPeerHub, PEER_LIMITS, type PeerHubOptions } from '../../src/index.ts'
import { encodePong } from '../../src/wire/frame.ts'
import {
  ask,
  eventually,
  instanceOf,
  LOOPBACK,
  linkUp,
  RawPeer,
  RawServer,
  startHub,
  targetOf,
} from './harness.ts'

describe('heartbeats', () => {
  it('keep an idle link up and measure its round trip', async () => {
    const limits = { heartbeatMs: 10 }
    const a = await startHub('a', { limits })
    const b = await startHub('b', { limits })
    await linkUp(a, b)
    await eventually(() => a.hub.stats().framesIn > 20 && b.hub.stats().framesIn > 20)
    expect(a.hub.links()[0]?.rttMs).toBeGreaterThanOrEqual(0)
    expect(a.hub.stats()).toMatchObject({ linksClosed: 0 })
  })

  it('end a link on which no byte comes', async () => {
    const a = await startHub('a', { limits: { heartbeatMs: 10, silenceMs: 60 } })
    const b = await RawPeer.dial(a.hub.address)
    await b.greet('b')
    await a.journal.until('up b')
    await a.journal.until('no byte came for')
    await b.journal.until('closed')
    expect(b.journal.count('ping')).toBeGreaterThan(0)
    expect(a.hub.stats()).toMatchObject({ silences: 1, linksUp: 0 })
  })

  it('judge nobody for a time in which we stood still ourselves', async () => {
    let offset = 0
    const a = await startHub('a', {
      now: () => performance.now() + offset,
      limits: { heartbeatMs: 10, silenceMs: 30_000 },
    })
    const b = await startHub('b')
    await linkUp(a, b)
    offset = 3_600_000
    await eventually(() => a.hub.stats().stalls > 0)
    expect((await ask(a.hub, 'b', 1)).failure).toBe('NO_HANDLER')
    expect(a.hub.stats()).toMatchObject({ silences: 0, linksUp: 1 })
  })

  it('judge nobody for a stall between the look at the clock and the verdict', async () => {
    let offset = 0
    let clockReads = 0
    const a = await startHub('a', {
      now: () => {
        clockReads++
        return performance.now() + offset
      },
      limits: { heartbeatMs: 40, silenceMs: 30_000 },
    })
    const b = await RawPeer.dial(a.hub.address)
    await b.greet('b')
    await Promise.all([a.journal.until('up b'), eventually(() => b.frames.length >= 3)])
    b.socket.pause()
    // The next reader of the clock is the ticker: the loop stalls right behind it.
    const before = clockReads
    await new Promise<void>((resolve) => {
      const watch = (): void => {
        if (clockReads === before) setImmediate(watch)
        else resolve()
      }
      watch()
    })
    offset = 3_600_000
    await eventually(() => a.hub.stats().stalls > 0)
    expect(a.hub.stats()).toMatchObject({ silences: 0, linksUp: 1 })
  })

  it('ignore the answer to an older ping', async () => {
    const a = await startHub('a', { limits: { heartbeatMs: 3_600_000, silenceMs: 7_200_000 } })
    const b = await RawPeer.dial(a.hub.address)
    await b.greet('b')
    await b.journal.until('ping')
    b.write(encodePong(123_456))
    b.write(Uint8Array.of(0, 0, 0, 2, 3, 0xc0))
    await a.journal.until('message b null')
    expect(a.hub.links()[0]?.rttMs).toBeUndefined()
  })
})

describe('close', () => {
  it('answers what waits, says goodbye, and is idempotent', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    b.hub.onRequest(() => {})
    await linkUp(a, b)
    const asked = ask(a.hub, 'b', 1)
    a.hub.send('b', 'last')
    const closing = a.hub.close()
    expect(a.hub.close()).toBe(closing)
    await closing
    expect(await asked).toMatchObject({ code: 'CLOSED' })
    expect(await ask(a.hub, 'b', 1)).toMatchObject({ code: 'CLOSED' })
    expect(a.hub.send('b', 1)).toBe(false)
    expect(a.hub.isUp('b')).toBe(false)
    a.hub.setPeers([targetOf(b)])
    expect(a.hub.links()).toEqual([])
    expect(a.journal.count('down b')).toBe(1)
    await b.journal.until('the peer said goodbye: the member is shutting down')
    expect(b.journal.count('message a "last"')).toBe(1)
  })

  it('may be called by a listener of the hub', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    const again: Promise<void>[] = []
    a.hub.onDown(() => again.push(a.hub.close()))
    await linkUp(a, b)
    const closing = a.hub.close()
    expect(again).toEqual([closing])
    await closing
  })

  it('does not wait for strangers, nor longer than it is told for a peer that reads nothing', async () => {
    const a = await startHub('a')
    const stranger = await RawPeer.dial(a.hub.address)
    const deaf = await RawPeer.dial(a.hub.address)
    await deaf.greet('b')
    await a.journal.until('up b')
    deaf.socket.pause()
    for (let i = 0; i < 20; i++) a.hub.send('b', new Uint8Array(1_000_000))
    await a.hub.close({ timeoutMs: 50 })
    await stranger.journal.until('closed')
  })

  it('frees the port', async () => {
    const a = await startHub('a')
    await a.hub.close()
    const again = await startHub('a', { bind: a.hub.address })
    expect(again.hub.address).toEqual(a.hub.address)
  })

  it('ends dials that are under way', async () => {
    const b = await startHub('b')
    const a = await startHub('a')
    a.hub.setPeers([targetOf(b)])
    await a.hub.close()
    await b.hub.close()
    expect(a.hub.links()).toEqual([])
  })
})

describe('options', () => {
  const options: PeerHubOptions = {
    self: { name: 'a', instance: instanceOf('1') },
    cluster: 'c',
    bind: LOOPBACK,
  }
  const codeOf = async (change: Partial<PeerHubOptions>): Promise<string> => {
    try {
      const hub = await createPeerHub({ ...options, ...change })
      await hub.close()
      return 'created'
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  it('refuse a bind beyond loopback without a key, and say what to do', async () => {
    const bind = { host: '0.0.0.0', port: 0 }
    await expect(createPeerHub({ ...options, bind })).rejects.toThrow(
      /set a cluster key \(gossip\.encrypt, --encrypt\).*--insecure/,
    )
    expect(await codeOf({ bind })).toBe('INSECURE_BIND')
    expect(await codeOf({ bind: { host: 'localhost.example.com', port: 0 } })).toBe('INSECURE_BIND')
    expect(await codeOf({ bind, insecure: true })).toBe('created')
    expect(await codeOf({ bind, keys: [new Uint8Array(32)] })).toBe('created')
  })

  it('refuse an address in use by its name', async () => {
    const a = await startHub('a')
    await expect(createPeerHub({ ...options, bind: a.hub.address })).rejects.toMatchObject({
      code: 'BIND_FAILED',
      message: `cannot listen for peer links on 127.0.0.1:${a.hub.address.port}: another process listens there`,
    })
  })

  it('refuse what is out of range', async () => {
    for (const change of [
      { self: { name: '', instance: instanceOf('1') } },
      { self: { name: 'n'.repeat(256), instance: instanceOf('1') } },
      { self: { name: 'a', instance: 'short' } },
      { cluster: '' },
      { bind: { host: '127.0.0.1', port: 65_536 } },
      { fields: { k: 'v'.repeat(1025) } },
      {
        fields: {
          a: 'v'.repeat(1024),
          b: 'v'.repeat(1024),
          c: 'v'.repeat(1024),
          d: 'v'.repeat(800),
        },
      },
      { limits: { heartbeatMs: Number.NaN } },
      { limits: { heartbeatMs: -1 } },
      { limits: { heartbeatMs: 100, silenceMs: 100 } },
      { keys: [new Uint8Array(31)] },
      { keys: new Array<Uint8Array>(17).fill(new Uint8Array(32)) },
    ])
      expect([change, await codeOf(change)]).toEqual([change, 'OPTIONS_INVALID'])
  })

  it('refuse a list of peers that is wrong, and keep the one before', async () => {
    const a = await startHub('a', { limits: { peersMax: 2 } })
    const b = await startHub('b')
    await linkUp(a, b)
    const peer = { name: 'x', host: '127.0.0.1', port: 1 }
    for (const peers of [
      [peer, peer],
      [{ ...peer, name: '' }],
      [{ ...peer, name: 'n'.repeat(256) }],
      [{ ...peer, port: 0 }],
      [{ ...peer, host: '' }],
      [{ ...peer, instance: 'short' }],
      ['x', 'y', 'z'].map((name) => ({ ...peer, name })),
    ])
      expect(() => a.hub.setPeers(peers)).toThrow(
        expect.objectContaining({ code: 'OPTIONS_INVALID' }),
      )
    expect(a.hub.isUp('b')).toBe(true)
    expect(() => a.hub.setKeys([new Uint8Array(32)])).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    )
  })

  it('have defaults that cannot be changed', () => {
    expect(Object.isFrozen(PEER_LIMITS)).toBe(true)
  })
})

describe('a peer that cannot be reached', () => {
  it('is dialed with growing pauses up to the longest', async () => {
    const pauses: number[] = []
    const a = await startHub('a', {
      limits: { backoffMinMs: 4, backoffMaxMs: 16 },
      random: () => {
        pauses.push(a.hub.stats().dials)
        return 1
      },
    })
    // A port that was free a moment ago.
    const b = await startHub('b')
    const target = targetOf(b)
    await b.hub.close()
    a.hub.setPeers([target])
    await a.journal.until(() => a.journal.count('log peer') >= 6)
    expect(a.hub.links()[0]?.problem).toContain('refuses connections: nothing listens there')
    expect(pauses.slice(0, 5)).toEqual([1, 2, 3, 4, 5])
  })

  it('is given connectTimeoutMs', async () => {
    // A port with a full backlog would do, but not on every system: TLS to a server that says nothing does.
    const a = await startHub('a', {
      keys: [new Uint8Array(32)],
      limits: { connectTimeoutMs: 50, backoffMinMs: 60_000, backoffMaxMs: 60_000 },
    })
    const server = await RawServer.start()
    a.hub.setPeers([{ name: 'b', ...server.address }])
    await a.journal.until('did not answer within 50 ms')
  })

  it('that connects and says nothing is given helloTimeoutMs', async () => {
    const a = await startHub('a', { limits: { helloTimeoutMs: 50 } })
    const server = await RawServer.start()
    a.hub.setPeers([{ name: 'b', ...server.address }])
    await a.journal.until('sent no hello within 50 ms')
  })
})

describe('the port', () => {
  it('survives connections that are reset', async () => {
    const a = await startHub('a')
    for (let i = 0; i < 20; i++) {
      const socket = connect(a.hub.address)
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.resetAndDestroy()
    }
    await eventually(() => a.hub.stats().pendingConnections === 0)
    const b = await startHub('b')
    await linkUp(a, b)
  })
})
