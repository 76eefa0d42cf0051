// mcrouter's hash functions over the servers of a pool, which it knows by their index alone.

import { RingError } from '../errors.ts'
import { CH3_SERVERS_MAX, ch3, weightedCh3 } from '../hash/ch3.ts'
import { crc32OfBytes } from '../hash/crc32.ts'
import { RING_LIMITS } from '../limits.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { flag, oneOf, refuse } from './check.ts'
import { type Locator, orderByAttempts } from './locator.ts'

/** mcrouter's `hash_func`; `ConstShard` reads the index between the first two colons of a key. */
export type McrouterFunction = 'Ch3' | 'WeightedCh3' | 'Crc32' | 'ConstShard'

/**
 * A pool of mcrouter. Nodes are in the order of its `servers`. Their weights, above 0 and up to 1, count in `WeightedCh3`
 * alone (a server without one has 0.5 in mcrouter, but 1 here).
 */
export interface McrouterOptions {
  readonly placement: 'mcrouter'
  /** `hash_func`; `Ch3` by default, as there. */
  readonly hashFunction?: McrouterFunction
  /** mcrouter's `salt`, up to 255 bytes, appended to the routing key. */
  readonly salt?: string
  /** Off by default: mcrouter has `|#|` instead, which always counts. */
  readonly hashTags?: boolean
}

const FUNCTIONS = ['Ch3', 'WeightedCh3', 'Crc32', 'ConstShard'] as const
const SLASH = 0x2f
const COLON = 0x3a
const BAR = 0x7c
const HASH = 0x23
const ZERO = 0x30

export function resolveMcrouter(options: McrouterOptions): Required<McrouterOptions> {
  const salt = options.salt ?? ''
  if (typeof salt !== 'string' || utf8Bytes(salt).length > RING_LIMITS.zoneBytesMax) {
    refuse('salt', salt, `text of up to ${RING_LIMITS.zoneBytesMax} bytes`)
  }
  return {
    placement: 'mcrouter',
    hashFunction: oneOf('hashFunction', options.hashFunction, FUNCTIONS, 'Ch3'),
    salt,
    hashTags: flag('hashTags', options.hashTags, false),
  }
}

/** `[start, end)` of a key's routing key: without `/region/cluster/` in front and without what follows `|#|`. */
function routingKey(bytes: Uint8Array, start: number, end: number): readonly [number, number] {
  let from = start
  if (bytes[start] === SLASH) {
    const region = indexOf(bytes, SLASH, start + 1, end)
    const cluster = region === -1 ? -1 : indexOf(bytes, SLASH, region + 1, end)
    if (cluster !== -1) from = cluster + 1
  }
  for (let at = from; at + 2 < end; at++) {
    if (bytes[at] === BAR && bytes[at + 1] === HASH && bytes[at + 2] === BAR) return [from, at]
  }
  return [from, end]
}

function indexOf(bytes: Uint8Array, byte: number, from: number, end: number): number {
  for (let at = from; at < end; at++) if (bytes[at] === byte) return at
  return -1
}

/** Room behind the key for the salt of an attempt and for WeightedCh3's. */
const SPARE_BYTES = 16
const ROOM_BYTES = 4096

export function locateMcrouter(
  nodes: readonly CheckedNode[],
  options: Required<McrouterOptions>,
): Locator {
  if (nodes.length > CH3_SERVERS_MAX) {
    throw new RingError('RING_NODES_EXCEEDED', { got: nodes.length, nodesMax: CH3_SERVERS_MAX })
  }
  return new McrouterLocator(nodes, options)
}

class McrouterLocator implements Locator {
  readonly #weights: Float64Array
  readonly #function: McrouterFunction
  readonly #salt: Uint8Array
  #room = new Uint8Array(ROOM_BYTES)

  constructor(nodes: readonly CheckedNode[], options: Required<McrouterOptions>) {
    this.#weights = Float64Array.from(nodes, ({ weight }) => weight)
    this.#function = options.hashFunction
    this.#salt = utf8Bytes(options.salt)
    if (this.#function === 'WeightedCh3') checkShares(nodes)
  }

  indexOf(bytes: Uint8Array, start: number, end: number): number {
    return this.#attempt(bytes, start, end, 0)
  }

  orderOf(bytes: Uint8Array, start: number, end: number, count: number): number[] {
    return orderByAttempts(count, this.#weights.length, (attempt) =>
      this.#attempt(bytes, start, end, attempt),
    )
  }

  #attempt(bytes: Uint8Array, start: number, end: number, attempt: number): number {
    const servers = this.#weights.length
    const [from, to] = routingKey(bytes, start, end)
    const length = this.#fill(bytes, from, to, attempt)
    const room = this.#room
    switch (this.#function) {
      case 'Ch3':
        return ch3(room, 0, length, servers)
      case 'WeightedCh3':
        return weightedCh3(room, length, this.#weights)
      case 'Crc32':
        return (crc32OfBytes(room, 0, length) & 0x7fffffff) % servers
      case 'ConstShard':
        return attempt === 0
          ? (shardOf(room, length, servers) ?? ch3(room, 0, length, servers))
          : ch3(room, 0, length, servers)
    }
  }

  /** Copies routing key, salt and, from attempt 1 on, a zero byte and the attempt; returns the number of bytes. */
  #fill(bytes: Uint8Array, from: number, to: number, attempt: number): number {
    const length = to - from + this.#salt.length
    if (length + SPARE_BYTES > this.#room.length)
      this.#room = new Uint8Array(2 * (length + SPARE_BYTES))
    const room = this.#room
    for (let at = from; at < to; at++) room[at - from] = bytes[at] as number
    room.set(this.#salt, to - from)
    if (attempt === 0) return length
    room[length] = 0
    for (let i = 0; i < 4; i++) room[length + 1 + i] = attempt >>> (8 * i)
    return length + 5
  }

  /** What the algorithms give on average. */
  shares(): Float64Array {
    const servers = this.#weights.length
    if (this.#function !== 'WeightedCh3') return new Float64Array(servers).fill(1 / servers)
    return weightedShares(this.#weights)
  }
}

function checkShares(nodes: readonly CheckedNode[]): void {
  for (const { id, weight } of nodes) {
    if (weight <= 1) continue
    throw new RingError('RING_NODE_WEIGHT_INVALID', { id, weight, allowed: 'above 0 and up to 1' })
  }
}

const ROUNDS = 32

/** A key is offered to servers at random until one takes it; the one asked in the last round keeps it in any case. */
function weightedShares(weights: Float64Array): Float64Array {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
  const refused = 1 - mean
  const offered = refused === 1 ? ROUNDS : (1 - refused ** ROUNDS) / mean
  const left = refused ** (ROUNDS - 1)
  return weights.map((weight) => (offered * weight + left * (1 - weight)) / weights.length)
}

/** The number between the first two colons if it is digits only and names a server. */
function shardOf(bytes: Uint8Array, length: number, servers: number): number | undefined {
  const first = indexOf(bytes, COLON, 0, length)
  const second = first === -1 ? -1 : indexOf(bytes, COLON, first + 1, length)
  if (second <= first + 1) return undefined
  let shard = 0
  for (let at = first + 1; at < second; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (digit < 0 || digit > 9) return undefined
    shard = Math.min(shard * 10 + digit, servers)
  }
  return shard < servers ? shard : undefined
}
