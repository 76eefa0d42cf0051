/**
 * Whether this router steers around one backend, as data.
 *
 *   closed --lost--> open(probeAt) --its time comes--> half-open --probe passed--> closed
 *                        ^------------probe failed--------'
 */
export type Circuit =
  | { readonly type: 'closed' }
  | { readonly type: 'open'; readonly failures: number; readonly probeAt: number }
  | { readonly type: 'half-open'; readonly failures: number }

export interface CircuitLimits {
  readonly probeDelayMinMs: number
  readonly probeDelayMaxMs: number
}

export const CLOSED: Circuit = { type: 'closed' }

/**
 * The backend refused, reset or was silent. The wait before the next probe doubles with each failure in a row and is
 * drawn from its upper half, so that routers which lost a backend together do not probe it together.
 * @param random in [0, 1)
 */
export function openCircuit(
  circuit: Circuit,
  now: number,
  random: number,
  limits: CircuitLimits,
): Circuit {
  if (circuit.type === 'open') return circuit
  const failures = circuit.type === 'closed' ? 1 : circuit.failures + 1
  return { type: 'open', failures, probeAt: now + probeDelayMs(failures, random, limits) }
}

/** The circuit once its probe has begun. */
export function beginProbe(circuit: Circuit): Circuit {
  return circuit.type === 'open' ? { type: 'half-open', failures: circuit.failures } : circuit
}

/** Milliseconds in [min, max]. */
export function probeDelayMs(failures: number, random: number, limits: CircuitLimits): number {
  const { probeDelayMinMs, probeDelayMaxMs } = limits
  const doubled = probeDelayMinMs * 2 ** Math.min(failures - 1, DOUBLINGS_MAX)
  const delay = Math.min(doubled, Math.max(probeDelayMinMs, probeDelayMaxMs))
  return Math.max(probeDelayMinMs, delay * (0.5 + random / 2))
}

/** 2 ** 30 times the first wait is beyond every sensible maximum; more would only lose precision. */
const DOUBLINGS_MAX = 30
