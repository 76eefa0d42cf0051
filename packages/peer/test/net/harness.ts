import { connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import {
  createPeerHub,
  type PeerAddress,
  PeerError,
  type PeerHub,
  type PeerHubOptions,
  type PeerLog,
} from '../../src/index.ts'
import { encodePing, type Frame } from '../../src/wire/frame.ts'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import { encodeHello, type Hello } from '../../src/wire/hello.ts'
import { FRAME_BYTES_MAX } from '../../src/wire/limits.ts'
import { decodeRefusal, type Refusal } from '../../src/wire/refusal.ts'

export const LOOPBACK = { host: '127.0.0.1', port: 0 }
const DEADLINE_MS = 20_000

/** For what no event announces: looks again after each turn of the event loop, with a deadline. */
export const eventually = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + DEADLINE_MS
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${holds}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** 16 digits made of one. */
export const instanceOf = (digit: string): string => digit.repeat(16)

/** Lines that events append; tests wait for a line, or for any condition, that an event brings. */
export class Journal {
  readonly lines: string[] = []
  #waiters: (() => void)[] = []

  note(line: string): void {
    this.lines.push(line)
    for (const wake of [...this.#waiters]) wake()
  }

  count(start: string): number {
    return this.lines.filter((line) => line.startsWith(start)).length
  }

  async until(condition: string | (() => boolean)): Promise<void> {
    const holds =
      typeof condition === 'string'
        ? () => this.lines.some((line) => line.includes(condition))
        : condition
    if (holds()) return
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        if (!holds()) return
        clearTimeout(timer)
        this.#waiters = this.#waiters.filter((other) => other !== wake)
        resolve()
      }
      const timer = setTimeout(
        () => reject(new Error(`waited in vain for ${condition}; saw:\n${this.lines.join('\n')}`)),
        DEADLINE_MS,
      )
      this.#waiters.push(wake)
    })
  }
}

export interface TestHub {
  readonly hub: PeerHub
  readonly journal: Journal
  readonly name: string
}

/** A hub on loopback that writes its journal: `up b1…`, `down b1…: reason`, `message …`, `log …`. Closed when the test ends. */
export const startHub = async (
  name: string,
  options: Partial<PeerHubOptions> & { readonly instance?: string } = {},
): Promise<TestHub> => {
  const journal = new Journal()
  const noteLog = (details: object, message: string): void => {
    const error = 'error' in details ? details.error : undefined
    journal.note(
      `log ${message}${error instanceof PeerError ? ` [${error.code}: ${error.message}]` : ''}`,
    )
  }
  const log: PeerLog = { debug: noteLog, info: noteLog, warn: noteLog, error: noteLog }
  const { instance = instanceOf('1'), ...rest } = options
  const hub = await createPeerHub({
    self: { name, instance },
    cluster: 'test',
    bind: LOOPBACK,
    log,
    ...rest,
  })
  onTestFinished(() => hub.close({ timeoutMs: 200 }))
  hub.onUp((peer) => journal.note(`up ${peer.name} ${peer.instance}`))
  hub.onDown((peer, reason) => journal.note(`down ${peer.name} ${peer.instance}: ${reason}`))
  hub.onMessage((from, message) => journal.note(`message ${from.name} ${JSON.stringify(message)}`))
  hub.onWrongInstance((peer, actual) => journal.note(`wrong ${peer} ${actual}`))
  return { hub, journal, name }
}

export const targetOf = ({ hub, name }: TestHub) => ({ name, ...hub.address })

/** Both want the link; resolves when it is up on both sides. */
export const linkUp = async (a: TestHub, b: TestHub): Promise<void> => {
  a.hub.setPeers([targetOf(b)])
  b.hub.setPeers([targetOf(a)])
  await Promise.all([a.journal.until(`up ${b.name}`), b.journal.until(`up ${a.name}`)])
}

export interface Reply {
  readonly code: string | undefined
  readonly failure: unknown
  readonly text: string | undefined
  readonly reply: unknown
}

export const ask = (
  hub: PeerHub,
  to: string,
  message: unknown,
  timeoutMs = 10_000,
): Promise<Reply> =>
  new Promise((resolve) => {
    hub.request(to, message, { timeoutMs }, (error, reply) =>
      resolve({
        code: error?.code,
        failure: error?.details['failure'],
        text: error?.message,
        reply,
      }),
    )
  })

/** A member made by hand: sends what the test says, notes what it gets. */
export class RawPeer {
  readonly socket: Socket
  readonly journal = new Journal()
  readonly frames: Frame[] = []

  constructor(socket: Socket) {
    this.socket = socket
    const decoder = new FrameDecoder(FRAME_BYTES_MAX)
    socket.on('data', (chunk) => {
      try {
        decoder.push(Uint8Array.from(chunk as Buffer))
        for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
          this.frames.push(frame)
          this.journal.note(frame.type)
        }
      } catch {
        // A TLS handshake, for example.
        this.journal.note('no frame')
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => this.journal.note('closed'))
    onTestFinished(() => {
      socket.destroy()
    })
  }

  static async dial(address: PeerAddress): Promise<RawPeer> {
    const socket = connect(address)
    const peer = new RawPeer(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    return peer
  }

  write(...frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.socket.write(frame)
  }

  hello(name: string, change: Partial<Hello> = {}): void {
    this.write(helloFrame(name, change))
  }

  /** The dialing side of a whole handshake. */
  async greet(name: string, change: Partial<Hello> = {}): Promise<void> {
    this.hello(name, change)
    await this.journal.until('hello')
    this.write(encodePing(77))
  }
}

export const helloFrame = (name: string, change: Partial<Hello> = {}): Uint8Array =>
  encodeHello({
    protocolMin: 1,
    protocolMax: 1,
    cluster: 'test',
    name,
    instance: instanceOf('9'),
    fields: {},
    ...change,
  })

/** A server whose connections are raw peers, in the order in which they came. */
export class RawServer {
  readonly peers: RawPeer[] = []
  readonly journal = new Journal()
  readonly #server: Server

  constructor() {
    this.#server = createServer((socket) => {
      this.peers.push(new RawPeer(socket))
      this.journal.note('connection')
    })
  }

  static async start(): Promise<RawServer> {
    const server = new RawServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.#server.close()
    })
    return server
  }

  get address(): PeerAddress {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    return { host: '127.0.0.1', port: address.port }
  }

  /** The nth connection, from 0. */
  async peer(index: number): Promise<RawPeer> {
    await this.journal.until(() => this.peers.length > index)
    const peer = this.peers[index]
    if (peer === undefined) throw new Error('unreachable')
    return peer
  }
}

/** The refusal that a raw peer gets. */
export const refusalOf = async (peer: RawPeer): Promise<Refusal> => {
  await peer.journal.until('helloRefused')
  const frame = peer.frames.find(({ type }) => type === 'helloRefused')
  if (frame?.type !== 'helloRefused') throw new Error('unreachable')
  return decodeRefusal(frame.body)
}
