import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { type Aead, NONCE_BYTES } from '../wire/encryption.ts'

const TAG_BYTES = 16

type Algorithm = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm'

function algorithmOf(key: Uint8Array): Algorithm {
  if (key.length === 16) return 'aes-128-gcm'
  return key.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm'
}

/** AES-GCM of the platform. The keyring has checked the size of the key. */
export const aesGcm: Aead = {
  seal(key, nonce, plain, aad) {
    const cipher = createCipheriv(algorithmOf(key), key, nonce)
    cipher.setAAD(aad)
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  },
  open(key, nonce, sealed, aad) {
    const split = sealed.length - TAG_BYTES
    const decipher = createDecipheriv(algorithmOf(key), key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(aad)
    decipher.setAuthTag(sealed.subarray(split))
    const plain = decipher.update(sealed.subarray(0, split))
    try {
      decipher.final()
    } catch {
      // A tag that does not match is the expected outcome with another key, not a failure.
      return undefined
    }
    return plain
  },
}

const POOL_BYTES = NONCE_BYTES * 256

/** Fresh random nonces, drawn from the system 256 at a time. */
export function createNonceSource(): () => Uint8Array {
  const pool = new Uint8Array(POOL_BYTES)
  let at = POOL_BYTES
  return () => {
    if (at === POOL_BYTES) {
      randomFillSync(pool)
      at = 0
    }
    at += NONCE_BYTES
    return pool.slice(at - NONCE_BYTES, at)
  }
}
