// Detection after SIGKILL beside Go's memberlist: two clusters of equal size and profile run at the same time, one process
// per member, and lose a member at the same moment, again and again. BENCH_KILLS (40) kills per size and profile;
// BENCH_PROFILES and BENCH_MEMBERS (lists with commas) measure less. With UPDATE_DOCS=1 the table in docs/benchmarks.md is
// replaced by that of this run.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { check, type Row, report } from '../harness.ts'
import { Cluster, type Cost, type Detection, type Side, victims } from './cluster.ts'
import { createNamespace } from './namespaces.ts'
import { type Estimate, estimate, estimateRatio } from './statistics.ts'

const here = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const KILLS = Number(process.env['BENCH_KILLS'] ?? 40)
const listOf = (name: string, otherwise: string) => (process.env[name] ?? otherwise).split(',')
const PROFILES = listOf('BENCH_PROFILES', 'local,lan').map((name) =>
  name === 'lan' ? 'lan' : 'local',
)
const SIZES = listOf('BENCH_MEMBERS', '5,10').map(Number)
/** Demanded of the median: within 10 % of memberlist's. */
const RATIO_MAX = 1.1
const PORTS_PER_CLUSTER = 100

function sides(): readonly [Side, Side] {
  const build = spawnSync(process.execPath, [here('test/programs/memberlist-peer/build.mjs')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (build.status !== 0)
    throw new Error('this benchmark needs Go and memberlist; see test/programs.json')
  const member = here('test/programs/gossip-member.mjs')
  return [
    { name: 'Ringway', command: [process.execPath, member], dashes: '--' },
    { name: 'memberlist', command: [build.stdout.trim()], dashes: '-' },
  ]
}

interface Measured {
  readonly detections: readonly Detection[]
  readonly cost: Cost
  readonly falsePositives: readonly string[]
}

interface Run {
  readonly profile: 'lan' | 'local'
  readonly members: number
  readonly ours: Measured
  readonly theirs: Measured
}

const SHARED = [
  'probeIntervalMs',
  'probeTimeoutMs',
  'suspicionMult',
  'suspicionMaxTimeoutMult',
  'gossipIntervalMs',
  'gossipNodes',
  'indirectChecks',
  'retransmitMult',
  'pushPullIntervalMs',
] as const

async function measure(
  both: readonly [Side, Side],
  profile: 'lan' | 'local',
  members: number,
  firstPort: number,
): Promise<Run> {
  const clusters = both.map((side, index) => {
    const namespace = createNamespace(`rw-bench-${process.pid}-${profile}-${members}-${index}`)
    return new Cluster({ side, profile, members, namespace }, firstPort + index * PORTS_PER_CLUSTER)
  })
  const [ours, theirs] = clusters
  if (ours === undefined || theirs === undefined) throw new Error('two clusters')
  const detections: [Detection[], Detection[]] = [[], []]
  try {
    await Promise.all(clusters.map((cluster) => cluster.start()))
    for (const name of SHARED) {
      check(ours.timings[name] === theirs.timings[name], `${profile} means the same: ${name}`)
    }
    const choices = victims(members)
    for (let kill = 0; kill < KILLS; kill += 1) {
      // So that no death keeps step with anybody's probes.
      await pause(Math.random() * 1_000)
      const victim = choices[kill % choices.length] ?? 0
      // Whoever is killed first pays or gains nothing by it: they take turns.
      const order = kill % 2 === 0 ? [0, 1] : [1, 0]
      await Promise.all(
        order.map(async (index) => {
          const detection = await clusters[index]?.killOne(victim)
          if (detection !== undefined) detections[index]?.push(detection)
        }),
      )
      await Promise.all(clusters.map((cluster) => cluster.restart(victim)))
      if ((kill + 1) % 10 === 0) console.log(`${profile}, ${members} members: ${kill + 1} kills`)
    }
    const measured = (cluster: Cluster, index: 0 | 1): Measured => ({
      detections: detections[index],
      cost: cluster.cost(),
      falsePositives: cluster.falsePositives,
    })
    return { profile, members, ours: measured(ours, 0), theirs: measured(theirs, 1) }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()))
  }
}

const seconds = ({ median, low, high }: Estimate) =>
  `${(median / 1000).toFixed(2)} (${(low / 1000).toFixed(2)}–${(high / 1000).toFixed(2)})`

const FIGURES = [
  { what: 'first survivor knows', of: ({ firstMs }: Detection) => firstMs, must: true },
  { what: 'all survivors know', of: ({ allMs }: Detection) => allMs, must: true },
  { what: 'from the first to the last', of: (d: Detection) => d.allMs - d.firstMs, must: false },
] as const

