import type { BalancedBackend } from '../../src/balance/balanced-backend.ts'

/** A backend of a test: what balancers read of it can be changed. */
export interface TestBackend extends BalancedBackend {
  readonly id: string
  weight: number
  usable: boolean
  inFlight: number
  latencyMs: number
  zone?: string | undefined
}

export function backend(id: string, more: Partial<TestBackend> = {}): TestBackend {
  return { id, weight: 1, usable: true, inFlight: 0, latencyMs: 0, ...more }
}
