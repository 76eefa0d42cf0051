import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Effects, Member, MemberEvent } from '../../src/core/effects.ts'
import type { Message, StateExchange } from '../../src/core/messages.ts'
import type { Swim } from '../../src/core/swim.ts'
import { emptyTally } from '../../src/core/tally.ts'
import { Counters } from '../../src/net/counters.ts'
import { Driver, type DriverOptions } from '../../src/net/driver.ts'
import { LimitedLog } from '../../src/net/limited-log.ts'
import { STREAMS_INBOUND_MAX, STREAMS_OUTBOUND_MAX } from '../../src/net/limits.ts'
import { openSockets } from '../../src/net/sockets.ts'
import { Keyring } from '../../src/wire/keyring.ts'
import { decodePacket, encodePacket } from '../../src/wire/packet.ts'
import { encodeStream } from '../../src/wire/stream-message.ts'
import type { WireContext } from '../../src/wire/wire-context.ts'
import { wireContext } from '../wire/bytes.ts'

const none = new Uint8Array(0)
const EMPTY_STATE: StateExchange = { join: false, nodes: [], userState: none }
const member: Member = {
  name: 'x',
  address: { host: '127.0.0.1', port: 1 },
  state: 'alive',
  incarnation: 1,
  meta: none,
  versions: new Uint8Array(6),
}

