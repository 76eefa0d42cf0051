import { aesGcm } from '../../src/net/aes-gcm.ts'
import { Keyring } from '../../src/wire/keyring.ts'
import { STATE_ROWS_MAX } from '../../src/wire/limits.ts'
import type { WireContext } from '../../src/wire/wire-context.ts'

/** Bytes from hex; spaces are allowed. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** A context of tests: nonces count up, so that runs repeat. */
export function wireContext(overrides: Partial<WireContext> = {}): WireContext {
  let count = 0
  return {
    label: new Uint8Array(0),
    keyring: new Keyring(),
    aead: aesGcm,
    nonce: () => {
      const nonce = new Uint8Array(12)
      new DataView(nonce.buffer).setUint32(8, count)
      count += 1
      return nonce
    },
    encryptionVersion: 1,
    verifyIncoming: true,
    verifyOutgoing: true,
    compression: false,
    stateRowsMax: STATE_ROWS_MAX,
    ...overrides,
  }
}

/** Cuts `bytes` at the given fractions. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let at = 0
  for (const length of lengths) {
    if (at >= bytes.length) break
    chunks.push(bytes.subarray(at, at + length))
    at += length
  }
  if (at < bytes.length) chunks.push(bytes.subarray(at))
  return chunks
}
