// nginx `hash … consistent` (src/http/modules/ngx_http_upstream_hash_module.c).

import { crc32OfBytes } from '../hash/crc32.ts'
import type { CheckedNode } from '../node.ts'
import { utf8Bytes } from '../utf8.ts'
import { checkIntegerWeights, checkPoints, flag } from './check.ts'
import { CIRCLE_32, Circle, position32, sortPoints } from './circle.ts'
import { type Locator, PositionLocator } from './locator.ts'

/** nginx's `hash … consistent`. Ids are the servers exactly as configured: `backend` and `backend:80` differ. */
export interface NginxOptions {
  readonly placement: 'nginx'
  /** Off by default: nginx has none. */
  readonly hashTags?: boolean
}

const POINTS_PER_WEIGHT = 160
const WEIGHT_MAX = 65_535
const UNIX = 'unix:'

export function resolveNginx(options: NginxOptions): Required<NginxOptions> {
  return { placement: 'nginx', hashTags: flag('hashTags', options.hashTags, false) }
}

export function locateNginx(nodes: readonly CheckedNode[]): Locator {
  checkIntegerWeights(nodes, WEIGHT_MAX)
  const size = POINTS_PER_WEIGHT * nodes.reduce((sum, { weight }) => sum + weight, 0)
  checkPoints(size)
  const points = new Float64Array(size)
  const owners = new Uint16Array(size)
  let at = 0
  for (const [owner, { id, weight }] of nodes.entries()) {
    const end = at + POINTS_PER_WEIGHT * weight
    chainPoints(id, points.subarray(at, end))
    owners.fill(owner, at, end)
    at = end
  }
  // Of equal points nginx keeps the first; so do look-ups here.
  const circle = new Circle(sortPoints(points, owners), nodes.length, {
    space: CIRCLE_32,
    keySpace: 'crc32',
    positionOf: position32(crc32OfBytes),
  })
  return new PositionLocator(circle, circle.shares)
}

/** Each point is the CRC of the server and the point before it. */
function chainPoints(id: string, out: Float64Array): void {
  const [host, port] = splitServer(id)
  const text = utf8Bytes(`${host}\0${port}`)
  const bytes = new Uint8Array(text.length + 4)
  bytes.set(text)
  let previous = 0
  for (let i = 0; i < out.length; i++) {
    for (let byte = 0; byte < 4; byte++) bytes[text.length + byte] = previous >>> (8 * byte)
    previous = crc32OfBytes(bytes, 0, bytes.length)
    out[i] = previous >>> 0
  }
}

/** The port is what follows the last `:` if that is digits only; a path of a Unix socket has none. */
function splitServer(id: string): readonly [host: string, port: string] {
  if (id.slice(0, UNIX.length).toLowerCase() === UNIX) return [id.slice(UNIX.length), '']
  const port = /:(\d+)$/.exec(id)?.[1]
  return port === undefined ? [id, ''] : [id.slice(0, -port.length - 1), port]
}
