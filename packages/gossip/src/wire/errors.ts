/** Why bytes were refused: one entry per code. */
export const WIRE_ERROR_CODES = {
  WIRE_TRUNCATED: 'the bytes end inside a value',
  WIRE_FORMAT: 'a byte that this place of the format does not allow',
  WIRE_FIELD: 'a field of the wrong type or out of its range',
  WIRE_UTF8: 'a string that is not UTF-8',
  WIRE_LENGTH_EXCEEDED: 'a length beyond its limit',
  WIRE_DEPTH_EXCEEDED: 'compounds or compressed parts nested too deeply',
  WIRE_TYPE_UNKNOWN: 'a message type that is not spoken here',
  WIRE_NAME: 'a member without a name',
  WIRE_ADDRESS: 'an address that is not 4 or 16 bytes',
  WIRE_VERSIONS: 'versions that are not 6 bytes',
  WIRE_CRC: 'a checksum that does not match',
  WIRE_LABEL: 'another label, or none',
  WIRE_COMPRESSION: 'compressed data that does not expand',
  WIRE_ENCRYPTION: 'no installed key opens this',
  WIRE_NOT_ENCRYPTED: 'plain text where encryption is required',
  WIRE_UNEXPECTED_ENCRYPTED: 'encrypted, and no key is configured',
  WIRE_KEY: 'a key of the wrong size, or not in the ring',
} as const

export type WireErrorCode = keyof typeof WIRE_ERROR_CODES

/**
 * Bytes that break the format or a limit. This is the only error the wire folder throws.
 * `details` holds numbers and names, never key material and never more than a few bytes of input.
 */
export class WireError extends Error {
  readonly code: WireErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: WireErrorCode, details: Readonly<Record<string, unknown>> = {}) {
    super(`${code}: ${WIRE_ERROR_CODES[code]}${describe(details)}`)
    this.name = 'WireError'
    this.code = code
    this.details = details
  }
}

function describe(details: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(details).map(([key, value]) => `${key}: ${String(value)}`)
  return pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
}