function rowsOf({ profile, members, ours, theirs }: Run): Row[] {
  const about = `${profile}, ${members} members`
  const rows = FIGURES.flatMap(({ what, of, must }): Row[] => {
    const [own, other] = [ours.detections.map(of), theirs.detections.map(of)]
    const ratio = estimateRatio(own, other)
    const demand = must ? { must: `≤ ${RATIO_MAX}`, pass: ratio.median <= RATIO_MAX } : {}
    return [
      ...(['median', 'low', 'high'] as const).flatMap((part): Row[] => [
        { what: `${about}: ${what}, Ringway, ${part}`, value: estimate(own)[part], unit: 'ms' },
        {
          what: `${about}: ${what}, memberlist, ${part}`,
          value: estimate(other)[part],
          unit: 'ms',
        },
      ]),
      { what: `${about}: ${what}, ratio`, value: ratio.median, unit: '×', ...demand },
      { what: `${about}: ${what}, ratio, low`, value: ratio.low, unit: '×' },
      { what: `${about}: ${what}, ratio, high`, value: ratio.high, unit: '×' },
    ]
  })
  return [
    { what: `${about}: kills`, value: ours.detections.length, unit: '' },
    ...rows,
    {
      what: `${about}: false positives, Ringway (memberlist ${theirs.falsePositives.length})`,
      value: ours.falsePositives.length,
      unit: '',
      must: `≤ ${theirs.falsePositives.length}`,
      pass: ours.falsePositives.length <= theirs.falsePositives.length,
    },
    ...[
      { side: 'Ringway', cost: ours.cost },
      { side: 'memberlist', cost: theirs.cost },
    ].flatMap(({ side, cost }): Row[] => [
      { what: `${about}: CPU per member, ${side}`, value: cost.cpuPercent, unit: '%' },
      ...(cost.bytesPerSecond === undefined
        ? []
        : [
            {
              what: `${about}: bytes per member, ${side}`,
              value: cost.bytesPerSecond,
              unit: 'B/s',
            },
          ]),
    ]),
  ]
}

function tableOf(runs: readonly Run[]): string {
  const lines = runs.flatMap(({ profile, members, ours, theirs }) => {
    const about = `${profile}, ${members}`
    const timed = FIGURES.map(({ what, of }) => {
      const [own, other] = [ours.detections.map(of), theirs.detections.map(of)]
      const ratio = estimateRatio(own, other)
      const shown = `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`
      return `| ${about} | ${what}, s | ${seconds(estimate(own))} | ${seconds(estimate(other))} | ${shown} |`
    })
    const cost = (of: Cost) =>
      `${of.cpuPercent.toFixed(2)} % · ${of.bytesPerSecond === undefined ? '–' : Math.round(of.bytesPerSecond)} B/s`
    return [
      ...timed,
      `| ${about} | false positives | ${ours.falsePositives.length} | ${theirs.falsePositives.length} | |`,
      `| ${about} | CPU · bytes, per member | ${cost(ours.cost)} | ${cost(theirs.cost)} | |`,
    ]
  })
  return [
    '| profile, members | median (95 % interval) | Ringway | memberlist | ratio |',
    '|---|---|---:|---:|---:|',
    ...lines,
  ].join('\n')
}

function writeTable(table: string): void {
  const file = here('docs/benchmarks.md')
  const text = readFileSync(file, 'utf8')
  const marks = /(<!-- gossip begin -->\n)[\s\S]*(\n<!-- gossip end -->)/
  if (!marks.test(text)) throw new Error('docs/benchmarks.md has no place for the gossip table')
  writeFileSync(
    file,
    text.replace(marks, (_all, begin, end) => `${begin}${table}${end}`),
  )
}

const both = sides()
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(2))
    .join(', ')}`,
)
const runs: Run[] = []
for (const profile of PROFILES) {
  // Sizes at the same time: the members are idle nearly always, and all of them have the same neighbours.
  const measured = SIZES.map((members, index) =>
    measure(both, profile, members, 7_000 + index * 2 * PORTS_PER_CLUSTER),
  )
  runs.push(...(await Promise.all(measured)))
}
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(2))
    .join(', ')}`,
)
for (const { ours, theirs } of runs)
  for (const line of [...ours.falsePositives, ...theirs.falsePositives]) console.log(line)
report('gossip', runs.flatMap(rowsOf))
const table = tableOf(runs)
console.log(`\n${table}`)
if (process.env['UPDATE_DOCS'] === '1') writeTable(table)
