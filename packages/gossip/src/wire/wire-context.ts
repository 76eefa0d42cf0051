import type { Aead, EncryptionVersion } from './encryption.ts'
import type { Keyring } from './keyring.ts'

/** What both directions of packets and streams need to know about the cluster. */
export interface WireContext {
  /** Empty for no label; at most 255 bytes. */
  readonly label: Uint8Array
  readonly keyring: Keyring
  readonly aead: Aead
  /** Twelve bytes, never the same twice under one key. */
  readonly nonce: () => Uint8Array
  readonly encryptionVersion: EncryptionVersion
  /** False accepts plain text although there is a key: a step of the migration to encryption. */
  verifyIncoming: boolean
  /** False sends plain text although there is a key: a step of the migration to encryption. */
  verifyOutgoing: boolean
  /** True compresses what becomes smaller by it; compressed input is always understood. */
  readonly compression: boolean
  /** Rows of a push/pull that are read; more refuse it as a whole, since reading them takes our time. */
  readonly stateRowsMax: number
}

/** The key that outgoing bytes are sealed with; undefined sends them as they are. */
export function sealingKey(context: WireContext): Uint8Array | undefined {
  return context.verifyOutgoing ? context.keyring.primary : undefined
}
