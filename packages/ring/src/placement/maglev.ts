// Maglev as Envoy fills its table (source/extensions/load_balancing_policies/maglev): hosts take turns, and each takes the
// next free slot of its own permutation.

import { RingError } from '../errors.ts'
import { ENVOY_HASHES } from '../hash/key-hashes.ts'
import { hash64 } from '../hash/word64.ts'
import { xxh64Into } from '../hash/xxh64.ts'
import { RING_LIMITS } from '../limits.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { flag, integer, namesOf, oneOf, refuse } from './check.ts'
import { type EnvoyHash, normalizedWeights } from './envoy.ts'
import { type Locator, PositionLocator } from './locator.ts'
import { Slots } from './slots.ts'

/** Envoy's `maglev`. Ids are host keys, as for `envoy`. */
export interface MaglevOptions {
  readonly placement: 'maglev'
  /** As for `envoy`. */
  readonly keyHash?: EnvoyHash
  /** Slots: a prime from 2 to 5,000,011, 65,537 by default, as there. A key's position is its slot. */
  readonly tableSize?: number
  /** Off by default. */
  readonly hashTags?: boolean
}

const TABLE_SIZE = 65_537
const TABLE_SIZE_MAX = 5_000_011
const UNTAKEN = 0xffff
/** Turns of hosts while a table is filled: about ten seconds. Only very uneven weights of many hosts in a large table need more. */
const TURNS_MAX = 2 ** 31

export function resolveMaglev(options: MaglevOptions): Required<MaglevOptions> {
  const tableSize = integer('tableSize', options.tableSize, 2, TABLE_SIZE_MAX, TABLE_SIZE)
  if (!isPrime(tableSize)) refuse('tableSize', tableSize, 'a prime')
  return {
    placement: 'maglev',
    keyHash: oneOf('keyHash', options.keyHash, namesOf(ENVOY_HASHES), 'xxh64'),
    tableSize,
    hashTags: flag('hashTags', options.hashTags, false),
  }
}

function isPrime(value: number): boolean {
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false
  return true
}

/** `hash64` modulo a number up to 2^23. */
function hash64Modulo(divisor: number): number {
  const high = ((hash64[0] as number) >>> 0) % divisor
  return (high * (2 ** 32 % divisor) + ((hash64[1] as number) >>> 0)) % divisor
}

/** @param nodes in the order of their ids' bytes, which is the order in which Envoy lets them take turns */
export function locateMaglev(
  nodes: readonly CheckedNode[],
  options: Required<MaglevOptions>,
): Locator {
  const { tableSize, keyHash } = options
  if (nodes.length > Math.min(tableSize, RING_LIMITS.nodesMax - 1)) {
    throw new RingError('RING_NODES_EXCEEDED', { got: nodes.length, nodesMax: tableSize })
  }
  checkTurns(nodes, tableSize)
  const hash = ENVOY_HASHES[keyHash]
  const slots = new Slots(fillTable(nodes, tableSize), nodes.length, {
    space: tableSize,
    keySpace: `maglev ${keyHash} ${tableSize}`,
    positionOf: (bytes, start, end) => {
      hash(bytes, start, end)
      return hash64Modulo(tableSize)
    },
  })
  return new PositionLocator(slots, slots.shares)
}

/** Hosts take about as many turns as there are slots, times how much the heaviest outweighs the mean. */
function checkTurns(nodes: readonly CheckedNode[], tableSize: number): void {
  const most = normalizedWeights(nodes).reduce((max, weight) => Math.max(max, weight), 0)
  const turns = tableSize * nodes.length * most
  if (turns > TURNS_MAX) {
    throw new RingError('RING_POINTS_EXCEEDED', { got: turns, turnsMax: TURNS_MAX })
  }
}

function fillTable(nodes: readonly CheckedNode[], tableSize: number): Uint16Array {
  const table = new Uint16Array(tableSize).fill(UNTAKEN)
  const weights = normalizedWeights(nodes)
  const most = weights.reduce((max, weight) => Math.max(max, weight), 0)
  const skips = new Float64Array(nodes.length)
  /** Where each host's permutation goes on. */
  const nexts = new Float64Array(nodes.length)
  const targets = new Float64Array(nodes.length)
  for (const [i, { id }] of nodes.entries()) {
    const bytes = utf8Bytes(id)
    xxh64Into(bytes, 0, bytes.length, 0)
    nexts[i] = hash64Modulo(tableSize)
    xxh64Into(bytes, 0, bytes.length, 1)
    skips[i] = hash64Modulo(tableSize - 1) + 1
  }
  let taken = 0
  for (let iteration = 1; taken < tableSize; iteration++) {
    for (let i = 0; i < nodes.length && taken < tableSize; i++) {
      if (iteration * (weights[i] as number) < (targets[i] as number)) continue
      targets[i] = (targets[i] as number) + most
      let slot = nexts[i] as number
      while (table[slot] !== UNTAKEN) slot = (slot + (skips[i] as number)) % tableSize
      table[slot] = i
      nexts[i] = (slot + (skips[i] as number)) % tableSize
      taken++
    }
  }
  return table
}
