// Hash modulo a list of servers, as four programs do it. Whatever changes, nearly every key moves.

import { RingError } from '../errors.ts'
import { crc32Middle } from '../hash/crc32.ts'
import {
  HAPROXY_HASHES,
  type HashBytes,
  LIBMEMCACHED_HASHES,
  TWEMPROXY_HASHES,
} from '../hash/key-hashes.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { checkIntegerWeights, checkPoints, flag, namesOf, oneOf, refuse } from './check.ts'
import { CIRCLE_32, position32 } from './circle.ts'
import { type HaproxyHash, haproxyHash } from './haproxy.ts'
import { type TwemproxyHash, twemproxyPosition } from './ketama.ts'
import type { LibmemcachedHash } from './libmemcached.ts'
import { type Locator, PositionLocator, type Positions } from './locator.ts'
import { Slots } from './slots.ts'

/** Whose list it is: twemproxy's `modula`, libmemcached's, nginx's plain `hash`, HAProxy's `hash-type map-based`. */
export type ModulaStyle = 'twemproxy' | 'libmemcached' | 'nginx' | 'haproxy'

/** Hash modulo a list of servers. */
export interface ModulaOptions {
  readonly placement: 'modula'
  /** `twemproxy` by default. */
  readonly style?: ModulaStyle
  /** The program's own names and default: `fnv1a_64`, `one_at_a_time`, `crc32` (nginx has no other), `sdbm`. */
  readonly keyHash?: TwemproxyHash | LibmemcachedHash | HaproxyHash
  /** HAProxy's `avalanche`; off by default, and refused for the others. */
  readonly avalanche?: boolean
  /** Off by default. */
  readonly hashTags?: boolean
}

interface Style {
  readonly hashes: readonly string[]
  readonly keyHash: NonNullable<ModulaOptions['keyHash']>
  readonly slots: (nodes: readonly CheckedNode[]) => readonly number[]
}

const STYLES = {
  twemproxy: { hashes: namesOf(TWEMPROXY_HASHES), keyHash: 'fnv1a_64', slots: twemproxySlots },
  libmemcached: {
    hashes: namesOf(LIBMEMCACHED_HASHES),
    keyHash: 'one_at_a_time',
    slots: (nodes) => nodes.map((_, index) => index),
  },
  nginx: {
    hashes: ['crc32'],
    keyHash: 'crc32',
    slots: (nodes) => repeated(nodes, indexesOf(nodes)),
  },
  haproxy: { hashes: namesOf(HAPROXY_HASHES), keyHash: 'sdbm', slots: haproxySlots },
} as const satisfies Record<ModulaStyle, Style>

const WEIGHT_MAX = 65_535
/** nginx takes 15 bits of the CRC. */
const NGINX_SPACE = 2 ** 15

export function resolveModula(options: ModulaOptions): Required<ModulaOptions> {
  const style = oneOf('style', options.style, namesOf(STYLES), 'twemproxy')
  const { hashes, keyHash }: Style = STYLES[style]
  const avalanche = flag('avalanche', options.avalanche, false)
  if (avalanche && style !== 'haproxy') refuse('avalanche', avalanche, 'the style haproxy')
  if (options.keyHash !== undefined && !hashes.includes(options.keyHash)) {
    refuse('keyHash', options.keyHash, hashes)
  }
  return {
    placement: 'modula',
    style,
    keyHash: options.keyHash ?? keyHash,
    avalanche,
    hashTags: flag('hashTags', options.hashTags, false),
  }
}

export function locateModula(
  nodes: readonly CheckedNode[],
  options: Required<ModulaOptions>,
): Locator {
  const { style, keyHash, avalanche } = options
  const { slots }: Style = STYLES[style]
  if (style !== 'libmemcached') checkIntegerWeights(nodes, WEIGHT_MAX)
  checkPoints(style === 'libmemcached' ? 0 : nodes.reduce((sum, { weight }) => sum + weight, 0))
  const list = new Slots(Uint16Array.from(slots(nodes)), nodes.length, {
    space: style === 'nginx' ? NGINX_SPACE : CIRCLE_32,
    keySpace: `modula ${style} ${keyHash}${avalanche ? ' avalanche' : ''}`,
    positionOf: positionOf(options),
  })
  return new PositionLocator(list, list.shares)
}

function positionOf({
  style,
  keyHash,
  avalanche,
}: Required<ModulaOptions>): Positions['positionOf'] {
  switch (style) {
    case 'twemproxy':
      return twemproxyPosition(keyHash as TwemproxyHash)
    case 'libmemcached':
      return position32(LIBMEMCACHED_HASHES[keyHash as LibmemcachedHash] as HashBytes)
    case 'nginx':
      return position32(crc32Middle)
    case 'haproxy':
      return position32(haproxyHash(keyHash as HaproxyHash, avalanche))
  }
}

function indexesOf(nodes: readonly CheckedNode[]): readonly number[] {
  return nodes.map((_, index) => index)
}

/** Each server as often as it weighs. */
function repeated(nodes: readonly CheckedNode[], order: readonly number[]): readonly number[] {
  return order.flatMap((index) =>
    new Array<number>((nodes[index] as CheckedNode).weight).fill(index),
  )
}

/** twemproxy sorts its servers by the length of their names before it compares bytes. */
function twemproxySlots(nodes: readonly CheckedNode[]): readonly number[] {
  const names = nodes.map(({ id }) => utf8Bytes(id))
  const order = [...indexesOf(nodes)].sort((a, b) => compareNames(names[a], names[b]))
  return repeated(nodes, order)
}

function compareNames(a: Uint8Array = new Uint8Array(), b: Uint8Array = new Uint8Array()): number {
  if (a.length !== b.length) return a.length - b.length
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at === -1 ? 0 : (a[at] as number) - (b[at] as number)
}

/** Operations of the loop below, about a second: the weights together, times the servers. */
const MAP_STEPS_MAX = 2 ** 30

/** Every slot goes to the server with the highest score, which pays for it with the total weight. */
function haproxySlots(nodes: readonly CheckedNode[]): readonly number[] {
  const divisor = nodes.reduce((common, { weight }) => gcd(common, weight), 0)
  const weights = nodes.map(({ weight }) => weight / divisor)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (total * nodes.length > MAP_STEPS_MAX) {
    throw new RingError('RING_POINTS_EXCEEDED', {
      got: total * nodes.length,
      stepsMax: MAP_STEPS_MAX,
    })
  }
  const scores = new Float64Array(nodes.length)
  return Array.from({ length: total }, () => {
    let best = 0
    let most = -1
    for (let i = 0; i < scores.length; i++) {
      const score = (scores[i] as number) + (weights[i] as number)
      scores[i] = score
      const whole = Math.trunc((score + total) / total)
      if (whole > most) {
        best = i
        most = whole
      }
    }
    scores[best] = (scores[best] as number) - total
    return best
  })
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
