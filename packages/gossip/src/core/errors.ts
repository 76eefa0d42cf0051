/** What a caller of the machine can do wrong. The state of the machine is unchanged in every case. */
export const SWIM_ERROR_CODES = {
  SWIM_CONFIG_INVALID: 'a timing or limit is outside its range',
  SWIM_NAME_INVALID: 'the name is empty or too long',
  SWIM_ADDRESS_INVALID: 'the advertised address is not 4 or 16 bytes, or the port is not 1…65535',
  SWIM_VERSIONS_INVALID: 'the versions are not six bytes in a valid range',
  SWIM_META_TOO_LARGE: 'the metadata does not fit',
  SWIM_PAYLOAD_TOO_LARGE: 'the payload does not fit in a datagram',
  SWIM_NOT_RUNNING: 'the machine was not started, was started twice, or is leaving',
} as const

export type SwimErrorCode = keyof typeof SWIM_ERROR_CODES

/** A call that the machine refused; nothing was changed by it. */
export class SwimError extends Error {
  readonly code: SwimErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: SwimErrorCode, details: Readonly<Record<string, unknown>> = {}) {
    super(`${SWIM_ERROR_CODES[code]} (${JSON.stringify(details)})`)
    this.name = 'SwimError'
    this.code = code
    this.details = details
  }
}
