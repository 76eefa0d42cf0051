import { createRing, type KeyHash } from '@ringway/ring'
import type HashRing from 'hashring'
import { median, type Row } from '../harness.ts'
import {
  addresses,
  asNodes,
  consistentHash,
  hashRingUncached,
  NAME_SETS,
  nameSet,
  sessionKeys,
} from './subjects.ts'

const SETS = Array.from({ length: NAME_SETS }, (_, set) => set)
const CIRCLE = 2 ** 32

function busiest(shares: Iterable<number>): number {
  const all = [...shares]
  const sum = all.reduce((total, share) => total + share, 0)
  return (Math.max(...all) * all.length) / sum
}

function ringwayBusiest(ids: readonly string[], keyHash: KeyHash): number {
  return busiest(createRing(asNodes(ids), { keyHash }).shares().values())
}

function hashRingBusiest(ring: HashRing): number {
  const shares = new Map<string, number>()
  let from = (ring.ring.at(-1)?.value ?? 0) - CIRCLE
  for (const { value, server } of ring.ring) {
    shares.set(server, (shares.get(server) ?? 0) + value - from)
    from = value
  }
  return busiest(shares.values())
}

function countedBusiest(ids: readonly string[], find: (key: string) => string): number {
  const counts = new Map(ids.map((id) => [id, 0]))
  for (const key of sessionKeys(200_000)) {
    const owner = find(key)
    counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  return busiest(counts.values())
}

/** The busiest node against the mean, over all name sets. */
export function measureBalance(): Row[] {
  const ours = SETS.map((set) => ringwayBusiest(nameSet(set, 100), 'xxh32'))
  const hashRings = SETS.map((set) => hashRingBusiest(hashRingUncached(nameSet(set, 100))))
  const counted = SETS.slice(0, 5).map((set) => {
    const ids = nameSet(set, 100)
    const ring = consistentHash(ids)
    return countedBusiest(ids, (key) => ring.get(key))
  })
  const rows: Row[] = [
    {
      what: 'balance, 100 nodes, 20 name sets: median busiest / mean',
      value: median(ours),
      unit: '',
      must: '<= 1.05 (aim 1.04)',
      pass: median(ours) <= 1.05,
    },
    { what: 'balance, 100 nodes: worst of 20', value: Math.max(...ours), unit: '' },
    { what: 'balance, 100 nodes: hashring, median', value: median(hashRings), unit: '' },
    {
      what: 'balance, 100 nodes: consistent-hash, median of 5, counted keys',
      value: median(counted),
      unit: '',
    },
  ]
  for (const count of [3, 5, 10, 20, 100]) {
    const slots = SETS.map((set) => ringwayBusiest(nameSet(set, count), 'crc16-slot'))
    const middle = median(slots)
    rows.push({
      what: `balance of slots, ${count} members, 20 name sets: median`,
      value: middle,
      unit: '',
      ...(count <= 20 && { must: '<= 1.10', pass: middle <= 1.1 }),
    })
    rows.push({
      what: `balance of slots, ${count} members: worst of 20`,
      value: Math.max(...slots),
      unit: '',
    })
  }
  return rows
}

interface Movement {
  /** Moved keys against the fair share 1 / (N + 1). */
  readonly excess: number
  readonly betweenOld: number
}

/** What moves when one node joins, over sampled keys. */
function ringwayMovement(
  ids: readonly string[],
  joining: string,
  keys: readonly string[],
): Movement {
  const before = createRing(asNodes(ids))
  const after = before.with({ id: joining })
  return movement(ids.length, joining, keys, (key) => [before.owner(key), after.owner(key)])
}

function movement(
  count: number,
  joining: string,
  keys: readonly string[],
  owners: (key: string) => readonly [string | undefined, string | undefined],
): Movement {
  let moved = 0
  let betweenOld = 0
  for (const key of keys) {
    const [was, is] = owners(key)
    if (was === is) continue
    moved++
    if (is !== joining) betweenOld++
  }
  return { excess: (moved / keys.length) * (count + 1), betweenOld }
}

/** One node joins 5, 10 and 100, for every name set. */
export function measureMovement(): Row[] {
  const keys = sessionKeys(100_000)
  const rows: Row[] = []
  for (const count of [5, 10, 100]) {
    const all = SETS.map((set) =>
      ringwayMovement(nameSet(set, count), nameSet(set, count + 1)[count] ?? '', keys),
    )
    const middle = median(all.map(({ excess }) => excess))
    const betweenOld = all.reduce((sum, movementOf) => sum + movementOf.betweenOld, 0)
    rows.push(
      {
        what: `movement, one joins ${count}: moved keys x (N + 1), median of 20`,
        value: middle,
        unit: '',
        must: '<= 1.05',
        pass: middle <= 1.05,
      },
      {
        what: `movement, one joins ${count}: worst of 20`,
        value: Math.max(...all.map(({ excess }) => excess)),
        unit: '',
      },
      {
        what: `movement, one joins ${count}: keys that moved between old nodes`,
        value: betweenOld,
        unit: 'keys',
        must: '0',
        pass: betweenOld === 0,
      },
    )
  }
  // Six nodes become seven: hashring's points per node drop from 160 to 156.
  const [six, seven] = [hashRingUncached(addresses(6)), hashRingUncached(addresses(7))]
  const theirs = movement(6, addresses(7)[6] ?? '', keys, (key) => [six.get(key), seven.get(key)])
  rows.push({
    what: 'movement, one joins 6: hashring, keys that moved between old nodes',
    value: theirs.betweenOld,
    unit: 'keys',
  })
  return rows
}
