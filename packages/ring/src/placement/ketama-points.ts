// The 160 points per server that libmemcached's weighted ketama, twemproxy and npm hashring have in common: the four
// words of MD5(`name-0`), MD5(`name-1`), …. They differ in how many there are.

import { md5Into, md5Words } from '../hash/md5.ts'
import { utf8Bytes } from '../utf8.ts'
import { sortPoints } from './circle.ts'
import type { LocatorPoints } from './locator.ts'

/** Points of one MD5. */
const WORDS = 4
/** Points per server where all weigh the same. */
export const KETAMA_POINTS = 160
const EPSILON = 1e-10

const f32 = Math.fround

/**
 * How many digests a server has, in single precision as the C programs compute it. That is why there are 39 and not 40
 * for 25, 47, 50, 55 and about two hundred further numbers of equal servers.
 */
export function ketamaDigests(weight: number, totalWeight: number, servers: number): number {
  const share = f32(f32(weight) / f32(totalWeight))
  return Math.floor(f32(f32(f32(f32(share * KETAMA_POINTS) / WORDS) * f32(servers)) + EPSILON))
}

/** The digests of one server as points: four for each of `name-0` to `name-(count - 1)`. */
export interface KetamaServer {
  readonly name: string
  readonly digests: number
}

/** The sorted points of servers; `words` of each digest are used. O(n log n). */
export function ketamaPoints(servers: readonly KetamaServer[], words = WORDS): LocatorPoints {
  const size = servers.reduce((sum, { digests }) => sum + digests * words, 0)
  const points = new Float64Array(size)
  const owners = new Uint16Array(size)
  let at = 0
  for (const [owner, { name, digests }] of servers.entries()) {
    for (let i = 0; i < digests; i++) {
      const bytes = utf8Bytes(`${name}-${i}`)
      md5Into(bytes, 0, bytes.length)
      for (let word = 0; word < words; word++, at++) {
        points[at] = (md5Words[word] as number) >>> 0
        owners[at] = owner
      }
    }
  }
  return sortPoints(points, owners)
}

/** libmemcached and twemproxy leave out the port where it is memcached's own. */
export const MEMCACHED_PORT = 11211

/** The name of a server on the ring: its id, without `:port` at the end if that is the port to be left out. */
export function withoutPort(id: string, port: number): string {
  const ending = `:${port}`
  return port > 0 && id.endsWith(ending) && id.length > ending.length
    ? id.slice(0, -ending.length)
    : id
}
