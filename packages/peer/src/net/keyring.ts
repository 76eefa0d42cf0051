import { createHash, hkdfSync } from 'node:crypto'
import { PeerError } from '../wire/peer-error.ts'

/** The pre-shared key that TLS uses, made from one gossip key, and the name by which the two sides speak of it. */
export interface LinkKey {
  readonly identity: string
  readonly psk: Buffer
}

/** Keys of one ring; as many dials may follow one another for one link. */
export const KEYS_MAX = 16
const KEY_BYTES = [16, 24, 32]
const PSK_BYTES = 32
const INFO = 'ringway/peer/v1'

const deriveKey = (key: Uint8Array): LinkKey => {
  if (!KEY_BYTES.includes(key.length))
    throw new PeerError(
      'OPTIONS_INVALID',
      `a cluster key has ${key.length} bytes; 16, 24 or 32 are allowed`,
    )
  const psk = Buffer.from(hkdfSync('sha256', key, '', INFO, PSK_BYTES))
  const identity = `rw1:${createHash('sha256').update(psk).digest('hex').slice(0, 16)}`
  return { identity, psk }
}

/** The live keys of a hub, the primary first. Readers look at `keys` each time: {@link Keyring.replace} changes it under them. */
export class Keyring {
  #keys: ReadonlyMap<string, LinkKey>

  /** @throws PeerError `OPTIONS_INVALID`. */
  constructor(keys: readonly Uint8Array[]) {
    this.#keys = Keyring.#derive(keys)
  }

  /** @throws PeerError `OPTIONS_INVALID`; the ring is then unchanged. */
  replace(keys: readonly Uint8Array[]): void {
    this.#keys = Keyring.#derive(keys)
  }

  find(identity: string): LinkKey | undefined {
    return this.#keys.get(identity)
  }

  list(): readonly LinkKey[] {
    return [...this.#keys.values()]
  }

  static #derive(keys: readonly Uint8Array[]): ReadonlyMap<string, LinkKey> {
    if (keys.length === 0 || keys.length > KEYS_MAX)
      throw new PeerError(
        'OPTIONS_INVALID',
        `${keys.length} cluster keys; 1 to ${KEYS_MAX} are allowed`,
      )
    return new Map(keys.map(deriveKey).map((key) => [key.identity, key]))
  }
}
