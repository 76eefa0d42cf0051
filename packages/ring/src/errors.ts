/** Every code of a {@link RingError}, with the sentence that a person reads. */
const RING_ERRORS = {
  RING_NODE_ID_INVALID: 'a node id must be a non-empty, well-formed string within its length limit',
  RING_NODE_ID_DUPLICATE: 'two nodes have the same id',
  RING_NODE_WEIGHT_INVALID: 'a node weight must be a finite number above 0',
  RING_NODE_ZONE_INVALID: 'a zone must be a well-formed string within its length limit',
  RING_NODES_EXCEEDED: 'the ring has too many nodes',
  RING_POINTS_EXCEEDED: 'the ring has too many points: lower the weights or pointsPerWeight',
  RING_OPTION_INVALID: 'an option of the ring has a value that is not allowed',
  RING_COUNT_INVALID: 'the number of owners asked for must be an integer of 0 or more',
  RING_SLOT_INVALID: 'a slot must be an integer from 0 to 16383',
  RING_UNSUPPORTED:
    'this placement has no answer to that question: its owners depend on whole keys',
  RING_DIFF_INCOMPATIBLE: 'rings that hash keys differently cannot be compared arc by arc',
} as const

/** The codes of {@link RingError}. */
export type RingErrorCode = keyof typeof RING_ERRORS

/**
 * Thrown for arguments that no ring can be made from: the caller has a wrong configuration or a bug.
 * Expected outcomes (an empty ring, an unknown id) are return values instead.
 */
export class RingError extends Error {
  /** What went wrong, stable across releases. */
  readonly code: RingErrorCode
  /** The facts: what was found and what is allowed. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: RingErrorCode, details: Readonly<Record<string, unknown>> = {}) {
    super(`${code}: ${RING_ERRORS[code]} ${JSON.stringify(details)}`)
    this.name = 'RingError'
    this.code = code
    this.details = details
  }
}
