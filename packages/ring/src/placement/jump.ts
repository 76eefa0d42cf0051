import { jump } from '../hash/jump.ts'
import { xxh32OfBytes } from '../hash/xxh32.ts'
import type { CheckedNode } from '../node.ts'
import { flag } from './check.ts'
import { CIRCLE_32, position32 } from './circle.ts'
import {
  attemptPosition,
  type Locator,
  orderByAttempts,
  PositionLocator,
  type Positions,
} from './locator.ts'

/**
 * Jump consistent hash of the key's xxh32, over the nodes in the order given. Only the last node can come or go without
 * renumbering others. Weights do not count.
 */
export interface JumpOptions {
  readonly placement: 'jump'
  /** On by default. */
  readonly hashTags?: boolean
}

export function resolveJump(options: JumpOptions): Required<JumpOptions> {
  return { placement: 'jump', hashTags: flag('hashTags', options.hashTags, true) }
}

export function locateJump(nodes: readonly CheckedNode[]): Locator {
  const count = nodes.length
  const indexAt = (position: number) => jump(0, position | 0, count)
  const positions: Positions = {
    space: CIRCLE_32,
    keySpace: 'xxh32',
    positionOf: position32((bytes, start, end) => xxh32OfBytes(bytes, start, end, 0)),
    indexAt,
    orderAt: (position, wanted) =>
      orderByAttempts(wanted, count, (attempt) =>
        indexAt(attemptPosition(position, attempt, CIRCLE_32)),
      ),
  }
  return new PositionLocator(positions, () => new Float64Array(count).fill(1 / count))
}
