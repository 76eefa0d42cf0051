import { type Contender, compare, lookUpLoop, type Row, timingOf } from '../harness.ts'
import { measureGroupcache } from './groupcache.ts'
import { serverNames } from './quality.ts'
import type { Subject } from './subjects.ts'

const NODES = 100
const KEYS = 1_024
const OPERATIONS = 200_000
/** Some need a hundred times as long as others: what is measured is a fraction of the whole number for each. */
const EFFORT_NS = 30_000_000

/** What one look-up and one build cost. */
export interface Speed {
  readonly name: string
  readonly lookUpNs: number
  readonly lookUpCpuNs: number
  readonly buildMs: number
}

/** Keys of 20 characters, flat in memory like those that a server reads from a socket. */
function flatKeys(): string[] {
  return Array.from({ length: KEYS }, (_, i) =>
    Buffer.from(`user:${String((i * 7919) % 1e8).padStart(8, '0')}:profil`).toString('latin1'),
  )
}

function contender(subject: Subject, keys: readonly string[]): Contender {
  const find = subject.build(serverNames(NODES))
  const before = performance.now()
  for (const key of keys) find(key)
  const each = ((performance.now() - before) * 1e6) / keys.length
  const passes = Math.max(1, Math.round(Math.min(OPERATIONS, EFFORT_NS / each) / keys.length))
  return lookUpLoop(subject.name, keys, passes, find)
}

/** Look-ups and builds at 100 nodes, rounds interleaved. */
export function measureSpeed(subjects: readonly Subject[]): Speed[] {
  const keys = flatKeys()
  const lookUps = compare(subjects.map((subject) => contender(subject, keys)))
  const ids = serverNames(NODES)
  const builds = compare(
    subjects.map(({ name, make }) => ({ name, operations: 1, run: () => void make(ids) })),
  )
  const measured = subjects.map(({ name }) => ({
    name,
    lookUpNs: timingOf(lookUps, name).wallNs,
    lookUpCpuNs: timingOf(lookUps, name).cpuNs,
    buildMs: timingOf(builds, name).wallNs / 1e6,
  }))
  return [...measured, ...measureGroupcache(NODES, KEYS, OPERATIONS)]
}

/** As rows of the report. */
export function speedRows(speeds: readonly Speed[]): Row[] {
  return speeds.flatMap(({ name, lookUpNs, lookUpCpuNs, buildMs }): Row[] => [
    { what: `owner(key), 100 nodes: ${name}`, value: lookUpNs, unit: 'ns' },
    { what: `owner(key), 100 nodes: ${name}, CPU`, value: lookUpCpuNs, unit: 'ns CPU' },
    { what: `build, 100 nodes: ${name}`, value: buildMs, unit: 'ms' },
  ])
}

/** As Markdown; ratios are of processor time. */
export function speedTable(speeds: readonly Speed[], against: string): string {
  const reference = speeds.find(({ name }) => name === against)?.lookUpCpuNs ?? Number.NaN
  return [
    `| 100 nodes | owner(key), ns | CPU ns | against ${against} | build, ms |`,
    '|---|---:|---:|---:|---:|',
    ...speeds.map(
      ({ name, lookUpNs, lookUpCpuNs, buildMs }) =>
        `| ${name} | ${lookUpNs.toFixed(0)} | ${lookUpCpuNs.toFixed(0)} | ${(reference / lookUpCpuNs).toFixed(1)} × | ${buildMs.toFixed(1)} |`,
    ),
  ].join('\n')
}
