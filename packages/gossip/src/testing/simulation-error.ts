export type SimulationErrorCode = 'INVARIANT_BROKEN' | 'NEVER_HAPPENED' | 'UNKNOWN_NODE'

/** Where and when a run failed, and how to see it again. */
export interface SimulationErrorDetails {
  readonly seed: number
  readonly atMs: number
  /** The command that repeats the run, if the simulation was told one. */
  readonly replay?: string | undefined
}

/** A broken invariant or an expectation that did not come true; the message says how to replay the run. */
export class SimulationError extends Error {
  readonly code: SimulationErrorCode
  readonly details: SimulationErrorDetails

  constructor(code: SimulationErrorCode, text: string, details: SimulationErrorDetails, tail = '') {
    super(`${text} (${placeOf(details)})${tail && `\nlast events:\n${tail}`}`)
    this.name = 'SimulationError'
    this.code = code
    this.details = details
  }
}

/** Seed, moment and command, as messages of failures show them. */
export function placeOf({ seed, atMs, replay }: SimulationErrorDetails): string {
  const place = `seed 0x${seed.toString(16)}, at ${atMs} ms`
  return replay === undefined ? place : `${place}; replay: ${replay}`
}
