import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import type { ShadowTopology } from '../../topology.ts'
import { Request, type RequestOwner } from '../request.ts'
import type { CachingTools } from './caching-tools.ts'

/** The share of the traffic is told in steps of a hundredth of a percent. */
const STEPS = 10_000
const STEPS_PER_PERCENT = STEPS / 100

/**
 * Copies a share of the commands to another pool, whose replies nobody sees. A key is copied always or never, and by every router
 * alike, so that reads there find what writes brought. The copies that wait are bounded: above that they are left out.
 */
export class Shadow {
  /** Commands that were copied, and that were not because too many waited. */
  copied = 0
  dropped = 0
  /** Copies that are not answered, and their bytes. */
  waiting = 0
  waitingBytes = 0
  readonly topology: ShadowTopology
  readonly #tools: CachingTools
  readonly #placement: Placement
  readonly #stepsWanted: number

  /** @param placement of the pool that is shadowed: it says which keys are chosen */
  constructor(topology: ShadowTopology, placement: Placement, tools: CachingTools) {
    this.topology = topology
    this.#placement = placement
    this.#tools = tools
    this.#stepsWanted = Math.round(topology.percent * STEPS_PER_PERCENT)
  }

  /** Copies a client's command if it is chosen. */
  take(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    if (!this.#isWanted(request)) return
    if (!hasOneKey(request.command, frame, keyIndex)) {
      this.#takeKeys(request, Buffer.from(frame.bytes.subarray(frame.start, frame.end)))
      return
    }
    const place = this.#placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
    const target = this.#isChosen(place) ? this.#target(frame.end - frame.start) : undefined
    if (target === undefined) return
    target.run(this.#copyOf(request, frame.end - frame.start), frame, keyIndex, stable)
  }

  /** The same for a command that is told by its bytes, of which nobody changes any. */
  takeBytes(request: Request, bytes: Buffer): void {
    if (this.#isWanted(request)) this.#takeKeys(request, bytes)
  }

  #isWanted({ command }: Request): boolean {
    return command.access === 'read' || (command.access === 'write' && this.topology.writes)
  }

  /** Of several keys those that are chosen go. */
  #takeKeys(request: Request, bytes: Buffer): void {
    const target = this.#target(bytes.length)
    if (target === undefined) return
    const { placement } = target
    const chosen: Placement = {
      whole: placement.whole,
      relaxed: placement.relaxed === true,
      positionOf: (key, from, to) =>
        this.#isChosen(this.#placement.positionOf(key, from, to))
          ? placement.positionOf(key, from, to)
          : -1,
      ownerOf: (position) => (position < 0 ? -1 : placement.ownerOf(position)),
    }
    const copy = this.#copyOf(request, bytes.length)
    if (target.adopt(copy, bytes, chosen, 'any')) return
    this.copied--
    this.left(bytes.length)
  }

  #target(bytes: number) {
    const pool = this.#tools.poolNamed(this.topology.pool)
    const { shadowQueueMax, shadowQueueBytesMax } = this.#tools.limits
    if (
      pool !== undefined &&
      this.waiting < shadowQueueMax &&
      (this.waiting === 0 || this.waitingBytes + bytes <= shadowQueueBytesMax)
    )
      return pool
    this.dropped++
    return undefined
  }

  #copyOf({ command, resp }: Request, bytes: number): Request {
    this.copied++
    this.waiting++
    this.waitingBytes += bytes
    return new Request(new Unseen(this, bytes), command, resp, undefined, false)
  }

  /** A copy was answered. */
  left(bytes: number): void {
    this.waiting--
    this.waitingBytes -= bytes
  }

  #isChosen(place: number): boolean {
    return mixed(place) % STEPS < this.#stepsWanted
  }
}

/** Nobody sees the reply. */
class Unseen implements RequestOwner {
  readonly #shadow: Shadow
  readonly #bytes: number

  constructor(shadow: Shadow, bytes: number) {
    this.#shadow = shadow
    this.#bytes = bytes
  }

  answered(): void {
    this.#shadow.left(this.#bytes)
  }
}

/** The hash in a place (its lower 32 bits), stirred: rings cut it into arcs, and the choice must not follow them. */
function mixed(place: number): number {
  let hash = place >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function hasOneKey(command: RoutedCommand, frame: RequestFrame, keyIndex: number): boolean {
  if (!('keys' in command)) return command.run.type !== 'split' || frame.argc === keyIndex + 1
  const { keys } = command
  return keys.type === 'range' && keys.first === keys.last
}
