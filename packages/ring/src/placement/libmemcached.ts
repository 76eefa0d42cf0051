// libmemcached's two circles. Both order equal points by the order of the servers.

import { type HashBytes, LIBMEMCACHED_HASHES } from '../hash/key-hashes.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { checkIntegerWeights, checkPoints, flag, integer, namesOf, oneOf } from './check.ts'
import { CIRCLE_32, Circle, position32, sortPoints } from './circle.ts'
import { KETAMA_WEIGHT_MAX, PORT_MAX } from './ketama.ts'
import {
  KETAMA_POINTS,
  ketamaDigests,
  ketamaPoints,
  MEMCACHED_PORT,
  withoutPort,
} from './ketama-points.ts'
import { type Locator, type LocatorPoints, PositionLocator } from './locator.ts'

/** libmemcached's `HASH` behaviour. */
export type LibmemcachedHash = keyof typeof LIBMEMCACHED_HASHES

/** What the two circles of libmemcached have in common. */
interface LibmemcachedOptions {
  /** Off by default. */
  readonly hashTags?: boolean
  /** An id that ends in `:` and this port is named by its host alone: 11211 by default, as there; 0 for none. */
  readonly defaultPort?: number
}

/** libmemcached with `KETAMA_WEIGHTED`. */
export interface KetamaWeightedOptions extends LibmemcachedOptions {
  readonly placement: 'ketama-weighted'
  /** `md5` by default, which is what `KETAMA_WEIGHTED` sets. */
  readonly keyHash?: LibmemcachedHash
}

/**
 * libmemcached with `KETAMA` alone: 100 points per server, made with the key hash. As soon as one weight is above 1,
 * libmemcached takes the points of `ketama-weighted` and keeps the key hash, and so does this.
 */
export interface KetamaPlainOptions extends LibmemcachedOptions {
  readonly placement: 'ketama-plain'
  /** `one_at_a_time` by default, as there. */
  readonly keyHash?: LibmemcachedHash
}

const PLAIN_POINTS = 100

function resolveShared(
  options: LibmemcachedOptions & { readonly keyHash?: LibmemcachedHash },
  hash: LibmemcachedHash,
) {
  return {
    keyHash: oneOf('keyHash', options.keyHash, namesOf(LIBMEMCACHED_HASHES), hash),
    hashTags: flag('hashTags', options.hashTags, false),
    defaultPort: integer('defaultPort', options.defaultPort, 0, PORT_MAX, MEMCACHED_PORT),
  }
}

export function resolveKetamaWeighted(
  options: KetamaWeightedOptions,
): Required<KetamaWeightedOptions> {
  return { placement: 'ketama-weighted', ...resolveShared(options, 'md5') }
}

export function resolveKetamaPlain(options: KetamaPlainOptions): Required<KetamaPlainOptions> {
  return { placement: 'ketama-plain', ...resolveShared(options, 'one_at_a_time') }
}

type Settings = Required<KetamaWeightedOptions> | Required<KetamaPlainOptions>

function locate(nodes: readonly CheckedNode[], options: Settings, points: LocatorPoints): Locator {
  const circle = new Circle(points, nodes.length, {
    space: CIRCLE_32,
    keySpace: `libmemcached ${options.keyHash}`,
    positionOf: position32(LIBMEMCACHED_HASHES[options.keyHash]),
  })
  return new PositionLocator(circle, circle.shares)
}

export function locateKetamaWeighted(nodes: readonly CheckedNode[], options: Settings): Locator {
  checkIntegerWeights(nodes, KETAMA_WEIGHT_MAX)
  checkPoints(nodes.length * KETAMA_POINTS)
  const totalWeight = nodes.reduce((sum, { weight }) => sum + weight, 0)
  const servers = nodes.map(({ id, weight }) => ({
    name: withoutPort(id, options.defaultPort),
    digests: ketamaDigests(weight, totalWeight, nodes.length),
  }))
  return locate(nodes, options, ketamaPoints(servers))
}

export function locateKetamaPlain(
  nodes: readonly CheckedNode[],
  options: Required<KetamaPlainOptions>,
): Locator {
  if (nodes.some(({ weight }) => weight > 1)) return locateKetamaWeighted(nodes, options)
  checkIntegerWeights(nodes, 1)
  checkPoints(nodes.length * PLAIN_POINTS)
  return locate(
    nodes,
    options,
    plainPoints(nodes, options.defaultPort, LIBMEMCACHED_HASHES[options.keyHash]),
  )
}

function plainPoints(nodes: readonly CheckedNode[], port: number, hash: HashBytes): LocatorPoints {
  const points = new Float64Array(nodes.length * PLAIN_POINTS)
  const owners = new Uint16Array(points.length)
  for (const [owner, { id }] of nodes.entries()) {
    const name = withoutPort(id, port)
    for (let i = 0; i < PLAIN_POINTS; i++) {
      const bytes = utf8Bytes(`${name}-${i}`)
      points[owner * PLAIN_POINTS + i] = hash(bytes, 0, bytes.length) >>> 0
      owners[owner * PLAIN_POINTS + i] = owner
    }
  }
  return sortPoints(points, owners)
}
