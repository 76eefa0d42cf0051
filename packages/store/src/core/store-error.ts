/** Every code that this package throws, with what it means. */
export const STORE_ERROR_CODES = {
  STORE_OPTION_INVALID: 'an option is outside its range',
} as const

export type StoreErrorCode = keyof typeof STORE_ERROR_CODES

/** Thrown for mistakes of the caller only; whatever peers or clients send is answered, never thrown. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: StoreErrorCode, details: Readonly<Record<string, unknown>>) {
    super(`${code}: ${STORE_ERROR_CODES[code]} (${JSON.stringify(details)})`)
    this.name = 'StoreError'
    this.code = code
    this.details = details
  }
}
