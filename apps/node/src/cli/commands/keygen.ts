import { randomBytes } from 'node:crypto'

const KEY_BYTES = 32

/** `ringway keygen`: a fresh AES-256 cluster key. */
export function printKey(): void {
  console.log(randomBytes(KEY_BYTES).toString('base64'))
}
