/** Every code of an {@link EntryTableError}, with the sentence that a person reads. */
const ENTRY_TABLE_ERRORS = {
  TABLE_BYTES_INVALID: 'maxBytes must be a safe integer of at least the smallest table size',
  TABLE_SLOT_COUNT_INVALID: 'slotCount must be an integer from 1 to 16384',
  TABLE_SEED_INVALID: 'hashSeed must be a safe integer of 0 or more',
  TABLE_SLOT_INVALID: 'a slot must be an integer from 0 to slotCount - 1',
  TABLE_KEY_TOO_LONG: 'the key is longer than the table takes',
  TABLE_VALUE_TOO_LONG: 'the value is longer than the table takes',
} as const

/** The codes of {@link EntryTableError}. */
export type EntryTableErrorCode = keyof typeof ENTRY_TABLE_ERRORS

/**
 * Thrown for arguments that no table can take: the caller has a bug or a wrong configuration.
 * A full table is an expected outcome, and a return value.
 */
export class EntryTableError extends Error {
  /** What went wrong, stable across releases. */
  readonly code: EntryTableErrorCode
  /** The facts: what was found and what is allowed. */
  readonly details: Readonly<Record<string, number>>

  constructor(code: EntryTableErrorCode, details: Readonly<Record<string, number>>) {
    super(`${code}: ${ENTRY_TABLE_ERRORS[code]} ${JSON.stringify(details)}`)
    this.name = 'EntryTableError'
    this.code = code
    this.details = details
  }
}
