import type { Socket } from 'node:net'
import { PARSED } from '../codec/http1/fault.ts'
import { PROXY_V2_BYTES_MAX, ProxyProtocol } from '../codec/proxy-protocol.ts'
import type { Deadlines, Expirable } from '../pool/deadlines.ts'

export interface ProxyGreetingOptions {
  readonly deadlines: Deadlines
  /** Monotonic milliseconds after which it is given up. */
  readonly deadline: number
  /** Takes over the connection, from the first byte after the header. */
  readonly done: (clientIp: string) => void
  /** There was no header, or a malformed one. */
  readonly failed: () => void
}

/** A header with its first 16 bytes; what follows it in the same piece is not counted. */
const HEADER_BYTES_MAX = 16 + PROXY_V2_BYTES_MAX

/** A connection until its PROXY protocol header was read, where TLS begins after it. */
export class ProxyGreeting implements Expirable {
  slot = -1
  readonly #socket: Socket
  readonly #options: ProxyGreetingOptions
  readonly #header = new ProxyProtocol()
  readonly #read = (bytes: Buffer): void => this.#take(bytes)
  readonly #left = (): void => this.destroy()
  #bytes: Buffer = Buffer.alloc(0)
  #over = false

  constructor(socket: Socket, options: ProxyGreetingOptions) {
    this.#socket = socket
    this.#options = options
    options.deadlines.add(this)
    options.deadlines.set(this, options.deadline)
    socket.on('data', this.#read)
    socket.on('end', this.#left)
    socket.on('close', this.#left)
  }

  /** Its listener closes: nothing was asked yet. */
  drain(): void {
    this.destroy()
  }

  expired(): void {
    this.destroy()
  }

  destroy(): void {
    if (!this.#leave()) return
    this.#socket.destroy()
    this.#options.failed()
  }

  #take(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    const { length } = this.#bytes
    const to = this.#header.parse(this.#bytes, 0, length)
    if (to === PARSED.needMore && length < HEADER_BYTES_MAX) return
    if (to < 0) {
      this.destroy()
      return
    }
    if (!this.#leave()) return
    this.#socket.pause()
    // TLS begins with what was read too far.
    if (to < length) this.#socket.unshift(this.#bytes.subarray(to))
    this.#options.done(this.#header.clientIp)
  }

  #leave(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#options.deadlines.remove(this)
    this.#socket.off('data', this.#read)
    this.#socket.off('end', this.#left)
    this.#socket.off('close', this.#left)
    return true
  }
}
