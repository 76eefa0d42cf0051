// npm hashring 3.2.0. It calls itself compatible with libketama, but counts points in doubles: 156 per server at 7, 14, 28,
// 49, … equal servers where libmemcached has 160, and 160 at 25 where libmemcached has 156.

import { md5Word } from '../hash/md5.ts'
import type { CheckedNode } from '../node.ts'
import { checkPoints, flag, integer, oneOf } from './check.ts'
import { CIRCLE_32, Circle, position32 } from './circle.ts'
import { PORT_MAX } from './ketama.ts'
import { ketamaPoints, withoutPort } from './ketama-points.ts'
import { type Locator, PositionLocator } from './locator.ts'

/** npm hashring with the algorithm `md5`. */
export interface HashringOptions {
  readonly placement: 'hashring'
  /** hashring's `compatibility`: `ketama` (four points per digest, the default) or `hash_ring` (three). */
  readonly compatibility?: 'ketama' | 'hash_ring'
  /** hashring's `vnode count`: digests per server, 1 to 65,536, 40 by default. */
  readonly vnodeCount?: number
  /** hashring's `default port`: 0 (the default) for none. */
  readonly defaultPort?: number
  /** Off by default: hashring has none. */
  readonly hashTags?: boolean
}

const WORDS = { ketama: 4, hash_ring: 3 } as const
const VNODES = 40
const VNODES_MAX = 65_536

export function resolveHashring(options: HashringOptions): Required<HashringOptions> {
  return {
    placement: 'hashring',
    compatibility: oneOf('compatibility', options.compatibility, ['ketama', 'hash_ring'], 'ketama'),
    vnodeCount: integer('vnodeCount', options.vnodeCount, 1, VNODES_MAX, VNODES),
    defaultPort: integer('defaultPort', options.defaultPort, 0, PORT_MAX, 0),
    hashTags: flag('hashTags', options.hashTags, false),
  }
}

export function locateHashring(
  nodes: readonly CheckedNode[],
  options: Required<HashringOptions>,
): Locator {
  const { compatibility, vnodeCount, defaultPort } = options
  const words = WORDS[compatibility]
  checkPoints(nodes.length * vnodeCount * words)
  const totalWeight = nodes.reduce((sum, { weight }) => sum + weight, 0)
  const servers = nodes.map(({ id, weight }) => ({
    name: withoutPort(id, defaultPort),
    digests: Math.floor((weight / totalWeight) * vnodeCount * nodes.length),
  }))
  const circle = new Circle(ketamaPoints(servers, words), nodes.length, {
    space: CIRCLE_32,
    keySpace: 'libmemcached md5',
    positionOf: position32(md5Word),
  })
  return new PositionLocator(circle, circle.shares)
}
