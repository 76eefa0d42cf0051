// Envoy `ring_hash` (source/extensions/load_balancing_policies/ring_hash). Points per host follow from the host's share of
// all weight, so they change whenever a host comes or goes, and keys move between hosts that stay.

import { ENVOY_HASHES } from '../hash/key-hashes.ts'
import { hash64 } from '../hash/word64.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { flag, integer, namesOf, oneOf, refuse } from './check.ts'
import { CIRCLE_53, Circle, position53, upper53 } from './circle.ts'
import { type Locator, type LocatorPoints, PositionLocator } from './locator.ts'

/** Envoy's hash functions: `xxh64` is `XX_HASH` there, `murmur2` is `MURMUR_HASH_2`. */
export type EnvoyHash = keyof typeof ENVOY_HASHES

/** Envoy's `ring_hash`. Ids are host keys: addresses such as `127.0.0.1:90`, host names, or `envoy.lb.hash_key`. */
export interface EnvoyOptions {
  readonly placement: 'envoy'
  /** The hash of the request: `xxh64` (the default) of one header, cookie or query value; `murmur2` for keys of redis_proxy. */
  readonly keyHash?: EnvoyHash
  /** Envoy's `hash_function`, for the points; `xxh64` by default. */
  readonly pointHash?: EnvoyHash
  /** 1 to 8,388,608, 1024 by default, as there. */
  readonly minimumRingSize?: number
  /** `minimumRingSize` to 8,388,608 (the default). */
  readonly maximumRingSize?: number
  /** Off by default; redis_proxy's `enable_hashtagging`. */
  readonly hashTags?: boolean
}

const RING_SIZE_MAX = 8_388_608
const MINIMUM_RING_SIZE = 1024

export function resolveEnvoy(options: EnvoyOptions): Required<EnvoyOptions> {
  const { minimumRingSize, maximumRingSize } = options
  const resolved = {
    placement: 'envoy' as const,
    keyHash: oneOf('keyHash', options.keyHash, namesOf(ENVOY_HASHES), 'xxh64'),
    pointHash: oneOf('pointHash', options.pointHash, namesOf(ENVOY_HASHES), 'xxh64'),
    minimumRingSize: integer(
      'minimumRingSize',
      minimumRingSize,
      1,
      RING_SIZE_MAX,
      MINIMUM_RING_SIZE,
    ),
    maximumRingSize: integer('maximumRingSize', maximumRingSize, 1, RING_SIZE_MAX, RING_SIZE_MAX),
    hashTags: flag('hashTags', options.hashTags, false),
  }
  if (resolved.minimumRingSize > resolved.maximumRingSize) {
    refuse(
      'minimumRingSize',
      resolved.minimumRingSize,
      `up to maximumRingSize ${resolved.maximumRingSize}`,
    )
  }
  return resolved
}

/** Each weight divided by their sum, in doubles, in the order of the hosts, as Envoy adds them up. */
export function normalizedWeights(nodes: readonly CheckedNode[]): Float64Array {
  const sum = nodes.reduce((total, { weight }) => total + weight, 0)
  return Float64Array.from(nodes, ({ weight }) => weight / sum)
}

export function locateEnvoy(
  nodes: readonly CheckedNode[],
  options: Required<EnvoyOptions>,
): Locator {
  const circle = new Circle(envoyPoints(nodes, options), nodes.length, {
    space: CIRCLE_53,
    keySpace: `envoy ${options.keyHash}`,
    positionOf: position53(ENVOY_HASHES[options.keyHash]),
  })
  return new PositionLocator(circle, circle.shares)
}

function envoyPoints(
  nodes: readonly CheckedNode[],
  options: Required<EnvoyOptions>,
): LocatorPoints {
  const { minimumRingSize, maximumRingSize } = options
  const hash = ENVOY_HASHES[options.pointHash]
  const weights = normalizedWeights(nodes)
  const least = weights.reduce((min, weight) => Math.min(min, weight), 1)
  const scale = Math.min(Math.ceil(least * minimumRingSize) / least, maximumRingSize)
  const points: number[] = []
  const lows: number[] = []
  const owners: number[] = []
  let current = 0
  let target = 0
  for (const [owner, { id }] of nodes.entries()) {
    target += scale * (weights[owner] as number)
    for (let i = 0; current < target; i++, current++) {
      const bytes = utf8Bytes(`${id}_${i}`)
      hash(bytes, 0, bytes.length)
      points.push(upper53())
      lows.push(hash64[1] as number)
      owners.push(owner)
    }
  }
  // By the whole 64 bits: first the upper 53, then the word that holds the others.
  const order = Uint32Array.from(points, (_, i) => i).sort(
    (a, b) =>
      (points[a] as number) - (points[b] as number) ||
      ((lows[a] as number) >>> 0) - ((lows[b] as number) >>> 0) ||
      a - b,
  )
  return {
    positions: Float64Array.from(order, (i) => points[i] as number),
    owners: Uint16Array.from(order, (i) => owners[i] as number),
  }
}
