import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createRing, type Ring, slotOf } from '@ringway/ring'
import HashRing from 'hashring'
import {
  type Contender,
  collectGarbage,
  compare,
  lookUpLoop,
  median,
  type Row,
  timingOf,
} from '../harness.ts'
import { addresses, asNodes, consistentHash, hashRingUncached, sessionKeys } from './subjects.ts'

/** Few keys measure the algorithm: with their part of the ring they stay in the second-level cache. */
const HOT_KEYS = 1_024
/** Many keys touch the whole ring, 2 MB at 100 nodes: the figure is then one of memory, and of who else uses the cores. */
const SPREAD_KEYS = 16_384
const OPERATIONS = 600_000

/** The passes over `keys` that make about so much of the whole number of look-ups. */
function passesOf(keys: readonly unknown[], effort: number): number {
  return Math.max(1, Math.round((effort * OPERATIONS) / keys.length))
}

function lookUps<K>(
  name: string,
  keys: readonly K[],
  effort: number,
  find: (key: K) => unknown,
): Contender {
  return lookUpLoop(name, keys, passesOf(keys, effort), find)
}

/** Look-ups at 100 nodes. */
export function measureLookUps(): Row[] {
  const ids = addresses(100)
  const ring = createRing(asNodes(ids))
  const slots = createRing(asNodes(ids), { keyHash: 'crc16-slot' })
  const wide = createRing(asNodes(ids), { keyHash: 'xxh64' })
  const uncached = hashRingUncached(ids)
  const cached = new HashRing(ids, 'md5')
  const consistent = consistentHash(ids)
  const keys = sessionKeys(HOT_KEYS)
  const many = sessionKeys(SPREAD_KEYS)
  const bytes = keys.map((key) => Buffer.from(key))
  const tagged = keys.map((key) => Buffer.from(`{${key.slice(0, 12)}}:cart`).toString('latin1'))
  const timings = compare([
    lookUps('ringway', keys, 1, (key) => ring.owner(key)),
    lookUps('hashring, cache off', keys, 0.05, (key) => uncached.get(key)),
    lookUps('consistent-hash', keys, 0.5, (key) => consistent.get(key)),
    lookUps('ringway, 16,384 keys', many, 1, (key) => ring.owner(key)),
    lookUps('hashring, cache off, 16,384 keys', many, 0.05, (key) => uncached.get(key)),
    lookUps('consistent-hash, 16,384 keys', many, 0.5, (key) => consistent.get(key)),
    lookUps('hashring, cache on, 16,384 keys', many, 0.05, (key) => cached.get(key)),
    lookUps('ringway, bytes', bytes, 1, (key) => ring.owner(key)),
    lookUps('ringway, hash tags', tagged, 0.5, (key) => ring.owner(key)),
    lookUps('ringway, xxh64', keys, 0.25, (key) => wide.owner(key)),
    lookUps('ringway, crc16-slot', keys, 0.5, (key) => slots.owner(key)),
    lookUps('ringway, slotOf', keys, 0.5, (key) => slotOf(key)),
    lookUps('ringway, owners(key, 3)', keys, 0.25, (key) => ring.owners(key, 3)),
  ])
  const ratio = (theirs: string, ours: string, of: 'wallNs' | 'cpuNs'): number =>
    timingOf(timings, theirs)[of] / timingOf(timings, ours)[of]
  const againstHashRing = ratio('hashring, cache off', 'ringway', 'cpuNs')
  const spread = ratio('hashring, cache off, 16,384 keys', 'ringway, 16,384 keys', 'cpuNs')
  return [
    ...[...timings.values()].flatMap(({ name, wallNs, cpuNs }): Row[] => [
      { what: `owner(key), 100 nodes: ${name}`, value: wallNs, unit: 'ns' },
      { what: `owner(key), 100 nodes: ${name}, CPU`, value: cpuNs, unit: 'ns CPU' },
    ]),
    {
      what: 'owner(key) against hashring, CPU',
      value: againstHashRing,
      unit: 'x',
      must: '>= 25 x (aim 35 x, <= 80 ns)',
      pass: againstHashRing >= 25,
    },
    {
      what: 'owner(key) against hashring, wall clock',
      value: ratio('hashring, cache off', 'ringway', 'wallNs'),
      unit: 'x',
    },
    {
      what: 'owner(key) against hashring, 16,384 keys, CPU',
      value: spread,
      unit: 'x',
      must: '>= 25 x',
      pass: spread >= 25,
    },
    {
      what: 'owner(key) against consistent-hash, CPU',
      value: ratio('consistent-hash', 'ringway', 'cpuNs'),
      unit: 'x',
    },
  ]
}

/** Rings from nothing. */
export function measureBuilds(): Row[] {
  const rows: Row[] = []
  for (const count of [3, 100, 1000]) {
    const ids = addresses(count)
    const timings = compare([
      { name: 'ringway', operations: 1, run: () => createRing(asNodes(ids)) },
      { name: 'hashring', operations: 1, run: () => hashRingUncached(ids) },
    ])
    for (const { name, wallNs } of timings.values()) {
      rows.push({ what: `build, ${count} nodes: ${name}`, value: wallNs / 1e6, unit: 'ms' })
    }
  }
  return rows
}

const JOINS = 5

/** The median of five processes that each let one node join 1000 for the first time. */
function coldJoinMs(): number {
  const script = fileURLToPath(new URL('./cold-join.js', import.meta.url))
  const run = () => Number(spawnSync(process.execPath, [script], { encoding: 'utf8' }).stdout)
  return median(Array.from({ length: JOINS }, run))
}

/** One node joins 1000. */
export function measureUpdates(): Row[] {
  const ids = addresses(1000)
  const base = createRing(asNodes(ids))
  const milliseconds = (act: () => unknown): number => {
    const before = performance.now()
    act()
    return performance.now() - before
  }
  const [joins, leaves, rebuilds]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < JOINS; round++) {
    const node = { id: `joining-${round}` }
    let joined: Ring = base
    collectGarbage()
    joins.push(milliseconds(() => (joined = base.with(node))))
    leaves.push(milliseconds(() => joined.without(node.id)))
    collectGarbage()
    rebuilds.push(milliseconds(() => createRing([...base.nodes, node])))
  }
  const hashRing = hashRingUncached(ids)
  const theirs = milliseconds(() => hashRing.add('joining'))
  const join = median(joins)
  const ratio = median(rebuilds) / join
  return [
    { what: 'add one node to 1000, first call of a process', value: coldJoinMs(), unit: 'ms' },
    {
      what: 'add one node to 1000',
      value: join,
      unit: 'ms',
      must: '<= 20 ms (aim 8 ms)',
      pass: join <= 20,
    },
    { what: 'add one node to 1000, slowest of five', value: Math.max(...joins), unit: 'ms' },
    { what: 'remove one node from 1001', value: median(leaves), unit: 'ms' },
    {
      what: 'add one node to 1000, against a rebuild',
      value: ratio,
      unit: 'x',
      must: '>= 20 x',
      pass: ratio >= 20,
    },
    { what: 'add one node to 1000: hashring', value: theirs, unit: 'ms' },
  ]
}
