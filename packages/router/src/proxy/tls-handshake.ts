import type { TLSSocket } from 'node:tls'
import type { Deadlines, Expirable } from '../pool/deadlines.ts'
import type { HttpSession } from './http-host.ts'

export interface TlsHandshakeOptions {
  readonly deadlines: Deadlines
  /** Monotonic milliseconds after which it is given up. */
  readonly deadline: number
  /** The same when the listener closes. */
  readonly drainDeadline: () => number
  /** The client must have shown a certificate that we trust. */
  readonly clientCertRequired: boolean
  /** Takes over the connection. */
  readonly done: (handshake: TlsHandshake, socket: TLSSocket) => void
  /** It came to nothing. */
  readonly failed: (handshake: TlsHandshake) => void
}

/** A client connection until its TLS handshake is done. */
export class TlsHandshake implements HttpSession, Expirable {
  slot = -1
  readonly #socket: TLSSocket
  readonly #options: TlsHandshakeOptions
  #over = false

  constructor(socket: TLSSocket, options: TlsHandshakeOptions) {
    this.#socket = socket
    this.#options = options
    options.deadlines.add(this)
    options.deadlines.set(this, options.deadline)
    socket.once('secure', () => this.#secured())
    socket.once('error', () => this.destroy())
    socket.once('close', () => this.destroy())
  }

  /** It may still be done, soon: the session that comes of it is drained in its turn. */
  drain(): void {
    this.#options.deadlines.set(this, this.#options.drainDeadline())
  }

  expired(): void {
    this.destroy()
  }

  destroy(): void {
    if (!this.#leave()) return
    this.#socket.on('error', ignore)
    this.#socket.destroy()
    this.#options.failed(this)
  }

  #secured(): void {
    if (this.#options.clientCertRequired && !isVerified(this.#socket)) {
      this.destroy()
      return
    }
    if (!this.#leave()) return
    // As `tls.Server` does: HTTP/2 waits for a handshake as long as this is set.
    Object.assign(this.#socket, { secureConnecting: false })
    this.#options.done(this, this.#socket)
  }

  #leave(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#options.deadlines.remove(this)
    this.#socket.removeAllListeners('error')
    this.#socket.removeAllListeners('close')
    return true
  }
}

/** A handshake that failed says nothing more. */
function ignore(): void {}

/**
 * Whether the peer's certificate leads to an authority that we trust. `authorized` is only set by `tls.Server`, which asks
 * the same question; without an answer nobody is let in.
 */
function isVerified(socket: TLSSocket & { readonly ssl?: { verifyError?(): unknown } }): boolean {
  const { ssl } = socket
  if (typeof ssl?.verifyError !== 'function') return false
  return Object.keys(socket.getPeerCertificate()).length > 0 && ssl.verifyError() === null
}
