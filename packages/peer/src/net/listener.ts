import {
  type AddressInfo,
  createServer as createPlainServer,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { PeerError } from '../wire/peer-error.ts'
import type { HubContext } from './context.ts'
import { describeAcceptFailure, showAddress } from './failure.ts'
import type { PeerAddress } from './options.ts'
import { acceptedKey, acceptOptions } from './tls-psk.ts'

// Accepts connections, finishes their TLS handshake, and counts those that have not said hello yet: a stranger may hold one of
// pendingConnectionsMax places for at most helloTimeoutMs.

/** An accepted connection, secured if the hub has keys. `timeoutMs` is what is left of its helloTimeoutMs. */
export type AcceptedHandler = (
  socket: Socket,
  keyIdentity: string | undefined,
  timeoutMs: number,
) => void

export class Listener {
  readonly #server: Server
  readonly #context: HubContext
  readonly #accepted: AcceptedHandler
  /** By remote address: the raw socket and the TLS socket around it have it in common. */
  readonly #pending = new Map<string, { readonly since: number }>()
  readonly #sockets = new Set<Socket>()
  #closed = false

  constructor(context: HubContext, accepted: AcceptedHandler) {
    this.#context = context
    this.#accepted = accepted
    const { keyring, limits } = context
    if (keyring === undefined) {
      this.#server = createPlainServer({ noDelay: true })
      this.#server.on('connection', (socket: Socket) => {
        if (this.#admit(socket)) this.#handOver(socket, undefined)
      })
      return
    }
    const server = createTlsServer(acceptOptions(keyring, limits.helloTimeoutMs))
    this.#server = server
    // Before the TLS server's own listener, so that a connection above the limit costs no handshake.
    server.prependListener('connection', (socket: Socket) => this.#admit(socket))
    server.on('secureConnection', (socket: TLSSocket) => {
      const key = acceptedKey(socket)
      if (key === undefined || keyring.find(key) === undefined) socket.destroy()
      else this.#handOver(socket, key)
    })
    server.on('tlsClientError', (error: Error, socket: TLSSocket) =>
      this.#handshakeFailed(error, socket),
    )
  }

  get pendingConnections(): number {
    return this.#pending.size
  }

  /** @throws PeerError `BIND_FAILED`, which names the address. */
  async listen(bind: PeerAddress): Promise<PeerAddress> {
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: Error): void => {
        const used = 'code' in cause && cause.code === 'EADDRINUSE'
        const why = used ? 'another process listens there' : cause.message
        reject(
          new PeerError(
            'BIND_FAILED',
            `cannot listen for peer links on ${showAddress(bind)}: ${why}`,
            { ...bind },
            { cause },
          ),
        )
      }
      this.#server.once('error', fail)
      this.#server.listen({ host: bind.host, port: bind.port }, () => {
        this.#server.removeListener('error', fail)
        // Out of file descriptors, for example: accepting goes on when there are some again.
        this.#server.on('error', (error) =>
          this.#context.log.error({ error }, 'accepting peer links failed'),
        )
        resolve()
      })
    })
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  /** The connection is a link now: it does not count as pending any more. */
  settled(remote: PeerAddress): void {
    this.#pending.delete(showAddress(remote))
  }

  /** Stops accepting and drops what has not become a link; resolves when every accepted socket is closed, after `timeoutMs` by force. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    for (const socket of this.#sockets) {
      if (this.#pending.has(remoteOf(socket))) socket.destroy()
    }
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, timeoutMs)
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    clearTimeout(timer)
  }

  #admit(socket: Socket): boolean {
    const { counters, limits, now } = this.#context
    const remote = remoteOf(socket)
    socket.on('error', ignoreError)
    if (this.#closed || this.#pending.size >= limits.pendingConnectionsMax) {
      counters.pendingRefused++
      socket.destroy()
      return false
    }
    counters.accepted++
    this.#pending.set(remote, { since: now() })
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#pending.delete(remote)
      this.#sockets.delete(socket)
    })
    return true
  }

  #handOver(socket: Socket, keyIdentity: string | undefined): void {
    const { limits, now } = this.#context
    const remote = remoteOf(socket)
    const since = this.#pending.get(remote)?.since
    if (since === undefined) {
      socket.destroy()
      return
    }
    socket.once('close', () => this.#pending.delete(remote))
    this.#accepted(socket, keyIdentity, Math.max(0, limits.helloTimeoutMs - (now() - since)))
  }

  #handshakeFailed(error: Error, socket: TLSSocket): void {
    this.#pending.delete(remoteOf(socket))
    this.#context.counters.strangers++
    const address = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    this.#context.log.info(
      { address, code: 'code' in error ? error.code : undefined },
      describeAcceptFailure(address, error),
    )
    socket.destroy()
  }
}

const remoteOf = (socket: Socket): string =>
  showAddress({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })

/** The owner of the socket hears of its end; an error event without a listener would end the process. */
const ignoreError = (): void => {}
