import type { TLSSocket } from 'node:tls'
import type { Deadlines, Expirable } from '../pool/deadlines.ts'

export interface TlsHandshakeOptions {
  readonly deadlines: Deadlines
  /** Monotonic milliseconds after which it is given up. */
  readonly deadline: number
  /** How long that is from now. */
  readonly timeoutMs: number
  /** The client must have shown a certificate that we trust. */
  readonly clientCertRequired: boolean
  /** Takes over the connection. */
  readonly done: (socket: TLSSocket) => void
  /** It came to nothing. Without a cause there is nothing to tell: the client left before it said anything. */
  readonly failed: (client: string, cause: string | undefined) => void
}

/** What OpenSSL says of first bytes that are no TLS. */
const NO_TLS = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_BAD_RECORD_TYPE',
])
const NO_CERTIFICATE = new Set(['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'])

/** A client connection until its TLS handshake is done. */
export class TlsHandshake implements Expirable {
  slot = -1
  readonly #socket: TLSSocket
  readonly #options: TlsHandshakeOptions
  readonly #client: string
  readonly #failed = (error: Error): void => this.#fail(causeOf(error))
  readonly #left = (): void => this.#fail(this.#leftCause())
  #draining = false
  #over = false

  constructor(socket: TLSSocket, options: TlsHandshakeOptions) {
    this.#socket = socket
    this.#options = options
    this.#client = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`
    options.deadlines.add(this)
    options.deadlines.set(this, options.deadline)
    socket.once('secure', () => this.#secured())
    socket.on('error', this.#failed)
    socket.on('end', this.#left)
    socket.on('close', this.#left)
  }

  /** Its listener closes. It may still be done, soon: the session that comes of it is drained in its turn. */
  drain(deadline: number): void {
    this.#draining = true
    this.#options.deadlines.set(this, Math.min(deadline, this.#options.deadline))
  }

  expired(): void {
    const { timeoutMs } = this.#options
    this.#fail(this.#draining ? undefined : `did not finish its handshake within ${timeoutMs} ms`)
  }

  /** Gives up silently. */
  destroy(): void {
    this.#fail(undefined)
  }

  #fail(cause: string | undefined): void {
    if (!this.#leave()) return
    this.#socket.on('error', ignore)
    this.#socket.destroy()
    this.#options.failed(this.#client, cause)
  }

  /** Who connects only to see whether somebody is there is no news. */
  #leftCause(): string | undefined {
    return this.#socket.bytesRead === 0 ? undefined : 'closed its connection during the handshake'
  }

  #secured(): void {
    const fault = this.#options.clientCertRequired ? certificateFault(this.#socket) : undefined
    if (fault !== undefined) {
      this.#fail(fault)
      return
    }
    if (!this.#leave()) return
    // As `tls.Server` does: HTTP/2 waits for a handshake as long as this is set.
    Object.assign(this.#socket, { secureConnecting: false })
    this.#options.done(this.#socket)
  }

  #leave(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#options.deadlines.remove(this)
    this.#socket.off('error', this.#failed)
    this.#socket.off('end', this.#left)
    this.#socket.off('close', this.#left)
    return true
  }
}

/** A handshake that failed says nothing more. */
function ignore(): void {}

function causeOf(error: Error & { readonly code?: string }): string {
  const code = error.code ?? error.message
  if (NO_TLS.has(code)) return 'does not speak TLS, or none that is allowed here'
  if (NO_CERTIFICATE.has(code)) return 'showed no certificate, which this listener asks for'
  return `failed in the handshake (${code})`
}

/**
 * Why the peer's certificate lets nobody in; `undefined` when it leads to an authority that we trust. `authorized` is only set by
 * `tls.Server`, which asks the same question; without an answer nobody is let in.
 */
function certificateFault(
  socket: TLSSocket & { readonly ssl?: { verifyError?(): unknown } },
): string | undefined {
  const { ssl } = socket
  if (Object.keys(socket.getPeerCertificate()).length === 0)
    return 'showed no certificate, which this listener asks for'
  if (typeof ssl?.verifyError !== 'function') return 'showed a certificate that cannot be checked'
  const error = ssl.verifyError()
  if (error === null) return undefined
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return `showed a certificate that clientCa does not vouch for (${code})`
}
