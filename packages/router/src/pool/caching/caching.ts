import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { CachingCounters } from '../../counters.ts'
import { findKeys } from '../../plan/command-keys.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import type { PoolTopology } from '../../topology.ts'
import type { Request } from '../request.ts'
import type { Adoption } from './adoption.ts'
import type { CachingTools } from './caching-tools.ts'
import { Coalescing } from './coalescing.ts'
import { Failover } from './failover.ts'
import type { Write } from './flights.ts'
import { Shadow } from './shadow.ts'

/**
 * What a pool does with commands beside giving them to the owners of their keys. Only pools that are asked to have one: the
 * others pay one comparison per command.
 *
 *   command ─┬─► shadow: a copy for another pool
 *            └─► coalescing: joins a read on its way ─► the pool's owners ─ all lost ─► failover: another pool
 */
export class Caching {
  readonly #placement: Placement
  readonly #adoption: Adoption
  readonly #tools: CachingTools
  #made = ''
  #failover: Failover | undefined
  #shadow: Shadow | undefined
  #coalescing: Coalescing | undefined
  /** What those that were replaced by a newer topology have counted. */
  #before: CachingCounters = NOTHING

  constructor(placement: Placement, adoption: Adoption, tools: CachingTools) {
    this.#placement = placement
    this.#adoption = adoption
    this.#tools = tools
  }

  /** True when a pool with this topology needs any of it. */
  static applies({ failover, shadow, coalesce }: PoolTopology): boolean {
    return failover !== undefined || shadow !== undefined || coalesce === true
  }

  get failover(): Failover | undefined {
    return this.#failover
  }

  get coalesces(): boolean {
    return this.#coalescing !== undefined
  }

  get counters(): CachingCounters {
    const before = this.#before
    return {
      failedOver: before.failedOver + (this.#failover?.taken ?? 0),
      shadowed: before.shadowed + (this.#shadow?.copied ?? 0),
      shadowDropped: before.shadowDropped + (this.#shadow?.dropped ?? 0),
      shadowWaiting: this.#shadow?.waiting ?? 0,
      coalesced: before.coalesced + (this.#coalescing?.joined ?? 0),
    }
  }

  /** Takes a newer topology, in which keys may have other places. */
  follow({ failover, shadow, coalesce }: PoolTopology): void {
    this.#coalescing?.flights.renumber()
    const made = JSON.stringify([failover, shadow, coalesce])
    if (made === this.#made) return
    this.#made = made
    const coalescing = this.#coalescing ?? new Coalescing(this.#tools.limits)
    this.#before = { ...this.counters, coalesced: this.counters.coalesced - coalescing.joined }
    this.#failover = failover && new Failover(failover, this.#adoption, this.#tools)
    this.#shadow = shadow && new Shadow(shadow, this.#placement, this.#tools)
    this.#coalescing = coalesce === true ? coalescing : undefined
  }

  /** The request that runs in place of a client's; undefined when that waits for the reply to another one. */
  take(
    request: Request,
    frame: RequestFrame,
    keyIndex: number,
    stable: boolean,
  ): Request | undefined {
    const { access } = request.command
    if (keyIndex >= 0) this.#shadow?.take(request, frame, keyIndex, stable)
    const coalescing = this.#coalescing
    if (coalescing === undefined) return request
    if (access === 'write')
      return coalescing.write(
        request,
        keyIndex < 0 ? 'all' : this.#places(request, frame, keyIndex),
      )
    if (keyIndex < 0 || !coalescing.applies(request, frame, keyIndex)) return request
    return coalescing.read(request, frame, this.#placeOf(frame, keyIndex))
  }

  /** The same for a command that is told by its bytes, of which nobody changes any, and the place of its first key. */
  takeBytes(request: Request, bytes: Buffer, position: number): Request {
    this.#shadow?.takeBytes(request, bytes)
    return this.takePlace(request, position)
  }

  /** The same for a command that is copied to no other pool. */
  takePlace(request: Request, position: number): Request {
    if (this.#coalescing === undefined || request.command.access !== 'write') return request
    return this.#coalescing.write(request, [position])
  }

  /** The same for a command that every backend runs. */
  takeAll(request: Request): Request {
    if (this.#coalescing === undefined || request.command.access !== 'write') return request
    return this.#coalescing.write(request, 'all')
  }

  /** Keys are written past {@link take}, or were: no read that is on its way is joined any more. */
  wrote(keys: readonly string[]): void {
    for (const key of keys) {
      const bytes = Buffer.from(key, 'latin1')
      this.#coalescing?.flights.closeAt(this.#placement.positionOf(bytes, 0, bytes.length))
    }
  }

  #places({ command }: Request, frame: RequestFrame, keyIndex: number): Write['places'] {
    if (!('keys' in command)) return [this.#placeOf(frame, keyIndex)]
    const found = findKeys(command.keys, frame, command.name)
    if (found.type === 'error') return 'all'
    return found.indexes.map((at) => this.#placeOf(frame, at))
  }

  #placeOf(frame: RequestFrame, keyIndex: number): number {
    return this.#placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
  }
}

const NOTHING: CachingCounters = {
  failedOver: 0,
  shadowed: 0,
  shadowDropped: 0,
  shadowWaiting: 0,
  coalesced: 0,
}
