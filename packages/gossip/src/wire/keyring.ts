import { copyBytes } from './copy-bytes.ts'
import { WireError } from './errors.ts'
import { KEYS_MAX } from './limits.ts'

const KEY_SIZES: readonly number[] = [16, 24, 32]

/**
 * The keys of a cluster, first the primary one. Everything is sealed with the primary and opened with any,
 * so keys are rotated in three steps, each done on all members: install, use, remove.
 * Without a key nothing is encrypted.
 */
export class Keyring {
  #keys: readonly Uint8Array[] = []

  /** @throws WireError WIRE_KEY | WIRE_LENGTH_EXCEEDED as `install` does. */
  constructor(keys: readonly Uint8Array[] = []) {
    for (const key of keys) this.install(key)
  }

  get primary(): Uint8Array | undefined {
    return this.#keys[0]
  }

  /** All keys, the primary one first: the ring's own bytes, not to be changed. */
  get keys(): readonly Uint8Array[] {
    return this.#keys
  }

  /** Copies of all keys, the primary one first. */
  list(): readonly Uint8Array[] {
    return this.#keys.map((key) => copyBytes(key))
  }

  /**
   * Adds a key of 16, 24 or 32 bytes; the first one becomes primary, a known one changes nothing.
   * @throws WireError WIRE_KEY for another size, WIRE_LENGTH_EXCEEDED beyond 16 keys
   */
  install(key: Uint8Array): void {
    if (!KEY_SIZES.includes(key.length)) {
      throw new WireError('WIRE_KEY', { bytes: key.length, allowed: '16, 24 or 32' })
    }
    if (this.#find(key) !== undefined) return
    if (this.#keys.length >= KEYS_MAX) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { what: 'keys', max: KEYS_MAX })
    }
    this.#keys = [...this.#keys, copyBytes(key)]
  }

  /** Makes an installed key the primary one. @throws WireError WIRE_KEY when it is not installed */
  use(key: Uint8Array): void {
    const found = this.#find(key)
    if (found === undefined) throw new WireError('WIRE_KEY', { why: 'not installed' })
    this.#keys = [found, ...this.#keys.filter((other) => other !== found)]
  }

  /** Forgets a key; an unknown one changes nothing. @throws WireError WIRE_KEY for the primary one */
  remove(key: Uint8Array): void {
    const found = this.#find(key)
    if (found === undefined) return
    if (found === this.primary) throw new WireError('WIRE_KEY', { why: 'the primary key stays' })
    this.#keys = this.#keys.filter((other) => other !== found)
  }

  #find(key: Uint8Array): Uint8Array | undefined {
    return this.#keys.find((other) => isEqual(other, key))
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (let at = 0; at < one.length; at += 1) difference |= (one[at] ?? 0) ^ (other[at] ?? 0)
  return difference === 0
}
