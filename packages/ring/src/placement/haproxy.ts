// HAProxy `hash-type consistent` (src/lb_chash.c). Its look-up takes the nearest point, not the next one:
//
//      p          m          q          m = p + floor((q - p) / 2)
//   ───●──────────┼──────────●───       positions up to m belong to p, those behind it to q
//
// Moving every point p to the middle m between it and its successor gives a circle of the usual kind with the same
// owners and the same order of walking.

import { fullHash } from '../hash/haproxy.ts'
import { HAPROXY_HASHES, type HashBytes } from '../hash/key-hashes.ts'
import type { CheckedNode } from '../node.ts'
import { checkIntegerWeights, checkPoints, flag, namesOf, oneOf, refuse } from './check.ts'
import { CIRCLE_32, Circle, position32, sortPoints } from './circle.ts'
import { type Locator, type LocatorPoints, PositionLocator } from './locator.ts'

/** The functions of HAProxy's `hash-type`. */
export type HaproxyHash = keyof typeof HAPROXY_HASHES

/** HAProxy's `hash-type consistent`. A server that is down there is one that is not in the ring. */
export interface HaproxyOptions {
  readonly placement: 'haproxy'
  /** The function named by `hash-type`; `sdbm` by default. */
  readonly keyHash?: HaproxyHash
  /** Whether `avalanche` is set: by default when no function is named, as there. */
  readonly avalanche?: boolean
  /** Off by default: HAProxy has none. */
  readonly hashTags?: boolean
  /**
   * The servers' `id` settings, from 1 to 2^31 - 1. A node without one gets the first free number from its place on, as in
   * HAProxy; a ring's own options name all, so that the others keep theirs when one goes.
   */
  readonly serverIds?: Readonly<Record<string, number>>
}

const POINTS_PER_WEIGHT = 16
const WEIGHT_MAX = 256
/** A server's points are hashes of this range of numbers. */
const POINTS_PER_SERVER_MAX = 4096
const SERVER_ID_MAX = 2 ** 31 - 1

export function resolveHaproxy(
  options: HaproxyOptions,
  nodes: readonly CheckedNode[],
): Required<HaproxyOptions> {
  return {
    placement: 'haproxy',
    keyHash: oneOf('keyHash', options.keyHash, namesOf(HAPROXY_HASHES), 'sdbm'),
    avalanche: flag('avalanche', options.avalanche, options.keyHash === undefined),
    hashTags: flag('hashTags', options.hashTags, false),
    serverIds: Object.freeze(resolveServerIds(options.serverIds ?? {}, nodes)),
  }
}

function resolveServerIds(
  given: Readonly<Record<string, number>>,
  nodes: readonly CheckedNode[],
): Record<string, number> {
  const taken = new Set<number>()
  for (const { id } of nodes) {
    const number = Object.hasOwn(given, id) ? given[id] : undefined
    if (number === undefined) continue
    const valid = Number.isInteger(number) && number >= 1 && number <= SERVER_ID_MAX
    if (!valid || taken.has(number)) {
      refuse(`serverIds.${id}`, number, `distinct integers from 1 to ${SERVER_ID_MAX}`)
    }
    taken.add(number)
  }
  // As HAProxy counts: every server moves the counter on, those with an id of their own too.
  let next = 1
  // Entries, not assignments: a node may be called `__proto__`.
  return Object.fromEntries(
    nodes.map(({ id }) => {
      const number = Object.hasOwn(given, id) ? given[id] : undefined
      if (number === undefined) while (taken.has(next)) next++
      const own = number ?? next
      taken.add(own)
      next++
      return [id, own]
    }),
  )
}

/** A key hash of HAProxy, with the avalanche behind it or not. */
export function haproxyHash(name: HaproxyHash, avalanche: boolean): HashBytes {
  const hash: HashBytes = HAPROXY_HASHES[name]
  return avalanche ? (bytes, start, end) => fullHash(hash(bytes, start, end)) : hash
}

export function locateHaproxy(
  nodes: readonly CheckedNode[],
  options: Required<HaproxyOptions>,
): Locator {
  checkIntegerWeights(nodes, WEIGHT_MAX)
  const size = POINTS_PER_WEIGHT * nodes.reduce((sum, { weight }) => sum + weight, 0)
  checkPoints(size)
  const points = new Float64Array(size)
  const owners = new Uint16Array(size)
  let at = 0
  for (const [owner, { id, weight }] of nodes.entries()) {
    const base = Math.imul(options.serverIds[id] as number, POINTS_PER_SERVER_MAX)
    for (let i = 0; i < POINTS_PER_WEIGHT * weight; i++, at++) {
      points[at] = fullHash(base + i) >>> 0
      owners[at] = owner
    }
  }
  const circle = new Circle(nearest(sortPoints(points, owners)), nodes.length, {
    space: CIRCLE_32,
    keySpace: `haproxy ${options.keyHash}${options.avalanche ? ' avalanche' : ''}`,
    positionOf: position32(haproxyHash(options.keyHash, options.avalanche)),
  })
  return new PositionLocator(circle, circle.shares)
}

/** Moves each point to the middle between it and the next; the last one may move across 0 and then is the first. */
function nearest({ positions, owners }: LocatorPoints): LocatorPoints {
  const first = positions[0] as number
  const middles = positions.map((point, i) => {
    const next = positions[i + 1] ?? first + CIRCLE_32
    return point + Math.floor((next - point) / 2)
  })
  const last = middles.length - 1
  if ((middles[last] as number) < CIRCLE_32) return { positions: middles, owners }
  const turned = { positions: new Float64Array(last + 1), owners: new Uint16Array(last + 1) }
  turned.positions[0] = (middles[last] as number) - CIRCLE_32
  turned.owners[0] = owners[last] as number
  turned.positions.set(middles.subarray(0, last), 1)
  turned.owners.set(owners.subarray(0, last), 1)
  return turned
}
