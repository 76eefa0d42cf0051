// Who owns a key in twemproxy, worked out a second time from its file: points by node:crypto, single precision step by
// step, and a search through all points. Slow and plain on purpose: it is what the ring that was written is compared with.

import { createHash } from 'node:crypto'
import { createRing, type TwemproxyHash } from '@ringway/ring'
import type { ForeignOwner } from './imported.ts'
import type { NutcrackerPool, NutcrackerServer } from './nutcracker-file.ts'

const POINTS_PER_SERVER = 160
const POINTS_PER_DIGEST = 4

interface Point {
  readonly value: number
  readonly owner: string
}

/** The owners of a pool; undefined where twemproxy itself has no rule (`distribution: random`). */
export function twemproxyOwners(pool: NutcrackerPool): ForeignOwner | undefined {
  const servers = [...pool.servers].sort(bySortedName)
  const numberOf = keyNumber(pool)
  switch (pool.distribution) {
    case 'ketama': {
      const points = ketamaPoints(servers)
      return (key) => {
        const number = numberOf(key)
        return (points.find(({ value }) => value >= number) ?? points[0])?.owner
      }
    }
    case 'modula': {
      const list = servers.flatMap(({ weight, ringName }) =>
        new Array<string>(weight).fill(ringName),
      )
      return (key) => list[numberOf(key) % list.length]
    }
    default:
      return undefined
  }
}

/** The number of a key. The hashes are those of the ring: they have vectors of their own. */
function keyNumber({ hash, hashTag }: NutcrackerPool): (key: string) => number {
  const ring = createRing([], { placement: 'ketama', keyHash: hash as TwemproxyHash })
  return (key) => ring.hash(hashTag === '{}' ? tagged(key) : key)
}

/** The first `{`, then the first `}` behind it; an empty tag is none. */
function tagged(key: string): string {
  const from = key.indexOf('{')
  const to = from === -1 ? -1 : key.indexOf('}', from + 1)
  return to > from + 1 ? key.slice(from + 1, to) : key
}

/** Shorter names first, then by bytes. */
function bySortedName(a: NutcrackerServer, b: NutcrackerServer): number {
  const [left, right] = [Buffer.from(a.ringName), Buffer.from(b.ringName)]
  return left.length - right.length || Buffer.compare(left, right)
}

function ketamaPoints(servers: readonly NutcrackerServer[]): readonly Point[] {
  const f = Math.fround
  const total = servers.reduce((sum, { weight }) => sum + weight, 0)
  return servers
    .flatMap(({ weight, ringName }) => {
      const share = f(f(weight) / f(total))
      const perServer = f(f(f(share * POINTS_PER_SERVER) / POINTS_PER_DIGEST) * f(servers.length))
      return digestPoints(ringName, Math.floor(f(perServer + 1e-10)))
    })
    .sort((a, b) => a.value - b.value)
}

function digestPoints(ringName: string, digests: number): readonly Point[] {
  return Array.from({ length: digests }, (_, i) =>
    createHash('md5').update(`${ringName}-${i}`).digest(),
  ).flatMap((digest) =>
    [0, 4, 8, 12].map((at) => ({ value: digest.readUInt32LE(at), owner: ringName })),
  )
}
