import type { FailoverTopology } from '../../topology.ts'
import { Request, type RequestOwner } from '../request.ts'
import type { Adoption } from './adoption.ts'
import type { CachingTools, OtherPool } from './caching-tools.ts'

/**
 * Where the keys of lost owners are meanwhile. What is written there lives for `ttlMs` at most, so that the pool has forgotten
 * it before it is needed the next time; what it has from an outage before that would be old.
 */
export class Failover {
  /** Commands that went there. */
  taken = 0
  readonly topology: FailoverTopology
  readonly #tools: CachingTools
  readonly #adoption: Adoption

  constructor(topology: FailoverTopology, adoption: Adoption, tools: CachingTools) {
    this.topology = topology
    this.#tools = tools
    this.#adoption = adoption
  }

  /** The pool, if it can be of help. */
  get target(): OtherPool | undefined {
    const pool = this.#tools.poolNamed(this.topology.pool)
    return pool?.anyUsable === true ? pool : undefined
  }

  /** Runs a command there. The bytes are its own. */
  send(request: Request, bytes: Buffer, target: OtherPool): void {
    this.taken++
    const { command } = request
    if (command.access !== 'write') {
      target.adopt(request, bytes)
      return
    }
    const { limits, wallClock } = this.#tools
    const { ttlMs } = this.topology
    const capped = this.#adoption.capExpiry(command, bytes, ttlMs, wallClock(), limits)
    target.adopt(request, capped.bytes)
    for (const follower of capped.followers) {
      const own = new Request(SWALLOW, follower.command, request.resp, undefined, false)
      target.adopt(own, follower.bytes)
    }
  }
}

/** Whether the key was there is of no interest. */
const SWALLOW: RequestOwner = { answered: () => {} }
