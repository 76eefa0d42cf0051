import { PeerError } from '../wire/peer-error.ts'
import type { PeerAddress } from './options.ts'

// What the system and OpenSSL say about a connection, told so that the reader knows what to do.

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** `host:port`, with brackets around IPv6. */
export const showAddress = (address: PeerAddress): string =>
  address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`

/** True when the other side's TLS said no: another key may do. */
export const isKeyRefusal = (error: unknown): boolean => codeOf(error).startsWith('ERR_SSL_')

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections: nothing listens there',
  ECONNRESET: 'reset the connection',
  EPIPE: 'closed the connection',
  EHOSTUNREACH: 'cannot be reached: no route to the host',
  ENETUNREACH: 'cannot be reached: no route to the network',
  ETIMEDOUT: 'did not answer',
  ENOTFOUND: 'cannot be found: its host name has no address',
  EAI_AGAIN: 'cannot be found: the name server did not answer',
}

const OPENSSL_ACCEPT: Readonly<Record<string, string>> = {
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'used a cluster key that we do not know',
  ERR_SSL_NO_SHARED_CIPHER: 'used a cluster key that we do not know',
  ERR_SSL_BINDER_DOES_NOT_VERIFY: 'used a cluster key that is not ours',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS: it has no cluster key',
  ERR_SSL_HTTP_REQUEST: 'sent an HTTP request',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'did not finish its TLS handshake in time',
}

const describe = (error: unknown): string => {
  if (error instanceof PeerError) return error.message
  return SYSTEM[codeOf(error)] ?? (error instanceof Error ? error.message.trim() : String(error))
}

/** Why a dial failed before the link was up. `secured` says whether TLS was done by then. */
export const describeDialFailure = (
  address: PeerAddress,
  error: unknown,
  state: { readonly tls: boolean; readonly connected: boolean; readonly secured: boolean },
): string => {
  const peer = `peer ${showAddress(address)}`
  if (state.tls && isKeyRefusal(error)) return `${peer} does not know our cluster key`
  const lost = error === undefined || ['ECONNRESET', 'EPIPE'].includes(codeOf(error))
  if (lost && state.tls && state.connected && !state.secured)
    return `${peer} ended the connection during the TLS handshake; it may have no cluster key, or be something else`
  if (lost && !state.tls && state.connected)
    return `${peer} ended the connection before its hello; it may require a cluster key, or be something else`
  return `${peer} ${error === undefined ? 'closed the connection' : describe(error)}`
}

/** Why an accepted connection ended before its TLS handshake was done. */
export const describeAcceptFailure = (address: PeerAddress, error: unknown): string =>
  `peer ${showAddress(address)} ${OPENSSL_ACCEPT[codeOf(error)] ?? describe(error)}`

/** Why a link that was up ended. */
export const describeLinkFailure = (error: unknown): string =>
  error === undefined
    ? 'the peer closed the connection'
    : `the connection failed: ${describe(error)}`
