import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { RouterError } from '../errors.ts'

/** One certificate with its key, PEM. */
export interface ListenerCertificate {
  /** The certificate, then those of the authorities between it and the root. */
  readonly cert: string
  readonly key: string
}

/** TLS of a listener. The first certificate serves clients that name no host of the others. */
export interface ListenerTls {
  readonly certificates: readonly ListenerCertificate[]
  /** Authorities of client certificates, PEM. Present: clients are asked for one. */
  readonly clientCa?: string
  /** False lets clients without a certificate in. @defaultValue true */
  readonly clientCertRequired?: boolean
  /** Listeners of protocol `http`: offer HTTP/2. @defaultValue true */
  readonly http2?: boolean
}

/**
 * Refuses what a listener could not be opened with.
 * @throws RouterError TLS_INVALID, with the number of the certificate
 */
export function checkListenerTls(tls: ListenerTls): void {
  new TlsContexts(tls)
}

/** The certificates of a listener, by the names that they are for. Replacing them concerns new connections only. */
export class TlsContexts {
  readonly #contexts: ReadonlyMap<string, SecureContext>
  readonly #first: SecureContext
  readonly #tls: ListenerTls

  /** @throws RouterError TLS_INVALID, with the number of the certificate */
  constructor(tls: ListenerTls) {
    this.#tls = tls
    const contexts = new Map<string, SecureContext>()
    const made = tls.certificates.map((certificate, index) => {
      const context = contextOf(certificate, tls.clientCa, index)
      for (const name of namesOf(certificate.cert))
        if (!contexts.has(name)) contexts.set(name, context)
      return context
    })
    const [first] = made
    if (first === undefined)
      throw new RouterError('TLS_INVALID', 'TLS needs at least one certificate with its key')
    this.#first = first
    this.#contexts = contexts
  }

  /**
   * Begins the server's side of a handshake.
   * @param alpn protocols to choose from; none: whatever the client would like is not looked at
   */
  wrap(socket: Socket, alpn: readonly string[]): TLSSocket {
    const { clientCa, clientCertRequired = true } = this.#tls
    return new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#first,
      SNICallback: (name, answer) => answer(null, this.contextFor(name)),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      requestCert: clientCa !== undefined,
      rejectUnauthorized: clientCa !== undefined && clientCertRequired,
    })
  }

  /** By exact name, then by the wildcard one level up. */
  contextFor(name: string): SecureContext {
    const lower = name.toLowerCase()
    const wildcard = `*${lower.slice(lower.indexOf('.'))}`
    return this.#contexts.get(lower) ?? this.#contexts.get(wildcard) ?? this.#first
  }

  get http2(): boolean {
    return this.#tls.http2 !== false
  }

  get clientCertRequired(): boolean {
    return this.#tls.clientCa !== undefined && this.#tls.clientCertRequired !== false
  }
}

function contextOf(
  { cert, key }: ListenerCertificate,
  ca: string | undefined,
  index: number,
): SecureContext {
  try {
    return createSecureContext({
      cert,
      key,
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
    })
  } catch (error) {
    throw new RouterError(
      'TLS_INVALID',
      `certificate ${index + 1} or its key cannot be used: ${(error as Error).message}`,
      { index },
    )
  }
}

function namesOf(cert: string): readonly string[] {
  const names = new X509Certificate(cert).subjectAltName ?? ''
  return [...names.matchAll(/DNS:([^\s,]+)/g)].map((match) => (match[1] ?? '').toLowerCase())
}