/** A machine that only writes down what it is told; tests replace single methods. */
function scriptedSwim(story: unknown[], methods: Partial<Swim> = {}): Swim {
  return {
    start: () => undefined,
    join: (to, _now, out) => out.exchangeState(to, { ...EMPTY_STATE, join: true }),
    receive: (_from, message) => story.push(message),
    localState: (join) => {
      story.push(`state, join ${join}`)
      return { ...EMPTY_STATE, join }
    },
    mergeState: (_from, state) => story.push(`merge ${state.nodes.length}, join ${state.join}`),
    exchangeFailed: () => story.push('exchange failed'),
    fire: (key) => story.push(`fire ${key}`),
    setMeta: () => undefined,
    lag: () => undefined,
    leave: () => undefined,
    broadcast: () => undefined,
    releaseAddress: (name) => story.push(`release ${name}`),
    members: () => [][Symbol.iterator](),
    member: () => undefined,
    healthScore: 0,
    incarnation: 1,
    queued: 0,
    tally: emptyTally(),
    ...methods,
  }
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

interface Harness {
  readonly driver: Driver
  readonly story: unknown[]
  readonly events: MemberEvent[]
  readonly counters: Counters
  readonly port: number
  readonly out: Effects
}

async function start(
  methods: Partial<Swim> = {},
  context: WireContext = wireContext(),
  changes: Partial<DriverOptions> = {},
): Promise<Harness> {
  const sockets = await openSockets({ host: '127.0.0.1', port: 0 })
  const story: unknown[] = []
  const events: MemberEvent[] = []
  const counters = new Counters()
  const now = () => performance.now()
  const driver = new Driver({
    name: 'us',
    swim: scriptedSwim(story, methods),
    sockets,
    context,
    counters,
    now,
    log: new LimitedLog(() => undefined, now),
    streamTimeoutMs: 20_000,
    allowsHost: () => true,
    onEvent: (event) => events.push(event),
    onUser: (payload) => story.push(`user ${Buffer.from(payload)}`),
    onUserState: (state) => story.push(`user state ${state.length}`),
    foreigner: () => undefined,
    ...changes,
  })
  driver.start()
  cleanups.push(() => driver.close())
  return { driver, story, events, counters, port: sockets.address.port, out: driver }
}

async function dialRaw(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  cleanups.push(() => socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

async function request(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = await dialRaw(port)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

/** A listener that answers every request the same way. */
async function peer(answer: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    cleanups.push(() => socket.destroy())
    answer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

const at = (port: number) => ({ host: '127.0.0.1', port })
const nack: Message = { type: 'nack', seq: 7 }

describe('sockets', () => {
  it('bind datagrams and streams to one number', async () => {
    const sockets = await openSockets({ host: '127.0.0.1', port: 0 })
    expect(sockets.udp.address().port).toBe(sockets.address.port)
    const taken = openSockets(sockets.address)
    await expect(taken).rejects.toMatchObject({ code: 'GOSSIP_PORT_IN_USE' })
    sockets.tcp.close()
    sockets.udp.close()
  })

  it('an address that is not ours names itself', async () => {
    await expect(openSockets({ host: '203.0.113.1', port: 0 })).rejects.toMatchObject({
      code: 'GOSSIP_BIND_FAILED',
      details: { address: '203.0.113.1:0', system: 'EADDRNOTAVAIL' },
    })
  })
})

describe('datagrams', () => {
  it('become messages of the machine, and bad ones only numbers', async () => {
    const { story, counters, port } = await start()
    const socket = createSocket('udp4')
    cleanups.push(() => socket.close())
    socket.send(Uint8Array.of(99), port, '127.0.0.1')
    socket.send(new Uint8Array(0), port, '127.0.0.1')
    socket.send(
      encodePacket([nack, { type: 'user', payload: Buffer.from('hi') }], wireContext()),
      port,
      '127.0.0.1',
    )
    await vi.waitFor(() => expect(story).toEqual([nack, 'user hi']))
    expect(counters.snapshot()).toMatchObject({
      packetsIn: 3,
      decodeErrors: { WIRE_TYPE_UNKNOWN: 1, WIRE_TRUNCATED: 1 },
    })
  })

  it('several messages go out as one compound, 128 as two', async () => {
    const { out } = await start()
    const socket = createSocket('udp4')
    cleanups.push(() => socket.close())
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const sizes: number[] = []
    socket.on('message', (bytes) => sizes.push(decodePacket(bytes, wireContext()).messages.length))
    const to = at(socket.address().port)
    out.sendPacket(to, [nack, nack, nack])
    out.sendPacket(
      to,
      Array.from({ length: 128 }, () => nack),
    )
    await vi.waitFor(() => expect(sizes).toEqual([3, 127, 1]))
  })

  it('what cannot be sent is counted and nothing else', async () => {
    const { out, counters } = await start()
    out.sendPacket({ host: '::1', port: 1 }, [nack])
    out.sendPacket({ host: '127.0.0.1', port: 0 }, [nack])
    out.sendPacket(at(9), [{ type: 'user', payload: new Uint8Array(70_000) }])
    await vi.waitFor(() => expect(counters.snapshot().packetsUnsent).toBe(3))
  })

  it('from outside the allow list are not read', async () => {
    const { story, counters, port } = await start({}, wireContext(), { allowsHost: () => false })
    const socket = createSocket('udp4')
    cleanups.push(() => socket.close())
    socket.send(encodePacket([nack], wireContext()), port, '127.0.0.1')
    await vi.waitFor(() => expect(counters.snapshot().refusedSources).toBe(1))
    expect(
      await request(port, encodeStream({ type: 'push-pull', state: EMPTY_STATE }, wireContext())),
    ).toHaveLength(0)
    expect(story).toEqual([])
  })

  it('a machine or listener that throws does not take the process down', async () => {
    const boom = () => {
      throw new Error('boom')
    }
    const { counters, port, out, driver } = await start({ receive: boom }, wireContext(), {
      onEvent: boom,
      onUser: boom,
    })
    const socket = createSocket('udp4')
    cleanups.push(() => socket.close())
    socket.send(
      encodePacket([nack, { type: 'user', payload: none }], wireContext()),
      port,
      '127.0.0.1',
    )
    await vi.waitFor(() => expect(counters.snapshot().containedErrors).toBe(2))
    driver.call(() => out.notify({ type: 'join', member }))
    expect(counters.snapshot().containedErrors).toBe(3)
  })
})

describe('streams of others', () => {
  const pushPull = {
    type: 'push-pull',
    state: { ...EMPTY_STATE, join: true, userState: Buffer.from('abc') },
  } as const

  it('get our state first and are merged after it, with the flag that they sent', async () => {
    const { story, port } = await start()
    const answer = await request(port, encodeStream(pushPull, wireContext()))
    expect(answer.toString('hex')).toBe(
      '0683a44a6f696ec3a54e6f64657300ac5573657253746174654c656e00',
    )
    expect(story).toEqual(['state, join true', 'merge 0, join true', 'user state 3'])
  })

  it('may come in single bytes', async () => {
    const { port, story } = await start()
    const socket = await dialRaw(port)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    for (const byte of encodeStream(pushPull, wireContext())) socket.write(Uint8Array.of(byte))
    await once(socket, 'close')
    expect(Buffer.concat(chunks)[0]).toBe(6)
    expect(story).toContain('merge 0, join true')
  })

  it('pings are acknowledged with their number, pings for others are not', async () => {
    const { port } = await start()
    const ping = (node: string) =>
      request(port, encodeStream({ type: 'ping', seq: 9, node }, wireContext()))
    expect((await ping('us')).toString('hex')).toBe('0282a75061796c6f6164c0a55365714e6f09')
    expect(await ping('them')).toHaveLength(0)
  })

  it('user messages are delivered, empty ones are not', async () => {
    const { port, story } = await start()
    const send = (text: string) =>
      request(port, encodeStream({ type: 'user', payload: Buffer.from(text) }, wireContext()))
    await send('')
    await send('hello')
    expect(story).toEqual(['user hello'])
  })

  it.each<[string, Partial<WireContext>, string, string]>([
    ['another algorithm', {}, '0982a4416c676f07a3427566a3000302', 'algorithm: 7'],
    [
      'plain text where there is a key',
      { keyring: new Keyring([new Uint8Array(16)]) },
      '0282a75061796c6f6164c0a55365714e6f09',
      '',
    ],
    [
      'encryption where there is none',
      {},
      '0a00000026',
      'Remote state is encrypted and encryption is not configured',
    ],
  ])('%s is answered with an error', async (_, context, bytes, text) => {
    const { port, counters } = await start({}, wireContext(context))
    const answer = await request(port, Buffer.from(bytes, 'hex'))
    // With a key the answer is sealed, and its type byte says so.
    expect(answer[0]).toBe(context.keyring === undefined ? 13 : 10)
    expect(answer.toString('latin1')).toContain(text)
    expect(counters.snapshot().streamsFailed).toBe(1)
  })

  it('another label and unknown types get silence', async () => {
    const { port } = await start({}, wireContext({ label: Buffer.from('blue') }))
    expect(await request(port, Buffer.from('f40467726179', 'hex'))).toHaveLength(0)
    expect(await request(port, Buffer.from('f404626c756563', 'hex'))).toHaveLength(0)
  })

  it('are closed when their time is over', async () => {
    const { port } = await start({}, wireContext(), { streamTimeoutMs: 30 })
    expect(await request(port, Buffer.from('06', 'hex'))).toHaveLength(0)
  })

  it('128 may be open, one more is closed at once', async () => {
    const { port, counters } = await start()
    const open = await Promise.all(Array.from({ length: STREAMS_INBOUND_MAX }, () => dialRaw(port)))
    await vi.waitFor(() => expect(counters.snapshot().streamsIn).toBe(STREAMS_INBOUND_MAX))
    expect(await request(port, Buffer.from('06', 'hex'))).toHaveLength(0)
    expect(counters.snapshot().streamsRefused).toBe(1)
    for (const socket of open) socket.destroy()
  })

  it('a machine that throws costs that stream', async () => {
    const { port, counters } = await start({
      localState: () => {
        throw new Error('boom')
      },
    })
    expect(await request(port, encodeStream(pushPull, wireContext()))).toHaveLength(0)
    expect(counters.snapshot().containedErrors).toBe(1)
  })
})

describe('streams of ours', () => {
  it('an exchange writes the label first and merges the answer', async () => {
    const label = Buffer.from('blue')
    const { driver, story } = await start({}, wireContext({ label }))
    const received: Buffer[] = []
    const port = await peer((socket) => {
      socket.on('data', (chunk) => {
        received.push(chunk)
        socket.write(
          encodeStream({ type: 'push-pull', state: { ...EMPTY_STATE, join: true } }, wireContext()),
        )
      })
    })
    expect(await driver.join(at(port))).toEqual([])
    expect(Buffer.concat(received).toString('hex')).toMatch(/^f404626c756506/)
    expect(story).toEqual(['merge 0, join true'])
  })

  it('a join is told which rows the machine refused', async () => {
    const { driver } = await start({
      mergeState: (_from, _state, _now, out) =>
        out.notify({ type: 'refused', subject: 'x', reason: 'too old' }),
    })
    const port = await peer((socket) => {
      socket.end(encodeStream({ type: 'push-pull', state: EMPTY_STATE }, wireContext()))
    })
    expect(await driver.join(at(port))).toEqual(['too old'])
  })

  it.each<[string, (socket: Socket) => void, string]>([
    ['closes', (socket) => socket.end(), 'GOSSIP_STREAM_CLOSED'],
    [
      'answers with an error',
      (socket) => socket.end(encodeStream({ type: 'error', text: 'no' }, wireContext())),
      'GOSSIP_REMOTE_ERROR',
    ],
    [
      'answers something else',
      (socket) => socket.end(encodeStream({ type: 'ack', seq: 1, payload: none }, wireContext())),
      'GOSSIP_REMOTE_ERROR',
    ],
    ['answers nonsense', (socket) => socket.end(Uint8Array.of(99)), 'WIRE_TYPE_UNKNOWN'],
  ])('a peer that %s fails the exchange', async (_, answer, code) => {
    const { driver, story } = await start()
    const port = await peer(answer)
    await expect(driver.join(at(port))).rejects.toMatchObject({ code })
    expect(story).toEqual(['exchange failed'])
  })

  it('nobody there, silence and a caller who gives up all fail the exchange', async () => {
    const { driver, story } = await start({}, wireContext(), { streamTimeoutMs: 100 })
    await expect(driver.join(at(1))).rejects.toMatchObject({ code: 'GOSSIP_UNREACHABLE' })
    const silent = await peer(() => undefined)
    await expect(driver.join(at(silent))).rejects.toMatchObject({ code: 'GOSSIP_TIMEOUT' })
    const joining = driver.join(at(silent), AbortSignal.abort())
    await expect(joining).rejects.toMatchObject({ code: 'GOSSIP_ABORTED' })
    expect(story).toEqual(['exchange failed', 'exchange failed', 'exchange failed'])
  })

  it('64 may be open, one more fails at once', async () => {
    const { driver } = await start()
    const silent = await peer(() => undefined)
    const peeks = Array.from({ length: STREAMS_OUTBOUND_MAX }, () =>
      driver.streams.peek(at(silent)).catch((error: { code: string }) => error.code),
    )
    await expect(driver.streams.peek(at(silent))).rejects.toMatchObject({ code: 'GOSSIP_LIMIT' })
    await driver.close()
    expect(new Set(await Promise.all(peeks))).toEqual(new Set(['GOSSIP_ABORTED']))
  })

  it('a ping over a stream reaches the machine only with the right number', async () => {
    const { out, story } = await start()
    const answering = (seq: number) =>
      peer((socket) => socket.end(encodeStream({ type: 'ack', seq, payload: none }, wireContext())))
    const deadline = performance.now() + 5_000
    out.pingOverStream(at(await answering(1)), 'x', 2, deadline)
    out.pingOverStream(at(await answering(3)), 'x', 3, deadline)
    await vi.waitFor(() => expect(story).toEqual([{ type: 'ack', seq: 3, payload: none }]))
  })

  it('a name in conflict moves when its old address refuses, and stays while it listens', async () => {
    const { driver, out, story } = await start()
    const listening = await peer(() => undefined)
    const conflict = (name: string, port: number) =>
      driver.call(() =>
        out.notify({
          type: 'conflict',
          existing: { ...member, name, address: at(port) },
          other: at(5),
        }),
      )
    conflict('stays', listening)
    conflict('moves', 1)
    conflict('us', 1)
    await vi.waitFor(() => expect(story).toEqual(['release moves']))
  })
})

describe('calls of the application', () => {
  it('listeners run after the machine has returned and may call it again', async () => {
    const order: string[] = []
    const { driver, out } = await start({}, wireContext(), {
      onEvent: (event) => {
        order.push(event.type)
        if (event.type === 'join') driver.call(() => out.notify({ type: 'left' }))
      },
    })
    driver.call(() => {
      out.notify({ type: 'join', member })
      order.push('returned')
    })
    expect(order).toEqual(['returned', 'join', 'left'])
  })

  it('errors of the machine are the caller’s', async () => {
    const { driver } = await start()
    expect(() => driver.call(() => JSON.parse('{'))).toThrow(SyntaxError)
  })

  it('a closed driver refuses calls, and closing twice is closing once', async () => {
    const { driver, out, port } = await start()
    await Promise.all([driver.close(), driver.close()])
    expect(() => driver.call(() => undefined)).toThrow(/closed/)
    await expect(driver.join(at(port))).rejects.toMatchObject({ code: 'GOSSIP_CLOSED' })
    await expect(driver.streams.peek(at(port))).rejects.toMatchObject({ code: 'GOSSIP_CLOSED' })
    out.sendPacket(at(port), [nack])
  })
})
