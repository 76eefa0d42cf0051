import { TWEMPROXY_HASHES } from '../hash/key-hashes.ts'
import type { CheckedNode } from '../node.ts'
import { checkIntegerWeights, checkPoints, flag, integer, namesOf, oneOf } from './check.ts'
import { CIRCLE_32, Circle, position32 } from './circle.ts'
import {
  KETAMA_POINTS,
  ketamaDigests,
  ketamaPoints,
  MEMCACHED_PORT,
  withoutPort,
} from './ketama-points.ts'
import { type Locator, PositionLocator, type Positions } from './locator.ts'

/** twemproxy's `hash:`. */
export type TwemproxyHash = keyof typeof TWEMPROXY_HASHES

/** twemproxy's `distribution: ketama`. An ejected server is one that is not in the ring. */
export interface KetamaOptions {
  readonly placement: 'ketama'
  /** twemproxy's `hash:`; `fnv1a_64` by default, as there. */
  readonly keyHash?: TwemproxyHash
  /** twemproxy's `hash_tag: "{}"`; off by default, as there. */
  readonly hashTags?: boolean
  /**
   * An id that ends in `:` and this port is named by its host alone, as twemproxy does for servers without a name: 11211
   * by default, 0 for servers that all have names.
   */
  readonly defaultPort?: number
}

/** The highest weight: the points of one server of two must stay within what C's `int` and our rings hold. */
export const KETAMA_WEIGHT_MAX = 65_535
export const PORT_MAX = 65_535

export function resolveKetama(options: KetamaOptions): Required<KetamaOptions> {
  return {
    placement: 'ketama',
    keyHash: oneOf('keyHash', options.keyHash, namesOf(TWEMPROXY_HASHES), 'fnv1a_64'),
    hashTags: flag('hashTags', options.hashTags, false),
    defaultPort: integer('defaultPort', options.defaultPort, 0, PORT_MAX, MEMCACHED_PORT),
  }
}

/** The position of a key in twemproxy: 0 without a single byte, whatever the hash. */
export function twemproxyPosition(name: TwemproxyHash): Positions['positionOf'] {
  const hashed = position32(TWEMPROXY_HASHES[name])
  return (bytes, start, end) => (start === end ? 0 : hashed(bytes, start, end))
}

export function locateKetama(
  nodes: readonly CheckedNode[],
  options: Required<KetamaOptions>,
): Locator {
  const { keyHash, defaultPort } = options
  checkIntegerWeights(nodes, KETAMA_WEIGHT_MAX)
  checkPoints(nodes.length * KETAMA_POINTS)
  const totalWeight = nodes.reduce((sum, { weight }) => sum + weight, 0)
  const servers = nodes.map(({ id, weight }) => ({
    name: withoutPort(id, defaultPort),
    digests: ketamaDigests(weight, totalWeight, nodes.length),
  }))
  const circle = new Circle(ketamaPoints(servers), nodes.length, {
    space: CIRCLE_32,
    keySpace: `twemproxy ${keyHash}`,
    positionOf: twemproxyPosition(keyHash),
  })
  return new PositionLocator(circle, circle.shares)
}
