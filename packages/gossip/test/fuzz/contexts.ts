import { aesGcm } from '../../src/net/aes-gcm.ts'
import type { WireContext } from '../../src/wire/wire-context.ts'
import type { Wire } from './wire.ts'

export const LABEL = new TextEncoder().encode('blue')
export const KEYS = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)] as const
/** Small, so that an exchange of one row more is soon written. */
export const ROWS_MAX = 24

export type ContextName = 'plain' | 'labelled' | 'keyed' | 'keyed-labelled' | 'migrating'

export const CONTEXT_NAMES: readonly ContextName[] = [
  'plain',
  'labelled',
  'keyed',
  'keyed-labelled',
  'migrating',
]

export const isLabelled = (name: ContextName) => name === 'labelled' || name === 'keyed-labelled'
export const isKeyed = (name: ContextName) => name !== 'plain' && name !== 'labelled'
/** Whether what is not sealed by a key of the ring has to be refused. */
export const isStrict = (name: ContextName) => name === 'keyed' || name === 'keyed-labelled'

/** The five kinds of clusters that a member can be in. */
export function contextsOf(wire: Wire): Readonly<Record<ContextName, WireContext>> {
  const make = (name: ContextName): WireContext => ({
    label: isLabelled(name) ? LABEL : new Uint8Array(0),
    keyring: new wire.Keyring(isKeyed(name) ? KEYS : []),
    aead: aesGcm,
    nonce: () => new Uint8Array(12),
    encryptionVersion: 1,
    verifyIncoming: name !== 'migrating',
    verifyOutgoing: true,
    compression: false,
    stateRowsMax: ROWS_MAX,
  })
  return {
    plain: make('plain'),
    labelled: make('labelled'),
    keyed: make('keyed'),
    'keyed-labelled': make('keyed-labelled'),
    migrating: make('migrating'),
  }
}
