// Rendezvous hashing: every node draws a score for the key, and the highest one owns it; the next scores are the next
// owners. Nothing moves between two nodes that stay, at the price of O(nodes) per look-up.

import { hash64 } from '../hash/word64.ts'
import { xxh32OfBytes } from '../hash/xxh32.ts'
import { xxh64Into } from '../hash/xxh64.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { flag } from './check.ts'
import { CIRCLE_32, position32 } from './circle.ts'
import { type Locator, PositionLocator, type Positions } from './locator.ts'

/** Weighted rendezvous hashing of our own. */
export interface RendezvousOptions {
  readonly placement: 'rendezvous'
  /** On by default. */
  readonly hashTags?: boolean
}

/** Caddy's `lb_policy` by header, cookie, URI or client address: the highest XXH64 of id and key. Weights do not count. */
export interface CaddyOptions {
  readonly placement: 'caddy'
  /** Off by default: Caddy has none. */
  readonly hashTags?: boolean
}

export function resolveRendezvous(options: RendezvousOptions): Required<RendezvousOptions> {
  return { placement: 'rendezvous', hashTags: flag('hashTags', options.hashTags, true) }
}

export function resolveCaddy(options: CaddyOptions): Required<CaddyOptions> {
  return { placement: 'caddy', hashTags: flag('hashTags', options.hashTags, false) }
}

/** The indexes with the highest scores, highest first; of equal ones the lower index. O(n log n). */
function rank(scores: Float64Array, count: number): number[] {
  return Array.from(scores, (_, index) => index)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
    .slice(0, count)
}

function equalShares(nodes: number): Float64Array {
  return new Float64Array(nodes).fill(1 / nodes)
}

const FINISH_1 = 0x85ebca6b | 0
const FINISH_2 = 0xc2b2ae35 | 0

/** MurmurHash3's finalizer. */
function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), FINISH_1)
  mixed = Math.imul(mixed ^ (mixed >>> 13), FINISH_2)
  return mixed ^ (mixed >>> 16)
}

export function locateRendezvous(nodes: readonly CheckedNode[]): Locator {
  const positions = new Scores(nodes)
  return new PositionLocator(positions, () => {
    const total = nodes.reduce((sum, { weight }) => sum + weight, 0)
    return Float64Array.from(nodes, ({ weight }) => weight / total)
  })
}

/** Scores are w / -ln(u), where u is drawn from the node's 64-bit name and the position. */
class Scores implements Positions {
  readonly space = CIRCLE_32
  readonly keySpace = 'xxh32'
  readonly positionOf = position32((bytes, start, end) => xxh32OfBytes(bytes, start, end, 0))
  readonly #highs: Int32Array
  readonly #lows: Int32Array
  readonly #weights: Float64Array
  readonly #scores: Float64Array

  constructor(nodes: readonly CheckedNode[]) {
    this.#highs = new Int32Array(nodes.length)
    this.#lows = new Int32Array(nodes.length)
    this.#weights = Float64Array.from(nodes, ({ weight }) => weight)
    this.#scores = new Float64Array(nodes.length)
    for (const [index, { id }] of nodes.entries()) {
      const bytes = utf8Bytes(id)
      xxh64Into(bytes, 0, bytes.length, 0)
      this.#highs[index] = hash64[0] as number
      this.#lows[index] = hash64[1] as number
    }
  }

  #score(index: number, position: number): number {
    const high = finish(position ^ (this.#highs[index] as number))
    const low = finish(high ^ (this.#lows[index] as number))
    // 52 bits and a half: never 0, never 1.
    const drawn = ((high >>> 0) * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52
    return (this.#weights[index] as number) / -Math.log(drawn)
  }

  indexAt(position: number): number {
    let best = 0
    let bestScore = this.#score(0, position)
    for (let index = 1; index < this.#weights.length; index++) {
      const score = this.#score(index, position)
      if (score > bestScore) {
        best = index
        bestScore = score
      }
    }
    return best
  }

  orderAt(position: number, count: number): number[] {
    const scores = this.#scores
    for (let index = 0; index < scores.length; index++) scores[index] = this.#score(index, position)
    return rank(scores, count)
  }
}

export function locateCaddy(nodes: readonly CheckedNode[]): Locator {
  return new CaddyLocator(nodes)
}

/** Hashes the whole key with each id in front, so a position would not do. */
class CaddyLocator implements Locator {
  readonly #names: readonly Uint8Array[]
  readonly #scores: Float64Array
  #room = new Uint8Array(1024)

  constructor(nodes: readonly CheckedNode[]) {
    this.#names = nodes.map(({ id }) => utf8Bytes(id))
    this.#scores = new Float64Array(nodes.length)
  }

  /** The upper 53 bits of the score: two nodes of one key agree in those once in 10^15 keys. */
  #score(index: number, bytes: Uint8Array, start: number, end: number): number {
    const name = this.#names[index] as Uint8Array
    const length = name.length + end - start
    if (length > this.#room.length) this.#room = new Uint8Array(2 * length)
    const room = this.#room
    room.set(name)
    for (let at = start; at < end; at++) room[name.length + at - start] = bytes[at] as number
    xxh64Into(room, 0, length, 0)
    return ((hash64[0] as number) >>> 0) * 2 ** 21 + ((hash64[1] as number) >>> 11)
  }

  indexOf(bytes: Uint8Array, start: number, end: number): number {
    let best = 0
    let bestScore = -1
    for (let index = 0; index < this.#names.length; index++) {
      const score = this.#score(index, bytes, start, end)
      if (score > bestScore) {
        best = index
        bestScore = score
      }
    }
    return best
  }

  orderOf(bytes: Uint8Array, start: number, end: number, count: number): number[] {
    const scores = this.#scores
    for (let index = 0; index < scores.length; index++) {
      scores[index] = this.#score(index, bytes, start, end)
    }
    return rank(scores, count)
  }

  shares(): Float64Array {
    return equalShares(this.#names.length)
  }
}
