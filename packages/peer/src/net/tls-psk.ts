import { constants } from 'node:crypto'
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls'
import type { Keyring, LinkKey } from './keyring.ts'

// TLS 1.3 with an external pre-shared key and nothing else: no certificates on either side, no resumption (a ticket would outlive
// the key it was made under). The SHA-384 suites fail with an external key on Node 20, so two suites are left.

const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256'

/** Which cluster key each accepted socket has used; OpenSSL asks once per handshake. */
const usedKeys = new WeakMap<TLSSocket, string>()

export const acceptOptions = (keyring: Keyring, handshakeTimeout: number): TlsOptions => ({
  ciphers: CIPHERS,
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
  handshakeTimeout,
  pskCallback: (socket, identity) => {
    const key = keyring.find(identity)
    if (key === undefined) return null
    usedKeys.set(socket, key.identity)
    return key.psk
  },
})

export const dialOptions = (key: LinkKey): ConnectionOptions => ({
  ciphers: CIPHERS,
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  pskCallback: () => ({ psk: key.psk, identity: key.identity }),
  // No certificate is ever right: without these two lines a stranger with any public certificate could pass for a member.
  ca: [],
  checkServerIdentity: () => new Error('the peer showed a certificate instead of the cluster key'),
})

/** The identity of the key that secures an accepted socket; undefined when it did not use one. */
export const acceptedKey = (socket: TLSSocket): string | undefined =>
  // OpenSSL counts an external key as a resumed session.
  socket.isSessionReused() ? usedKeys.get(socket) : undefined
