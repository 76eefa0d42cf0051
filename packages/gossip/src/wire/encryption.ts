import { WireError } from './errors.ts'

/** AES-GCM, which needs the platform: the net folder gives it. */
export interface Aead {
  /** Ciphertext followed by the 16-byte tag. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array
  /** The plain text, or undefined when key, nonce, data and `aad` do not belong together. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    aad: Uint8Array,
  ): Uint8Array | undefined
}

/** 0 pads to blocks and is spoken only by protocol 1; 1 is everyone's default. */
export type EncryptionVersion = 0 | 1

export const NONCE_BYTES = 12
const TAG_BYTES = 16
const BLOCK_BYTES = 16
/** Version byte, nonce and tag. */
export const ENVELOPE_BYTES = 1 + NONCE_BYTES + TAG_BYTES
/** What filling a packet has to leave free, by version. */
export const ENVELOPE_OVERHEAD_MAX = { 0: ENVELOPE_BYTES + BLOCK_BYTES, 1: ENVELOPE_BYTES } as const

/** Exact size of the envelope around `length` plain bytes. */
export function envelopeSize(version: EncryptionVersion, length: number): number {
  const padding = version === 0 ? BLOCK_BYTES - (length % BLOCK_BYTES) : 0
  return ENVELOPE_BYTES + length + padding
}

/** `version | nonce | ciphertext | tag`. The nonce must never be used twice with one key. */
export function sealEnvelope(
  aead: Aead,
  version: EncryptionVersion,
  key: Uint8Array,
  nonce: Uint8Array,
  plain: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  const sealed = aead.seal(key, nonce, version === 0 ? pad(plain) : plain, aad)
  const bytes = new Uint8Array(1 + NONCE_BYTES + sealed.length)
  bytes[0] = version
  bytes.set(nonce, 1)
  bytes.set(sealed, 1 + NONCE_BYTES)
  return bytes
}

/**
 * Opens an envelope with the first key that fits; versions 0 and 1 are understood whatever we send.
 * @throws WireError WIRE_ENCRYPTION
 */
export function openEnvelope(
  aead: Aead,
  keys: readonly Uint8Array[],
  bytes: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  const version = bytes[0]
  if (version !== 0 && version !== 1) throw new WireError('WIRE_ENCRYPTION', { version })
  const smallest = envelopeSize(version, 0)
  if (bytes.length < smallest) {
    throw new WireError('WIRE_ENCRYPTION', { got: bytes.length, min: smallest })
  }
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES)
  const sealed = bytes.subarray(1 + NONCE_BYTES)
  for (const key of keys) {
    const plain = aead.open(key, nonce, sealed, aad)
    if (plain !== undefined) return version === 0 ? unpad(plain) : plain
  }
  throw new WireError('WIRE_ENCRYPTION', { keys: keys.length })
}

/** PKCS #7: always 1 to 16 bytes, each saying how many. */
function pad(plain: Uint8Array): Uint8Array {
  const padding = BLOCK_BYTES - (plain.length % BLOCK_BYTES)
  const padded = new Uint8Array(plain.length + padding).fill(padding, plain.length)
  padded.set(plain)
  return padded
}

function unpad(padded: Uint8Array): Uint8Array {
  const padding = padded[padded.length - 1] ?? 0
  if (padding === 0 || padding > BLOCK_BYTES || padding > padded.length) {
    throw new WireError('WIRE_ENCRYPTION', { padding })
  }
  return padded.subarray(0, padded.length - padding)
}
