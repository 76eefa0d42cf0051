import { createServer, type Server, type Socket } from 'node:net'
import { DECODED, RequestDecoder } from '../../src/codec/resp/request-decoder.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'

/** Decides the bytes of a reply; `undefined` for silence. It may close the socket. */
export type Behaviour = (words: readonly string[], socket: Socket) => string | Buffer | undefined

/** A server that speaks RESP and does what a test tells it. */
export class FakeBackend {
  readonly received: string[] = []
  port = 0
  behaviour: Behaviour
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #waiters: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour
    this.#server = createServer((socket) => this.#serve(socket))
  }

  get connections(): number {
    return this.#sockets.size
  }

  listen(port = 0): Promise<this> {
    return new Promise((resolve) => {
      this.#server.listen(port, '127.0.0.1', () => {
        const address = this.#server.address()
        this.port = typeof address === 'object' && address !== null ? address.port : 0
        resolve(this)
      })
    })
  }

  /** Resolves once so many commands have come in all. */
  arrived(count: number): Promise<void> {
    if (this.received.length >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push({ count, resolve })
    })
  }

  /** Closes the address and resets every connection. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  /** Writes to every connection. */
  send(bytes: string): void {
    for (const socket of this.#sockets) socket.write(bytes)
  }

  /** Ends every connection and goes on listening. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    const decoder = new RequestDecoder(DEFAULT_LIMITS)
    let bytes: Buffer = Buffer.alloc(0)
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more])
      let at = 0
      while (decoder.next(bytes, at, bytes.length) === DECODED.frame) {
        at += decoder.taken
        const { frame } = decoder
        this.#take(
          Array.from({ length: frame.argc }, (_, i) => frame.text(i)),
          socket,
        )
      }
      bytes = bytes.subarray(at)
    })
  }

  #take(words: readonly string[], socket: Socket): void {
    this.received.push(words.join(' '))
    const reply = this.behaviour(words, socket)
    if (reply !== undefined && !socket.destroyed) socket.write(reply)
    this.#waiters = this.#waiters.filter(({ count, resolve }) => {
      if (this.received.length < count) return true
      resolve()
      return false
    })
  }
}

/** Answers PING, and GET with `name:key`. */
export function named(name: string): Behaviour {
  return ([command = '', ...keys]) => {
    const word = command.toUpperCase()
    if (word === 'PING') return '+PONG\r\n'
    if (word === 'GET') return bulk(`${name}:${keys[0]}`)
    if (word === 'MGET')
      return `*${keys.length}\r\n${keys.map((key) => bulk(`${name}:${key}`)).join('')}`
    if (word === 'DEL') return `:${keys.length}\r\n`
    return '+OK\r\n'
  }
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}
