/** A broken invariant or an expectation that did not come true; the message has the seed to replay it. */
export class SimulationError extends Error {
  readonly code: 'INVARIANT_BROKEN' | 'NEVER_HAPPENED' | 'UNKNOWN_NODE'
  readonly details: { readonly seed: number; readonly atMs: number }

  constructor(code: SimulationError['code'], text: string, seed: number, atMs: number, tail = '') {
    const seedText = `0x${seed.toString(16)}`
    super(`${text} (seed ${seedText}, at ${atMs} ms)${tail && `\nlast events:\n${tail}`}`)
    this.name = 'SimulationError'
    this.code = code
    this.details = { seed, atMs }
  }
}
