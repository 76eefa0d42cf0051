import type { Balancer } from './balanced-backend.ts'
import { LeastConnections } from './least-connections.ts'
import { PowerOfTwo } from './power-of-two.ts'
import { RoundRobin } from './round-robin.ts'

/** How a pool spreads work; `hash` by keys, the others by turn or load. */
export const BALANCES = ['hash', 'round-robin', 'least-connections', 'p2c'] as const
export type Balance = (typeof BALANCES)[number]

/**
 * The balancer of a pool. With `hash` it is for requests without a key: they take turns.
 * @param random in [0, 1)
 */
export function createBalancer(balance: Balance, random: () => number): Balancer {
  switch (balance) {
    case 'hash':
    case 'round-robin':
      return new RoundRobin()
    case 'least-connections':
      return new LeastConnections()
    case 'p2c':
      return new PowerOfTwo(random)
  }
}
